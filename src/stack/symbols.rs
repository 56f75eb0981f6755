//! Names and lines for addresses.

use std::collections::BTreeMap;
use std::path::Path;

use forkwatch_schema::record::Frame;

use super::modules::{Module, Modules};
use crate::symbols::{Names, Sources, find};

/// The files' symbols and debug information, read as they are needed.
pub struct Symbols<'a> {
    modules: &'a Modules,
    names: BTreeMap<&'a str, Option<Names>>,
}

impl<'a> Symbols<'a> {
    /// Nothing is read yet.
    pub fn new(modules: &'a Modules) -> Self {
        Self {
            modules,
            names: BTreeMap::new(),
        }
    }

    /// The frames at an address: more than one where functions were inlined. A return address lies behind its call, so the
    /// byte before it counts.
    pub fn frames(&mut self, address: u64, is_return: bool) -> Vec<Frame> {
        let ip = format!("{address:#x}");
        let probe = address.wrapping_sub(u64::from(is_return));
        let Some(module) = self.modules.at(probe) else {
            return vec![Frame { ip, ..Frame::default() }];
        };
        let Some(image) = module.image() else {
            let module = Some(module.path.clone());
            return vec![Frame {
                ip,
                module,
                ..Frame::default()
            }];
        };
        let plain = Frame {
            ip,
            module: Some(module.path.clone()),
            offset: Some(format!("{:#x}", address.wrapping_sub(image.base))),
            build_id: image.build_id.clone(),
            ..Frame::default()
        };
        let Some(names) = self.names(module) else {
            return vec![plain];
        };
        let functions = names.at(probe.wrapping_sub(image.base)).into_iter();
        let mut frames: Vec<Frame> = functions
            .map(|function| Frame {
                symbol: function.symbol,
                file: function.file,
                line: function.line,
                ..plain.clone()
            })
            .collect();
        if frames.is_empty() {
            frames.push(plain);
        }
        frames
    }

    fn names(&mut self, module: &'a Module) -> Option<&Names> {
        let names = self.names.entry(&module.path);
        names.or_insert_with(|| open(module)).as_ref()
    }
}

fn open(module: &Module) -> Option<Names> {
    let id = module.image()?.build_id.as_deref();
    let found = find(&module.file, Path::new(&module.path), id, &Sources::default());
    Some(Names::open(&found))
}

//! Names and lines for addresses.

use std::borrow::Cow;
use std::collections::BTreeMap;

use addr2line::{Loader, demangle_auto};
use forkwatch_schema::record::Frame;

use super::modules::{Module, Modules};

/// The files' symbols and debug information, read as they are needed.
pub struct Symbols<'a> {
    modules: &'a Modules,
    loaders: BTreeMap<&'a str, Option<Loader>>,
}

impl<'a> Symbols<'a> {
    /// Nothing is read yet.
    pub fn new(modules: &'a Modules) -> Self {
        Self {
            modules,
            loaders: BTreeMap::new(),
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
        let Some(loader) = self.loader(module) else {
            return vec![plain];
        };
        named(loader, probe.wrapping_sub(image.base), &plain)
    }

    fn loader(&mut self, module: &'a Module) -> Option<&Loader> {
        let loader = self.loaders.entry(&module.path);
        loader.or_insert_with(|| load(module)).as_ref()
    }
}

/// The module's symbols: where the system keeps debug information apart, that has them all, libc's inner functions too.
fn load(module: &Module) -> Option<Loader> {
    let id = module.image()?.build_id.as_deref();
    let (folder, rest) = id.and_then(|id| id.split_at_checked(2)).unwrap_or_default();
    let apart = format!("/usr/lib/debug/.build-id/{folder}/{rest}.debug");
    Loader::new(apart).or_else(|_| Loader::new(&module.file)).ok()
}

/// The frame with its names, innermost function first.
fn named(loader: &Loader, probe: u64, plain: &Frame) -> Vec<Frame> {
    let mut frames = Vec::new();
    let by_debug_information = loader.find_frames(probe).ok();
    if let Some(mut found) = by_debug_information {
        while let Ok(Some(function)) = found.next() {
            let name = function.function.as_ref().and_then(|name| name.demangle().ok());
            let location = function.location.as_ref();
            frames.push(Frame {
                symbol: name.map(Cow::into_owned),
                file: location.and_then(|place| place.file).map(str::to_owned),
                line: location.and_then(|place| place.line),
                ..plain.clone()
            });
        }
    }
    if frames.is_empty() {
        frames.push(plain.clone());
    }
    if let Some(outermost) = frames.last_mut()
        && outermost.symbol.is_none()
    {
        let name = loader.find_symbol(probe);
        outermost.symbol = name.map(|name| demangle_auto(Cow::Borrowed(name), None).into_owned());
    }
    frames
}

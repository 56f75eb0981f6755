//! Looks up addresses in the files of one module.

use std::borrow::Cow;

use addr2line::{Loader, demangle_auto};

use super::files::Found;

/// The symbols and the debug information of one module.
pub struct Names {
    /// The most detailed file first.
    loaders: Vec<Loader>,
}

/// One function at an address, and the address's place in its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name, demangled.
    pub symbol: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
}

impl Names {
    /// Opens the files; unreadable ones are ignored.
    pub fn open(found: &Found) -> Self {
        let shared = found.shared.as_ref();
        let apart = found.apart.as_ref();
        let own = found.own.as_ref();
        // Without its own debug information, the module shares nothing with other files.
        let shared_of_own = shared.filter(|_| apart.is_none());
        let files = [(apart, shared), (own, shared_of_own)];
        let loaders = files.into_iter().filter_map(|(file, shared)| {
            let file = file?;
            let whole = Loader::new_with_sup(file, shared);
            whole.or_else(|_| Loader::new(file)).ok()
        });
        Self {
            loaders: loaders.collect(),
        }
    }

    /// The functions at a virtual address, innermost first: those inlined, then the one whose code it is. Empty where nothing
    /// is known.
    pub fn at(&self, probe: u64) -> Vec<Function> {
        let by_lines = self.loaders.iter().map(|loader| functions(loader, probe));
        let mut functions = by_lines
            .into_iter()
            .find(|functions| !functions.is_empty())
            .unwrap_or_default();
        if functions.last().is_none_or(|outermost| outermost.symbol.is_none())
            && let Some(symbol) = self.symbol(probe)
        {
            match functions.last_mut() {
                Some(outermost) => outermost.symbol = Some(symbol),
                None => functions.push(Function {
                    symbol: Some(symbol),
                    ..Function::default()
                }),
            }
        }
        functions
    }

    fn symbol(&self, probe: u64) -> Option<String> {
        let name = self.loaders.iter().find_map(|loader| loader.find_symbol(probe))?;
        Some(demangle_auto(Cow::Borrowed(name), None).into_owned())
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Names").finish_non_exhaustive()
    }
}

/// What debug information says.
fn functions(loader: &Loader, probe: u64) -> Vec<Function> {
    let mut functions = Vec::new();
    let Ok(mut found) = loader.find_frames(probe) else {
        return functions;
    };
    while let Ok(Some(function)) = found.next() {
        let name = function.function.as_ref().and_then(|name| name.demangle().ok());
        let location = function.location.as_ref();
        functions.push(Function {
            symbol: name.map(Cow::into_owned),
            file: location.and_then(|place| place.file).map(str::to_owned),
            line: location.and_then(|place| place.line).filter(|&line| line > 0),
        });
    }
    functions
}

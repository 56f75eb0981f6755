//! Looks up addresses in the files of one module.

use addr2line::Loader;
use forkwatch_process::demangle::{Nesting, demangle};
use forkwatch_process::elf_image::Image;
use forkwatch_process::lines::{Place, places};
use forkwatch_process::symbols::{Sort, Table, defined_at};

use super::files::{Found, open};

/// How much stack the demangler may use.
const STACK: usize = 1 << 20;

/// The symbols and the debug information of one module.
pub struct Names {
    /// The most detailed file first.
    loaders: Vec<Loader>,
    /// The module's own file and its debug file, for names from their symbol tables.
    own: Option<Image>,
    apart: Option<Image>,
    nesting: Nesting,
}

impl Names {
    /// Opens the files; unreadable ones are ignored.
    pub fn new(found: &Found) -> Self {
        let shared = found.shared.as_ref();
        let (apart, own) = (found.apart.as_ref(), found.own.as_ref());
        // Without debug information of its own, the module has nothing in common with other files.
        let shared_of_own = shared.filter(|_| apart.is_none());
        let files = [(apart, shared), (own, shared_of_own)];
        let loaders = files.into_iter().filter_map(|(file, shared)| {
            let file = file?;
            let whole = Loader::new_with_sup(file, shared);
            whole.or_else(|_| Loader::new(file)).ok()
        });
        Self {
            loaders: loaders.collect(),
            own: own.and_then(|path| open(path)),
            apart: apart.and_then(|path| open(path)),
            nesting: Nesting::within(STACK),
        }
    }

    /// The functions at each of these virtual addresses (ascending), innermost first: those inlined, then the one whose code it is.
    /// Empty where nothing is known.
    pub fn at(&self, addresses: &[u64]) -> Vec<Vec<Place>> {
        let by_lines = addresses.iter().map(|&address| self.by_lines(address));
        let mut found: Vec<Vec<Place>> = by_lines.collect();
        let is_unnamed = |places: &Vec<Place>| places.last().is_none_or(|outermost| outermost.function.is_none());
        let mut unnamed: Vec<(u64, &mut Vec<Place>)> = addresses
            .iter()
            .copied()
            .zip(&mut found)
            .filter(|(_, places)| is_unnamed(places))
            .collect();
        for (image, table) in [
            (&self.own, Table::Full),
            (&self.apart, Table::Full),
            (&self.own, Table::Exported),
        ] {
            let Some(image) = image.as_ref().filter(|_| !unnamed.is_empty()) else {
                continue;
            };
            let asked: Vec<u64> = unnamed.iter().map(|(address, _)| *address).collect();
            let functions = defined_at(image, table, Sort::Function, &asked);
            for ((_, places), function) in unnamed.iter_mut().zip(functions) {
                let name = function.map(|function| demangle(&function.name, self.nesting));
                match places.last_mut() {
                    Some(outermost) => outermost.function = name,
                    None => places.extend(name.map(|name| Place {
                        function: Some(name),
                        ..Place::default()
                    })),
                }
            }
            unnamed.retain(|(_, places)| is_unnamed(places));
        }
        found
    }

    fn by_lines(&self, address: u64) -> Vec<Place> {
        let found = self.loaders.iter().map(|loader| match loader.find_frames(address) {
            Ok(frames) => places(frames, self.nesting),
            Err(_) => Vec::new(),
        });
        found.into_iter().find(|places| !places.is_empty()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Names").finish_non_exhaustive()
    }
}

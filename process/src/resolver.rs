//! Addresses become frames: module, offset, build id, the function's name, and the line where that is known.
//!
//! A resolver is made for one finding, in the parent or in a forked child (there never with lines), and dropped with it, because
//! modules are loaded and unloaded. It opens the modules' files, allocates and takes no lock, and must not be kept across a fork.

use std::collections::BTreeMap;
use std::rc::Rc;

use forkwatch_schema::record::Frame;

use crate::demangle::{Nesting, demangle};
use crate::lines::Lines;
use crate::module::Module;
use crate::modules::Modules;
use crate::symbol_files::SymbolFiles;
use crate::symbols::{Defined, Sort};

/// How much is looked up for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Naming {
    /// Module, offset and build id.
    Off,
    /// The function's name too.
    Names,
    /// File and line too, and the functions that were inlined there, as far as they are read in a few milliseconds. Not in a
    /// forked child.
    Quick,
    /// The same, however long it takes.
    Full,
}

/// How much debug information is read in about five milliseconds: enough for a program of some hundred files, but not for an
/// interpreter or a browser, whose information `forkwatch report` reads.
const QUICK_EFFORT: u64 = 12 << 20;

/// Names addresses of this process as it was when the resolver was made.
#[derive(Debug)]
pub struct Resolver {
    naming: Naming,
    nesting: Nesting,
    modules: Rc<Modules>,
    /// By the module's place: the files with its symbols, opened at the first question.
    files: BTreeMap<usize, SymbolFiles>,
    /// By the module's place: its debug information, read at the first question; `None` where it has none.
    lines: BTreeMap<usize, Option<Lines>>,
    /// The debug information that may still be read, in bytes: see [`Lines::effort`].
    effort_left: u64,
    /// By module and virtual address: the functions that were already looked up, found or not.
    functions: BTreeMap<(usize, u64), Option<String>>,
    /// The same for variables.
    variables: BTreeMap<(usize, u64), Option<String>>,
}

impl Resolver {
    /// A resolver for the process as it is now; `None` where nothing lists its modules.
    pub fn new(naming: Naming) -> Option<Self> {
        Some(Self::with_modules(naming, Modules::read()?))
    }

    /// A resolver for the process that `modules` belong to.
    pub fn with_modules(naming: Naming, modules: Modules) -> Self {
        // A foreign process's mappings say nothing about our own stack.
        const SMALL_STACK: usize = 256 << 10;
        let here = 0_u8;
        let left = modules.stack_left((&raw const here).addr()).unwrap_or(SMALL_STACK);
        Self {
            naming,
            nesting: Nesting::within(left),
            modules: Rc::new(modules),
            files: BTreeMap::new(),
            effort_left: if naming == Naming::Full { u64::MAX } else { QUICK_EFFORT },
            lines: BTreeMap::new(),
            functions: BTreeMap::new(),
            variables: BTreeMap::new(),
        }
    }

    /// The modules that this resolver knows.
    pub fn modules(&self) -> &Rc<Modules> {
        &self.modules
    }

    /// Looks up the functions of all of `stacks` in one pass over each module. Optional, but makes [`Self::frames`] cheap
    /// afterwards: a pass over a big library's table takes milliseconds.
    pub fn learn<'stack>(&mut self, stacks: impl IntoIterator<Item = &'stack [usize]>) {
        if self.naming == Naming::Off {
            return;
        }
        let mut wanted = BTreeMap::<usize, Vec<u64>>::new();
        for &ip in stacks.into_iter().flatten() {
            // It is not known here whether an address is a return address or exact, so learn both.
            for probe in [ip, ip.wrapping_sub(1)] {
                if let Some((index, address)) = self.place(probe)
                    && !self.functions.contains_key(&(index, address))
                {
                    wanted.entry(index).or_default().push(address);
                }
            }
        }
        for (index, addresses) in wanted {
            self.look_up(index, Sort::Function, addresses);
        }
    }

    /// The frames of one stack, innermost first. `ips` are return addresses and are looked up one byte before, at the
    /// call; `first_is_exact` says that the first is a program counter. What is not known is null. With [`Naming::Full`]
    /// every function that was inlined at an address has a frame of its own before the one whose code it is, with the
    /// same `ip` and `offset`.
    pub fn frames(&mut self, ips: &[usize], first_is_exact: bool) -> Vec<Frame> {
        self.learn([ips]);
        let mut exact = first_is_exact;
        let mut frames = Vec::with_capacity(ips.len());
        for &ip in ips {
            let probe = if exact { ip } else { ip.wrapping_sub(1) };
            let frame = self.frame(ip, probe);
            if self.naming >= Naming::Quick {
                self.add_lines(frame, probe, &mut frames);
            } else {
                frames.push(frame);
            }
            exact = false;
        }
        frames
    }

    /// The name of the function that begins at `address` (a thread's start routine); `None` where no table has it.
    pub fn name_of_function(&mut self, address: usize) -> Option<String> {
        self.learn([&[address][..]]);
        self.known_name(address)
    }

    /// Looks up the variables at these addresses in one pass over each module, for [`Self::name_of_variable`].
    pub fn learn_variables(&mut self, addresses: impl IntoIterator<Item = usize>) {
        if self.naming == Naming::Off {
            return;
        }
        let mut wanted = BTreeMap::<usize, Vec<u64>>::new();
        for place in addresses.into_iter().filter_map(|address| self.place(address)) {
            if !self.variables.contains_key(&place) {
                wanted.entry(place.0).or_default().push(place.1);
            }
        }
        for (index, addresses) in wanted {
            self.look_up(index, Sort::Variable, addresses);
        }
    }

    /// The name of the variable that contains `address`, with the distance from its beginning: `vault+0x18`; `None` where no table
    /// has it.
    pub fn name_of_variable(&mut self, address: usize) -> Option<String> {
        self.learn_variables([address]);
        self.variables.get(&self.place(address)?)?.clone()
    }

    /// The frame of `ip`, whose code is looked up at `probe`.
    fn frame(&self, ip: usize, probe: usize) -> Frame {
        // A call that never returns may be the last instruction of its module: the probe decides on the module too.
        let module = self.modules.find(probe);
        Frame {
            ip: format!("{ip:#x}"),
            module: module.map(|module| String::from_utf8_lossy(module.path()).into_owned()),
            offset: module.map(|module| format!("{:#x}", ip.wrapping_sub(module.base()))),
            build_id: module.and_then(Module::build_id).map(str::to_owned),
            symbol: self.known_name(probe),
            file: None,
            line: None,
        }
    }

    /// Adds `frame` to `frames`, with its line and after the functions inlined there.
    fn add_lines(&mut self, mut frame: Frame, probe: usize, frames: &mut Vec<Frame>) {
        let places = self.place(probe).and_then(|(index, address)| {
            let files = self.files.get(&index)?;
            let effort_left = &mut self.effort_left;
            let lines = self.lines.entry(index).or_insert_with(|| {
                let image = files.debug_information()?;
                *effort_left = effort_left.checked_sub(Lines::effort(image))?;
                Lines::read(image)
            });
            Some(lines.as_ref()?.at(address, self.nesting))
        });
        let mut places = places.unwrap_or_default();
        if let Some(outermost) = places.pop() {
            let inlined = places.into_iter().map(|place| Frame {
                symbol: place.function,
                file: place.file,
                line: place.line,
                ..frame.clone()
            });
            frames.extend(inlined);
            frame.symbol = frame.symbol.or(outermost.function);
            frame.file = outermost.file;
            frame.line = outermost.line;
        }
        frames.push(frame);
    }

    fn known_name(&self, address: usize) -> Option<String> {
        self.functions.get(&self.place(address)?)?.clone()
    }

    /// The module of `address` and the virtual address there.
    fn place(&self, address: usize) -> Option<(usize, u64)> {
        let index = self.modules.index_of(address)?;
        let base = self.modules.all().get(index)?.base();
        Some((index, address.wrapping_sub(base) as u64))
    }

    fn look_up(&mut self, index: usize, sort: Sort, mut addresses: Vec<u64>) {
        let Some(module) = self.modules.all().get(index) else {
            return;
        };
        let memory = self.modules.memory();
        let files = self
            .files
            .entry(index)
            .or_insert_with(|| SymbolFiles::open(module, memory));
        addresses.sort_unstable();
        addresses.dedup();
        for (&address, found) in addresses.iter().zip(files.defined(sort, &addresses)) {
            let name = |found: &Defined| demangle(&found.name, self.nesting);
            match sort {
                Sort::Function => self.functions.insert((index, address), found.as_ref().map(name)),
                Sort::Variable => {
                    let name = found.map(|found| within(name(&found), address - found.addresses.start));
                    self.variables.insert((index, address), name)
                }
            };
        }
    }
}

/// The name of what is this far inside the variable of this name.
fn within(name: String, distance: u64) -> String {
    match distance {
        0 => name,
        _ => format!("{name}+{distance:#x}"),
    }
}

#[cfg(test)]
mod tests;

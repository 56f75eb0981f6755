//! From a program counter and a stack pointer to the return addresses.

use std::collections::BTreeSet;

use framehop::{
    CacheNative, ExplicitModuleSectionInfo, FrameAddress, MayAllocateDuringUnwind, Module, UnwindRegsNative, Unwinder,
    UnwinderNative,
};

use super::memory::Memory;
use super::modules::Modules;

/// A stack deeper than this is cut.
const MAX_FRAMES: usize = 128;

/// No frame pointer: an address that nothing can lie at, other than 0, which marks the outermost frame.
const UNKNOWN: u64 = 1;

/// How many bytes of the innermost frames are searched for a frame pointer.
const MAX_LOCALS: u64 = 64 << 10;

/// How many places are tried as one.
const MAX_CANDIDATES: usize = 16;

/// The program counter, then the return addresses.
///
/// The kernel does not show the frame pointer. Most innermost functions do without one, or have saved it where the tables say;
/// for the others, whatever looks like a saved one is tried, and the first that leads to where the thread begins is believed.
pub fn unwind(modules: &Modules, mut memory: Memory, stack_pointer: u64, counter: u64) -> Vec<u64> {
    let mut walker = Walker {
        modules,
        known: BTreeSet::new(),
        unwinder: UnwinderNative::new(),
        cache: CacheNative::new(),
    };
    let (mut best, is_complete) = walker.walk(&mut memory, stack_pointer, counter, UNKNOWN);
    if is_complete {
        return best;
    }
    for pointer in candidates(modules, &mut memory, stack_pointer) {
        let (addresses, is_complete) = walker.walk(&mut memory, stack_pointer, counter, pointer);
        if is_complete {
            return addresses;
        }
        if addresses.len() > best.len() {
            best = addresses;
        }
    }
    best
}

/// Where a frame pointer might point at: a word that points further up the stack, and a return address above it.
fn candidates(modules: &Modules, memory: &mut Memory, stack_pointer: u64) -> Vec<u64> {
    let end = stack_pointer.saturating_add(MAX_LOCALS);
    let words = (stack_pointer..end).step_by(size_of::<u64>());
    let is_candidate = |address: &u64| {
        let saved = memory.word(*address);
        let leads_up = saved.is_some_and(|saved| saved == 0 || (saved > *address && saved - *address < 8 << 20));
        leads_up
            && memory
                .word(address + 8)
                .is_some_and(|returns| modules.at(returns).is_some())
    };
    words.filter(is_candidate).take(MAX_CANDIDATES).collect()
}

struct Walker<'a> {
    modules: &'a Modules,
    /// Where the files begin that the unwinder has been given.
    known: BTreeSet<u64>,
    unwinder: UnwinderNative<Vec<u8>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
}

impl Walker<'_> {
    /// The addresses, and whether they lead to where the thread begins.
    fn walk(&mut self, memory: &mut Memory, stack_pointer: u64, counter: u64, frame_pointer: u64) -> (Vec<u64>, bool) {
        let mut registers = UnwindRegsNative::new(counter, stack_pointer, frame_pointer);
        let mut read = |address| memory.word(address).ok_or(());
        let mut addresses = vec![counter];
        let mut frame = FrameAddress::from_instruction_pointer(counter);
        while addresses.len() < MAX_FRAMES {
            self.know(frame.address_for_lookup());
            let caller = self
                .unwinder
                .unwind_frame(frame, &mut registers, &mut self.cache, &mut read);
            let returns = match caller {
                Ok(Some(returns)) => returns,
                Ok(None) => return (addresses, true),
                Err(_) => return (addresses, false),
            };
            let Some(next) = FrameAddress::from_return_address(returns) else {
                return (addresses, true);
            };
            // Nothing calls from outside of all code: a register was wrong.
            if self.modules.at(next.address_for_lookup()).is_none() {
                return (addresses, false);
            }
            addresses.push(returns);
            frame = next;
        }
        (addresses, true)
    }

    /// Gives the unwinder the file that holds this address.
    fn know(&mut self, address: u64) {
        let Some(module) = self.modules.at(address) else { return };
        if !self.known.insert(module.code.start) {
            return;
        }
        let Some(image) = module.image() else { return };
        let [frames, index] = image.tables.clone().map(Option::unzip);
        let text = image.text.clone().unzip();
        let sections = ExplicitModuleSectionInfo {
            base_svma: 0,
            text_svma: text.0,
            text: text.1,
            eh_frame_svma: frames.0,
            eh_frame: frames.1,
            eh_frame_hdr_svma: index.0,
            eh_frame_hdr: index.1,
            ..ExplicitModuleSectionInfo::default()
        };
        let module = Module::new(module.path.clone(), module.code.clone(), image.base, sections);
        self.unwinder.add_module(module);
    }
}

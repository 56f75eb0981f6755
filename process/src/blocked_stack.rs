//! The stack of a thread that is blocked in a system call, in this process or another, without stopping or signalling it.
//!
//! The kernel shows a blocked thread's program counter and stack pointer (`/proc/self/task/TID/syscall`) and no other register;
//! the compiler's tables provide the rest. All reads are guarded, because the thread may run on meanwhile. Then the result is
//! worthless, so ask the kernel afterwards whether the thread is still blocked in the same place.

mod leaf;
mod stack_memory;

use core::ops::Range;
use std::collections::BTreeMap;
use std::rc::Rc;

use gimli::StoreOnHeap;

use crate::call_site::{Call, call_before, is_signal_return};
use crate::modules::Modules;
use crate::processor::{COUNTER, FRAME_POINTER, STACK_POINTER, return_address};
use crate::prologue;
use crate::unwind::{Entry, NoCaller, Registers, Rules, UnwindTables, Words, interrupted};

use self::stack_memory::StackMemory;

/// How far a walk goes to find out whether it ends where threads begin.
const MAX_WALK: usize = 512;

/// The most bytes of local variables that are searched for a frame pointer.
const MAX_LOCALS: usize = 64 << 10;

/// The most places that are tried as a frame pointer.
const MAX_CANDIDATES: usize = 16;

/// Unwinds blocked threads, and keeps the tables and rules it has read for the next one.
#[derive(Debug)]
pub struct Unwinder {
    modules: Rc<Modules>,
    stack: StackMemory,
    /// By the module's place: its tables; `None` where it has none.
    tables: BTreeMap<usize, Option<UnwindTables>>,
    /// By address: many threads block in the same place.
    rules: BTreeMap<usize, Option<Rc<Function>>>,
}

/// The rules for one place in the code, and what they were read from.
#[derive(Debug)]
struct Function {
    entry: Entry,
    rules: Rules,
    start: usize,
    end: usize,
}

impl Function {
    fn caller(&self, registers: &Registers, stack: &mut StackMemory) -> Result<Registers, NoCaller> {
        self.rules.caller(&self.entry.section(), registers, stack)
    }
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Where the thread begins, or after as many frames as were asked for.
    Complete,
    /// Where the rules give no caller.
    Lost,
}

impl Unwinder {
    /// An unwinder for threads of the process that `modules` belong to.
    pub fn new(modules: Rc<Modules>) -> Self {
        let stack = StackMemory::new(modules.memory());
        Self {
            modules,
            stack,
            tables: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }

    /// The stack of the thread that blocks with program counter `counter` and stack pointer `stack_pointer`, innermost first
    /// and at most `limit` addresses: `counter` itself, which is exact, then return addresses. It ends early where a register
    /// would be needed that is not known.
    pub fn stack(&mut self, counter: usize, stack_pointer: usize, limit: usize) -> Vec<usize> {
        let mut addresses = vec![counter];
        self.stack.forget();
        self.walk(
            Registers::new(counter, stack_pointer),
            true,
            limit.min(MAX_WALK),
            true,
            &mut addresses,
        );
        addresses.truncate(limit);
        addresses
    }

    /// Adds the callers of the frame with `registers` to `addresses` until those are `limit`. `exact`: the frame's program
    /// counter is not a return address.
    fn walk(
        &mut self,
        mut registers: Registers,
        mut exact: bool,
        limit: usize,
        may_search: bool,
        addresses: &mut Vec<usize>,
    ) -> End {
        while addresses.len() < limit {
            let Some(counter) = registers.get(COUNTER) else {
                return End::Lost;
            };
            // A call that never returns may be a function's last instruction.
            let Some(rules) = self.rules(if exact { counter } else { counter.wrapping_sub(1) }) else {
                // Some libc's return from a handler has no rules.
                let returns = is_signal_return(self.modules.memory(), counter);
                let Some(before) = returns.then(|| interrupted(&registers, &mut self.stack)).flatten() else {
                    return End::Lost;
                };
                addresses.extend(before.get(COUNTER));
                (registers, exact) = (before, true);
                continue;
            };
            registers = match rules.caller(&registers, &mut self.stack) {
                Err(NoCaller::Outermost) => return End::Complete,
                // A stack grows downwards, so a caller that does not lie higher would lead in circles. Only a handler may have its
                // own stack.
                Ok(caller)
                    if rules.rules.is_signal_frame() || caller.get(STACK_POINTER) > registers.get(STACK_POINTER) =>
                {
                    caller
                }
                Err(NoCaller::Unknown)
                    if may_search && rules.rules.has_frame_pointer() && registers.get(FRAME_POINTER).is_none() =>
                {
                    return self.search(&registers, &rules, limit, addresses);
                }
                Err(NoCaller::Unknown) if exact && addresses.len() == 1 => {
                    let start = rules.rules.stack_pointer_of_leafs_caller(&registers);
                    return start.map_or(End::Lost, |start| self.walk_from_leaf(&rules, start, limit, addresses));
                }
                Ok(_) | Err(NoCaller::Unknown) => return End::Lost,
            };
            addresses.extend(registers.get(COUNTER));
            exact = rules.rules.is_signal_frame();
        }
        End::Complete
    }

    /// Continues from a frame that needs the frame pointer before it is known, as in code compiled with frame pointers that calls a
    /// leaf without. The function's first instructions show how far above the stack pointer it points, and a return address that
    /// follows a call must be there. If that fails, as in functions with variables of varying size, the saved frame pointer and the return
    /// address are somewhere above, and the call must be to this very function: nearly everything else on a stack is old data. Takes
    /// the nearest place that fits *and* leads to where threads begin; failing that, the nearest.
    fn search(&mut self, registers: &Registers, rules: &Function, limit: usize, addresses: &mut Vec<usize>) -> End {
        let Some(start) = registers.get(STACK_POINTER) else {
            return End::Lost;
        };
        if let Some(place) = self.place_by_prologue(start, rules) {
            return self.walk_with(registers, rules, place, limit, addresses);
        }
        let kept = addresses.len();
        let (mut tried, mut nearest) = (0, None);
        for place in (start..start.saturating_add(MAX_LOCALS)).step_by(size_of::<usize>()) {
            let above = place.saturating_add(size_of::<usize>());
            let Some(address) = self.stack.word(above).map(return_address) else {
                break;
            };
            if self.call_before(address, rules.start) != Some(Call::Direct) {
                continue;
            }
            if self.walk_with(registers, rules, place, MAX_WALK, addresses) == End::Complete {
                addresses.truncate(limit);
                return End::Complete;
            }
            addresses.truncate(kept);
            nearest = nearest.or(Some(place));
            tried += 1;
            if tried == MAX_CANDIDATES {
                break;
            }
        }
        nearest.map_or(End::Lost, |place| {
            self.walk_with(registers, rules, place, limit, addresses)
        })
    }

    /// Where the frame with this stack pointer has its saved frame pointer, by what the function does first.
    fn place_by_prologue(&mut self, stack_pointer: usize, rules: &Function) -> Option<usize> {
        let mut code = [0; prologue::LENGTH];
        let read = self.modules.memory().read_some(rules.start, &mut code);
        let read = read.min(rules.end.saturating_sub(rules.start));
        let distances = prologue::distances(code.get(..read)?, rules.rules.saved_below_frame_pointer());
        distances.into_iter().find_map(|distance| {
            let place = stack_pointer.checked_add(distance)?;
            let address = return_address(self.stack.word(place.checked_add(size_of::<usize>())?)?);
            self.call_before(address, rules.start).map(|_| place)
        })
    }

    /// Walks on from the frame with `registers` as if its frame pointer were `place`.
    fn walk_with(
        &mut self,
        registers: &Registers,
        rules: &Function,
        place: usize,
        limit: usize,
        addresses: &mut Vec<usize>,
    ) -> End {
        let mut registers = registers.clone();
        registers.set(FRAME_POINTER, Some(place));
        match rules.caller(&registers, &mut self.stack) {
            Ok(caller) => {
                addresses.extend(caller.get(COUNTER));
                self.walk(caller, false, limit, false, addresses)
            }
            Err(NoCaller::Outermost) => End::Complete,
            Err(NoCaller::Unknown) => End::Lost,
        }
    }

    /// The call that returns to `address`, as seen from `function`; `None` where that is not a return address.
    fn call_before(&self, address: usize, function: usize) -> Option<Call> {
        let memory = self.modules.memory();
        if !self.modules.is_executable(address) {
            return None;
        }
        // The kernel calls handlers, by no instruction.
        let handler = || is_signal_return(memory, address).then_some(Call::Direct);
        call_before(memory, address, function).or_else(handler)
    }

    fn rules(&mut self, address: usize) -> Option<Rc<Function>> {
        if let Some(known) = self.rules.get(&address) {
            return known.clone();
        }
        let rules = self.read_rules(address).map(Rc::new);
        self.rules.insert(address, rules.clone());
        rules
    }

    fn read_rules(&mut self, address: usize) -> Option<Function> {
        let index = self.modules.index_of(address)?;
        let module = self.modules.all().get(index)?;
        let memory = self.modules.memory();
        let tables = self
            .tables
            .entry(index)
            .or_insert_with(|| UnwindTables::of(module, memory));
        let entry = tables.as_ref()?.entry(address)?;
        let rules = {
            let description = entry.description()?;
            Rules::of::<StoreOnHeap>(&description, &entry.section(), entry.bases(), address)?
        };
        let Range { start, end } = entry.code()?;
        Some(Function {
            entry,
            rules,
            start,
            end,
        })
    }
}

#[cfg(test)]
mod tests;

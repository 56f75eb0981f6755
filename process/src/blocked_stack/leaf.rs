//! The caller of a function that blocks without having saved its return address, as libc's `syscall` on aarch64: the address is in a
//! register, which the kernel does not show.
//!
//! The caller's frame begins at the stack pointer, and further up is the address where the caller itself will return to. The call before
//! that one names the caller; the calls in its code are then the places where it may be.

use super::{End, Function, MAX_CANDIDATES, MAX_LOCALS, MAX_WALK, Unwinder};
use crate::call_site::{Site, callee, sites};
use crate::processor::{COUNTER, FRAME_POINTER, STACK_POINTER, return_address};
use crate::unwind::{Registers, Words};

/// The most code of the caller that is searched for calls.
const MAX_CODE: usize = 64 << 10;

/// The most calls of one function that are tried.
const MAX_SITES: usize = 64;

/// A function that may be the leaf's caller.
struct Caller {
    /// Where in it the leaf will return to.
    place: usize,
    /// The registers of the caller's own caller.
    above: Registers,
    /// Whether it is sure to call the leaf, rather than something that may have jumped to it.
    names_leaf: bool,
}

impl Unwinder {
    /// Continues from the leaf with these rules, whose caller has the stack pointer `start`. Takes the nearest caller that calls the leaf by
    /// name, or, failing that, the nearest which makes some call, and whose callers lead to where threads begin.
    pub(super) fn walk_from_leaf(
        &mut self,
        leaf: &Function,
        start: usize,
        limit: usize,
        addresses: &mut Vec<usize>,
    ) -> End {
        let kept = addresses.len();
        let mut tried = 0;
        for slot in (start..start.saturating_add(MAX_LOCALS)).step_by(size_of::<usize>()) {
            let Some(address) = self.stack.word(slot).map(return_address) else {
                break;
            };
            if !self.modules.is_executable(address) {
                continue;
            }
            let Some(caller) = callee(self.modules.memory(), address)
                .and_then(|function| self.caller_of_leaf(leaf, function, start, slot))
            else {
                continue;
            };
            addresses.extend([caller.place, address]);
            let end = self.walk(caller.above, false, MAX_WALK, true, addresses);
            if caller.names_leaf || end == End::Complete {
                addresses.truncate(limit);
                return end;
            }
            addresses.truncate(kept);
            tried += 1;
            if tried == MAX_CANDIDATES {
                break;
            }
        }
        End::Lost
    }

    /// The caller, if it is `function`, whose frame begins at `start` and has its return address in `slot`.
    fn caller_of_leaf(&mut self, leaf: &Function, function: usize, start: usize, slot: usize) -> Option<Caller> {
        let rules = self.rules(function)?;
        let is_leaf = rules.start == leaf.start;
        if rules.start != function || is_leaf {
            return None;
        }
        let length = rules.end.saturating_sub(rules.start).min(MAX_CODE);
        let mut fitting: Vec<(Site, Registers)> = Vec::new();
        for site in sites(self.modules.memory(), rules.start, length)
            .into_iter()
            .take(MAX_SITES)
        {
            let above = self.above(&site, start, slot);
            fitting.extend(above.map(|above| (site, above)));
        }
        let names_leaf = fitting.iter().any(|(site, _)| site.callee == Some(leaf.start));
        fitting.retain(|(site, _)| !names_leaf || site.callee == Some(leaf.start));
        let is_only = fitting.len() == 1;
        let (site, above) = fitting.into_iter().next()?;
        Some(Caller {
            // Only the function is known where it makes several such calls; behind its first instruction is no call.
            place: if is_only {
                site.returns_to
            } else {
                rules.start.saturating_add(1)
            },
            above,
            names_leaf,
        })
    }

    /// The registers above the frame that begins at `start`, if the call at `site` is under way in it and its return address is in `slot`.
    fn above(&mut self, site: &Site, start: usize, slot: usize) -> Option<Registers> {
        let rules = self.rules(site.returns_to.wrapping_sub(1))?;
        let mut registers = Registers::new(site.returns_to, start);
        registers.set(FRAME_POINTER, slot.checked_sub(size_of::<usize>()));
        let above = rules.caller(&registers, &mut self.stack).ok()?;
        let is_higher = above.get(STACK_POINTER) > Some(start) && above.get(COUNTER).is_some();
        (is_higher && above.return_slot() == slot).then_some(above)
    }
}

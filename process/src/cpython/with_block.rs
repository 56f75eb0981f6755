//! Which `with` blocks a frame is inside.
//!
//! Since 3.11 the code's table of exceptions says for each instruction how deep the stack of values is at the block's end, and there
//! is what will be called: an object's `__exit__`. Its entry begins after the call of `__enter__`, so a thread that still waits
//! for a lock is not inside.

use std::rc::Rc;

use super::frame::Frame;
use super::known::Block;
use super::layout::{BlockStack, BlockTable, Blocks, Exit, Instruction};
use super::object::Objects;
use super::versions;

/// The longest table that is read; functions with longer ones are skipped.
const MAX_TABLE: usize = 1 << 14;
/// The most blocks around one instruction that are examined.
const MAX_BLOCKS: usize = 32;
/// The deepest stack of values that is plausible.
const MAX_STACK_DEPTH: usize = 1 << 12;
/// The most code in which the beginning of a block is looked for, in bytes.
const MAX_CODE: usize = 1 << 16;
/// The size of an instruction.
pub(super) const UNIT: usize = 2;

/// One entry of a table of exceptions, in units of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Handler {
    start: usize,
    size: usize,
    target: usize,
    depth: usize,
}

impl Objects {
    /// The objects whose `with` blocks the frame is inside, each with its block's mark, the innermost block first; those on a
    /// `contextlib.ExitStack`, too.
    pub fn entered(&self, frame: Frame) -> Vec<(usize, usize)> {
        let blocks = self.with_blocks(frame).into_iter();
        let of_block = |(object, block): (usize, Block)| {
            let objects = self.with_stacked(object).into_iter();
            objects.map(move |object| (object, block.mark))
        };
        blocks.flat_map(of_block).collect()
    }

    /// The object of this frame's outermost `with` block for which `is_wanted` is true, and the line that entered the block.
    pub fn line_entered(&self, frame: Frame, is_wanted: impl Fn(usize) -> bool) -> Option<u32> {
        let blocks = self.with_blocks(frame).into_iter().rev();
        let (_, block) = blocks.into_iter().find(|&(object, _)| is_wanted(object))?;
        let offset = match self.layout.blocks {
            Blocks::Stack(_) => self.setup_of(frame, block.mark)?,
            // The call of `__enter__` comes just before the block.
            Blocks::Table(_) => block.mark.checked_sub(1)? * UNIT,
        };
        self.line_of(frame, i32::try_from(offset).ok()?)
    }

    /// The objects of the `with` statements that the frame is inside, the innermost first.
    fn with_blocks(&self, frame: Frame) -> Vec<(usize, Block)> {
        let found = || {
            let (blocks, exit) = match self.layout.blocks {
                Blocks::Stack(stack) => (Rc::from(self.stacked_blocks(frame, stack)?), Exit::Bound),
                Blocks::Table(table) => (self.table_blocks(frame, table)?, table.exit),
            };
            if blocks.is_empty() {
                return None;
            }
            let values = self.values(frame)?;
            let with_object = |block: &Block| Some((self.exited_at(exit, values, block.depth)?, *block));
            Some(blocks.iter().filter_map(with_object).collect())
        };
        found().unwrap_or_default()
    }

    /// Up to 3.10: where the `SETUP_WITH` is whose handler is at this offset.
    fn setup_of(&self, frame: Frame, handler: usize) -> Option<usize> {
        const EXTENDED: u8 = 144;
        let Instruction::Number(_, scale) = self.layout.instruction else {
            return None;
        };
        let scale = usize::try_from(scale).ok()?;
        let setup = versions::of(self.interpreter.minor)?.enters_block?;
        let end = usize::try_from(self.offset(frame)?)
            .ok()
            .filter(|&end| end <= MAX_CODE)?;
        let mut code = vec![0; end];
        if !self.pages.read(self.code_start(frame)?, &mut code) {
            return None;
        }
        let mut high = 0_usize;
        for (unit, &[opcode, low]) in code.as_chunks::<UNIT>().0.iter().enumerate() {
            let number = high << 8 | usize::from(low);
            high = if opcode == EXTENDED { number & 0xff_ffff } else { 0 };
            if opcode == setup && (unit + 1) * UNIT + number * scale == handler {
                return Some(unit * UNIT);
            }
        }
        None
    }

    /// Where the frame's stack of values begins.
    pub(super) fn values(&self, frame: Frame) -> Option<usize> {
        match self.layout.blocks {
            Blocks::Stack(stack) => self.pages.pointer(frame.address + stack.values),
            Blocks::Table(table) => {
                let variables = usize::try_from(self.pages.int(frame.code + table.variable_count)?).ok()?;
                Some(frame.address + self.layout.locals + variables * 8)
            }
        }
    }

    /// The object, and before it those that an `ExitStack` will leave when it is left itself.
    fn with_stacked(&self, object: usize) -> Vec<usize> {
        let callbacks = self.value(&self.attributes(object), "_exit_callbacks");
        let callbacks = callbacks.map_or_else(Vec::new, |deque| self.elements(deque, MAX_BLOCKS));
        // Each is a pair: whether it is synchronous, and what to call.
        let called = callbacks.into_iter().filter_map(|pair| self.elements(pair, 2).pop());
        let mut objects: Vec<usize> = called.filter_map(|exit| self.bound_exit(exit)).collect();
        objects.reverse();
        objects.push(object);
        objects
    }

    /// The blocks on the frame's stack of blocks, the innermost first.
    fn stacked_blocks(&self, frame: Frame, stack: BlockStack) -> Option<Vec<Block>> {
        /// `PyTryBlock`: its size, and where the handler and the depth are.
        const SIZE: usize = 12;
        const HANDLER: usize = 4;
        const DEPTH: usize = 8;
        let Instruction::Number(_, scale) = self.layout.instruction else {
            return None;
        };
        let scale = usize::try_from(scale).ok()?;
        let count = usize::try_from(self.pages.int(frame.address + stack.count)?).ok()?;
        let block = |number| {
            let start = frame.address + stack.blocks + number * SIZE;
            let word = |place| usize::try_from(self.pages.int(start + place)?).ok();
            Some(Block {
                depth: word(DEPTH)?,
                mark: word(HANDLER)?.checked_mul(scale)?,
            })
        };
        let blocks = (0..count.min(MAX_BLOCKS)).rev().filter_map(block);
        Some(blocks.filter(|block| block.depth <= MAX_STACK_DEPTH).collect())
    }

    /// The blocks that the code's table has around the frame's instruction, the innermost first.
    fn table_blocks(&self, frame: Frame, blocks: BlockTable) -> Option<Rc<[Block]>> {
        Some(self.blocks_at(frame.code, self.offset(frame)?, blocks))
    }

    /// The blocks that the code's table has around the instruction at this offset, the innermost first.
    pub(super) fn blocks_at(&self, code: usize, offset: i32, blocks: BlockTable) -> Rc<[Block]> {
        // Many threads are in the same place.
        self.known.blocks.get((code, offset), || {
            // A frame that has not begun is before its first instruction.
            let Ok(mut unit) = usize::try_from(offset).map(|offset| offset / UNIT) else {
                return Rc::from([]);
            };
            let table = self.pages.pointer(code + blocks.exceptions);
            let table = table.and_then(|table| self.bytes(table, MAX_TABLE)).unwrap_or_default();
            let mut found = Vec::new();
            for _ in 0..MAX_BLOCKS {
                let Some(handler) = handler_of(&table, unit) else { break };
                // A handler has one of its own, which only restores the exception, and keeps more values than the block around it.
                let is_outer = found.last().is_none_or(|inner: &Block| handler.depth < inner.depth);
                if is_outer && handler.depth <= MAX_STACK_DEPTH {
                    found.push(Block {
                        depth: handler.depth,
                        mark: first_unit(&table, handler),
                    });
                }
                // An exception in the handler is handled one block further out.
                unit = handler.target;
            }
            Rc::from(found)
        })
    }

    /// The object of the `__exit__` that is on top of this many values.
    pub(super) fn exited_at(&self, exit: Exit, values: usize, depth: usize) -> Option<usize> {
        let value = |from_top: usize| {
            let place = values + depth.checked_sub(from_top)? * 8;
            let object = self.referred(self.pages.word(place)?);
            (object != 0).then_some(object)
        };
        let top = value(1)?;
        match exit {
            Exit::Pair => self.is_method(value(2)?, is_exit).then_some(top),
            Exit::Bound => self.bound_exit(top),
        }
    }

    /// Whether this is a function or a method of a built-in type with a name as wanted.
    fn is_method(&self, object: usize, is_wanted: impl Fn(&str) -> bool) -> bool {
        const METHOD: usize = 40;
        let name = || match self.type_name(self.type_of(object)?)?.as_str() {
            "function" => self.text(self.pages.pointer(object + self.layout.function_name)?),
            "method_descriptor" => self.c_string(self.pages.pointer(self.pointer_in(object, METHOD)?)?),
            _ => None,
        };
        name().is_some_and(|name| is_wanted(&name))
    }

    /// The object that this `__exit__` is bound to.
    fn bound_exit(&self, object: usize) -> Option<usize> {
        self.bound_method(object, is_exit)
    }

    /// The object that this method, which has a name as wanted, is bound to.
    pub(super) fn bound_method(&self, object: usize, is_wanted: impl Fn(&str) -> bool) -> Option<usize> {
        const FUNCTION: usize = 16;
        const BOUND_TO: usize = 24;
        let is_it = match self.type_name(self.type_of(object)?)?.as_str() {
            "method" => self.is_method(self.pointer_in(object, FUNCTION)?, is_wanted),
            "builtin_function_or_method" => {
                let name = self.pages.pointer(self.pointer_in(object, FUNCTION)?)?;
                self.c_string(name).is_some_and(|name| is_wanted(&name))
            }
            _ => false,
        };
        is_it.then(|| self.pointer_in(object, BOUND_TO))?
    }
}

fn is_exit(name: &str) -> bool {
    name == "__exit__"
}

/// The first unit of the block with this handler: blocks inside it cut it into several entries.
fn first_unit(table: &[u8], of: Handler) -> usize {
    let mut rest = table;
    let mut first = of.start;
    while let Some(handler) = next_handler(&mut rest) {
        if (handler.target, handler.depth) == (of.target, of.depth) {
            first = first.min(handler.start);
        }
    }
    first
}

/// The innermost handler for the instruction at this unit of code.
fn handler_of(table: &[u8], unit: usize) -> Option<Handler> {
    let mut rest = table;
    // Entries are in order, and none overlaps another.
    while let Some(handler) = next_handler(&mut rest) {
        if handler.start > unit {
            return None;
        }
        if unit - handler.start < handler.size {
            return Some(handler);
        }
    }
    None
}

fn next_handler(table: &mut &[u8]) -> Option<Handler> {
    Some(Handler {
        start: number(table)?,
        size: number(table)?,
        target: number(table)?,
        // The lowest bit says whether the instruction's place is kept, too.
        depth: number(table)? >> 1,
    })
}

/// Six bits a byte, the highest first; one bit says that more follow, another marks the beginning of an entry.
fn number(table: &mut &[u8]) -> Option<usize> {
    const MORE: u8 = 0x40;
    const BITS: u8 = 0x3f;
    let mut number = 0_usize;
    loop {
        let (&byte, rest) = table.split_first()?;
        *table = rest;
        number = number.checked_shl(6)? | usize::from(byte & BITS);
        if byte & MORE == 0 {
            return Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Handler, first_unit, handler_of};

    /// The table of a function with two blocks one in the other, as 3.14 makes it (`co_exceptiontable`).
    const NESTED: [u8; 31] = [
        0x8f, 15, 0x41, 14, 5, 0x9e, 11, 59, 9, 0xa9, 8, 0x41, 14, 5, 0xbb, 11, 0x41, 11, 13, 0xc1, 6, 8, 0x41, 14, 5,
        0xc1, 14, 11, 0x41, 31, 9,
    ];

    #[test]
    fn handlers_of_units() {
        let handler = |start, size, target, depth| Handler {
            start,
            size,
            target,
            depth,
        };
        assert_eq!(handler_of(&NESTED, 14), None);
        assert_eq!(handler_of(&NESTED, 15), Some(handler(15, 15, 78, 2)));
        assert_eq!(handler_of(&NESTED, 40), Some(handler(30, 11, 59, 4)));
        assert_eq!(handler_of(&NESTED, 59), Some(handler(59, 11, 75, 6)));
        assert_eq!(handler_of(&NESTED, 41), Some(handler(41, 8, 78, 2)));
        assert_eq!(handler_of(&NESTED, 50), None);
        assert_eq!(handler_of(&NESTED[..3], 15), None, "cut off");
        assert_eq!(handler_of(&[], 0), None);
        let around = handler_of(&NESTED, 41).unwrap();
        assert_eq!(first_unit(&NESTED, around), 15, "cut in two by the inner block");
    }
}

//! From a path to lines, and from a line to what grouping needs of it.
//!
//! | question | file |
//! |---|---|
//! | which files are meant? | `inputs` |
//! | how is input read that arrives slowly, from a pipe or a terminal? | `patience` |
//! | how is it decompressed? | `unpack` |
//! | where does each line begin, in a file that several threads read? | `range`, `stream` |
//! | what does the line say? | `head` by position, else `parsed` |

pub mod head;
pub mod inputs;
pub mod parsed;
pub mod patience;
pub mod range;
pub mod stream;
pub mod unpack;

/// The most bytes of a line: sixteen times what the library writes. A longer one is not a record, and is not kept in memory.
pub const MAX_LINE: usize = 16 * forkwatch_schema::record::MAX_RECORD_BYTES;

/// Receives the lines of one file or of a part of it.
pub trait Lines {
    /// Whether the next lines are known to be ASCII, which is faster to check for many at once.
    fn are_ascii(&mut self, _known: bool) {}
    /// A line without its line break, and the bytes before it in its file. `is_last` if no line break follows.
    fn line(&mut self, line: &[u8], offset: u64, is_last: bool);
    /// A line of more than [`MAX_LINE`] bytes.
    fn too_long(&mut self);
    /// That was all for now: what comes next must be waited for, if this is a pipe.
    fn block_ends(&mut self) {}
}

/// Passes on every complete line in a block at `offset`, and returns where the rest begins.
fn whole_lines(block: &[u8], offset: u64, lines: &mut impl Lines) -> usize {
    lines.are_ascii(block.is_ascii());
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', block) {
        lines.line(&block[start..end], offset + start as u64, false);
        start = end + 1;
    }
    lines.are_ascii(false);
    lines.block_ends();
    start
}

//! Where a thread's code is, in a few words that can be read later: while the thread goes on, or in a child that was forked meanwhile.
//! Reading names and lines takes much longer.

use forkwatch_schema::record::PythonFrame;

use super::frame::Frame;
use super::object::Objects;

/// Of each frame: its code, how far into it the frame is, and what shows that the code is still the same.
const WORDS: usize = 3;

impl Objects {
    /// The innermost frames of the thread with this state, as words; none where it runs no code of Python's.
    pub fn marks(&self, state: usize, limit: usize) -> Vec<usize> {
        let mark = |frame: &Frame| {
            let offset = self.offset(*frame).unwrap_or(-1);
            [frame.code, offset.cast_unsigned() as usize, self.identity(*frame)]
        };
        self.unchecked_frames(state, limit).iter().flat_map(mark).collect()
    }

    /// The frames that these words stand for, up to the first one whose code is gone; `None` where there is none.
    pub fn records_of_marks(&self, words: &[usize]) -> Option<Vec<PythonFrame>> {
        let record = |mark: &[usize]| {
            let &[code, offset, identity] = mark else { return None };
            let frame = Frame { address: 0, code };
            let is_code = self.type_of(code) == Some(self.interpreter.types.code);
            if !is_code || self.identity(frame) != identity {
                return None;
            }
            let offset = u32::try_from(offset).ok()?.cast_signed();
            Some(PythonFrame {
                file: self.file(frame)?,
                line: self.line_of(frame, offset).unwrap_or(0),
                function: self.function(frame)?,
            })
        };
        let frames: Vec<PythonFrame> = words.chunks(WORDS).map_while(record).collect();
        (!frames.is_empty()).then_some(frames)
    }

    /// A number that other code at the same address hardly has: its name, file and first line.
    fn identity(&self, frame: Frame) -> usize {
        let word = |place: usize| self.pages.word(frame.code + place).unwrap_or(0);
        let line = self.pages.int(frame.code + self.layout.first_line).unwrap_or(0);
        let line = line.cast_unsigned() as usize;
        word(self.layout.name) ^ word(self.layout.file).rotate_left(17) ^ line.rotate_left(41)
    }
}

//! Line tables: which line an instruction belongs to.

use super::layout::Lines;

/// The line of the instruction at this offset in bytes, where the code begins in line `first`; of one that belongs to no line (the
/// end of an `except` clause), the nearest before it. `None` where the table is not what it should be.
pub(super) fn line_at(format: Lines, first: i32, table: &[u8], offset: i32) -> Option<u32> {
    // A frame that has not begun is before its first instruction.
    let Ok(offset) = usize::try_from(offset) else {
        return u32::try_from(first).ok();
    };
    let line = match format {
        Lines::Pairs => by_pairs(first, table, offset),
        Lines::Ranges => by_ranges(first, table, offset),
        Lines::Locations => by_locations(first, table, offset),
    };
    u32::try_from(line?).ok()
}

fn by_pairs(first: i32, table: &[u8], offset: usize) -> Option<i32> {
    let (mut line, mut start) = (first, 0);
    for &[bytes, lines] in table.as_chunks::<2>().0 {
        start += usize::from(bytes);
        if start > offset {
            break;
        }
        line = line.checked_add(lines.cast_signed().into())?;
    }
    Some(line)
}

fn by_ranges(first: i32, table: &[u8], offset: usize) -> Option<i32> {
    const NO_LINE: i8 = -128;
    let (mut line, mut end) = (first, 0);
    for &[bytes, lines] in table.as_chunks::<2>().0 {
        end += usize::from(bytes);
        let lines = lines.cast_signed();
        if lines != NO_LINE {
            line = line.checked_add(lines.into())?;
        }
        if offset < end {
            return Some(line);
        }
    }
    None
}

fn by_locations(first: i32, table: &[u8], offset: usize) -> Option<i32> {
    /// Only the first byte of an entry has it.
    const IS_FIRST: u8 = 0x80;
    const UNIT: usize = 2;
    let (mut line, mut end) = (first, 0);
    let mut rest = table;
    while let Some((&head, after)) = rest.split_first() {
        let length = after
            .iter()
            .position(|byte| byte & IS_FIRST != 0)
            .unwrap_or(after.len());
        let (entry, next) = after.split_at_checked(length)?;
        rest = next;
        match head >> 3 & 0xf {
            13 | 14 => line = line.checked_add(signed(entry)?)?,
            code @ 10..=12 => line = line.checked_add(i32::from(code) - 10)?,
            _ => {}
        }
        end += (usize::from(head & 7) + 1) * UNIT;
        if offset < end {
            return Some(line);
        }
    }
    None
}

/// Six bits a byte, the lowest first; one bit says that more follow. The lowest bit of the number is its sign.
fn signed(bytes: &[u8]) -> Option<i32> {
    const MORE: u8 = 0x40;
    const BITS: u8 = 0x3f;
    let mut number = 0_u32;
    for (place, &byte) in (0..).zip(bytes) {
        number |= u32::from(byte & BITS).checked_shl(6 * place)?;
        if byte & MORE == 0 {
            let size = i32::try_from(number >> 1).ok()?;
            return Some(if number & 1 == 1 { -size } else { size });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Lines, line_at};

    /// `def f():` in line 1, `g(` in line 2, `h()` in line 4, `)` back in line 2, as CPython 3.9, 3.10 and 3.11 write it.
    #[test]
    fn each_form() {
        let pairs = [0, 1, 2, 2, 4, 254];
        let at = |offset| line_at(Lines::Pairs, 1, &pairs, offset);
        assert_eq!([0, 2, 4, 6, 40].map(at), [2, 4, 4, 2, 2].map(Some));
        let ranges = [2, 1, 4, 2, 2, 128, 4, 254];
        let at = |offset| line_at(Lines::Ranges, 1, &ranges, offset);
        assert_eq!([0, 2, 5].map(at), [2, 4, 4].map(Some));
        assert_eq!([6, 8, 12].map(at), [Some(4), Some(2), None]);
        // RESUME in line 1; a line up and columns; two lines up, a long entry; none; back two lines without columns.
        let locations = [0x80, 0, 0xd8, 4, 6, 0xf1, 4, 0, 1, 1, 0xf8, 0xe9, 5];
        let at = |offset| line_at(Lines::Locations, 1, &locations, offset);
        assert_eq!([0, 2, 4, 6].map(at), [1, 2, 4, 4].map(Some));
        assert_eq!([8, 10, 12, 14].map(at), [Some(4), Some(2), Some(2), None]);
        assert_eq!(at(-1), Some(1), "not begun");
    }

    #[test]
    fn what_is_no_table_has_no_line() {
        assert_eq!(
            line_at(Lines::Locations, 1, &[0xf7, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f], 0),
            None
        );
        assert_eq!(line_at(Lines::Ranges, i32::MAX, &[2, 1], 0), None);
        assert_eq!(line_at(Lines::Pairs, 0, &[2, 0x80, 2, 0x80], 2), None);
        assert_eq!(line_at(Lines::Locations, 1, &[], 0), None);
    }
}

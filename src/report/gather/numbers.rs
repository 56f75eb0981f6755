//! A set of small numbers: a bit set for small ones, a hash set for the others.

use rustc_hash::FxHashSet;

/// Numbers below this are bits: at most 8 KiB per set.
const BITS: u32 = 65_536;

/// The set.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Numbers {
    // Two words where a Vec has three: see the order of fields in `group`.
    bits: Box<[u64]>,
    others: FxHashSet<u32>,
}

impl Numbers {
    /// Adds a number. Returns whether it is new.
    pub fn insert(&mut self, number: u32) -> bool {
        if number >= BITS {
            return self.others.insert(number);
        }
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if word >= self.bits.len() {
            let mut bits = std::mem::take(&mut self.bits).into_vec();
            bits.resize((word + 1).next_power_of_two(), 0);
            self.bits = bits.into_boxed_slice();
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        let bits: u64 = self.bits.iter().map(|word| u64::from(word.count_ones())).sum();
        bits + self.others.len() as u64
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let bit = |number: &u32| self.bits[*number as usize / 64] >> (number % 64) & 1 == 1;
        let end = u32::try_from(self.bits.len() * 64).unwrap_or(BITS);
        (0..end).filter(bit).chain(self.others.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn small_and_large_numbers() {
        let mut numbers = Numbers::default();
        for (number, is_new) in [(3, true), (64, true), (3, false), (70_000, true), (70_000, false)] {
            assert_eq!(numbers.insert(number), is_new, "{number}");
        }
        assert_eq!(numbers.len(), 3);
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [3, 64, 70_000]);
    }
}

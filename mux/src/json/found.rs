//! One block of a string, judged by bits: which bytes are escaped, where the string may end, whether to look closer.

use super::block::Block;

/// What was found in a block of a string.
#[derive(Clone, Copy)]
pub struct Found {
    /// Quotes that are not escaped; the lowest bit ends the string.
    pub ends: u64,
    /// Escaped bytes other than `n`, `t`, `"` and `\`.
    pub rare_escapes: u64,
    /// Not 0: a control character, a byte that is not ASCII, or a backtick.
    pub special: u64,
}

impl Found {
    /// `carry` is 1 if the first byte is escaped by the last byte of the block before.
    #[inline(always)]
    pub fn read(block: Block, carry: &mut u64) -> Self {
        let backslashes = block.equal(b'\\');
        let quotes = block.equal(b'"');
        let escaped = escaped(backslashes, carry);
        Self {
            ends: quotes & !escaped,
            rare_escapes: escaped & !(quotes | backslashes | block.equal_any(b'n', b't')),
            special: block.special(b'`'),
        }
    }

    #[inline(always)]
    pub fn is_plain(self) -> bool {
        self.ends | self.rare_escapes | self.special == 0
    }

    pub fn end(self) -> Option<usize> {
        (self.ends != 0).then(|| self.ends.trailing_zeros() as usize)
    }

    /// Bits of the bytes in front of the closing quote; all of them if it is not here.
    pub fn inside(self) -> u64 {
        if self.ends == 0 { u64::MAX } else { (self.ends & self.ends.wrapping_neg()) - 1 }
    }
}

/// Which bytes of a block are escaped, given where its backslashes are and whether its first byte is escaped already.
#[inline(always)]
fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    let first = *carry;
    let active = backslashes & !first;
    if active & (active << 1) == 0 {
        // No backslash follows another: each escapes its neighbour.
        *carry = active >> 63;
        return active << 1 | first;
    }
    let mut found = first;
    let mut rest = active;
    *carry = 0;
    while rest != 0 {
        let backslash = rest & rest.wrapping_neg();
        if backslash == 1 << 63 {
            *carry = 1;
        }
        found |= backslash << 1;
        rest &= !(backslash | backslash << 1);
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::escaped;

    proptest! {
        #[test]
        fn escapes_are_those_of_a_plain_walk(backslashes: u64, dense: u64, starts_escaped: bool) {
            for backslashes in [backslashes & dense, backslashes, backslashes | dense] {
                let (mut expected, mut next_is_escaped) = (0_u64, starts_escaped);
                for bit in 0..64 {
                    expected |= u64::from(next_is_escaped) << bit;
                    next_is_escaped = !next_is_escaped && backslashes >> bit & 1 == 1;
                }
                let mut carry = u64::from(starts_escaped);
                prop_assert_eq!(escaped(backslashes, &mut carry), expected);
                prop_assert_eq!(carry, u64::from(next_is_escaped));
            }
        }
    }
}

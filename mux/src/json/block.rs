//! Sixty-four bytes at a time: which of them equal a byte, as one bit each. Vector instructions in wasm and on x86-64,
//! plain loops elsewhere. The only unsafe code of the crate: vector loads from a slice of known length.

pub const BLOCK: usize = 64;

/// One block, loaded.
#[derive(Clone, Copy)]
pub struct Block([Lane; BLOCK / LANE]);

pub const LANE: usize = 16;

impl Block {
    #[inline(always)]
    pub fn load(bytes: &[u8; BLOCK]) -> Self {
        Self(std::array::from_fn(|lane| Lane::load(bytes, lane * LANE)))
    }

    /// Bit `n` is set where byte `n` equals `byte`.
    #[inline(always)]
    pub fn equal(self, byte: u8) -> u64 {
        let [a, b, c, d] = self.0.map(|lane| u64::from(lane.equal(byte).bits()));
        a | b << 16 | c << 32 | d << 48
    }

    /// Bit `n` is set where byte `n` equals `first` or `second`.
    #[inline(always)]
    pub fn equal_any(self, first: u8, second: u8) -> u64 {
        let [a, b, c, d] = self.0.map(|lane| u64::from(lane.equal(first).or(lane.equal(second)).bits()));
        a | b << 16 | c << 32 | d << 48
    }

    /// Bit `n` is set where byte `n` is below 0x20.
    pub fn control(self) -> u64 {
        let [a, b, c, d] = self.0.map(|lane| u64::from(lane.below_space().bits() & !lane.bits()));
        a | b << 16 | c << 32 | d << 48
    }

    /// Bit `n` is set where byte `n` is not ASCII.
    pub fn non_ascii(self) -> u64 {
        let [a, b, c, d] = self.0.map(|lane| u64::from(lane.bits()));
        a | b << 16 | c << 32 | d << 48
    }

    /// Not 0 if any byte is a control character, is not ASCII, or equals `other`.
    #[inline(always)]
    pub fn special(self, other: u8) -> u64 {
        let [a, b, c, d] = self.0.map(|lane| lane.below_space().or(lane.equal(other)));
        u64::from(a.or(b).or(c.or(d)).bits())
    }
}

/// Index of the first of 16 bytes that is a quote, a backslash, a backtick, a control character or not ASCII.
#[inline(always)]
pub fn first_odd(bytes: &[u8; LANE]) -> Option<usize> {
    let lane = Lane::load(bytes, 0);
    let odd = lane.equal(b'"').or(lane.equal(b'\\')).or(lane.equal(b'`')).or(lane.below_space()).bits();
    (odd != 0).then(|| odd.trailing_zeros() as usize)
}

#[cfg(target_arch = "wasm32")]
use wasm::Lane;
#[cfg(target_arch = "x86_64")]
use x86::Lane;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use std::arch::wasm32::{i8x16_bitmask, i8x16_lt, i8x16_splat, u8x16_eq, u8x16_splat, v128, v128_load, v128_or};

    use super::LANE;

    #[derive(Clone, Copy)]
    pub struct Lane(v128);

    impl Lane {
        #[inline(always)]
        pub fn load<const N: usize>(bytes: &[u8; N], at: usize) -> Self {
            assert!(at + LANE <= N);
            // SAFETY: the 16 bytes lie inside the array, as was just checked; the load needs no alignment.
            Self(unsafe { v128_load(bytes.as_ptr().add(at).cast()) })
        }

        #[inline(always)]
        pub fn equal(self, byte: u8) -> Self {
            Self(u8x16_eq(self.0, u8x16_splat(byte)))
        }

        /// All ones where the byte, taken as signed, is below 0x20: control characters and what is not ASCII.
        #[inline(always)]
        pub fn below_space(self) -> Self {
            Self(i8x16_lt(self.0, i8x16_splat(0x20)))
        }

        #[inline(always)]
        pub fn or(self, other: Self) -> Self {
            Self(v128_or(self.0, other.0))
        }

        /// The top bit of each byte.
        #[inline(always)]
        pub fn bits(self) -> u16 {
            i8x16_bitmask(self.0)
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };

    use super::LANE;

    #[derive(Clone, Copy)]
    pub struct Lane(__m128i);

    impl Lane {
        #[inline(always)]
        pub fn load<const N: usize>(bytes: &[u8; N], at: usize) -> Self {
            assert!(at + LANE <= N);
            // SAFETY: the 16 bytes lie inside the array, as was just checked; the load is unaligned; SSE2 is part of
            // every x86-64.
            Self(unsafe { _mm_loadu_si128(bytes.as_ptr().add(at).cast()) })
        }

        #[inline(always)]
        pub fn equal(self, byte: u8) -> Self {
            // SAFETY: SSE2 is part of every x86-64.
            #[allow(unused_unsafe)]
            Self(unsafe { _mm_cmpeq_epi8(self.0, _mm_set1_epi8(byte.cast_signed())) })
        }

        /// All ones where the byte, taken as signed, is below 0x20: control characters and what is not ASCII.
        #[inline(always)]
        pub fn below_space(self) -> Self {
            // SAFETY: SSE2 is part of every x86-64.
            #[allow(unused_unsafe)]
            Self(unsafe { _mm_cmplt_epi8(self.0, _mm_set1_epi8(0x20)) })
        }

        #[inline(always)]
        pub fn or(self, other: Self) -> Self {
            // SAFETY: SSE2 is part of every x86-64.
            #[allow(unused_unsafe)]
            Self(unsafe { _mm_or_si128(self.0, other.0) })
        }

        /// The top bit of each byte.
        #[inline(always)]
        pub fn bits(self) -> u16 {
            // SAFETY: SSE2 is part of every x86-64.
            #[allow(unused_unsafe)]
            let bits = unsafe { _mm_movemask_epi8(self.0) };
            (bits & 0xffff) as u16
        }
    }
}

#[cfg(any(test, not(any(target_arch = "wasm32", target_arch = "x86_64"))))]
mod scalar {
    use super::LANE;

    #[derive(Clone, Copy)]
    pub struct Lane([u8; LANE]);

    impl Lane {
        pub fn load<const N: usize>(bytes: &[u8; N], at: usize) -> Self {
            let mut own = [0; LANE];
            own.iter_mut().zip(bytes.iter().skip(at)).for_each(|(to, from)| *to = *from);
            Self(own)
        }

        pub fn equal(self, byte: u8) -> Self {
            Self(self.0.map(|own| if own == byte { 0xff } else { 0 }))
        }

        /// All ones where the byte, taken as signed, is below 0x20: control characters and what is not ASCII.
        pub fn below_space(self) -> Self {
            Self(self.0.map(|own| if own.cast_signed() < 0x20 { 0xff } else { 0 }))
        }

        pub fn or(self, other: Self) -> Self {
            let mut own = self.0;
            own.iter_mut().zip(other.0).for_each(|(own, other)| *own |= other);
            Self(own)
        }

        /// The top bit of each byte.
        pub fn bits(self) -> u16 {
            self.0.iter().enumerate().fold(0, |bits, (index, byte)| bits | u16::from(byte >> 7) << index)
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{BLOCK, Block, Lane, first_odd, scalar};

    fn blocks() -> Vec<[u8; BLOCK]> {
        (0..=255u8)
            .map(|seed| std::array::from_fn(|index| seed.wrapping_mul(31).wrapping_add((index as u8).wrapping_mul(7))))
            .collect()
    }

    #[test]
    fn masks_agree_with_a_plain_loop() {
        for bytes in blocks() {
            let block = Block::load(&bytes);
            let bits = |holds: &dyn Fn(u8) -> bool| {
                bytes.iter().enumerate().fold(0u64, |bits, (index, byte)| bits | u64::from(holds(*byte)) << index)
            };
            for wanted in [b'"', b'\\', b'`', 0, 0xff] {
                assert_eq!(block.equal(wanted), bits(&|byte| byte == wanted));
                assert_eq!(block.equal_any(wanted, b'n'), bits(&|byte| byte == wanted || byte == b'n'));
                let special = |byte: u8| byte == wanted || byte < 0x20 || !byte.is_ascii();
                assert_eq!(block.special(wanted) != 0, bits(&special) != 0);
            }
            assert_eq!(block.control(), bits(&|byte| byte < 0x20));
            assert_eq!(block.non_ascii(), bits(&|byte| !byte.is_ascii()));
        }
    }

    #[test]
    fn the_first_odd_byte_is_found() {
        for at in 0..16 {
            for odd in [b'"', b'\\', b'`', 0x1f, 0x80, 0xff] {
                let mut bytes = [b'a'; 16];
                bytes[at..].fill(odd);
                assert_eq!(first_odd(&bytes), Some(at));
            }
        }
        assert_eq!(first_odd(b" !#[]_az~\x7f012345"), None);
    }

    #[test]
    fn vector_and_scalar_lanes_agree() {
        for bytes in blocks() {
            for at in [0, 1, 16, 31, 48] {
                let (fast, slow) = (Lane::load(&bytes, at), scalar::Lane::load(&bytes, at));
                assert_eq!(fast.bits(), slow.bits());
                assert_eq!(fast.equal(b'"').bits(), slow.equal(b'"').bits());
                assert_eq!(fast.below_space().bits(), slow.below_space().bits());
                let (fast_next, slow_next) = (Lane::load(&bytes, 48 - at), scalar::Lane::load(&bytes, 48 - at));
                assert_eq!(fast.or(fast_next).bits(), slow.or(slow_next).bits());
            }
        }
    }
}

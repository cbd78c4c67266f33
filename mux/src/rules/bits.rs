//! A set of rules, by index: one bit each.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// An empty set for so many rules.
    pub fn none(rules: usize) -> Self {
        Self(vec![0; rules.div_ceil(64)])
    }

    pub fn of(rules: usize, holds: impl Fn(usize) -> bool) -> Self {
        let mut bits = Self::none(rules);
        (0..rules).filter(|rule| holds(*rule)).for_each(|rule| bits.insert(rule));
        bits
    }

    pub fn contains(&self, rule: usize) -> bool {
        self.0.get(rule / 64).is_some_and(|word| word >> (rule % 64) & 1 == 1)
    }

    pub fn insert(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
    }

    /// Those that are in one of two sets of the same size.
    pub fn either(one: &Self, other: &Self) -> Self {
        Self(one.0.iter().zip(&other.0).map(|(one, other)| one | other).collect())
    }

    /// Keeps those that are in one of two other sets of the same size.
    pub fn keep_either(&mut self, one: &Self, other: &Self) {
        for (word, (one, other)) in self.0.iter_mut().zip(one.0.iter().zip(&other.0)) {
            *word &= one | other;
        }
    }

    /// Those in the set, ascending.
    pub fn into_indices(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(index, word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(index * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Bits;

    #[test]
    fn sets_join_and_meet() {
        let odd = Bits::of(200, |rule| rule % 2 == 1);
        let third = Bits::of(200, |rule| rule % 3 == 0);
        let high = Bits::of(200, |rule| rule >= 190);
        let mut kept = Bits::either(&odd, &third);
        kept.keep_either(&high, &Bits::none(200));
        assert!(kept.contains(198) && !kept.contains(190) && !kept.contains(500));
        assert_eq!(kept.into_indices().collect::<Vec<_>>(), [191, 192, 193, 195, 197, 198, 199]);
        assert_eq!(Bits::none(0).into_indices().count(), 0);
    }
}

//! The fields of a JSON object. Few objects have many, so they are a list that is searched through.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Value;

/// Names that the program writes itself are not copied.
pub type Name = Cow<'static, str>;

/// In the order of insertion: that of properties in schemas and tool inputs is part of a prompt, as models write their
/// answers in it. Every name occurs once.
#[derive(Clone, Debug, Default)]
pub struct Map(Vec<(Name, Value)>);

/// Fields up to which comparing all names with each other is the fastest way to find those that occur twice.
const FEW_FIELDS: usize = 16;

impl Map {
    pub fn new() -> Self {
        Self::default()
    }

    /// Of fields of one name the last holds, in the place of the first. However many they are, it takes about as long as
    /// reading them.
    pub(super) fn of_fields(fields: Vec<(Name, Value)>) -> Self {
        let mut map = Self(Vec::new());
        if fields.len() <= FEW_FIELDS {
            map.0.reserve_exact(fields.len());
            map.extend(fields);
            return map;
        }
        let mut places: HashMap<Name, usize> = HashMap::with_capacity(fields.len());
        for (name, value) in fields {
            let next = map.0.len();
            let place = *places.entry(name.clone()).or_insert(next);
            match map.0.get_mut(place) {
                Some((_, earlier)) => *earlier = value,
                None => map.0.push((name, value)),
            }
        }
        map
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a field: searches through all others, so it is for few.
    pub fn insert(&mut self, name: impl Into<Name>, value: Value) {
        let name = name.into();
        match self.get_mut(&name) {
            Some(earlier) => *earlier = value,
            None => self.0.push((name, value)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Value) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }
}

impl Extend<(Name, Value)> for Map {
    fn extend<T: IntoIterator<Item = (Name, Value)>>(&mut self, fields: T) {
        fields.into_iter().for_each(|(name, value)| self.insert(name, value));
    }
}

impl IntoIterator for Map {
    type Item = (Name, Value);
    type IntoIter = std::vec::IntoIter<(Name, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The order says nothing about the object.
impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{FEW_FIELDS, Map};

    #[test]
    fn of_one_name_the_last_field_holds_in_the_place_of_the_first() {
        for count in [4, FEW_FIELDS, FEW_FIELDS + 2] {
            let half = count / 2;
            let fields = (0..count).map(|at| (format!("f{}", at % half).into(), at.into())).collect();
            let map = Map::of_fields(fields);
            let expected: Vec<_> = (0..half).map(|at| (format!("f{at}"), (at + half).into())).collect();
            let found: Vec<_> = map.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
            assert_eq!(found, expected, "{count}");
        }
    }

    #[test]
    fn a_great_many_fields_are_read_in_no_time() {
        let map = Map::of_fields((0..200_000_usize).map(|at| (at.to_string().into(), at.into())).collect());
        assert_eq!(map.get("199999"), Some(&199_999_usize.into()));
    }
}

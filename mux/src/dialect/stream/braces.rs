//! Where a JSON object that comes in fragments ends.

/// Follows fragments as far as needed to know whether the object in them has ended. Does not check the grammar.
#[derive(Clone, Copy, Debug, Default)]
pub struct Braces {
    depth: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Place {
    #[default]
    Outside,
    InString,
    AfterBackslash,
    /// The outermost brace was closed.
    Ended,
}

impl Braces {
    pub fn feed(&mut self, fragment: &str) {
        for byte in fragment.bytes() {
            self.place = match (self.place, byte) {
                (Place::Ended, _) => return,
                (Place::AfterBackslash, _) => Place::InString,
                (Place::InString, b'\\') => Place::AfterBackslash,
                (Place::InString, b'"') => Place::Outside,
                (Place::InString, _) => Place::InString,
                (Place::Outside, b'"') => Place::InString,
                (Place::Outside, b'{' | b'[') => {
                    self.depth += 1;
                    Place::Outside
                }
                (Place::Outside, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 { Place::Ended } else { Place::Outside }
                }
                (Place::Outside, _) => Place::Outside,
            };
        }
    }

    pub fn has_ended(&self) -> bool {
        self.place == Place::Ended
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Braces;

    #[test]
    fn an_object_ends_with_its_own_brace() {
        let rows = [
            ("", false),
            ("{", false),
            ("{}", true),
            (r#"{"a":"}"#, false),
            (r#"{"a":"}\"}"}"#, true),
            (r#"{"a":{"b":[1]}"#, false),
            (r#" {"a":{"b":[1]}} "#, true),
            (r#"{"a":"\\"}"#, true),
        ];
        for (text, ended) in rows {
            let (mut whole, mut split) = (Braces::default(), Braces::default());
            whole.feed(text);
            text.split_inclusive(|_| true).for_each(|character| split.feed(character));
            assert_eq!((whole.has_ended(), split.has_ended()), (ended, ended), "{text}");
        }
    }
}

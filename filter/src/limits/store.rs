//! Where windows are kept: in memory that every VM of an Envoy sees.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;

/// A value and its version, which another one gets with every write.
pub type Versioned = (Vec<u8>, u32);

/// Small values that several may write at once.
pub trait Store: Debug {
    /// None: nothing was written yet.
    fn read(&self, key: &str) -> Result<Option<Versioned>, Unavailable>;

    /// Writes if the value still has this version, or if there still is none.
    fn write(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<Written, Unavailable>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Yes,
    /// Somebody else has written since it was read.
    TooLate,
}

/// The store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// For a VM that is alone.
#[derive(Debug, Default)]
pub struct Own(RefCell<HashMap<String, Versioned>>);

impl Store for Own {
    fn read(&self, key: &str) -> Result<Option<Versioned>, Unavailable> {
        Ok(self.0.borrow().get(key).cloned())
    }

    fn write(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<Written, Unavailable> {
        let mut values = self.0.borrow_mut();
        let held = values.get(key).map(|(_, version)| *version);
        if held != version {
            return Ok(Written::TooLate);
        }
        values.insert(key.to_owned(), (value.to_vec(), held.unwrap_or(0).wrapping_add(1)));
        Ok(Written::Yes)
    }
}

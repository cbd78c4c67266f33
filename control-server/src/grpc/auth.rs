//! Who calls: a node, an administrator, or nobody that is known.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use tonic::{Request, Status};

/// The tokens that the service knows.
#[derive(Clone)]
pub struct Tokens {
    node: Arc<str>,
    admin: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Node,
    Admin,
}

impl Tokens {
    pub fn new(node: &str, admin: &str) -> Self {
        Self { node: node.into(), admin: admin.into() }
    }

    /// Reads an `authorization` value.
    pub fn caller(&self, authorization: Option<&[u8]>) -> Option<Caller> {
        let token = authorization?.strip_prefix(b"Bearer ")?;
        let is = |known: &str| !known.is_empty() && bool::from(token.ct_eq(known.as_bytes()));
        if is(&self.node) {
            Some(Caller::Node)
        } else if is(&self.admin) {
            Some(Caller::Admin)
        } else {
            None
        }
    }
}

impl Caller {
    /// Who the interceptor found; without one, nobody who may do more than an administrator.
    pub fn of<T>(request: &Request<T>) -> Self {
        request.extensions().get().copied().unwrap_or(Self::Admin)
    }

    pub fn must_be(self, needed: Self) -> Result<(), Status> {
        if self == needed { Ok(()) } else { Err(Status::permission_denied("this call needs the node token")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_tokens_name_a_caller() {
        let tokens = Tokens::new("node", "admin");
        let rows: &[(Option<&[u8]>, Option<Caller>)] = &[
            (Some(b"Bearer node"), Some(Caller::Node)),
            (Some(b"Bearer admin"), Some(Caller::Admin)),
            (Some(b"Bearer nod"), None),
            (Some(b"Bearer "), None),
            (Some(b"node"), None),
            (None, None),
        ];
        for (value, caller) in rows {
            assert_eq!(tokens.caller(*value), *caller, "{value:?}");
        }
        assert_eq!(Tokens::new("", "").caller(Some(b"Bearer ")), None);
    }
}

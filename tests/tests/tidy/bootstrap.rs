//! docker-compose.yml and the one bootstrap.

pub fn compose() -> Vec<String> {
    Vec::new()
}

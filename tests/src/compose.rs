//! docker-compose.yml as a value: what its services are told to run.

use serde_json::Value;

/// One service.
pub struct Service(Value);

/// A service of the project's docker-compose.yml.
pub fn service(name: &str) -> Service {
    let path = crate::stack::root().join("docker-compose.yml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let document: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("docker-compose.yml: {error}"));
    let service = document["services"][name].clone();
    assert!(service.is_object(), "docker-compose.yml has no service {name}");
    Service(service)
}

impl Service {
    /// The items of a list of texts, such as `command` or `volumes`.
    pub fn list(&self, field: &str) -> Vec<String> {
        let items = self.0[field].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
    }

    pub fn text(&self, field: &str) -> String {
        self.0[field].as_str().unwrap_or_default().to_owned()
    }

    /// The value of `--flag=value` in its command.
    pub fn flag(&self, flag: &str) -> Option<String> {
        let prefix = format!("--{flag}=");
        self.list("command").iter().find_map(|argument| argument.strip_prefix(&prefix).map(str::to_owned))
    }
}

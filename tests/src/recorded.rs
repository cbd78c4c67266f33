//! Requests that real clients sent, where the recordings are at hand: they are not part of the project.

use std::path::PathBuf;

use crate::stack::root;

/// One captured request to an endpoint of this gateway.
pub struct Recorded {
    pub file: String,
    /// Endpoint and query, such as `/messages?beta=true`.
    pub endpoint: String,
    pub body: Vec<u8>,
}

/// All of them; none where the folder is not there.
pub fn requests() -> Vec<Recorded> {
    let Some(folder) = folder() else { return Vec::new() };
    let index = std::fs::read_to_string(folder.join("index.tsv")).expect("the recordings have an index");
    let mut lines = index.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| columns.iter().position(|column| *column == name).expect("a column of the index");
    let (file, method, path) = (column("file"), column("method"), column("path"));
    let recorded = lines.filter_map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let endpoint = cells.get(path)?.strip_prefix("/v1")?.to_owned();
        let file = (*cells.get(file)?).to_owned();
        let body = std::fs::read(folder.join(&file)).ok()?;
        (*cells.get(method)? == "POST").then_some(Recorded { file, endpoint, body })
    });
    recorded.collect()
}

fn folder() -> Option<PathBuf> {
    let folder = root().parent()?.join("shared/fixtures/requests");
    folder.is_dir().then_some(folder)
}

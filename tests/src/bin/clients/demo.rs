//! The repository that the clients work in.

use std::fs;
use std::path::Path;
use std::process::Command;

pub struct File {
    pub path: &'static str,
    /// Words that nothing but this file holds, so that they show whether its contents reached the model.
    pub mark: &'static str,
    text: &'static str,
}

pub const APP: File = File {
    path: "src/app.py",
    mark: "def seats_left",
    text: "\"\"\"Seats of a small cinema.\"\"\"\n\n\ndef seats_left(rows: int, sold: int) -> int:\n    return rows * 12 - sold\n",
};
pub const CLIENT: File = File {
    path: "web/client.ts",
    mark: "async function seatsLeft",
    text: "export async function seatsLeft(host: string): Promise<number> {\n  const answer = await fetch(`${host}/seats`);\n  return Number(await answer.text());\n}\n",
};
pub const README: File = File {
    path: "README.md",
    mark: "How many seats are left tonight",
    text: "# Cinema\n\nNobody has checked this project.\n\nHow many seats are left tonight? `src/app.py` knows, `web/client.ts` asks.\n",
};

/// A line of a file, and what it shall become.
pub struct Edit {
    pub path: &'static str,
    pub old: &'static str,
    pub new: &'static str,
}

pub const EDIT: Edit =
    Edit { path: README.path, old: "Nobody has checked this project.", new: "This project was checked." };

/// What the user asks for.
pub const TASK: &str =
    "Read src/app.py, web/client.ts and README.md, then make README.md say that the project was checked.";

/// Writes and commits it.
pub fn create(repo: &Path) {
    for File { path, text, mark: _ } in [APP, CLIENT, README] {
        let path = repo.join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }
    let identity = ["-c", "user.name=Demo", "-c", "user.email=demo@localhost"];
    for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "Begin"]] {
        let run = Command::new("git").current_dir(repo).args(identity).args(arguments).output();
        let run = run.expect("git is there");
        assert!(run.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    }
}

/// Whether the file was edited as the model asked, and nothing else of it.
pub fn is_edited(repo: &Path) -> bool {
    let wanted = README.text.replace(EDIT.old, EDIT.new);
    fs::read_to_string(repo.join(EDIT.path)).is_ok_and(|text| text == wanted)
}

//! Which language a file is written in, by its extension or its well-known name.

/// A language's name in rules, and the endings and whole names of its files, all lower-case. An ending that several
/// languages share stands in each of their rows.
const LANGUAGES: &[(&str, &[&str], &[&str])] = &[
    ("ada", &["ada", "adb", "ads"], &[]),
    ("assembly", &["asm", "s"], &[]),
    ("astro", &["astro"], &[]),
    ("bazel", &["bazel", "bzl"], &["build", "workspace"]),
    ("c", &["c", "h"], &[]),
    ("c++", &["cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "h++", "h", "ipp"], &[]),
    ("c#", &["cs", "csx"], &[]),
    ("clojure", &["clj", "cljs", "cljc", "edn"], &[]),
    ("cmake", &["cmake"], &["cmakelists.txt"]),
    ("cobol", &["cob", "cbl"], &[]),
    ("coffeescript", &["coffee"], &[]),
    ("common-lisp", &["lisp", "cl", "lsp"], &[]),
    ("crystal", &["cr"], &[]),
    ("css", &["css"], &[]),
    ("csv", &["csv", "tsv"], &[]),
    ("cuda", &["cu", "cuh"], &[]),
    ("d", &["d"], &[]),
    ("dart", &["dart"], &[]),
    ("diff", &["diff", "patch"], &[]),
    ("dockerfile", &["dockerfile"], &["dockerfile", "containerfile"]),
    ("elixir", &["ex", "exs", "heex"], &[]),
    ("elm", &["elm"], &[]),
    ("emacs-lisp", &["el"], &[]),
    ("erlang", &["erl", "hrl"], &[]),
    ("f#", &["fs", "fsi", "fsx"], &[]),
    ("fortran", &["f", "f77", "f90", "f95", "f03", "for"], &[]),
    ("gdscript", &["gd"], &[]),
    ("gleam", &["gleam"], &[]),
    ("glsl", &["glsl", "vert", "frag"], &[]),
    ("go", &["go"], &["go.mod", "go.sum", "go.work"]),
    ("graphql", &["graphql", "gql"], &[]),
    ("groovy", &["groovy", "gradle"], &["jenkinsfile"]),
    ("haskell", &["hs", "lhs", "cabal"], &[]),
    ("hcl", &["hcl", "tf", "tfvars"], &[]),
    ("html", &["html", "htm", "xhtml"], &[]),
    ("ini", &["ini", "cfg", "conf", "properties"], &[".editorconfig", ".gitconfig"]),
    ("java", &["java"], &[]),
    ("javascript", &["js", "mjs", "cjs", "jsx"], &[]),
    ("json", &["json", "jsonc", "json5", "jsonl"], &[]),
    ("jsonnet", &["jsonnet", "libsonnet"], &[]),
    ("julia", &["jl"], &[]),
    ("jupyter", &["ipynb"], &[]),
    ("just", &["just"], &["justfile"]),
    ("kotlin", &["kt", "kts"], &[]),
    ("latex", &["tex", "sty", "cls", "bib"], &[]),
    ("less", &["less"], &[]),
    ("lua", &["lua"], &[]),
    ("make", &["mk", "mak"], &["makefile", "gnumakefile"]),
    ("markdown", &["md", "mdx", "markdown"], &[]),
    ("matlab", &["m", "mat"], &[]),
    ("mojo", &["mojo"], &[]),
    ("nim", &["nim", "nims"], &[]),
    ("nix", &["nix"], &[]),
    ("objective-c", &["m", "mm"], &[]),
    ("ocaml", &["ml", "mli"], &[]),
    ("odin", &["odin"], &[]),
    ("pascal", &["pas", "pp"], &[]),
    ("perl", &["pl", "pm"], &[]),
    ("php", &["php", "phtml"], &[]),
    ("powershell", &["ps1", "psm1", "psd1"], &[]),
    ("prisma", &["prisma"], &[]),
    ("prolog", &["pro", "prolog"], &[]),
    ("protobuf", &["proto"], &[]),
    ("python", &["py", "pyi", "pyw", "pyx"], &[]),
    ("r", &["r", "rmd"], &[]),
    ("racket", &["rkt"], &[]),
    ("restructuredtext", &["rst"], &[]),
    ("ruby", &["rb", "rake", "gemspec", "erb"], &["gemfile", "rakefile"]),
    ("rust", &["rs"], &[]),
    ("scala", &["scala", "sc", "sbt"], &[]),
    ("scheme", &["scm", "ss"], &[]),
    ("scss", &["scss", "sass"], &[]),
    ("shell", &["sh", "bash", "zsh", "fish", "ksh"], &[".bashrc", ".zshrc", ".profile", ".bash_profile"]),
    ("solidity", &["sol"], &[]),
    ("sql", &["sql"], &[]),
    ("svelte", &["svelte"], &[]),
    ("swift", &["swift"], &[]),
    ("tcl", &["tcl"], &[]),
    ("text", &["txt", "text"], &[]),
    ("toml", &["toml"], &[]),
    ("typescript", &["ts", "tsx", "mts", "cts"], &[]),
    ("v", &["v"], &[]),
    ("verilog", &["v", "vh", "sv", "svh"], &[]),
    ("vhdl", &["vhd", "vhdl"], &[]),
    ("vim", &["vim"], &[".vimrc"]),
    ("visual-basic", &["vb", "vbs", "bas"], &[]),
    ("vue", &["vue"], &[]),
    ("wgsl", &["wgsl"], &[]),
    ("xml", &["xml", "xsd", "xsl", "svg", "plist"], &[]),
    ("yaml", &["yaml", "yml"], &[]),
    ("zig", &["zig", "zon"], &[]),
];

/// Other words for a language, as the fence of a code block has them.
const ALIASES: [(&str, &str); 12] = [
    ("bash", "shell"),
    ("cpp", "c++"),
    ("csharp", "c#"),
    ("fsharp", "f#"),
    ("golang", "go"),
    ("js", "javascript"),
    ("makefile", "make"),
    ("md", "markdown"),
    ("py", "python"),
    ("terraform", "hcl"),
    ("ts", "typescript"),
    ("yml", "yaml"),
];

/// The name of a language in the table, for a name or another word for it, in any case.
pub fn canonical(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let word = ALIASES.iter().find(|(alias, _)| *alias == word).map_or(word.as_str(), |(_, name)| name);
    LANGUAGES.iter().map(|(name, ..)| *name).find(|name| *name == word)
}

/// Names of all languages.
pub fn names() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|(name, ..)| *name)
}

/// How files of a language are known: by an ending, or by a whole name. Lower-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark<'a> {
    Ending(&'a str),
    Name(&'a str),
}

/// The marks of a language, by its canonical name.
pub fn marks(language: &str) -> impl Iterator<Item = Mark<'static>> {
    let rows = LANGUAGES.iter().filter(move |(name, ..)| *name == language);
    rows.flat_map(|(_, endings, names)| {
        endings.iter().map(|ending| Mark::Ending(ending)).chain(names.iter().map(|name| Mark::Name(name)))
    })
}

/// Whether a file of this path is written in any language that is known.
pub fn is_known(path: &str) -> bool {
    let name = file_name(path);
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    LANGUAGES.iter().any(|(_, endings, names)| {
        names.contains(&name.as_str()) || ending.is_some_and(|ending| endings.contains(&ending))
    })
}

/// The lower-case name of a file, for [`marks_of`].
pub fn file_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase()
}

/// What a file's language is known by.
pub fn marks_of(file_name: &str) -> impl Iterator<Item = Mark<'_>> {
    let ending = file_name.rsplit_once('.').map(|(_, ending)| Mark::Ending(ending));
    ending.into_iter().chain([Mark::Name(file_name)])
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{ALIASES, canonical, file_name, marks, marks_of, names};

    #[test]
    fn files_are_known_by_ending_or_name() {
        let rows: [(&str, &[&str]); 8] = [
            ("src/app.py", &["python"]),
            ("web/App.TSX", &["typescript"]),
            ("include/a.h", &["c", "c++"]),
            ("Makefile", &["make"]),
            ("a/CMakeLists.txt", &["cmake", "text"]),
            (r"C:\x\Program.cs", &["c#"]),
            ("no_ending", &[]),
            (".py", &["python"]),
        ];
        for (path, expected) in rows {
            let name = file_name(path);
            let is_of = |language: &&str| marks(language).any(|mark| marks_of(&name).any(|own| own == mark));
            assert_eq!(names().filter(is_of).collect::<Vec<_>>(), expected, "{path}");
        }
    }

    #[test]
    fn every_alias_leads_to_a_language() {
        for (alias, name) in ALIASES {
            assert_eq!(canonical(alias), Some(name));
        }
        assert_eq!(canonical("Rust"), Some("rust"));
        assert_eq!(canonical("klingon"), None);
    }
}

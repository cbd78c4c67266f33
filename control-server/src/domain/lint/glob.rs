//! Whether everything that one pattern matches is matched by another. It answers yes only where that is certain.

/// What of a path a pattern is held against; as the engine has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Substring,
    BaseName,
    Path,
}

/// A pattern over paths.
pub struct PathPattern<'r> {
    whole: Glob<'r>,
    /// What follows the last slash.
    name: Glob<'r>,
    scope: Scope,
}

impl<'r> PathPattern<'r> {
    pub fn new(text: &'r str) -> Self {
        let scope = match (text.contains(['*', '?', '[']), text.contains('/')) {
            (false, _) => Scope::Substring,
            (true, false) => Scope::BaseName,
            (true, true) => Scope::Path,
        };
        let name = text.rsplit('/').next().unwrap_or(text);
        Self { whole: Glob::new(text), name: Glob::new(name), scope }
    }

    /// Whether each path that matches this one matches `wider`.
    pub fn implies(&self, wider: &Self) -> bool {
        let (narrow, wide) = (&self.whole, &wider.whole);
        if narrow.text == wide.text || wide.text == "*" {
            return true;
        }
        match (self.scope, wider.scope) {
            (Scope::Substring, Scope::Substring) => narrow.text.contains(wide.text),
            (Scope::BaseName | Scope::Path, Scope::Substring) => {
                // `**/` may stand for nothing at all, its slash included.
                let has = |part: &str| part.trim_matches('/').contains(wide.text);
                narrow.parts.as_ref().is_some_and(|parts| parts.all().any(has))
            }
            (Scope::BaseName, Scope::BaseName) => narrow.implies(wide),
            // Alternatives may hold slashes, so the last slash need not be the one before the name.
            (Scope::Path, Scope::BaseName) => narrow.parts.is_some() && self.name.implies(wide),
            (Scope::Substring, Scope::BaseName) | (_, Scope::Path) => false,
        }
    }
}

/// A glob over a text.
pub struct Glob<'r> {
    text: &'r str,
    /// `None`: it has sets, alternatives or escapes.
    parts: Option<Parts<'r>>,
}

impl<'r> Glob<'r> {
    pub fn new(text: &'r str) -> Self {
        Self { text, parts: Parts::of(text) }
    }

    /// Whether each text that matches this one matches `wider`, whatever `*` means about slashes. The wider one is
    /// understood as `*`, `text*`, `*text` or `*text*`.
    pub fn implies(&self, wider: &Self) -> bool {
        if self.text == wider.text {
            return true;
        }
        let (Some(narrow), Some(wide)) = (&self.parts, &wider.parts) else { return false };
        if narrow.crosses_slashes || wide.wildcards == 0 || wide.has_single {
            return false;
        }
        match (wide.head, wide.inner.as_slice(), wide.tail) {
            ("", [], "") => true,
            (head, [], "") => narrow.head.starts_with(head),
            ("", [], tail) => narrow.tail.ends_with(tail),
            ("", [inner], "") => narrow.all().any(|part| part.contains(inner)),
            _ => false,
        }
    }
}

/// The parts of a glob that stand for themselves.
struct Parts<'g> {
    head: &'g str,
    inner: Vec<&'g str>,
    tail: &'g str,
    wildcards: usize,
    /// There is a `?`.
    has_single: bool,
    /// There is a `/` or a `**`.
    crosses_slashes: bool,
}

impl<'g> Parts<'g> {
    /// `None`: it has sets, alternatives or escapes.
    fn of(glob: &'g str) -> Option<Self> {
        if glob.contains(['[', ']', '{', '}', '\\', '!']) {
            return None;
        }
        let mut parts: Vec<&str> = glob.split(['*', '?']).collect();
        let wildcards = parts.len() - 1;
        let has_single = glob.contains('?');
        let head = parts.remove(0);
        // Without a wildcard the head is the tail.
        let tail = parts.pop().unwrap_or(head);
        let crosses_slashes = glob.contains('/') || glob.contains("**");
        Some(Self { head, inner: parts, tail, wildcards, has_single, crosses_slashes })
    }

    fn all(&self) -> impl Iterator<Item = &'g str> {
        [self.head, self.tail].into_iter().chain(self.inner.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_as_the_engine_matches_them() {
        for (narrow, wide, implied) in [
            ("src/api/", "src/", true),
            ("src/", "src/api/", false),
            ("*.test.ts", "*.ts", true),
            ("*.ts", "*.test.ts", false),
            ("*.tsx", ".ts", true),
            ("*.ts", ".tsx", false),
            (".ts", "*.ts", false),
            ("src/*.ts", "*.ts", true),
            ("src/**/*.ts", "src", true),
            ("src/**/*.ts", "src/", false),
            ("src/**", "*.ts", false),
            ("src/*.ts", "src/**/*.ts", false),
            ("a*", "a*", true),
            ("anything", "*", true),
            ("a/b/*.c", "*", true),
            ("[ab].rs", "*.rs", false),
            ("*.{ts,js}", "*.js", false),
            ("test_*.py", "test_*", true),
            ("test_*.py", "*_*", true),
            ("te?t.py", "*.py", true),
            ("*.py", "?.py", false),
            ("a?", "a*", true),
            ("src/*.ts", "s*", false),
        ] {
            let holds = PathPattern::new(narrow).implies(&PathPattern::new(wide));
            assert_eq!(holds, implied, "{narrow} => {wide}");
        }
    }

    #[test]
    fn globs_over_values_are_compared() {
        for (narrow, wide, implied) in [
            ("gpt-4*", "gpt-*", true),
            ("gpt-4", "gpt-*", true),
            ("gpt-4", "*", true),
            ("openai/gpt-4", "*", false),
            ("openai/*", "openai/*", true),
            ("gpt-*", "gpt-4*", false),
            ("a*b*c", "a*", true),
            ("a*b*c", "*c", true),
            ("a*b*c", "*b*", true),
            ("a*b", "a*b*", false),
            ("gpt-4", "gpt-4", true),
            ("gpt-4", "gpt-5", false),
        ] {
            assert_eq!(Glob::new(narrow).implies(&Glob::new(wide)), implied, "{narrow} => {wide}");
        }
    }
}

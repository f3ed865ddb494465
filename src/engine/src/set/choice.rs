//! Which files of a channel are meant, named by their path in the channel; `*` is any part of a name.

/// What is left out, and what is taken alone.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    exclude: Vec<Vec<String>>,
    only: Vec<Vec<String>>,
}

fn names(path: &str) -> Vec<String> {
    path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

impl Choice {
    /// Takes paths, such as `Videos` or `*/*.iso`; what is in a folder goes with it.
    pub fn new(exclude: &[String], only: &[String]) -> Self {
        let all = |paths: &[String]| paths.iter().map(|path| names(path)).filter(|names| !names.is_empty()).collect();
        Self { exclude: all(exclude), only: all(only) }
    }

    /// Tells whether only a part of the channel is looked at.
    pub fn is_part(&self) -> bool {
        !self.only.is_empty()
    }

    /// Tells whether a file or folder is left out on purpose.
    pub(crate) fn excludes(&self, path: &[String]) -> bool {
        self.exclude.iter().any(|pattern| pattern.len() <= path.len() && begins(pattern, path))
    }

    /// Tells whether a file or folder belongs to what is looked at; so do the folders above.
    pub(crate) fn looks_at(&self, path: &[String]) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| begins(pattern, path))
    }

    /// Tells whether a file or folder is looked at, and not only because it is above one that is.
    pub(crate) fn names(&self, path: &[String]) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| pattern.len() <= path.len() && begins(pattern, path))
    }

    /// Returns what is left out, as it was written.
    pub(crate) fn excluded(&self) -> impl Iterator<Item = String> {
        self.exclude.iter().map(|names| names.join("/"))
    }
}

/// Tells whether the names fit as far as both go.
fn begins(pattern: &[String], path: &[String]) -> bool {
    pattern.iter().zip(path).all(|(pattern, name)| pattern == name || fits(pattern, name))
}

fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        names(text)
    }

    #[test]
    fn a_pattern_covers_what_is_beneath_it() {
        let choice = Choice::new(&["Videos".into(), "*/*.iso".into(), "a*b*c/x".into()], &[]);
        for covered in ["Videos", "Videos/2024/a.mp4", "disks/debian.iso", "a1b2c/x/y", "abc/x"] {
            assert!(choice.excludes(&path(covered)), "{covered}");
        }
        for free in ["Video", "videos", "debian.iso", "a/b/c.iso", "acb/x", "abc/y", "a1b2cd/x"] {
            assert!(!choice.excludes(&path(free)), "{free}");
        }
        assert!(choice.looks_at(&path("anything")) && !choice.is_part());
    }

    #[test]
    fn only_a_part_includes_the_folders_above_it() {
        let choice = Choice::new(&[], &["2024/May".into()]);
        for inside in ["2024", "2024/May", "2024/May/cat.jpg"] {
            assert!(choice.looks_at(&path(inside)), "{inside}");
        }
        for outside in ["2025", "2024/June", "2024/cat.jpg"] {
            assert!(!choice.looks_at(&path(outside)), "{outside}");
        }
        assert!(choice.is_part());
        assert!(choice.names(&path("2024/May")) && choice.names(&path("2024/May/cat.jpg")) && !choice.names(&path("2024")));
    }
}

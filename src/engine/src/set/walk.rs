//! Finds all files beneath a folder, in the order in which a manifest lists them.

use rustix::fs::{AtFlags, FileType};

use super::sorter::{Sorted, Sorter};
use super::tree::Tree;
use crate::error::{ErrorKind, OrFail, Result, WithContext};
use crate::limits::SetLimits;

/// Something beneath the folder that is not a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundFile {
    /// Its path in the set; of a name that is not UTF-8, something like it.
    pub(crate) path: String,
    /// Whether it is a regular file with a proper name.
    pub(crate) is_regular: bool,
}

/// The walk through a folder.
pub(crate) struct Walk {
    tree: Tree,
    scratch: Tree,
    sort_bytes: usize,
    folders: Vec<(String, Sorted)>,
}

const WALKING: &str = "listing a backup set";
const MAX_DEPTH: usize = 256;

impl Walk {
    /// Starts at the folder `start`, which may be missing.
    pub(crate) fn of(tree: &Tree, scratch: &Tree, start: &str, limits: &SetLimits) -> Result<Self> {
        let mut walk = Self { tree: tree.clone(), scratch: scratch.clone(), sort_bytes: limits.sort_bytes, folders: Vec::new() };
        walk.enter(start)?;
        Ok(walk)
    }

    fn enter(&mut self, path: &str) -> Result<()> {
        let Some(folder) = self.tree.find_folder(path)? else { return Ok(()) };
        let mut names = Sorter::new(&self.scratch, self.sort_bytes);
        for entry in rustix::fs::Dir::read_from(&folder).or_fail(ErrorKind::Storage, WALKING).context("path", path)? {
            let entry = entry.or_fail(ErrorKind::Storage, WALKING).context("path", path)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map(|stat| FileType::from_raw_mode(stat.st_mode))
                    .or_fail(ErrorKind::Storage, WALKING)
                    .context("path", path)?,
                kind => kind,
            };
            // A folder sorts as if its name ended with the slash that follows in a path.
            let mut line = name.to_bytes().to_vec();
            match kind {
                FileType::Directory => line.push(b'/'),
                FileType::RegularFile => line.push(0),
                _ => line.extend_from_slice(&[0, 0]),
            }
            names.add(&line)?;
        }
        self.folders.push((path.to_owned(), names.end()?));
        Ok(())
    }

    /// Returns the next file.
    pub(crate) fn next(&mut self) -> Result<Option<FoundFile>> {
        loop {
            let Some((folder, names)) = self.folders.last_mut() else { return Ok(None) };
            let Some(line) = names.next()? else {
                self.folders.pop();
                continue;
            };
            let bare = line.strip_suffix(b"/").unwrap_or(&line);
            let is_folder = bare.len() < line.len();
            let end = bare.iter().position(|byte| *byte == 0).unwrap_or(bare.len());
            let (name, marks) = bare.split_at(end);
            let text = String::from_utf8_lossy(name);
            let is_proper = std::str::from_utf8(name).is_ok();
            let path = if folder.is_empty() { text.into_owned() } else { format!("{folder}/{text}") };
            if is_folder && is_proper && self.folders.len() < MAX_DEPTH {
                self.enter(&path)?;
                continue;
            }
            return Ok(Some(FoundFile { path, is_regular: !is_folder && is_proper && marks.len() == 1 }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_paths() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/b/c", "a.txt", "a-/x", "a/b.c", "a0", "é/x"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("a0", folder.path().join("b")).unwrap();
        let tree = Tree::open(folder.path()).unwrap();
        for sort_bytes in [1, 1 << 20] {
            let limits = SetLimits { sort_bytes, ..SetLimits::default() };
            let mut walk = Walk::of(&tree, &tree, "", &limits).unwrap();
            let found: Vec<_> = std::iter::from_fn(|| walk.next().unwrap()).collect();
            let mut paths: Vec<_> = found.iter().map(|found| found.path.clone()).collect();
            assert_eq!(found.iter().filter(|found| !found.is_regular).count(), 1);
            assert_eq!(paths.len(), 7);
            let walked = paths.clone();
            paths.sort();
            assert_eq!(walked, paths);
        }
    }
}

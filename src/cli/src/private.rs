//! Files that only the user can read, in the user's folders for settings and state.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// What a file of TOML holds.
pub(crate) struct File<T> {
    path: PathBuf,
    pub(crate) content: T,
}

impl<T: Serialize + DeserializeOwned> File<T> {
    /// Reads it; `writer` and `remedy` are for whoever finds it broken.
    pub(crate) fn read(path: &Path, writer: &str, remedy: &str) -> Result<Self, Problem> {
        // The cause would quote the text.
        let content = toml::from_str(&read(path)?)
            .map_err(|_| Problem::new("failed", format!("{} is not as {writer} wrote it.", path.display())).remedy(remedy))?;
        Ok(Self { path: path.to_owned(), content })
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it as the content is now.
    pub(crate) fn write(&self) -> Result<(), Problem> {
        let failed = |error| Problem::new("failed", format!("{} cannot be written: {error}", self.path.display()));
        write(&self.path, &toml::to_string(&self.content).map_err(failed)?)
    }
}

/// Returns where a file of this name is.
pub(crate) fn place(name: &str) -> Result<PathBuf, Problem> {
    let folder = folder().ok_or_else(|| {
        Problem::usage("no_folder", "There is no folder for settings: neither XDG_CONFIG_HOME nor HOME is set.")
    })?;
    Ok(folder.join("filesync").join(name))
}

/// Reads a file; one that is missing is empty.
pub(crate) fn read(path: &Path) -> Result<String, Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Problem::new("failed", format!("{} cannot be read: {error}", path.display()))),
    }
}

/// Writes a file; whoever reads it meanwhile finds it as it was or as it is then.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Problem> {
    let failed = |error: std::io::Error| Problem::new("failed", format!("{} cannot be written: {error}", path.display()));
    let new = path.with_extension(format!("{}.new", std::process::id()));
    write_beside(&new, text).and_then(|()| std::fs::rename(&new, path)).map_err(failed)
}

/// Writes a file that shall never be replaced; false if it is there, maybe written by somebody else meanwhile.
pub(crate) fn create(path: &Path, text: &str) -> Result<bool, Problem> {
    let failed = |error: std::io::Error| Problem::new("failed", format!("{} cannot be written: {error}", path.display()));
    let new = path.with_extension(format!("{}.new", std::process::id()));
    write_beside(&new, text).map_err(failed)?;
    let outcome = std::fs::hard_link(&new, path);
    let _ = std::fs::remove_file(&new);
    match outcome {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        outcome => outcome.map(|()| true).map_err(failed),
    }
}

/// Writes all of a new file, in a folder that is made if it is missing.
fn write_beside(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Returns the user's folder for settings.
fn folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return absolute("APPDATA");
    }
    absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
}

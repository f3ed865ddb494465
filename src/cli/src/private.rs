//! Files that only the user can read, in the user's folder for settings.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

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
    if let Some(folder) = path.parent() {
        private_folder(folder).map_err(failed)?;
    }
    let new = path.with_extension("toml.new");
    let _ = std::fs::remove_file(&new);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)
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

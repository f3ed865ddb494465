//! Lists what is in a set, in the order of hashes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::about::About;
use super::journal::View;
use super::list::Lines;
use super::metadata::{CROP, Saved};
use super::place;
use super::rows::RowsOfFile;
use super::tree::Tree;
use super::versions::{Collecting, Listed, Moment, Versions};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result, WithContext};
use crate::limits::SetLimits;

/// What is listed.
pub struct ContentsOptions {
    /// What was true at this time, `2026-11-28T03:17:09Z`; none: what is true in the last run.
    pub at: Option<String>,
    /// Every version.
    pub older: bool,
    /// Folder for temporary files.
    pub scratch: PathBuf,
    /// Bounds.
    pub limits: SetLimits,
}

/// One version of a file or folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Which.
    pub hash: String,
    /// `file` or `folder`.
    pub kind: String,
    /// True names of its folders, and its own.
    pub names: Vec<String>,
    /// Size of the original.
    pub size_bytes: u64,
    /// Digest of the original.
    pub sha256: Option<Digest>,
    /// Its format.
    pub mimetype: String,
    /// When it was changed on the hub.
    pub edited: String,
    /// Where the original is in the set.
    pub path: Option<String>,
    /// Where the metadata file is.
    pub metadata: String,
    /// Scales made by hand.
    pub crops: u64,
    /// Posts.
    pub posts: u64,
    /// Since when the set has this version.
    pub seen: String,
    /// The run that replaced or removed it.
    pub until: Option<String>,
    /// What is wrong with the metadata file.
    pub why: Option<String>,
}

/// A set that is being listed.
pub struct Contents {
    tree: Tree,
    options: ContentsOptions,
    at: Option<Moment>,
    all: Versions,
    ready: std::collections::VecDeque<Version>,
    /// Files of rows that the channel has beside its files: their paths, and where they are.
    beside: Vec<(String, String)>,
}

const LISTING: &str = "listing a backup set";

impl Contents {
    /// Opens a set.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none, `Unsupported` if its format is newer, `Corrupt` if its list or journal is damaged, `Storage` if
    /// it cannot be read.
    pub fn open(folder: &std::path::Path, options: ContentsOptions) -> Result<Self> {
        let at = options.at.as_deref().map(Moment::parse).transpose()?;
        let tree = Tree::open(folder)?;
        let scratch = Tree::open(&options.scratch)?;
        let view = View::of(&tree)?;
        let bytes = tree.read(view.list(&tree, place::SET)?, options.limits.metadata_bytes)?;
        let none = || {
            Error::new(ErrorKind::NotFound, LISTING)
                .context("folder", folder.display())
                .context("fault", "it holds no backup set")
        };
        About::parse(&bytes.ok_or_else(none)?)?;
        let mut all = Collecting::new(&scratch, options.limits.sort_bytes);
        let mut locator = view.locator(&tree)?;
        let missing =
            || Error::new(ErrorKind::Corrupt, LISTING).context("path", place::MANIFEST).context("fault", "it is missing");
        let file = tree.find(view.list(&tree, place::MANIFEST)?)?.ok_or_else(missing)?;
        let mut lines = Lines::of(file, place::payload_fault);
        let has_older = options.older || options.at.is_some();
        let mut beside = Vec::new();
        while let Some(line) = lines.next_sound().context("path", place::MANIFEST)? {
            let is_rows = place::is_beside_files(&line.path) && line.path != place::IDENTITY;
            if is_rows && place::split_older(&line.path).is_none() {
                beside.push((line.path.clone(), locator.locate(&tree, &line.path)?));
            }
            let Some(hash) = place::hash_of(&line.path) else { continue };
            let hash = hash.to_owned();
            let (until, path) = place::version_of(&line.path);
            if path == place::metadata(&hash) && (has_older || until.is_none()) {
                let place = Some(locator.locate(&tree, &line.path)?);
                all.add(&Listed { hash, until, place, path: line.path, digest: Some(line.digest) })?;
            }
        }
        Ok(Self { tree, options, at, all: all.end()?, ready: std::collections::VecDeque::new(), beside })
    }

    /// Returns the files of rows that the channel has beside its files, as the last run left them, by their paths.
    ///
    /// # Errors
    ///
    /// `Storage` if a file cannot be read.
    pub fn beside_files(&self) -> Result<BTreeMap<String, RowsOfFile>> {
        self.beside.iter().map(|(path, place)| Ok((path.clone(), RowsOfFile::read(&self.tree, place)?))).collect()
    }

    /// Returns the next versions; none at the end.
    ///
    /// # Errors
    ///
    /// `Storage` if a file cannot be read.
    pub fn next(&mut self, limit: usize) -> Result<Vec<Version>> {
        while self.ready.len() < limit {
            let mut group = Vec::new();
            if !self.all.next_hash(|listed| group.push(listed))? {
                break;
            }
            let versions = self.versions(group)?;
            self.ready.extend(versions);
        }
        let count = limit.min(self.ready.len());
        Ok(self.ready.drain(..count).collect())
    }

    fn versions(&self, group: Vec<Listed>) -> Result<Vec<Version>> {
        let mut versions: Vec<Version> = group.into_iter().map(|listed| self.version(listed)).collect::<Result<_>>()?;
        // Bytes stay where they are as long as later versions have the same ones; then they left at that run.
        let mut later: Option<(Option<Digest>, Option<String>)> = None;
        for version in versions.iter_mut().rev() {
            if let Some(until) = &version.until {
                let is_same = later.as_ref().filter(|(digest, _)| version.sha256.is_some() && *digest == version.sha256);
                version.path = match is_same {
                    Some((_, path)) => path.clone(),
                    None => version.path.as_ref().map(|path| place::older(until, path)),
                };
            }
            later = Some((version.sha256, version.path.clone()));
        }
        if let Some(at) = &self.at {
            let is_true = |version: &Version| at.is_before_end(version.until.as_deref());
            let first = versions.iter().position(is_true).unwrap_or(versions.len());
            versions.truncate(first + 1);
            versions.drain(..first.min(versions.len()));
            versions.retain(|version| at.has_begun(&version.seen));
        }
        Ok(versions)
    }

    fn version(&self, listed: Listed) -> Result<Version> {
        let Listed { hash, until, place, path, .. } = listed;
        let place = place.unwrap_or_else(|| path.clone());
        let empty = Version { hash, until, metadata: path, ..Version::default() };
        let limits = &self.options.limits;
        let saved = match self.tree.read(&place, limits.metadata_bytes) {
            Ok(Some(bytes)) => Saved::parse(&bytes, limits),
            Ok(None) => Err(Error::new(ErrorKind::NotFound, LISTING).context("path", &empty.metadata)),
            Err(error) => Err(error),
        };
        let saved = match saved {
            Ok(saved) if saved.metadata.hash == empty.hash => saved,
            Ok(_) => return Ok(Version { why: Some("its hash is not the one in its name".to_owned()), ..empty }),
            Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
            Err(error) => return Ok(Version { why: Some(error.to_string()), ..empty }),
        };
        let original = saved.original();
        Ok(Version {
            kind: saved.metadata.kind.clone(),
            names: saved.metadata.names.clone(),
            size_bytes: original.map_or(0, |part| part.size),
            sha256: original.map(|part| part.sha256),
            mimetype: saved.metadata.mimetype.clone(),
            edited: saved.metadata.edited.clone(),
            path: original.and_then(|part| part.path.clone()),
            crops: saved.parts.iter().filter(|part| part.role == CROP).count() as u64,
            posts: saved.metadata.posts,
            seen: saved.seen,
            ..empty
        })
    }
}

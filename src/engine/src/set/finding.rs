//! What can be wrong with a set, and where.

use super::place;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingCode {
    /// A file has other bytes than were saved.
    FileDamaged,
    /// A file is listed and not there.
    FileMissing,
    /// A file is not at its place, but its bytes are whole elsewhere in the set.
    FileMoved,
    /// No list names it.
    FileExtra,
    /// A list, `set.json` or another file beside the payload has other bytes than were saved.
    ListDamaged,
    /// A metadata file breaks the format as it was saved.
    MetadataWrong,
    /// The signature does not fit.
    SignatureWrong,
    /// The set was not signed.
    Unsigned,
    /// A list names a path that no set may name.
    PathRefused,
    /// The set has something that no set may have.
    SetRefused,
}

impl FindingCode {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FileDamaged => "file_damaged",
            Self::FileMissing => "file_missing",
            Self::FileMoved => "file_moved",
            Self::FileExtra => "file_extra",
            Self::ListDamaged => "list_damaged",
            Self::MetadataWrong => "metadata_wrong",
            Self::SignatureWrong => "signature_wrong",
            Self::Unsigned => "unsigned",
            Self::PathRefused => "path_refused",
            Self::SetRefused => "set_refused",
        }
    }

    pub(crate) fn ends_check(self) -> bool {
        matches!(self, Self::PathRefused | Self::SetRefused)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: FindingCode,
    /// Where.
    pub path: String,
    /// Where the bytes are instead.
    pub found_at: Option<String>,
    /// More about it.
    pub why: Option<String>,
}

impl Finding {
    /// Returns the hash that it is about, if the path shows it.
    pub fn hash(&self) -> Option<&str> {
        place::hash_of(&self.path)
    }
}

//! The exception classes and the one match from an error's kind to its class.
//!
//! They are registered without an object of our own, so file, line, trace and previous are PHP's.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use ext_php_rs::builders::ClassBuilder;
use ext_php_rs::error::Result;
use ext_php_rs::exception::PhpException;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::zend::{ClassEntry, ce};
use filesync_engine::{Error, ErrorKind};

/// Declares one class: the storage of its entry, its registration, its look-up.
macro_rules! exception {
    ($name:ident, $php:literal, $parent:expr, $parent_name:literal, $flags:expr) => {
        mod $name {
            use super::*;

            static ENTRY: AtomicPtr<ClassEntry> = AtomicPtr::new(ptr::null_mut());

            pub(super) fn entry() -> &'static ClassEntry {
                // SAFETY: set once in startup, before PHP code runs; class entries live as long as the process.
                unsafe { &*ENTRY.load(Ordering::Relaxed) }
            }

            pub(super) fn register() -> Result<()> {
                let builder = ClassBuilder::new(concat!("FileSync\\Exception\\", $php)).extends(($parent, $parent_name));
                let builder = match $flags {
                    Some(flags) => builder.flags(flags),
                    None => builder,
                };
                builder
                    .registration(|entry, arguments| {
                        ENTRY.store(entry, Ordering::Relaxed);
                        // PHP keeps pointers into it for the life of the process.
                        std::mem::forget(arguments);
                    })
                    .register()
            }
        }
    };
}

const OPEN: Option<ClassFlags> = None;
const FINAL: Option<ClassFlags> = Some(ClassFlags::Final);

exception!(base, "FileSyncException", ce::exception, "\\Exception", OPEN);
exception!(temporary, "TemporaryException", base::entry, "\\FileSync\\Exception\\FileSyncException", OPEN);
exception!(permanent, "PermanentException", base::entry, "\\FileSync\\Exception\\FileSyncException", OPEN);
exception!(network, "NetworkException", temporary::entry, "\\FileSync\\Exception\\TemporaryException", FINAL);
exception!(peer_busy, "PeerBusyException", temporary::entry, "\\FileSync\\Exception\\TemporaryException", FINAL);
exception!(storage, "StorageException", temporary::entry, "\\FileSync\\Exception\\TemporaryException", FINAL);
exception!(corrupt, "CorruptException", temporary::entry, "\\FileSync\\Exception\\TemporaryException", FINAL);
exception!(refused, "RefusedException", permanent::entry, "\\FileSync\\Exception\\PermanentException", FINAL);
exception!(not_found, "NotFoundException", permanent::entry, "\\FileSync\\Exception\\PermanentException", FINAL);
exception!(limit, "LimitException", permanent::entry, "\\FileSync\\Exception\\PermanentException", FINAL);
exception!(unsupported, "UnsupportedException", permanent::entry, "\\FileSync\\Exception\\PermanentException", FINAL);
exception!(invalid_input, "InvalidInputException", permanent::entry, "\\FileSync\\Exception\\PermanentException", FINAL);
exception!(signature, "SignatureException", permanent::entry, "\\FileSync\\Exception\\PermanentException", FINAL);

/// Registers all classes, parents first.
pub(crate) fn register() -> Result<()> {
    base::register()?;
    temporary::register()?;
    permanent::register()?;
    network::register()?;
    peer_busy::register()?;
    storage::register()?;
    corrupt::register()?;
    refused::register()?;
    not_found::register()?;
    limit::register()?;
    unsupported::register()?;
    invalid_input::register()?;
    signature::register()
}

/// Turns an engine error into the exception of its kind.
pub(crate) fn exception(error: &Error) -> PhpException {
    let class = match error.kind() {
        ErrorKind::Network => network::entry(),
        ErrorKind::PeerBusy => peer_busy::entry(),
        ErrorKind::Storage => storage::entry(),
        ErrorKind::Corrupt => corrupt::entry(),
        ErrorKind::Refused => refused::entry(),
        ErrorKind::NotFound => not_found::entry(),
        ErrorKind::LimitExceeded => limit::entry(),
        ErrorKind::Unsupported => unsupported::entry(),
        ErrorKind::InvalidInput => invalid_input::entry(),
        ErrorKind::Signature => signature::entry(),
    };
    PhpException::new(error.to_string(), 0, class)
}

/// Lets `?` in a method throw an exception.
pub(crate) trait OrThrow<T> {
    fn or_throw(self) -> ext_php_rs::exception::PhpResult<T>;
}

impl<T> OrThrow<T> for filesync_engine::Result<T> {
    fn or_throw(self) -> ext_php_rs::exception::PhpResult<T> {
        self.map_err(|error| exception(&error))
    }
}

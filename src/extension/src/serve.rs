//! What goes to the client as the body of a response: `FileSync\send_file`, and packs.

use std::path::Path;

use ext_php_rs::prelude::*;
use ext_php_rs::zend::{ProcessGlobals, output_write};
use filesync_engine::{Root, store};

use crate::convert;
use crate::exceptions::OrThrow;

/// Sends a range of a file to the client in bounded pieces, and stops when the client is gone.
#[php_function]
#[php(name = "FileSync\\send_file")]
pub(crate) fn send_file(root: &str, path: &str, offset: i64, length: i64) -> PhpResult<i64> {
    let root = Root::open(Path::new(root)).or_throw()?;
    let path = convert::path(path).or_throw()?;
    let (offset, length) = (convert::count("offset", offset).or_throw()?, convert::count("length", length).or_throw()?);
    let _patient = IgnoreUserAbort::begin();
    let sent = store::read_pieces(&root, &path, offset, length, |piece| {
        let _ = output_write(piece);
        // PHP does not count the bytes that a client received; it only notices that the client is gone.
        ProcessGlobals::get().connection_status == 0
    });
    sent.map(convert::integer).or_throw()
}

/// Sends bytes that are in memory to the client, in pieces; returns how many went before the client was gone.
pub(crate) fn send_bytes(bytes: &[u8]) -> usize {
    let _patient = IgnoreUserAbort::begin();
    let mut sent = 0;
    for piece in bytes.chunks(PIECE_BYTES) {
        let _ = output_write(piece);
        if ProcessGlobals::get().connection_status != 0 {
            break;
        }
        sent += piece.len();
    }
    sent
}

const PIECE_BYTES: usize = 256 << 10;

/// Registers the functions.
pub(crate) fn functions(module: ModuleBuilder<'_>) -> ModuleBuilder<'_> {
    module.function(wrap_function!(send_file))
}

/// While it lives, PHP notices a client that goes away but does not abort: otherwise it would leave by a long jump over our
/// frames.
struct IgnoreUserAbort {
    before: bool,
}

impl IgnoreUserAbort {
    fn begin() -> Self {
        let mut globals = ProcessGlobals::get_mut();
        Self { before: std::mem::replace(&mut globals.ignore_user_abort, true) }
    }
}

impl Drop for IgnoreUserAbort {
    fn drop(&mut self) {
        ProcessGlobals::get_mut().ignore_user_abort = self.before;
    }
}

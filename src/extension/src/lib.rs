//! The PHP extension `filesync`: registration only.
//!
//! Each PHP class is one module here: convert, call the engine, convert. Nothing starts when the module is loaded, so
//! PHP-FPM may fork after it.

// `php_module` writes an entry point that no doc comment can reach.
#![allow(missing_docs)]

use ext_php_rs::prelude::*;
use ext_php_rs::zend::ModuleEntry;
use ext_php_rs::{info_table_end, info_table_header, info_table_row, info_table_start};

mod array;
mod convert;
mod dump;
mod exceptions;
mod inventory;
mod pack;
mod photo;
mod relocate;
mod serve;
mod set;
mod settings;
mod signature;
mod store;
mod transfer;
mod upload;

fn startup(_kind: i32, module_number: i32) -> i32 {
    settings::register(module_number);
    if exceptions::register().is_err() { -1 } else { 0 }
}

extern "C" fn info(module: *mut ModuleEntry) {
    info_table_start!();
    info_table_header!("filesync", "enabled");
    info_table_row!("Version", env!("CARGO_PKG_VERSION"));
    info_table_row!("Digest", "SHA-256");
    info_table_row!("TLS and signatures", "rustls, aws-lc");
    info_table_end!();
    settings::show(module);
}

/// Registers the module.
#[php_module]
#[php(startup = "startup")]
pub fn get_module(module: ModuleBuilder) -> ModuleBuilder {
    serve::functions(module)
        .name("filesync")
        .version(env!("CARGO_PKG_VERSION"))
        .info_function(info)
        .class::<transfer::TransferBatch>()
        .class::<store::Store>()
        .class::<store::FileDigest>()
        .class::<relocate::Relocator>()
        .class::<signature::Signer>()
        .class::<signature::ProofSigner>()
        .class::<photo::Photo>()
        .class::<inventory::Inventory>()
        .class::<set::Set>()
        .class::<set::SetCheck>()
        .class::<set::SetList>()
        .class::<set::SetRestore>()
        .class::<upload::Upload>()
        .class::<pack::Pack>()
        .class::<pack::PackWriter>()
        .class::<dump::Dump>()
}

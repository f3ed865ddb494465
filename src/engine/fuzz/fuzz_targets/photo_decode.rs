//! Any bytes as a photo: scaling them never panics, leaves whole scales or none, and stays within its memory
//! (run with `-rss_limit_mb=256`).
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use filesync_engine::photo::{Job, Options, Quality, Scale, scale};
use filesync_engine::{ErrorKind, PhotoLimits, RelativePath, Root};
use libfuzzer_sys::fuzz_target;

fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("filesync-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    })
}

fuzz_target!(|bytes: &[u8]| {
    let path = |name: &str| RelativePath::parse(name).unwrap();
    let folder = folder();
    std::fs::write(folder.join("photo"), bytes).unwrap();
    let root = Root::open(folder).unwrap();
    let targets = [1, 3].map(|number| (Scale::new(number).unwrap(), path(&format!("photo-{number}"))));
    let job = Job { source: path("photo"), targets: targets.to_vec() };
    let options = Options { quality: Quality { jpeg: 80, png: 1, webp: 50 }, first_side: None };
    let limits = PhotoLimits {
        max_pixels: 4 << 20,
        memory_bytes: 64 << 20,
        time: Duration::from_secs(20),
        ..PhotoLimits::default()
    };
    let outcome = scale(&root, &root, &job, &options, &limits);
    for number in [1, 3] {
        let made = std::fs::remove_file(folder.join(format!("photo-{number}"))).is_ok();
        assert_eq!(made, outcome.is_ok());
    }
    if let Err(error) = outcome {
        let kinds = [ErrorKind::Corrupt, ErrorKind::Unsupported, ErrorKind::LimitExceeded];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
});

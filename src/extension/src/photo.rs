//! `FileSync\Photo`.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use filesync_engine::photo::{self, Size};

use crate::convert;
use crate::exceptions::OrThrow;
use crate::settings;
use crate::store::Store;

/// Scales photos as a hub does.
#[php_class]
#[php(name = "FileSync\\Photo", flags = ClassFlags::Final)]
pub struct Photo;

#[php_impl]
impl Photo {
    /// Reads a photo's header.
    pub fn facts(store: &ZendClassObject<Store>, path: &str) -> PhpResult<ZBox<ZendHashTable>> {
        let path = convert::path(path).or_throw()?;
        Ok(convert::photo_row(&photo::facts(&store.root, &path, &settings::limits().or_throw()?.photo).or_throw()?))
    }

    /// Returns the sizes of scales.
    #[php(optional = options)]
    pub fn sizes(
        width: i64,
        height: i64,
        scales: &ZendHashTable,
        options: Option<&ZendHashTable>,
    ) -> PhpResult<ZBox<ZendHashTable>> {
        let side = |name, value| convert::side(name, value).or_throw();
        let source = Size::new(side("width", width)?, side("height", height)?);
        let options = convert::photo_options(options).or_throw()?.options;
        Ok(convert::sizes(convert::scales(scales).or_throw()?, source, options.first_side))
    }

    /// Scales one photo.
    #[php(optional = options)]
    pub fn scale(
        from: &ZendClassObject<Store>,
        source: &str,
        to: &ZendClassObject<Store>,
        targets: &ZendHashTable,
        options: Option<&ZendHashTable>,
    ) -> PhpResult<ZBox<ZendHashTable>> {
        let job = photo::Job { source: convert::path(source).or_throw()?, targets: convert::targets(targets).or_throw()? };
        let options = convert::photo_options(options).or_throw()?.options;
        let written = photo::scale(&from.root, &to.root, &job, &options, &settings::limits().or_throw()?.photo).or_throw()?;
        Ok(convert::written_rows(written))
    }

    /// Scales many photos on all cores.
    #[php(optional = options)]
    pub fn scale_all(
        from: &ZendClassObject<Store>,
        to: &ZendClassObject<Store>,
        jobs: &ZendHashTable,
        options: Option<&ZendHashTable>,
    ) -> PhpResult<ZBox<ZendHashTable>> {
        let (keys, jobs) = convert::photo_jobs(jobs).or_throw()?;
        let convert::PhotoOptions { options, budget } = convert::photo_options(options).or_throw()?;
        let results = photo::scale_all(&from.root, &to.root, &jobs, &options, &settings::limits().or_throw()?.photo, budget);
        Ok(convert::photo_results(keys, results))
    }
}

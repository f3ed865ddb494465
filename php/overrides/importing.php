<?php

/*
 * Takes over what core fetches while it imports, as overrides/hubzilla.php does other calls: only in a process that
 * imports a part of an export and then ends.
 */

namespace {
	if (! class_exists('App', false)) {
		exit;
	}
}

namespace Zotlabs\Module {
	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Module\import_xchan_photo')) {
		/** Gives a contact the default picture; the right one is fetched later. */
		function import_xchan_photo(...$given)
		{
			return \FileSync\Addon\Hub\ListedPictures::inPlaceOf($given[0] ?? '', $given[1] ?? '');
		}
	}
}

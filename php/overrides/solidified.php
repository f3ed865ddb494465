<?php

/*
 * Takes over calls of a theme whose own pages change files as those of the hub do, as overrides/hubzilla.php does calls
 * of core: only where it is installed.
 */

namespace {
	if (! class_exists('App', false)) {
		exit;
	}
}

namespace Theme\Solidified\Api\Handlers {
	if (\FileSync\Addon\Hub\Overrides::takes('Theme\Solidified\Api\Handlers\import_items')) {
		/** Receives posts from an export file. */
		function import_items(...$given)
		{
			return \FileSync\Addon\Hub\Family::call(
				'import_items',
				\FileSync\Addon\Posts\ItemRelocation::import(...),
				$given,
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Theme\Solidified\Api\Handlers\import_channel_photo')) {
		/** Stores the channel's avatar that was fetched from another hub. */
		function import_channel_photo(...$given)
		{
			return \FileSync\Addon\Hub\Family::call(
				'import_channel_photo',
				\FileSync\Addon\Posts\ProfilePhoto::import(...),
				$given,
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Theme\Solidified\Api\Handlers\attach_export_data')) {
		/** Exports a file for a sync packet, or nothing while it is incomplete here. */
		function attach_export_data(...$given)
		{
			return \FileSync\Addon\Hub\Family::call(
				'attach_export_data',
				\FileSync\Addon\Send\Watch::export(...),
				$given,
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Theme\Solidified\Api\Handlers\attach_delete')) {
		/** Deletes a file or folder for its owner. */
		function attach_delete(...$given)
		{
			return \FileSync\Addon\Hub\Family::call('attach_delete', \FileSync\Addon\Send\Watch::delete(...), $given);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Theme\Solidified\Api\Handlers\attach_move')) {
		/** Moves a file or folder for its owner. */
		function attach_move(...$given)
		{
			return \FileSync\Addon\Hub\Family::call('attach_move', \FileSync\Addon\Send\Changes::move(...), $given);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Theme\Solidified\Api\Handlers\attach_change_permissions')) {
		/** Changes who may see a file, or a folder with everything beneath it. */
		function attach_change_permissions(...$given)
		{
			return \FileSync\Addon\Hub\Family::call(
				'attach_change_permissions',
				\FileSync\Addon\Send\Changes::access(...),
				$given,
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Theme\Solidified\Api\Handlers\fix_attached_permissions')) {
		/** Gives files that were uploaded into a post the post's access. */
		function fix_attached_permissions(...$given)
		{
			return \FileSync\Addon\Hub\Family::call(
				'fix_attached_permissions',
				\FileSync\Addon\Send\Changes::accessOfPost(...),
				$given,
			);
		}
	}
}

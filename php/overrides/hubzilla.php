<?php

/*
 * Takes over calls that core makes without a leading backslash: PHP looks in the caller's own namespace first. A
 * function that another addon defined before us is left alone, and none is defined where the last look at the hub found
 * core's own to be another than we know. If it changed since, the call is passed on, with all that its caller gave and
 * nothing else.
 */

namespace {
	if (! class_exists('App', false)) {
		exit;
	}
}

namespace Zotlabs\Lib {
	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Lib\sync_files')) {
		/** Receives the files of a sync packet. */
		function sync_files(...$given)
		{
			return (
				\FileSync\Addon\Hub\Family::isAsExpected('sync_files')
					? \FileSync\Addon\Hub\Family::call(
						'sync_files',
						\FileSync\Addon\Receive\Incoming::take(...),
						$given,
					)
					: \FileSync\Addon\Hub\Family::receiveStock(...$given)
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Lib\sync_items')) {
		/** Receives the posts of a sync packet. */
		function sync_items(...$given)
		{
			return \FileSync\Addon\Hub\Family::call(
				'sync_items',
				\FileSync\Addon\Posts\ItemRelocation::sync(...),
				$given,
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Lib\import_channel_photo')) {
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
}

namespace Zotlabs\Daemon {
	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Daemon\import_items')) {
		/** Receives one page of the posts of a cloned channel. */
		function import_items(...$given)
		{
			return \FileSync\Addon\Hub\Family::call(
				'import_items',
				\FileSync\Addon\Posts\ItemRelocation::import(...),
				$given,
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Daemon\sync_files')) {
		/** Receives one page of the import of a cloned channel. */
		function sync_files(...$given)
		{
			return (
				\FileSync\Addon\Hub\Family::isAsExpected('sync_files')
					? \FileSync\Addon\Hub\Family::call(
						'sync_files',
						\FileSync\Addon\Receive\Incoming::take(...),
						$given,
					)
					: \FileSync\Addon\Hub\Family::receiveStock(...$given)
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Daemon\attach_export_data')) {
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
}

namespace Zotlabs\Storage {
	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Storage\attach_export_data')) {
		/** Exports a file for a sync packet, or nothing while it is incomplete here. */
		function attach_export_data(...$given)
		{
			if (empty($given[2]) && \FileSync\Addon\Hub\Family::isAsExpected('attach_export_data')) {
				\FileSync\Addon\Send\Changes::renamed($given[0] ?? null, $given[1] ?? null);
			}

			return \FileSync\Addon\Hub\Family::call(
				'attach_export_data',
				\FileSync\Addon\Send\Watch::export(...),
				$given,
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Storage\perm_is_allowed')) {
		/** Tells whether somebody may do something with a channel's contents; core asks before it writes. */
		function perm_is_allowed(...$given)
		{
			return \FileSync\Addon\Hub\Family::call(
				'perm_is_allowed',
				\FileSync\Addon\Send\Watch::isAllowed(...),
				$given,
			);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Storage\attach_delete')) {
		/** Deletes a file or folder for its owner. */
		function attach_delete(...$given)
		{
			return \FileSync\Addon\Hub\Family::call('attach_delete', \FileSync\Addon\Send\Watch::delete(...), $given);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Storage\attach_move')) {
		/** Moves a file or folder for its owner. */
		function attach_move(...$given)
		{
			return \FileSync\Addon\Hub\Family::call('attach_move', \FileSync\Addon\Send\Changes::move(...), $given);
		}
	}
}

namespace Zotlabs\Module {
	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Module\import_items')) {
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

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Module\attach_export_data')) {
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

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Module\attach_delete')) {
		/** Deletes a file or folder for its owner. */
		function attach_delete(...$given)
		{
			return \FileSync\Addon\Hub\Family::call('attach_delete', \FileSync\Addon\Send\Watch::delete(...), $given);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Module\attach_move')) {
		/** Moves a file or folder for its owner. */
		function attach_move(...$given)
		{
			return \FileSync\Addon\Hub\Family::call('attach_move', \FileSync\Addon\Send\Changes::move(...), $given);
		}
	}

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Module\attach_change_permissions')) {
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

	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Module\fix_attached_permissions')) {
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

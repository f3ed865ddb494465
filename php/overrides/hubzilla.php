<?php

/*
 * Takes over calls that core makes without a leading backslash: PHP looks in the caller's own namespace first. A
 * function that another addon defined before us is left alone. If core's own function takes other arguments than we
 * know, the call is passed on unchanged.
 */

namespace Zotlabs\Lib {
	if (class_exists('App', false) && ! function_exists('Zotlabs\Lib\sync_files')) {
		/** Receives the files of a sync packet. */
		function sync_files($channel, $files)
		{
			return \FileSync\Addon\Receive\Incoming::take($channel, $files);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Lib\sync_items')) {
		/** Receives the posts of a sync packet. */
		function sync_items($channel, $items, $relocate = null)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('sync_items')
				? \FileSync\Addon\Hub\Reception::importing(fn () => \sync_items(
					$channel,
					\FileSync\Addon\Hub\Items::postsFirst($items),
					\FileSync\Addon\Posts\ItemRelocation::forCore($channel, $relocate),
				))
				: \sync_items($channel, $items, $relocate);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Lib\import_channel_photo')) {
		/** Stores the channel's avatar that was fetched from another hub. */
		function import_channel_photo($photo, $type, $aid, $uid)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('import_channel_photo')
				? \FileSync\Addon\Posts\ProfilePhoto::import($photo, $type, $aid, $uid)
				: \import_channel_photo($photo, $type, $aid, $uid);
		}
	}
}

namespace Zotlabs\Daemon {
	if (class_exists('App', false) && ! function_exists('Zotlabs\Daemon\import_items')) {
		/** Receives one page of the posts of a cloned channel. */
		function import_items($channel, $items, $sync = false, $relocate = null)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('import_items')
				? \FileSync\Addon\Hub\Reception::importing(fn () => \import_items(
					$channel,
					\FileSync\Addon\Hub\Items::postsFirst($items),
					$sync,
					\FileSync\Addon\Posts\ItemRelocation::forCore($channel, $relocate),
				))
				: \import_items($channel, $items, $sync, $relocate);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Daemon\sync_files')) {
		/** Receives one page of the import of a cloned channel. */
		function sync_files($channel, $files)
		{
			return \FileSync\Addon\Receive\Incoming::take($channel, $files);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Daemon\attach_export_data')) {
		/** Exports a file for a sync packet, or nothing while it is incomplete here. */
		function attach_export_data($channel, $resource_id, $deleted = false, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_export_data')
				? \FileSync\Addon\Send\Watch::export($channel, $resource_id, $deleted, $rest)
				: \attach_export_data($channel, $resource_id, $deleted, ...$rest);
		}
	}
}

namespace Zotlabs\Storage {
	if (class_exists('App', false) && ! function_exists('Zotlabs\Storage\attach_export_data')) {
		/** Exports a file for a sync packet, or nothing while it is incomplete here. */
		function attach_export_data($channel, $resource_id, $deleted = false, ...$rest)
		{
			if (! $deleted) {
				\FileSync\Addon\Send\Changes::renamed($channel, $resource_id);
			}

			return \FileSync\Addon\Hub\Family::isAsExpected('attach_export_data')
				? \FileSync\Addon\Send\Watch::export($channel, $resource_id, $deleted, $rest)
				: \attach_export_data($channel, $resource_id, $deleted, ...$rest);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Storage\perm_is_allowed')) {
		/** Tells whether somebody may do something with a channel's contents; core asks before it writes. */
		function perm_is_allowed($uid, $observer_xchan, $permission, ...$rest)
		{
			$is_allowed = \perm_is_allowed($uid, $observer_xchan, $permission, ...$rest);
			if (
				$is_allowed
				&& $permission === 'write_storage'
				&& \FileSync\Addon\Hub\Family::isAsExpected('perm_is_allowed')
			) {
				\FileSync\Addon\Send\Watch::mayWrite((int) $uid);
			}
			return $is_allowed;
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Storage\attach_delete')) {
		/** Deletes a file or folder for its owner. */
		function attach_delete($channel_id, $resource, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_delete')
				? \FileSync\Addon\Send\Watch::delete($channel_id, $resource, $rest)
				: \attach_delete($channel_id, $resource, ...$rest);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Storage\attach_move')) {
		/** Moves a file or folder for its owner. */
		function attach_move($channel_id, $resource_id, $new_folder_hash, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_move')
				? \FileSync\Addon\Send\Changes::move($channel_id, $resource_id, $new_folder_hash, $rest)
				: \attach_move($channel_id, $resource_id, $new_folder_hash, ...$rest);
		}
	}
}

namespace Zotlabs\Module {
	if (class_exists('App', false) && ! function_exists('Zotlabs\Module\import_items')) {
		/** Receives posts from an export file. */
		function import_items($channel, $items, $sync = false, $relocate = null)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('import_items')
				? \FileSync\Addon\Hub\Reception::importing(fn () => \import_items(
					$channel,
					\FileSync\Addon\Hub\Items::postsFirst($items),
					$sync,
					\FileSync\Addon\Posts\ItemRelocation::forCore($channel, $relocate),
				))
				: \import_items($channel, $items, $sync, $relocate);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Module\attach_export_data')) {
		/** Exports a file for a sync packet, or nothing while it is incomplete here. */
		function attach_export_data($channel, $resource_id, $deleted = false, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_export_data')
				? \FileSync\Addon\Send\Watch::export($channel, $resource_id, $deleted, $rest)
				: \attach_export_data($channel, $resource_id, $deleted, ...$rest);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Module\attach_delete')) {
		/** Deletes a file or folder for its owner. */
		function attach_delete($channel_id, $resource, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_delete')
				? \FileSync\Addon\Send\Watch::delete($channel_id, $resource, $rest)
				: \attach_delete($channel_id, $resource, ...$rest);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Module\attach_move')) {
		/** Moves a file or folder for its owner. */
		function attach_move($channel_id, $resource_id, $new_folder_hash, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_move')
				? \FileSync\Addon\Send\Changes::move($channel_id, $resource_id, $new_folder_hash, $rest)
				: \attach_move($channel_id, $resource_id, $new_folder_hash, ...$rest);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Module\attach_change_permissions')) {
		/** Changes who may see a file, or a folder with everything beneath it. */
		function attach_change_permissions(
			$channel_id,
			$resource,
			$allow_cid,
			$allow_gid,
			$deny_cid,
			$deny_gid,
			$recurse = false,
			$sync = false,
			...$rest,
		) {
			return (
				\FileSync\Addon\Hub\Family::isAsExpected('attach_change_permissions')
					? \FileSync\Addon\Send\Changes::access(
						$channel_id,
						$resource,
						[$allow_cid, $allow_gid, $deny_cid, $deny_gid],
						$recurse,
						$sync,
					)
					: \attach_change_permissions(
						$channel_id,
						$resource,
						$allow_cid,
						$allow_gid,
						$deny_cid,
						$deny_gid,
						$recurse,
						$sync,
						...$rest,
					)
			);
		}
	}

	if (class_exists('App', false) && ! function_exists('Zotlabs\Module\fix_attached_permissions')) {
		/** Gives files that were uploaded into a post the post's access. */
		function fix_attached_permissions($uid, $body, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('fix_attached_permissions')
				? \FileSync\Addon\Send\Changes::accessOfPost($uid, $body, $rest)
				: \fix_attached_permissions($uid, $body, ...$rest);
		}
	}
}

// A theme whose own pages change files as those of the hub do.
namespace Theme\Solidified\Api\Handlers {
	if (
		class_exists('App', false)
		&& \FileSync\Addon\Hub\Family::hasTheme()
		&& ! function_exists('Theme\Solidified\Api\Handlers\import_items')
	) {
		/** Receives posts from an export file. */
		function import_items($channel, $items, $sync = false, $relocate = null)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('import_items')
				? \FileSync\Addon\Hub\Reception::importing(fn () => \import_items(
					$channel,
					\FileSync\Addon\Hub\Items::postsFirst($items),
					$sync,
					\FileSync\Addon\Posts\ItemRelocation::forCore($channel, $relocate),
				))
				: \import_items($channel, $items, $sync, $relocate);
		}
	}

	if (
		class_exists('App', false)
		&& \FileSync\Addon\Hub\Family::hasTheme()
		&& ! function_exists('Theme\Solidified\Api\Handlers\import_channel_photo')
	) {
		/** Stores the channel's avatar that was fetched from another hub. */
		function import_channel_photo($photo, $type, $aid, $uid)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('import_channel_photo')
				? \FileSync\Addon\Posts\ProfilePhoto::import($photo, $type, $aid, $uid)
				: \import_channel_photo($photo, $type, $aid, $uid);
		}
	}

	if (
		class_exists('App', false)
		&& \FileSync\Addon\Hub\Family::hasTheme()
		&& ! function_exists('Theme\Solidified\Api\Handlers\attach_export_data')
	) {
		/** Exports a file for a sync packet, or nothing while it is incomplete here. */
		function attach_export_data($channel, $resource_id, $deleted = false, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_export_data')
				? \FileSync\Addon\Send\Watch::export($channel, $resource_id, $deleted, $rest)
				: \attach_export_data($channel, $resource_id, $deleted, ...$rest);
		}
	}

	if (
		class_exists('App', false)
		&& \FileSync\Addon\Hub\Family::hasTheme()
		&& ! function_exists('Theme\Solidified\Api\Handlers\attach_delete')
	) {
		/** Deletes a file or folder for its owner. */
		function attach_delete($channel_id, $resource, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_delete')
				? \FileSync\Addon\Send\Watch::delete($channel_id, $resource, $rest)
				: \attach_delete($channel_id, $resource, ...$rest);
		}
	}

	if (
		class_exists('App', false)
		&& \FileSync\Addon\Hub\Family::hasTheme()
		&& ! function_exists('Theme\Solidified\Api\Handlers\attach_move')
	) {
		/** Moves a file or folder for its owner. */
		function attach_move($channel_id, $resource_id, $new_folder_hash, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('attach_move')
				? \FileSync\Addon\Send\Changes::move($channel_id, $resource_id, $new_folder_hash, $rest)
				: \attach_move($channel_id, $resource_id, $new_folder_hash, ...$rest);
		}
	}

	if (
		class_exists('App', false)
		&& \FileSync\Addon\Hub\Family::hasTheme()
		&& ! function_exists('Theme\Solidified\Api\Handlers\attach_change_permissions')
	) {
		/** Changes who may see a file, or a folder with everything beneath it. */
		function attach_change_permissions(
			$channel_id,
			$resource,
			$allow_cid,
			$allow_gid,
			$deny_cid,
			$deny_gid,
			$recurse = false,
			$sync = false,
			...$rest,
		) {
			return (
				\FileSync\Addon\Hub\Family::isAsExpected('attach_change_permissions')
					? \FileSync\Addon\Send\Changes::access(
						$channel_id,
						$resource,
						[$allow_cid, $allow_gid, $deny_cid, $deny_gid],
						$recurse,
						$sync,
					)
					: \attach_change_permissions(
						$channel_id,
						$resource,
						$allow_cid,
						$allow_gid,
						$deny_cid,
						$deny_gid,
						$recurse,
						$sync,
						...$rest,
					)
			);
		}
	}

	if (
		class_exists('App', false)
		&& \FileSync\Addon\Hub\Family::hasTheme()
		&& ! function_exists('Theme\Solidified\Api\Handlers\fix_attached_permissions')
	) {
		/** Gives files that were uploaded into a post the post's access. */
		function fix_attached_permissions($uid, $body, ...$rest)
		{
			return \FileSync\Addon\Hub\Family::isAsExpected('fix_attached_permissions')
				? \FileSync\Addon\Send\Changes::accessOfPost($uid, $body, $rest)
				: \FileSync\Addon\Hub\Core::fixAttachedPermissions($uid, $body, ...$rest);
		}
	}
}

<?php

namespace TestHub;

/**
 * The indexes of a hub's tables, on the columns that the test hub has: the same in 7.8, 8.8.7 and 8.9.3, on MariaDB and
 * PostgreSQL but for what the constants say. Few tests have so many rows that they matter, and making them takes time.
 */
final class Indexes {

	const BOTH = [
		'attach' => ['aid', 'uid', 'hash', 'filename', 'filetype', 'filesize', 'created', 'edited', 'revision', 'folder', 'flags', 'creator', 'is_dir', 'is_photo', 'os_storage'],
		'photo' => ['uid', 'album', 'imgscale', 'profile', 'photo_flags', 'mimetype', 'aid', 'xchan', 'filesize', 'resource_id', 'expires', 'is_nsfw', 'os_storage', 'photo_usage'],
		'item' => ['uuid', 'parent', 'created', 'edited', 'received', 'uid, commented', 'uid, created', 'uid, item_unseen', 'uid, item_type', 'uid, item_thread_top', 'uid, item_blocked',
			'uid, item_wall', 'uid, item_starred', 'uid, item_retained', 'uid, item_private', 'uid, resource_type', 'owner_xchan', 'author_xchan', 'resource_id', 'resource_type', 'commented',
			'verb', 'obj_type', 'expires', 'revision', 'mimetype', 'mid', 'parent_mid', 'uid, mid', 'comment_policy', 'layout_mid', 'public_policy', 'comments_closed', 'changed', 'item_origin',
			'item_wall', 'item_uplink', 'item_nsfw', 'item_mentionsme', 'item_nocomment', 'item_obscured', 'item_rss', 'item_consensus', 'item_deleted, item_pending_remove, changed',
			'item_pending_remove, changed', 'thr_parent'],
		'term' => ['oid', 'otype', 'ttype', 'term', 'uid', 'aid', 'imgurl', 'term_hash', 'parent_hash'],
		'channel' => ['channel_address', 'channel_account_id', 'channel_primary', 'channel_name', 'channel_timezone', 'channel_location', 'channel_theme', 'channel_notifyflags',
			'channel_pageflags', 'channel_default_group', 'channel_guid', 'channel_hash', 'channel_deleted', 'channel_active', 'channel_dirdate', 'channel_removed', 'channel_system',
			'channel_moved'],
		'account' => ['account_email', 'account_service_class', 'account_parent', 'account_flags', 'account_roles', 'account_expires', 'account_default_channel', 'account_level'],
		'xchan' => ['xchan_guid', 'xchan_addr', 'xchan_name', 'xchan_network', 'xchan_url', 'xchan_flags', 'xchan_hidden', 'xchan_orphan', 'xchan_deleted', 'xchan_photo_m'],
		'hubloc' => ['hubloc_url', 'hubloc_site_id', 'hubloc_guid', 'hubloc_id_url', 'hubloc_hash', 'hubloc_flags', 'hubloc_connect', 'hubloc_host', 'hubloc_addr', 'hubloc_updated',
			'hubloc_connected', 'hubloc_status', 'hubloc_network', 'hubloc_primary', 'hubloc_orphancheck', 'hubloc_deleted', 'hubloc_error'],
		'abook' => ['abook_account', 'abook_channel', 'abook_xchan', 'abook_my_perms', 'abook_closeness', 'abook_created', 'abook_updated', 'abook_self'],
		'abconfig' => ['cat', 'k'],
		'pgrp' => ['uid', 'visible', 'deleted', 'hash', 'gname'],
		'pgrp_member' => ['uid', 'gid', 'xchan'],
		'profile' => ['uid', 'publish', 'aid', 'is_default', 'profile_guid'],
		'app' => ['app_id', 'app_name', 'app_channel'],
		'menu' => ['menu_channel_id', 'menu_name'],
		'menu_item' => ['mitem_menu_id', 'mitem_channel_id'],
		'chatroom' => ['cr_aid', 'cr_uid', 'cr_name', 'cr_created'],
		'dreport' => ['dreport_mid', 'dreport_xchan', 'dreport_queue', 'dreport_channel'],
		'notify' => ['uid', 'hash', 'aid'],
		'updates' => ['ud_hash', 'ud_addr'],
		'site' => ['site_flags', 'site_update', 'site_access', 'site_valid', 'site_dead', 'site_type', 'site_project'],
		'iconfig' => ['iid', 'cat', 'k', 'sharing'],
		'hook' => ['hook', 'priority', 'hook_version'],
		'addon' => ['hidden', 'aname', 'installed'],
		'outq' => ['outq_account', 'outq_channel', 'outq_posturl', 'outq_created', 'outq_updated', 'outq_scheduled', 'outq_async', 'outq_delivered', 'outq_priority'],
		'workerq' => ['workerq_priority', 'workerq_reservationid', 'workerq_processtimeout', 'workerq_uuid'],
	];
	const MARIADB = ['abconfig' => ['chan, xchan'], 'calendarobjects' => ['calendarid, uri'], 'calendarinstances' => ['principaluri, uri']];
	const POSTGRESQL = ['abconfig' => ['chan', 'xchan'], 'abook' => ['abook_channel, abook_closeness'], 'calendarobjects' => ['calendarid, uri'], 'calendarinstances' => ['principaluri, uri']];

	/** Adds them to the tables of a hub, instead of the few that the test hub has. */
	public static function add(\PDO $database, string $dsn): void {
		$kind = Databases::kind($dsn);
		foreach (array_merge_recursive(self::BOTH, $kind === 'pgsql' ? self::POSTGRESQL : self::MARIADB) as $table => $indexes) {
			$parts = [];
			foreach ($indexes as $columns) {
				$name = 'hub_' . $table . '_' . strtr($columns, [', ' => '_']);
				$parts[] = $kind === 'mysql' ? "ADD INDEX $name ($columns)" : "CREATE INDEX $name ON $table ($columns)";
			}
			// One statement for all, where that can be: each would copy the table.
			foreach ($kind === 'mysql' ? ["ALTER TABLE $table " . implode(', ', $parts)] : $parts as $statement) {
				$database->exec($statement);
			}
		}
	}
}

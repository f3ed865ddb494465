<?php

/**
 * Which statements may read a whole table, and why: by the table, or by table and statement without its values. What is
 * no longer used is reported too.
 *
 * @return array{tables: array<string, string>, statements: array<string, array<string, string>>}
 */

declare(strict_types=1);

const FORGOTTEN = 'once, when a channel leaves the hub';
const UNINSTALL = 'once, when filesync is removed or an admin asks what that would lose';
const REHEARSAL = 'a rehearsal looks at, or removes, what is left of its hidden channel';
const INDEX_ALONE = 'from the index alone, where the database can';
const ALL_CHANNELS = 'every channel of the hub is wanted';

return [
	'tables' => [
		'filesync_key' => 'a key a day, and two days of them',
		'filesync_rehearsal' => 'a few for each version of the hub',
		'filesync_scratch' => 'one row while a rehearsal or a drill runs',
		'filesync_refusal' => 'at most 2,000 rows',
		'filesync_peer' => 'a row for each other hub',
		'filesync_import' => 'a row for each import of a week',
		'hook' => 'a few hundred rows',
	],
	'statements' => [
		'filesync_journal' => [
			'select DISTINCT run from filesync_journal' => INDEX_ALONE,
			'DELETE FROM filesync_journal WHERE uid = ?' => FORGOTTEN,
		],
		'filesync_served' => ['DELETE FROM filesync_served WHERE uid = ?' => FORGOTTEN],
		'filesync_bulk' => [
			'DELETE FROM filesync_bulk WHERE created >= ?' => UNINSTALL,
			'select count(*) as total from filesync_bulk' => UNINSTALL,
			'select DISTINCT uid from filesync_bulk' => INDEX_ALONE,
		],
		'filesync_dropped' => [
			'DELETE FROM filesync_dropped WHERE created >= ?' => UNINSTALL,
			'select DISTINCT uid from filesync_dropped' => INDEX_ALONE,
			'select DISTINCT peer from filesync_dropped' => INDEX_ALONE,
			'select * from filesync_dropped WHERE is_delete = ? AND id > ? ORDER BY id LIMIT ?' => 'nearly all of them are listed',
		],
		'filesync_packet' => [
			'DELETE FROM filesync_packet WHERE attempts >= ?' => UNINSTALL,
			'select reason from filesync_packet WHERE uid = ? LIMIT ?' => REHEARSAL,
			'UPDATE filesync_packet SET size_bytes = length(body) WHERE size_bytes = ?' => 'once, by a migration',
			'select count(*) as total from filesync_packet' => 'their number is bounded, and they are counted from an index',
			'select id, uid, hash, state, reason, about, attempts, next_at, created, updated, size_bytes from filesync_packet ORDER BY created' => 'their number is bounded, and all are listed',
			'select id, uid, hash, state, reason, about, attempts, next_at, created, updated, size_bytes from filesync_packet WHERE state = ? ORDER BY created' => 'their number is bounded, and all are listed',
			'select sum(size_bytes) as total from filesync_packet' => 'their number is bounded, and they are counted from an index',
		],
		'filesync_outbox' => [
			'DELETE FROM filesync_outbox WHERE attempts >= ?' => UNINSTALL,
			'select DISTINCT uid from filesync_outbox' => UNINSTALL,
			'select uid, kind, name, reason, state, created from filesync_outbox WHERE reason <> ? ORDER BY created DESC LIMIT ?' => 'from the newest on, until there are ten',
			'select count(*) as total from filesync_outbox WHERE kind NOT IN (?) AND state <> ?' => UNINSTALL,
		],
		'filesync_transfer' => [
			'select DISTINCT uid from filesync_transfer' => UNINSTALL,
		],
		'filesync_door' => ['select DISTINCT uid from filesync_door' => INDEX_ALONE],
		'filesync_ended' => ['select DISTINCT uid from filesync_ended' => INDEX_ALONE],
		'filesync_reconcile' => [
			'UPDATE filesync_reconcile SET next_at = ? WHERE role = ? AND next_at > ?' => 'all that wait are made now',
			'select id from filesync_reconcile WHERE role IN (?) AND next_at <= ? AND next_at > ? LIMIT ?' => 'the first row that is found will do, and an index has those that are due',
		],
		'filesync_setting' => [
			'DELETE FROM filesync_setting WHERE scope = ? AND name = ?' => REHEARSAL,
			'select id, scope from filesync_setting WHERE scope like ?' => REHEARSAL,
		],
		'filesync_lease' => ['select id, name from filesync_lease WHERE name like ?' => REHEARSAL],
		'workerq' => ['DELETE FROM workerq WHERE workerq_data like ?' => REHEARSAL],
		'filesync_door_entry' => [
			'select sum(size_bytes) as total from filesync_door_entry WHERE is_whole = ?' => INDEX_ALONE,
			'select sum(size_bytes) as total from filesync_door_entry' => INDEX_ALONE,
			'select count(*) as total from filesync_door_entry WHERE is_whole = ?' => INDEX_ALONE,
			'select count(*) as total from filesync_door_entry' => INDEX_ALONE,
		],
		'filesync_kept' => [
			'UPDATE filesync_kept SET is_moving = ? WHERE source <> ?' => 'once, by a migration',
			'select count(*) as files, sum(size_bytes) as bytes from filesync_kept' => INDEX_ALONE,
			'select count(*) as total from filesync_kept' => INDEX_ALONE,
			'select sum(size_bytes) as total from filesync_kept' => INDEX_ALONE,
		],
		'attach' => [
			'select id from attach WHERE uid = ? ORDER BY id DESC LIMIT ?' => 'MariaDB reads the end of an index; PostgreSQL goes from the newest row of all to the first of the channel',
		],
		'attach' => [
			'select id from attach WHERE uid = ? ORDER BY id DESC LIMIT ?' => 'MariaDB reads the end of an index; PostgreSQL goes from the newest row of all to the first of the channel',
		],
		'channel' => [
			'select channel_id from channel WHERE channel_removed = ? ORDER BY channel_id' => ALL_CHANNELS,
			'select channel_id from channel WHERE channel_removed = ? AND channel_system = ? ORDER BY channel_id' =>
				ALL_CHANNELS,
			'select channel_id, channel_address from channel WHERE channel_removed = ? ORDER BY channel_id' =>
				ALL_CHANNELS,
			'select channel_id, channel_address from channel WHERE channel_removed = ? AND channel_system = ? ORDER BY channel_id' =>
				ALL_CHANNELS,
		],
	],
];

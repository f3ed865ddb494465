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
const REHEARSAL = 'a rehearsal removes what is left of its hidden channel';
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
		'filesync_journal' => ['DELETE FROM filesync_journal WHERE uid = ?' => FORGOTTEN],
		'filesync_served' => ['DELETE FROM filesync_served WHERE uid = ?' => FORGOTTEN],
		'filesync_bulk' => [
			'DELETE FROM filesync_bulk WHERE created >= ?' => UNINSTALL,
			'select count(*) as total from filesync_bulk' => UNINSTALL,
			'select DISTINCT uid from filesync_bulk' => 'from the index alone',
		],
		'filesync_dropped' => [
			'DELETE FROM filesync_dropped WHERE created >= ?' => UNINSTALL,
			'select DISTINCT uid from filesync_dropped' => 'once a day, from the index alone',
			'select DISTINCT peer from filesync_dropped' => 'from the index alone',
		],
		'filesync_packet' => [
			'DELETE FROM filesync_packet WHERE attempts >= ?' => UNINSTALL,
			'UPDATE filesync_packet SET size_bytes = length(body) WHERE size_bytes = ?' => 'once, by a migration',
			'select count(*) as total from filesync_packet' => 'their number is bounded, and they are counted from an index',
			'select id, uid, hash, state, reason, about, attempts, next_at, created, updated, size_bytes from filesync_packet ORDER BY created' => 'their number is bounded, and all are listed',
			'select id, uid, hash, state, reason, about, attempts, next_at, created, updated, size_bytes from filesync_packet WHERE state = ? ORDER BY created' => 'their number is bounded, and all are listed',
			'select sum(size_bytes) as total from filesync_packet' => 'their number is bounded, and they are counted from an index',
		],
		'filesync_outbox' => [
			'DELETE FROM filesync_outbox WHERE attempts >= ?' => UNINSTALL,
			'select DISTINCT uid from filesync_outbox' => UNINSTALL,
			'select count(*) as total from filesync_outbox WHERE kind NOT IN (?) AND state <> ?' => UNINSTALL,
		],
		'filesync_transfer' => ['select DISTINCT uid from filesync_transfer' => UNINSTALL],
		'filesync_setting' => [
			'DELETE FROM filesync_setting WHERE scope = ? AND name = ?' => REHEARSAL,
			'select id, scope from filesync_setting WHERE scope like ?' => REHEARSAL,
		],
		'filesync_lease' => ['select id, name from filesync_lease WHERE name like ?' => REHEARSAL],
		'workerq' => ['DELETE FROM workerq WHERE workerq_data like ?' => REHEARSAL],
		'filesync_door_entry' => ['select sum(size_bytes) as total from filesync_door_entry' => 'from the index alone'],
		'filesync_kept' => [
			'select count(*) as total from filesync_kept' => 'from the index alone',
			'select sum(size_bytes) as total from filesync_kept' => 'from the index alone',
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

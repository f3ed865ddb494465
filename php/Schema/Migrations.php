<?php

namespace FileSync\Addon\Schema;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Database;
use FileSync\Addon\Hub\Ground;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Creates and changes our tables, step by step, each step once.
 *
 * A step may be interrupted and run again: it creates missing tables, and ignores an index or column that already
 * exists. The hub's config (`filesync`, `schema`) holds the number of the last finished step.
 */
final class Migrations
{
	private const LEASE =
		'CREATE TABLE IF NOT EXISTS filesync_lease (id varchar(64) NOT NULL PRIMARY KEY, name varchar(191) NOT NULL,'
			. ' token varchar(64) NOT NULL, expires bigint NOT NULL)';

	/** A statement that adds a column: table, name, definition without its default. */
	private const ADDED = '/^ALTER TABLE (\w+) ADD COLUMN (\w+) (.+?)(?: DEFAULT .+)?$/D';

	/** A statement that makes or removes an index: it may exist already, or no longer. */
	private const INDEX = '/^CREATE INDEX | DROP INDEX |^DROP INDEX /';

	/** Migrates the tables to the newest step. Returns the number of that step. */
	public static function run(): int
	{
		$steps = self::steps();
		$newest = self::newest();
		if (self::done() >= $newest) {
			return $newest;
		}
		Table::define(self::LEASE);
		$token = Token::make();
		if (! Lease::take('migrations', $token, 300)) {
			return self::done();
		}
		try {
			foreach ($steps as $number => $statements) {
				if ($number > self::done()) {
					self::runStep($number, $statements);
				}
			}
		} finally {
			Lease::giveBack('migrations', $token);
		}

		return self::done();
	}

	/** Migrates the tables to the newest step; false if another process is doing so. */
	public static function ready(): bool
	{
		return ! Ground::lacks() && self::run() === self::newest();
	}

	/** Returns the number of the last finished step, 0 if none. */
	public static function done(): int
	{
		return (int) Config::ofHub('schema');
	}

	/** Returns the number of the newest step that this version knows. */
	public static function newest(): int
	{
		return max(array_keys(self::steps()));
	}

	/** Removes the tables; the next run creates them again. */
	public static function undo(): void
	{
		Config::setOfHub('schema', null);
		Table::drop(self::tables());
	}

	/**
	 * Returns the names of our tables.
	 *
	 * @return list<string>
	 */
	public static function tables(): array
	{
		return array_keys(self::columns());
	}

	/**
	 * Returns the columns that each table should have, with their definitions.
	 *
	 * @return array<string, array<string, string>>
	 */
	public static function columns(): array
	{
		$columns = $table = $added = [];
		foreach ([self::LEASE, ...array_merge(...self::steps())] as $statement) {
			if (
				is_string($statement)
				&& preg_match('/^CREATE TABLE IF NOT EXISTS (\w+) \((.+)\)$/', $statement, $table)
			) {
				foreach (explode(', ', $table[2]) as $column) {
					[$name, $definition] = explode(' ', $column, 2);
					$columns[$table[1]][$name] = $definition;
				}
			} elseif (is_string($statement) && preg_match(self::ADDED, $statement, $added)) {
				$columns[$added[1]][$added[2]] = $added[3];
			}
		}

		return $columns;
	}

	/** @param list<string|\Closure(): mixed> $statements */
	private static function runStep(int $number, array $statements): void
	{
		$added = [];
		foreach ($statements as $statement) {
			if (! is_string($statement)) {
				$statement();
			} elseif (preg_match(self::ADDED, $statement, $added) && ! Table::lacking($added[1], [$added[2] => ''])) {
				continue;
			} elseif (! Table::define($statement) && ! preg_match(self::INDEX, $statement)) {
				throw new \RuntimeException("migration $number failed");
			}
		}
		Config::setOfHub('schema', $number);
		Log::write("tables are at step $number");
	}

	/**
	 * We make the ids; times are Unix seconds; `long` holds JSON of rows, and 64 KiB is too little for that on MariaDB.
	 * A released step never changes again (MigrationsTest): hubs have run it. What must change is a new step.
	 *
	 * @return non-empty-array<int, list<string|\Closure(): mixed>>
	 */
	private static function steps(): array
	{
		$long = Database::isPostgres() ? 'text' : 'mediumtext';

		return [
			1 => [
				'CREATE TABLE IF NOT EXISTS filesync_setting (id varchar(64) NOT NULL PRIMARY KEY, scope varchar(191) NOT NULL,'
					. ' name varchar(64) NOT NULL, value text NOT NULL)',

				'CREATE TABLE IF NOT EXISTS filesync_transfer (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL,'
					. ' hash varchar(64) NOT NULL, scale bigint NOT NULL, generation bigint NOT NULL, state varchar(16) NOT NULL,'
					. ' token varchar(64) NOT NULL, lease_until bigint NOT NULL, attempts bigint NOT NULL, next_at bigint NOT NULL,'
					. ' priority bigint NOT NULL, size_bytes bigint NOT NULL, edited varchar(19) NOT NULL, mimetype varchar(191) NOT NULL,'
					. ' folder varchar(64) NOT NULL, origin text NOT NULL, nick varchar(191) NOT NULL, '
					. "names $long NOT NULL, entry $long NOT NULL, base text NOT NULL, pending $long NOT NULL, sha256 varchar(64) NOT NULL, intent text NOT NULL,"
					. ' kind varchar(32) NOT NULL, reason text NOT NULL, result text NOT NULL, created bigint NOT NULL, updated bigint NOT NULL)',
				'CREATE INDEX filesync_transfer_due ON filesync_transfer (state, next_at)',
				'CREATE INDEX filesync_transfer_file ON filesync_transfer (uid, hash)',
				'CREATE INDEX filesync_transfer_token ON filesync_transfer (token)',

				'CREATE TABLE IF NOT EXISTS filesync_packet (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL,'
					. " hash varchar(64) NOT NULL, state varchar(16) NOT NULL, reason text NOT NULL, body $long NOT NULL,"
					. ' attempts bigint NOT NULL, next_at bigint NOT NULL, created bigint NOT NULL, updated bigint NOT NULL)',
				'CREATE INDEX filesync_packet_due ON filesync_packet (state, next_at)',

				'CREATE TABLE IF NOT EXISTS filesync_kept (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL,'
					. ' hash varchar(64) NOT NULL, scale bigint NOT NULL, path text NOT NULL, source text NOT NULL, size_bytes bigint NOT NULL,'
					. " why varchar(16) NOT NULL, entry $long NOT NULL, created bigint NOT NULL)",
				'CREATE INDEX filesync_kept_age ON filesync_kept (uid, created)',

				'CREATE TABLE IF NOT EXISTS filesync_outbox (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL,'
					. " kind varchar(16) NOT NULL, name varchar(191) NOT NULL, body $long NOT NULL, state varchar(16) NOT NULL,"
					. ' attempts bigint NOT NULL, next_at bigint NOT NULL, reason text NOT NULL, created bigint NOT NULL)',
				'CREATE INDEX filesync_outbox_due ON filesync_outbox (state, next_at)',
			],
			2 => [
				'CREATE TABLE IF NOT EXISTS filesync_key (id varchar(64) NOT NULL PRIMARY KEY, secret varchar(64) NOT NULL, created bigint NOT NULL)',

				'CREATE TABLE IF NOT EXISTS filesync_nonce (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, token varchar(64) NOT NULL,'
					. ' created bigint NOT NULL, expires bigint NOT NULL)',
				'CREATE INDEX filesync_nonce_age ON filesync_nonce (uid, created)',
				'CREATE INDEX filesync_nonce_end ON filesync_nonce (expires)',

				'CREATE TABLE IF NOT EXISTS filesync_digest (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, hash varchar(64) NOT NULL,'
					. ' scale bigint NOT NULL, size_bytes bigint NOT NULL, facts varchar(191) NOT NULL, sha256 varchar(64) NOT NULL, updated bigint NOT NULL)',
				'CREATE INDEX filesync_digest_size ON filesync_digest (uid, size_bytes)',
				'CREATE INDEX filesync_digest_wanted ON filesync_digest (sha256)',
			],
			3 => [
				'CREATE TABLE IF NOT EXISTS filesync_peer (id varchar(64) NOT NULL PRIMARY KEY, url text NOT NULL, speaks varchar(16) NOT NULL,'
					. ' known_until bigint NOT NULL, version varchar(32) NOT NULL, features text NOT NULL, reason text NOT NULL,'
					. ' dav_refused_until bigint NOT NULL, piece_bytes bigint NOT NULL, piece_until bigint NOT NULL, skew_seconds bigint NOT NULL,'
					. ' last_ok bigint NOT NULL, last_failed bigint NOT NULL, failures bigint NOT NULL, rung varchar(16) NOT NULL, updated bigint NOT NULL)',
			],
			4 => [
				'CREATE TABLE IF NOT EXISTS filesync_file (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, hash varchar(64) NOT NULL,'
					. " state varchar(16) NOT NULL, is_dir bigint NOT NULL, bytes $long NOT NULL, place $long NOT NULL, access $long NOT NULL,"
					. " wanted $long NOT NULL, gone text NOT NULL, here text NOT NULL, facts text NOT NULL, peers text NOT NULL, updated bigint NOT NULL)",
				'CREATE INDEX filesync_file_state ON filesync_file (uid, state, updated)',
			],
			5 => [
				'CREATE TABLE IF NOT EXISTS filesync_reconcile (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, role varchar(16) NOT NULL,'
					. " peer text NOT NULL, state varchar(16) NOT NULL, session varchar(64) NOT NULL, body $long NOT NULL, position text NOT NULL, stats text NOT NULL,"
					. ' attempts bigint NOT NULL, next_at bigint NOT NULL, was_away bigint NOT NULL, finished bigint NOT NULL, reason text NOT NULL,'
					. ' created bigint NOT NULL, updated bigint NOT NULL)',
				'CREATE INDEX filesync_reconcile_due ON filesync_reconcile (role, next_at)',
			],
			6 => [
				'CREATE TABLE IF NOT EXISTS filesync_journal (id varchar(64) NOT NULL PRIMARY KEY, run varchar(64) NOT NULL, position bigint NOT NULL,'
					. " uid bigint NOT NULL, hash varchar(64) NOT NULL, shape varchar(16) NOT NULL, name text NOT NULL, body $long NOT NULL, created bigint NOT NULL)",
				'CREATE INDEX filesync_journal_run ON filesync_journal (run, position)',
			],
			7 => [
				'CREATE TABLE IF NOT EXISTS filesync_refusal (id varchar(64) NOT NULL PRIMARY KEY, address varchar(64) NOT NULL, number bigint NOT NULL, updated bigint NOT NULL)',
			],
			8 => [
				fn () => Table::widen('filesync_file', ['gone', 'here', 'peers'], $long),
				"ALTER TABLE filesync_kept ADD COLUMN hub varchar(64) NOT NULL DEFAULT ''",
				'CREATE TABLE IF NOT EXISTS filesync_held (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, hub varchar(64) NOT NULL, url text NOT NULL,'
					. ' hash varchar(64) NOT NULL, what varchar(16) NOT NULL, state varchar(16) NOT NULL, files bigint NOT NULL, size_bytes bigint NOT NULL,'
					. " body $long NOT NULL, since bigint NOT NULL, created bigint NOT NULL)",
				'CREATE INDEX filesync_held_channel ON filesync_held (uid, hub, state)',
			],
			9 => [
				'CREATE TABLE IF NOT EXISTS filesync_served (id varchar(64) NOT NULL PRIMARY KEY, job varchar(16) NOT NULL, uid bigint NOT NULL, place bigint NOT NULL)',
				'CREATE INDEX filesync_served_job ON filesync_served (job, place)',

				'CREATE TABLE IF NOT EXISTS filesync_dropped (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, hash varchar(64) NOT NULL,'
					. ' is_delete bigint NOT NULL, peer varchar(191) NOT NULL, created bigint NOT NULL)',
				'CREATE INDEX filesync_dropped_peer ON filesync_dropped (uid, peer)',

				'ALTER TABLE filesync_packet ADD COLUMN size_bytes bigint NOT NULL DEFAULT 0',
				'ALTER TABLE filesync_packet ADD COLUMN about text',
				'UPDATE filesync_packet SET size_bytes = length(body) WHERE size_bytes = 0',
				'CREATE INDEX filesync_packet_channel ON filesync_packet (uid, state)',
			],
			10 => [
				'CREATE TABLE IF NOT EXISTS filesync_rehearsal (id varchar(64) NOT NULL PRIMARY KEY, hub varchar(64) NOT NULL, php varchar(64) NOT NULL,'
					. " filesync varchar(64) NOT NULL, begun bigint NOT NULL, seconds bigint NOT NULL, failed text NOT NULL, steps $long NOT NULL)",
			],
			11 => [
				'CREATE TABLE IF NOT EXISTS filesync_scratch (nick varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, hash varchar(191) NOT NULL,'
					. ' attempt text NOT NULL, created bigint NOT NULL)',
			],
			12 => [
				'CREATE TABLE IF NOT EXISTS filesync_restore (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, door varchar(16) NOT NULL,'
					. ' folder text NOT NULL, choice text NOT NULL, list_sha256 varchar(64) NOT NULL, state varchar(16) NOT NULL, token varchar(64) NOT NULL,'
					. " is_untold bigint NOT NULL, plan $long NOT NULL, progress $long NOT NULL, plan_files bigint NOT NULL, plan_bytes bigint NOT NULL,"
					. ' done_files bigint NOT NULL, done_bytes bigint NOT NULL, code varchar(32) NOT NULL, reason text NOT NULL, attempts bigint NOT NULL,'
					. ' next_at bigint NOT NULL, created bigint NOT NULL, begun bigint NOT NULL, updated bigint NOT NULL)',
			],
			13 => [
				'CREATE TABLE IF NOT EXISTS filesync_ended (id varchar(32) NOT NULL PRIMARY KEY, uid bigint NOT NULL, day bigint NOT NULL)',
				'CREATE INDEX filesync_ended_day ON filesync_ended (uid, day)',
			],
			14 => [
				'CREATE TABLE IF NOT EXISTS filesync_door_key (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, kind varchar(16) NOT NULL,'
					. ' digest varchar(64) NOT NULL, session varchar(64) NOT NULL, created bigint NOT NULL, expires bigint NOT NULL,'
					. ' used_at bigint NOT NULL, used_from varchar(64) NOT NULL, requests bigint NOT NULL)',
				'CREATE INDEX filesync_door_key_channel ON filesync_door_key (uid)',

				'CREATE TABLE IF NOT EXISTS filesync_door (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, aid bigint NOT NULL,'
					. ' state varchar(16) NOT NULL, lists text NOT NULL, code varchar(32) NOT NULL, reason text NOT NULL,'
					. " result $long NOT NULL, created bigint NOT NULL, touched bigint NOT NULL, ended bigint NOT NULL)",
				'CREATE INDEX filesync_door_channel ON filesync_door (uid, state)',

				'CREATE TABLE IF NOT EXISTS filesync_door_entry (id varchar(64) NOT NULL PRIMARY KEY, session varchar(64) NOT NULL, sha256 varchar(64) NOT NULL,'
					. ' size_bytes bigint NOT NULL, is_whole bigint NOT NULL, metadata text NOT NULL, created bigint NOT NULL)',
				'CREATE INDEX filesync_door_entry_session ON filesync_door_entry (session, is_whole)',
			],
			15 => [
				"ALTER TABLE filesync_door ADD COLUMN door varchar(16) NOT NULL DEFAULT 'upload'",
				'ALTER TABLE filesync_door ADD COLUMN asked bigint NOT NULL DEFAULT 0',
				"ALTER TABLE filesync_door ADD COLUMN changed varchar(64) NOT NULL DEFAULT ''",
				"ALTER TABLE filesync_door ADD COLUMN restored varchar(64) NOT NULL DEFAULT ''",
				'ALTER TABLE filesync_door ADD COLUMN is_all bigint NOT NULL DEFAULT 0',

				'CREATE TABLE IF NOT EXISTS filesync_box_name (id varchar(64) NOT NULL PRIMARY KEY, session varchar(64) NOT NULL, folder varchar(64) NOT NULL,'
					. ' node varchar(64) NOT NULL, name text NOT NULL, kind varchar(16) NOT NULL, sha256 varchar(64) NOT NULL, size_bytes bigint NOT NULL,'
					. ' says varchar(64) NOT NULL, since varchar(64) NOT NULL, modified bigint NOT NULL, created bigint NOT NULL)',
				'CREATE INDEX filesync_box_name_folder ON filesync_box_name (folder)',
				'CREATE INDEX filesync_box_name_kind ON filesync_box_name (session, kind)',
				'CREATE INDEX filesync_box_name_digest ON filesync_box_name (session, sha256)',

				'CREATE TABLE IF NOT EXISTS filesync_box_part (id varchar(64) NOT NULL PRIMARY KEY, session varchar(64) NOT NULL, metadata varchar(64) NOT NULL,'
					. ' sha256 varchar(64) NOT NULL, size_bytes bigint NOT NULL, is_here bigint NOT NULL)',
				'CREATE INDEX filesync_box_part_metadata ON filesync_box_part (session, metadata, is_here)',
				'CREATE INDEX filesync_box_part_digest ON filesync_box_part (session, sha256)',
			],
			16 => [
				'CREATE TABLE IF NOT EXISTS filesync_import (id varchar(64) NOT NULL PRIMARY KEY, aid bigint NOT NULL, uid bigint NOT NULL,'
					. ' choice text NOT NULL, state varchar(16) NOT NULL, part bigint NOT NULL, place text NOT NULL, element bigint NOT NULL,'
					. ' elements bigint NOT NULL, size_bytes bigint NOT NULL, refused bigint NOT NULL, created bigint NOT NULL, updated bigint NOT NULL)',

				'CREATE TABLE IF NOT EXISTS filesync_import_post (id varchar(64) NOT NULL PRIMARY KEY, job varchar(64) NOT NULL, part bigint NOT NULL,'
					. ' number bigint NOT NULL, mid text NOT NULL)',
				'CREATE INDEX filesync_import_post_number ON filesync_import_post (job, part, number)',
			],
			17 => [
				'ALTER TABLE filesync_import ADD COLUMN is_new bigint NOT NULL DEFAULT 0',
				"ALTER TABLE filesync_import ADD COLUMN left_to varchar(16) NOT NULL DEFAULT ''",
				'ALTER TABLE filesync_import ADD COLUMN all_bytes bigint NOT NULL DEFAULT 0',
				'ALTER TABLE filesync_import ADD COLUMN attempts bigint NOT NULL DEFAULT 0',
				'ALTER TABLE filesync_import ADD COLUMN next_at bigint NOT NULL DEFAULT 0',
				"ALTER TABLE filesync_import ADD COLUMN reason varchar(500) NOT NULL DEFAULT ''",
			],
			18 => [
				'ALTER TABLE filesync_door_key ADD COLUMN aid bigint NOT NULL DEFAULT 0',
			],
			19 => [
				'CREATE TABLE IF NOT EXISTS filesync_bulk (id varchar(64) NOT NULL PRIMARY KEY, uid bigint NOT NULL, peer varchar(64) NOT NULL,'
					. " hash varchar(64) NOT NULL, is_delete bigint NOT NULL, beneath $long NOT NULL, place bigint NOT NULL, created bigint NOT NULL)",
				'CREATE INDEX filesync_bulk_order ON filesync_bulk (uid, peer, place)',
				'ALTER TABLE filesync_peer ADD COLUMN bulk_refused_until bigint NOT NULL DEFAULT 0',
			],
			20 => [
				'CREATE INDEX filesync_transfer_age ON filesync_transfer (state, updated)',
				'CREATE INDEX filesync_transfer_sums ON filesync_transfer (state, scale, size_bytes)',
				'CREATE INDEX filesync_transfer_channels ON filesync_transfer (state, next_at, uid)',
				(Database::isPostgres() ? '' : 'ALTER TABLE filesync_transfer ') . 'DROP INDEX filesync_transfer_due',
				'CREATE INDEX filesync_file_channel ON filesync_file (uid, id)',
				'CREATE INDEX filesync_file_age ON filesync_file (state, updated)',
				'CREATE INDEX filesync_packet_age ON filesync_packet (created)',
				'CREATE INDEX filesync_packet_newest ON filesync_packet (updated)',
				'CREATE INDEX filesync_packet_size ON filesync_packet (size_bytes)',
				'ALTER TABLE filesync_kept ADD COLUMN is_moving bigint NOT NULL DEFAULT 0',
				"UPDATE filesync_kept SET is_moving = 1 WHERE source <> ''",
				'CREATE INDEX filesync_kept_moving ON filesync_kept (is_moving, uid)',
				'CREATE INDEX filesync_kept_channel ON filesync_kept (uid, scale, is_moving)',
				'CREATE INDEX filesync_kept_newest ON filesync_kept (created)',
				'CREATE INDEX filesync_kept_size ON filesync_kept (size_bytes)',
				'CREATE INDEX filesync_outbox_call ON filesync_outbox (uid, kind, name)',
				'CREATE INDEX filesync_outbox_kind ON filesync_outbox (kind, created)',
				'CREATE INDEX filesync_outbox_newest ON filesync_outbox (created)',
				'CREATE INDEX filesync_setting_name ON filesync_setting (name, scope)',
				'CREATE INDEX filesync_reconcile_channel ON filesync_reconcile (uid, role, updated)',
				'CREATE INDEX filesync_reconcile_age ON filesync_reconcile (role, updated)',
				'CREATE INDEX filesync_journal_age ON filesync_journal (created)',
				'CREATE INDEX filesync_held_state ON filesync_held (state, uid, hub)',
				'CREATE INDEX filesync_dropped_by ON filesync_dropped (peer)',
				'CREATE INDEX filesync_restore_channel ON filesync_restore (uid)',
				'CREATE INDEX filesync_restore_state ON filesync_restore (state)',
				'CREATE INDEX filesync_restore_untold ON filesync_restore (is_untold)',
				'CREATE INDEX filesync_door_state ON filesync_door (state, ended)',
				'CREATE INDEX filesync_door_key_end ON filesync_door_key (expires)',
				'CREATE INDEX filesync_door_key_kind ON filesync_door_key (kind, session)',
				'CREATE INDEX filesync_door_entry_size ON filesync_door_entry (is_whole, size_bytes)',
				'CREATE INDEX filesync_bulk_age ON filesync_bulk (created)',
			],
		];
	}
}

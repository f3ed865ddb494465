<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;

if (! class_exists('App', false)) {
	exit;
}

/** Entries that could not be applied when they came: tried again by a worker (`staged`), or waiting for a person (`parked`). */
final class HeldPackets
{
	private const MOST_ATTEMPTS = 5;

	/** Keeps an entry whole. Throws if even that fails, so that the sender hears of it and sends again. */
	public static function hold(array $channel, mixed $entry, string $reason, bool $retry): void
	{
		$body = json_encode($entry, JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR);
		$id = hash('sha256', $channel['channel_id'] . "\n" . $body);
		$now = Config::now();
		$row = ['state' => $retry ? 'staged' : 'parked', 'reason' => $reason, 'attempts' => 0, 'next_at' => $now + 60, 'created' => self::moment(), 'updated' => $now];
		Table::update('filesync_packet', $row, ['id' => $id]);
		if (! Table::first('filesync_packet', ['id' => $id], '', 'id')) {
			Table::insert('filesync_packet', $row + ['id' => $id, 'uid' => (int) $channel['channel_id'], 'hash' => self::hashOf($entry), 'body' => $body]);
		}
		Config::log('holding a packet for channel ' . $channel['channel_id'] . ': ' . $reason);
	}

	/** Drops the entries about a file that came before a moment, once one that came then was applied. */
	public static function forget(int $channelId, string $hash, int $moment): void
	{
		$older = ['uid' => $channelId, 'hash' => $hash, 'state' => 'staged', 'created <' => $moment];
		if (Table::first('filesync_packet', $older, '', 'id')) {
			Table::delete('filesync_packet', $older);
		}
	}

	/** Returns the present moment in microseconds: entries about one file are ordered by when they came. */
	public static function moment(): int
	{
		return (int) (microtime(true) * 1000000);
	}

	/** Tries what is due once more. */
	public static function replayDue(int $most): void
	{
		foreach (Table::select('filesync_packet', ['state' => 'staged', 'next_at <=' => Config::now()], 'created', $most) as $row) {
			// Counted before the try: what kills the process must not be tried for ever.
			$attempts = (int) $row['attempts'] + 1;
			Table::update('filesync_packet', ['attempts' => $attempts, 'next_at' => Config::now() + 60 * 2 ** min($attempts, 8)], ['id' => $row['id']]);
			try {
				if ($channel = Clones::channel((int) $row['uid'])) {
					Incoming::replay($channel, json_decode($row['body'], true), (int) $row['created']);
				}
				Table::delete('filesync_packet', ['id' => $row['id']]);
			} catch (Refused $e) {
				Config::log('refused a held packet for channel ' . $row['uid'] . ': ' . $e->getMessage());
				Table::delete('filesync_packet', ['id' => $row['id']]);
			} catch (\Throwable $e) {
				$wait = $attempts < self::MOST_ATTEMPTS && ! ($e instanceof Postponed && ! $e->retry);
				Table::update('filesync_packet', ['state' => $wait ? 'staged' : 'parked', 'reason' => $e->getMessage()], ['id' => $row['id']]);
			}
		}
	}

	/**
	 * Applies an entry that waits for a person, who agrees.
	 *
	 * @throws \Throwable It cannot be applied for another reason; it waits on.
	 */
	public static function accept(array $row): void
	{
		$channel = Clones::channel((int) $row['uid']);
		$channel && Incoming::replay($channel, json_decode($row['body'], true), (int) $row['created'], true);
		Table::delete('filesync_packet', ['id' => $row['id']]);
	}

	/** Forgets an entry that waits for a person, who refuses it. What it was to delete is given back to the clones that deleted it. */
	public static function dismiss(array $row): void
	{
		$channel = Clones::channel((int) $row['uid']);
		$packet = Packet::read(json_decode($row['body'], true));
		$channel && Turn::take((int) $row['uid'], fn () => Deletion::refuse($channel, $packet));
		Table::delete('filesync_packet', ['id' => $row['id']]);
	}

	/** Tells whether a worker has something to try again now. */
	public static function isDue(): bool
	{
		return Table::first('filesync_packet', ['state' => 'staged', 'next_at <=' => Config::now()], '', 'id') !== null;
	}

	private static function hashOf(mixed $entry): string
	{
		$rows = is_array($entry) && is_array($entry['attach'] ?? null) ? $entry['attach'] : [];
		$last = end($rows);
		$hash = is_array($last) ? $last['hash'] ?? '' : '';

		return is_string($hash) && preg_match(Packet::HASH, $hash) ? $hash : '';
	}
}

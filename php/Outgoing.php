<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Holds back what must not be sent: a file that is not whole here, and a change that was only received.
 *
 * A stock clone that hears of a file opens its own copy for writing and then fetches ours. So what cannot be told is not sent either.
 */
final class Outgoing
{
	/** Looks at the arguments of core's attach_store before it reads them. */
	public static function beforeStore(mixed &$arr): void
	{
		if (! self::changesOnlyRows($arr)) {
			return;
		}
		try {
			self::silence($arr);
		} catch (\Throwable $e) {
			$arr['nosync'] = true;
			Config::logFailure('a change about to be sent', $e);
		}
	}

	private static function silence(array &$arr): void
	{
		// Core does not say for which channel it stores; two of one hub may have a file of that hash.
		$where = ['hash' => $arr['hash']] + (Incoming::channelId() ? ['uid' => Incoming::channelId()] : []);
		$owners = array_filter(Table::select('attach', $where, 'id', 0, 'uid, edited'), fn ($own) => Config::serves((int) $own['uid']));
		if ($owners && self::isReceiving()) {
			$arr['nosync'] = true;
			if (count(array_unique(array_column($owners, 'edited'))) === 1) {
				// Core would also date the file now, and the next real change from the origin would look old.
				$arr['created'] = $arr['edited'] = substr(reset($owners)['edited'], 0, 19);
			}
			return;
		}
		foreach ($owners as $own) {
			if (self::withhold((int) $own['uid'], $arr['hash'])) {
				$arr['nosync'] = true;
			}
		}
	}

	/** Stands in for core's attach_export_data where core calls it to send a change. */
	public static function export(mixed $channel, mixed $hash, mixed $deleted, array $rest): mixed
	{
		try {
			$channelId = (int) ($channel['channel_id'] ?? 0);
			if (! $deleted && is_string($hash) && Config::serves($channelId) && self::withhold($channelId, $hash)) {
				return [];
			}
		} catch (\Throwable $e) {
			Config::logFailure('a change about to be sent', $e);
			return [];
		}

		return self::withSibling((array) $channel, \attach_export_data($channel, $hash, $deleted, ...$rest), (bool) $deleted);
	}

	private static function withSibling(array $channel, mixed $entry, bool $isDelete): mixed
	{
		try {
			return Config::serves((int) ($channel['channel_id'] ?? 0)) ? Sibling::add($channel, $entry, $isDelete) : $entry;
		} catch (\Throwable $e) {
			Config::logFailure('describing a file that is sent', $e);

			return $entry;
		}
	}

	/** Tells whether a file must not be sent now; then it is sent once its bytes are here, or once it is clear that ours stay. */
	private static function withhold(int $channelId, string $hash): bool
	{
		if (! self::isWithheld($channelId, $hash)) {
			return false;
		}
		Outbox::add($channelId, 'announce', $hash, '', true);
		if (! self::isWithheld($channelId, $hash)) {
			// It was published meanwhile, before it could know of our wish.
			Outbox::release($channelId, $hash);
		}

		return true;
	}

	/** Tells whether a file's bytes are on their way, or stuck on it, so that ours are older than the origin's. */
	private static function isWithheld(int $channelId, string $hash): bool
	{
		$where = ['uid' => $channelId, 'hash' => $hash];

		return Queue::isLive($channelId, $hash)
			|| Table::first('filesync_transfer', $where + ['state' => 'parked', 'kind <>' => Queue::OURS_STAY], '', 'id') !== null;
	}

	/** Tells whether attach_store is called to change a row only, as core's permission repair does. */
	private static function changesOnlyRows(mixed $arr): bool
	{
		return is_array($arr) && ! empty($arr['hash']) && is_string($arr['hash']) && empty($arr['visible'])
			&& ! array_intersect_key($arr, array_flip(['src', 'source', 'album', 'newalbum', 'directory', 'folder', 'filename', 'id']));
	}

	/** Tells whether this process is taking in what another hub sent. */
	private static function isReceiving(): bool
	{
		return Incoming::channelId() > 0 || PHP_SAPI === 'cli'
			|| (($_SERVER['REQUEST_METHOD'] ?? '') === 'POST' && argc() > 0 && argv(0) === 'zot');
	}
}

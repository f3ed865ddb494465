<?php

namespace FileSync\Addon\Order;

use FileSync\Addon\Digests;
use FileSync\Addon\Facts;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What we know of each file's revisions, table filesync_file: its bytes, its name and place, its access, each with a vector.
 *
 * Our own changes are not reported to us by core: notice() finds them by comparing the rows with what is known. So what another
 * hub told is never taken for a change of ours, whoever wrote it. Callers hold the channel's Turn.
 */
final class Revisions
{
	public const GROUPS = ['bytes', 'place', 'access'];
	/** What `here` has beside the fingerprints of the groups: the digest of the bytes, and those of the bytes before; the access before a clone widened it. */
	public const DIGESTS = ['sha256' => 1, 'past' => 1, 'before' => 1];

	private const MOST_PAST = 16;
	/** Deletes of what was never here that are remembered of a channel, the latest. */
	private const MOST_UNSEEN = 10000;
	private const MOST_UNSEEN_SEES = 32;
	/** The state of one: no more than what the delete has seen is known. Everywhere else it is `gone`. */
	public const UNSEEN = 'unseen';

	/** Returns what is known of a file, null if nothing is. */
	public static function find(int $channelId, string $hash): ?array
	{
		$row = Table::first('filesync_file', ['id' => self::id($channelId, $hash)]);

		return $row ? self::decode($row) : null;
	}

	/** Returns the condition that finds the rows of some files by their key. */
	public static function keys(int $channelId, array $hashes): array
	{
		return ['id' => array_map(fn ($hash) => self::id($channelId, $hash), $hashes)];
	}

	/**
	 * Returns what is known of a file, with what was changed here since, which is written down as our change.
	 *
	 * @param bool $isNew Whether a file that nothing is known of was made or changed here, rather than before filesync came.
	 */
	public static function notice(array $channel, string $hash, bool $isNew = false): array
	{
		$channelId = (int) $channel['channel_id'];
		$own = Store::attach($channelId, $hash);
		$known = self::find($channelId, $hash);
		$file = $known ?? self::unknown($channelId, $hash);
		$transfer = Queue::find($channelId, $hash, 0);
		if ($file['wanted'] && ! Queue::isWanted($transfer)) {
			$file['wanted'] = [];
		}
		if (! $own || $file['state'] === 'going') {
			return $file;
		}
		$file['is_dir'] = (int) $own['is_dir'];
		$facts = self::facts($channel, $own);
		$wasGone = $file['state'] === 'gone';
		$changed = [];
		$isPublishing = ! $file['is_dir'] && ($transfer['state'] ?? '') === 'publishing';
		foreach (self::prints($own, self::terms($own)) as $group => $print) {
			$value = $file[$group];
			$isChanged = $print !== ($file['here'][$group] ?? null) || ($group === 'bytes' && self::isRewritten($file, $facts, $own));
			if ((! $isChanged && ! $wasGone) || ($group === 'bytes' && $isPublishing)) {
				continue;
			}
			if ($group === 'bytes' && $known && ! $wasGone && self::isOnlyDated($channel, $file, $print, $facts)) {
				$file['here'][$group] = $print;
				continue;
			}
			if ($group === 'access') {
				// Whoever changes it here says who may see it.
				unset($file['here']['before']);
			}
			if ($group === 'bytes') {
				// A digest of the bytes before would make these look damaged.
				$file['here'] = self::withDigest($file['here'], $isNew && ! $file['is_dir'] ? Digests::momentary(Facts::of($channel, $hash, 0)) : null);
			}
			if (! $known && ! $isNew) {
				$file[$group] = ['print' => $print, 'edited' => self::date($own), 'at' => self::host()] + $value;
			} else {
				$base = $wasGone ? ['vector' => Vector::join($value['vector'], $file['gone'])] + $value : $value;
				$file[$group] = Judge::changed($base, $print, self::date($own), Site::component($channelId), self::host());
				$changed[] = $group;
			}
			$file['here'][$group] = $print;
		}
		$file['facts'] = $isPublishing ? $file['facts'] : $facts;
		$file['state'] = 'here';
		if ($file !== $known) {
			self::save($file);
		}

		return $file + ['changed' => $changed];
	}

	/** Writes down what is known of a file. */
	public static function save(array $file): void
	{
		unset($file['changed']);
		$row = ['state' => $file['state'], 'is_dir' => (int) $file['is_dir'], 'updated' => Config::now()];
		foreach ([...self::GROUPS, 'wanted', 'gone', 'here', 'facts', 'peers'] as $part) {
			$row[$part] = json_encode($file[$part]);
		}
		$id = self::id($file['uid'], $file['hash']);
		if (! Table::first('filesync_file', ['id' => $id], '', 'id')) {
			Table::tryInsert('filesync_file', $row + ['id' => $id, 'uid' => $file['uid'], 'hash' => $file['hash']]);
		}
		Table::update('filesync_file', $row, ['id' => $id]);
	}

	/**
	 * Says what becomes of bytes that came, now that they are to be shown.
	 *
	 * @param ?array $value What their packet said of them, null if it was taken in before there were revisions.
	 * @param string $sha256 Their digest.
	 *
	 * @return 'publish'|'both'|'drop'|'old' `both`: ours, which they have not seen, become a conflict copy. `old`: what ours replaced here; a
	 *   hub without filesync dates a file anew when it repairs access.
	 */
	public static function verdict(array $channel, string $hash, ?array $value, string $sha256): string
	{
		$file = self::notice($channel, $hash);
		$ours = $file['bytes'];
		if ($value === null || $ours['print'] === '' || $ours['print'] === $value['print']) {
			return 'publish';
		}
		switch (Vector::compare($value['seen'], $ours['vector'])) {
			case 'after':
				return 'publish';
			case 'before':
				return 'drop';
			default:
				$isOld = str_starts_with($value['by'], '~') && in_array($sha256, $file['here']['past'] ?? [], true);

				return $isOld ? 'old' : (Judge::prevails($value, $ours) ? 'both' : 'drop');
		}
	}

	/** Gives a deleted file up again that a late packet told of, as no hub has its bytes; false if it was never deleted, or is here. */
	public static function buryAgain(int $channelId, string $hash): bool
	{
		$file = self::find($channelId, $hash);
		if (! $file || ! $file['gone'] || Store::attach($channelId, $hash)) {
			return false;
		}
		self::save(['state' => 'gone', 'gone' => Vector::join($file['gone'], self::seen($file)), 'wanted' => []] + $file);

		return true;
	}

	/** Writes down that bytes which came are shown now, with the date of the row that their packet told. */
	public static function published(array $channel, string $hash, ?array $value, int $sizeBytes, string $edited, string $told, string $sha256): void
	{
		$file = self::find((int) $channel['channel_id'], $hash) ?? self::unknown((int) $channel['channel_id'], $hash);
		if ($value !== null) {
			// Where the origin had newer bytes by then, those came.
			$isTold = (int) $value['print'] === $sizeBytes && $edited === $told;
			$file['bytes'] = Judge::succeeds($file['bytes'], $isTold ? $value : ['print' => "$sizeBytes:$edited", 'edited' => $edited] + $value);
			if (($file['wanted']['print'] ?? '') === $value['print']) {
				$file['wanted'] = [];
			}
		}
		$file['here'] = self::withDigest($file['here'], $sha256);
		self::settle($channel, $file);
	}

	/** Makes the bytes that are here a change of ours which has seen those that were wanted in their place. */
	public static function stand(array $channel, array $file): void
	{
		$own = Store::attach((int) $channel['channel_id'], $file['hash']);
		$seen = ['vector' => Vector::join($file['bytes']['vector'], $file['wanted']['vector'] ?? [])] + $file['bytes'];
		$file['bytes'] = Judge::changed($seen, self::prints($own, [])['bytes'], self::date($own), Site::component((int) $channel['channel_id']), self::host());
		self::settle($channel, ['wanted' => []] + $file);
	}

	/** Writes down what we brought to the rows ourselves, so that it is not taken for a change made here. */
	public static function settle(array $channel, array $file): void
	{
		$own = Store::attach((int) $channel['channel_id'], $file['hash']);
		if ($own) {
			$file['here'] = self::prints($own, self::terms($own)) + array_intersect_key($file['here'], self::DIGESTS);
			$file['facts'] = self::facts($channel, $own);
			$file['state'] = 'here';
			$file['is_dir'] = (int) $own['is_dir'];
		}
		self::save($file);
	}

	/** Writes down that files whose delete had begun (state `going`) are deleted. */
	public static function nowGone(int $channelId, array $hashes): void
	{
		foreach (array_chunk($hashes, 200) as $some) {
			Table::update('filesync_file', ['state' => 'gone', 'updated' => Config::now()], ['uid' => $channelId, 'hash' => $some, 'state' => 'going']);
		}
	}

	/** Remembers the delete of a file that was never here, in case that the file comes late: within bounds, a comparison of the clones makes up for the rest. */
	public static function buryUnseen(int $channelId, string $hash, array $gone): void
	{
		self::save(['state' => self::UNSEEN, 'gone' => count($gone) > self::MOST_UNSEEN_SEES ? [] : $gone] + self::unknown($channelId, $hash));
		$mine = ['uid' => $channelId, 'state' => self::UNSEEN];
		$tooMany = Table::count('filesync_file', $mine) - self::MOST_UNSEEN;
		if ($tooMany > 0) {
			Table::delete('filesync_file', $mine + ['id' => array_column(Table::select('filesync_file', $mine, 'updated, id', $tooMany, 'id'), 'id')]);
		}
	}

	/** Returns all that the values of a file, and its delete, have seen. */
	public static function seen(array $file): array
	{
		return Vector::join($file['state'] === 'here' ? [] : $file['gone'], $file['wanted']['vector'] ?? [], ...array_map(fn ($group) => $file[$group]['vector'], self::GROUPS));
	}

	/** Returns the fingerprint of each group of an attach row with its categories, ours or one of a packet. */
	public static function prints(array $row, array $terms): array
	{
		return [
			'bytes' => (int) $row['is_dir'] ? 'folder' : (int) $row['filesize'] . ':' . self::date($row),
			'place' => $row['folder'] . "\n" . $row['filename'],
			'access' => Access::print($row, $terms),
		];
	}

	/** Returns the categories of a row of ours. */
	public static function terms(array $own): array
	{
		return Table::select('term', ['uid' => (int) $own['uid'], 'oid' => (int) $own['id'], 'otype' => TERM_OBJ_FILE], 'tid', 0, 'ttype, term, url');
	}

	/** Returns what nothing is known of yet. */
	public static function unknown(int $channelId, string $hash): array
	{
		return ['uid' => $channelId, 'hash' => $hash, 'is_dir' => 0, 'state' => 'unknown', 'bytes' => Judge::none(), 'place' => Judge::none(),
			'access' => Judge::none(), 'wanted' => [], 'gone' => [], 'here' => [], 'facts' => [], 'peers' => []];
	}

	/** Returns this hub's name as it stands in the names of conflict copies. */
	public static function host(): string
	{
		return (string) parse_url(z_root(), PHP_URL_HOST);
	}

	/** Returns what is known of a file here with another digest, or none; those of the bytes before are remembered. */
	private static function withDigest(array $here, ?string $sha256): array
	{
		$past = array_values(array_diff(array_unique([$here['sha256'] ?? '', ...$here['past'] ?? []]), ['', $sha256]));

		return array_filter(['sha256' => $sha256, 'past' => array_slice($past, 0, self::MOST_PAST)]) + array_diff_key($here, ['sha256' => 1, 'past' => 1]);
	}

	/** Tells whether the bytes on disk are others than those we knew, though their size and date are the same. As many as the row says: else they are damaged. */
	private static function isRewritten(array $file, array $facts, array $own): bool
	{
		return $file['facts'] && $facts && ! $file['is_dir'] && $file['facts'] !== $facts && $facts['size_bytes'] === (int) $own['filesize'];
	}

	/** Tells whether a file has another date but the bytes that it had: core dates what it moves. */
	private static function isOnlyDated(array $channel, array $file, string $print, array $facts): bool
	{
		if ($file['is_dir'] || ! $facts || (int) $print !== (int) ($file['here']['bytes'] ?? -1) || (int) $print !== $facts['size_bytes']) {
			return (bool) $file['is_dir'];
		}
		// A write within the second of the last one would not show in the date.
		if ($facts === $file['facts'] && $facts['mtime'] + 2 <= ($file['updated'] ?? 0)) {
			return true;
		}

		return isset($file['here']['sha256']) && $file['here']['sha256'] === Digests::momentary(Facts::of($channel, $file['hash'], 0));
	}

	private static function facts(array $channel, array $own): array
	{
		return (int) $own['is_dir'] ? [] : Store::facts(Store::pathOf($channel, $own)) ?? [];
	}

	private static function date(array $row): string
	{
		return substr($row['edited'], 0, 19);
	}

	private static function decode(array $row): array
	{
		$file = ['uid' => (int) $row['uid'], 'hash' => $row['hash'], 'is_dir' => (int) $row['is_dir'], 'state' => $row['state'] === self::UNSEEN ? 'gone' : $row['state'], 'updated' => (int) $row['updated']];
		foreach ([...self::GROUPS, 'wanted', 'gone', 'here', 'facts', 'peers'] as $part) {
			$file[$part] = json_decode($row[$part], true) ?? [];
		}
		// What an older version of ours wrote may be longer than others read.
		foreach (self::GROUPS as $group) {
			$file[$group]['vector'] = Vector::folded($file[$group]['vector'] ?? []);
		}
		$file['gone'] = Vector::folded($file['gone']);

		return $file;
	}

	private static function id(int $channelId, string $hash): string
	{
		return hash('sha256', "$channelId\n$hash");
	}
}

<?php

namespace FileSync\Addon\Revision;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\KnownDigests;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The known revision of each file, table filesync_file: its bytes, its name and folder, its access, each with a vector.
 *
 * Core does not report local changes to us: notice() finds them by comparing the rows with the record. So another hub's
 * change is never mistaken for a local one, whoever wrote it. Callers hold the channel's Turn.
 *
 * @import-type Known from Judge
 * @import-type Seen from Vector
 * @import-type Row from Access
 * @import-type Term from Access
 * @import-type Wanted from \FileSync\Addon\Order\Ruling
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type FileRow from \FileSync\Addon\Hub\Rows
 * @import-type OnDisk from \FileSync\Addon\Hub\Store
 * @import-type TermRow from \FileSync\Addon\Hub\Rows
 */
final class Revisions
{
	/**
	 * What `here` holds beside the fingerprints of the groups: the digest of the bytes, and those of earlier bytes; the
	 * access before a clone widened it.
	 */
	public const DIGESTS = ['sha256' => 1, 'past' => 1, 'before' => 1];

	private const MOST_PAST = 16;
	/** Files of so many bytes are read together. */
	private const MOST_BYTES_TOGETHER = 32 << 20;
	/** How many deletes of files that were never here are remembered for a channel, the latest ones. */
	private const MOST_UNSEEN = 10000;
	private const MOST_UNSEEN_SEES = 32;
	/**
	 * The state of such a delete in the table: only the vector of the delete is known. Everywhere else the state is
	 * `gone`.
	 */
	public const UNSEEN = 'unseen';

	/**
	 * Returns the record of a file, or null.
	 *
	 * @return ?Known
	 */
	public static function find(int $channelId, string $hash): ?array
	{
		$row = Table::first('filesync_file', ['id' => self::id($channelId, $hash)]);

		return $row ? self::decode($row) : null;
	}

	/**
	 * Returns the records of some files, by hash.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, Known>
	 */
	public static function some(int $channelId, array $hashes): array
	{
		$rows = $hashes ? Table::select('filesync_file', self::keys($channelId, $hashes)) : [];

		return array_map(self::decode(...), array_column($rows, null, 'hash'));
	}

	/**
	 * Returns the condition that finds the rows of some files by their key.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array{id: list<string>}
	 */
	public static function keys(int $channelId, array $hashes): array
	{
		return ['id' => array_map(fn ($hash) => self::id($channelId, $hash), $hashes)];
	}

	/**
	 * Returns the record of a file, after recording changes made here since then as ours.
	 *
	 * @param bool $isNew Whether an unrecorded file was made or changed here just now; otherwise it is older than
	 *     filesync here.
	 */
	public static function notice(Channel $channel, string $hash, bool $isNew = false): array
	{
		$channelId = $channel->id;
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
		$component = null;
		$isPublishing = ! $file['is_dir'] && $transfer?->state === TransferState::PUBLISHING;
		foreach (self::prints($own, self::terms($own)) as $group => $print) {
			$value = $file[$group];
			$isChanged =
				$print !== ($file['here'][$group] ?? null)
				|| ($group === 'bytes' && self::isRewritten($file, $facts, $own));
			if ((! $isChanged && ! $wasGone) || ($group === 'bytes' && $isPublishing)) {
				continue;
			}
			if ($group === 'bytes' && $known && ! $wasGone && self::isOnlyDated($channel, $file, $print, $facts)) {
				$file['here'][$group] = $print;
				continue;
			}
			if ($group === 'access') {
				// A local change of access decides it from now on.
				unset($file['here']['before']);
			}
			if ($group === 'bytes') {
				// With the digest of the former bytes, these would look damaged.
				$file['here'] = self::withDigest(
					$file['here'],
					$isNew && ! $file['is_dir'] ? Digests::momentary(Facts::of($channel, $hash, 0)) : null,
				);
			}
			if (! $known && ! $isNew) {
				$file[$group] = ['print' => $print, 'edited' => self::date($own), 'at' => self::host()] + $value;
			} else {
				$base = $wasGone ? ['vector' => Vector::join($value['vector'], $file['gone'])] + $value : $value;
				$component ??= Site::component($channelId);
				$file[$group] = Judge::changed($base, $print, self::date($own), $component, self::host());
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

	/**
	 * Records files that were made here just now, as notice() does one after the other. The others are left to it: of
	 * which there is a record, which arrive, which are not on disk, and which take long to read.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string> Those that were recorded.
	 */
	public static function noticeNew(Channel $channel, array $hashes): array
	{
		$rows = array_diff_key(
			Store::onDisk($channel->id, $hashes),
			self::some($channel->id, $hashes),
			array_flip(Queue::withheld($channel->id, $hashes)),
		);
		$bytes = 0;
		foreach ($rows as $hash => $own) {
			$bytes += (int) $own['filesize'];
			if ($bytes > self::MOST_BYTES_TOGETHER) {
				unset($rows[$hash]);
			}
		}
		$wanted = array_map(fn (array $own): array => ['hash' => $own['hash'], 'scale' => 0], $rows);
		$present = Facts::ofMany($channel, $wanted);
		$rows = array_intersect_key($rows, $present);
		$digests = KnownDigests::of($channel->id, $wanted);
		$terms = self::termsOfMany($channel->id, $rows);
		$component = $rows === [] ? '' : Site::component($channel->id);
		$files = [];
		foreach ($rows as $hash => $own) {
			$file = self::unknown($channel->id, $own['hash']);
			// In this order: what is written meanwhile is found to be rewritten, and not damaged.
			$file['facts'] = self::facts($channel, $own);
			$file['here'] = self::withDigest([], $digests->momentary($present[$hash]));
			/** @var array{bytes: string, place: string, access: string} $prints */
			$prints = self::prints($own, $terms[(int) $own['id']] ?? []);
			foreach ($prints as $group => $print) {
				$file[$group] = Judge::changed(Judge::none(), $print, self::date($own), $component, self::host());
				$file['here'][$group] = $print;
			}
			$file['state'] = 'here';
			$files[] = $file;
		}
		$areAdded =
			$files !== []
			&& Table::transaction(fn (): bool => self::tryAdd($files), fn (bool $isGood): bool => $isGood);

		return $areAdded ? array_column($files, 'hash') : [];
	}

	/**
	 * Sets a transfer aside as Queue::park() does; a deleted file that no hub has any more is gone again instead.
	 *
	 * @param array<string, int|string> $set Further columns to change.
	 */
	public static function park(Transfer $transfer, string $kind, string $reason, array $set = []): bool
	{
		if (
			$kind === 'NotFound'
			&& $transfer->scale === 0
			&& self::buryAgain($transfer->channelId, $transfer->hash)
		) {
			$isDropped = Queue::advance($transfer, $transfer->state, TransferState::DROPPED, [
				'token' => '',
				'lease_until' => 0,
				'reason' => $reason,
			]) !== null;
			if ($isDropped) {
				Queue::dropScales($transfer->channelId, $transfer->hash);
			}

			return $isDropped;
		}

		return Queue::park($transfer, $kind, $reason, $set);
	}

	/**
	 * Saves the record of a file.
	 *
	 * @param Known $file
	 */
	public static function save(array $file): void
	{
		Table::tryUpsert('filesync_file', ['id' => self::id($file['uid'], $file['hash'])], self::encoded($file), [
			'uid' => $file['uid'],
			'hash' => $file['hash'],
		]);
	}

	/**
	 * Saves the records of some files of which there is none yet. Callers make it a part of a transaction; false if
	 * there is one: then roll back.
	 *
	 * @param list<Known> $files
	 */
	public static function tryAdd(array $files): bool
	{
		return Table::tryInsertAll('filesync_file', array_map(
			fn (array $file) => (
				['id' => self::id($file['uid'], $file['hash']), 'uid' => $file['uid'], 'hash' => $file['hash']]
				+ self::encoded($file)
			),
			$files,
		));
	}

	/**
	 * Saves the records of some files of a channel, within the transaction that publishes them.
	 *
	 * @param list<Known> $files
	 */
	public static function saveSome(int $channelId, array $files): void
	{
		Table::delete('filesync_file', self::keys($channelId, array_column($files, 'hash')));
		if (! self::tryAdd($files)) {
			throw new \RuntimeException('cannot insert into table filesync_file');
		}
	}

	/**
	 * @param Known $file
	 *
	 * @return array<string, int|string|false>
	 */
	private static function encoded(array $file): array
	{
		$row = ['state' => $file['state'], 'is_dir' => (int) $file['is_dir'], 'updated' => Clock::now()];
		foreach ([...Judge::GROUPS, 'wanted', 'gone', 'here', 'facts', 'peers'] as $part) {
			$row[$part] = json_encode($file[$part]);
		}

		return $row;
	}

	/**
	 * Decides what to do with bytes that have arrived and are about to be shown.
	 *
	 * @param ?Wanted $value  Their value from the packet, null if the packet was accepted before there were revisions.
	 * @param string  $sha256 Their digest.
	 */
	public static function fate(Channel $channel, string $hash, ?array $value, string $sha256): Fate
	{
		/** @var Known $file */
		$file = self::notice($channel, $hash);
		$ours = $file['bytes'];
		if ($value === null || $ours['print'] === '' || $ours['print'] === $value['print']) {
			return Fate::Shown;
		}
		switch (Vector::compare($value['seen'], $ours['vector'])) {
			case 'after':
				return Fate::Shown;
			case 'before':
				return Fate::Dropped;
			default:
				$isOld = str_starts_with($value['by'], '~') && in_array($sha256, $file['here']['past'] ?? [], true);

				return match (true) {
					$isOld => Fate::DroppedAsOld,
					Judge::prevails($value, $ours) => Fate::ShownBesideOurs,
					default => Fate::Dropped,
				};
		}
	}

	/**
	 * Marks a file as deleted again that a late packet had revived, because no hub has its bytes; false if it was never
	 * deleted, or is here.
	 */
	private static function buryAgain(int $channelId, string $hash): bool
	{
		$file = self::find($channelId, $hash);
		if (! $file || ! $file['gone'] || Store::attach($channelId, $hash)) {
			return false;
		}
		self::save(['state' => 'gone', 'gone' => Vector::join($file['gone'], self::seen($file)), 'wanted' => []]
		+ $file);

		return true;
	}

	/**
	 * Records that received bytes are now shown, with the date from the row in their packet.
	 *
	 * @param ?Wanted $value As fate() takes it.
	 */
	public static function published(
		Channel $channel,
		string $hash,
		?array $value,
		int $sizeBytes,
		string $edited,
		string $told,
		string $sha256,
	): void {
		$file = self::find($channel->id, $hash) ?? self::unknown($channel->id, $hash);
		self::settle($channel, self::shown($file, $value, $sizeBytes, $edited, $told, $sha256));
	}

	/**
	 * Returns the record of a file once received bytes are shown, as published() takes them.
	 *
	 * @param Known   $file
	 * @param ?Wanted $value
	 *
	 * @return Known
	 */
	public static function shown(
		array $file,
		?array $value,
		int $sizeBytes,
		string $edited,
		string $told,
		string $sha256,
	): array {
		if ($value !== null) {
			// If the origin had newer bytes by then, those arrived.
			$isTold = (int) $value['print'] === $sizeBytes && $edited === $told;
			$file['bytes'] = Judge::succeeds(
				$file['bytes'],
				$isTold ? $value : ['print' => "$sizeBytes:$edited", 'edited' => $edited] + $value,
			);
			if (($file['wanted']['print'] ?? '') === $value['print']) {
				$file['wanted'] = [];
			}
		}
		$file['here'] = self::withDigest($file['here'], $sha256);

		/** @var Known */
		return $file;
	}

	/**
	 * Makes the present bytes a change of ours that has seen the bytes wanted in their place.
	 *
	 * @param Known $file
	 */
	public static function stand(Channel $channel, array $file): void
	{
		$own = Store::attach($channel->id, $file['hash']);
		$seen = ['vector' => Vector::join($file['bytes']['vector'], $file['wanted']['vector'] ?? [])] + $file['bytes'];
		$file['bytes'] = Judge::changed(
			$seen,
			self::prints($own, [])['bytes'],
			self::date($own),
			Site::component($channel->id),
			self::host(),
		);
		self::settle($channel, ['wanted' => []] + $file);
	}

	/**
	 * Records rows that we wrote ourselves, so that they are not mistaken for a local change.
	 *
	 * @param Known $file
	 */
	public static function settle(Channel $channel, array $file): void
	{
		$own = Store::attach($channel->id, $file['hash']);
		self::save($own ? self::settled($channel, $file, $own, self::terms($own)) : $file);
	}

	/**
	 * Returns the record of a file whose rows we wrote ourselves.
	 *
	 * @param Known         $file
	 * @param AttachRow     $own
	 * @param list<TermRow> $terms
	 *
	 * @return Known
	 */
	public static function settled(Channel $channel, array $file, array $own, array $terms): array
	{
		$file['here'] = self::prints($own, $terms) + array_intersect_key($file['here'], self::DIGESTS);
		$file['facts'] = self::facts($channel, $own);
		$file['state'] = 'here';
		$file['is_dir'] = (int) $own['is_dir'];

		return $file;
	}

	/**
	 * Records that files whose delete had begun (state `going`) are deleted.
	 *
	 * @param list<string> $hashes
	 */
	public static function nowGone(int $channelId, array $hashes): void
	{
		foreach (array_chunk($hashes, 200) as $some) {
			Table::update(
				'filesync_file',
				['state' => 'gone', 'updated' => Clock::now()],
				['uid' => $channelId, 'hash' => $some, 'state' => 'going'],
			);
		}
	}

	/**
	 * Remembers the delete of a file that was never here, in case the file arrives late. The number is bounded; a
	 * comparison of the clones covers the rest.
	 *
	 * @param Seen $gone
	 */
	public static function buryUnseen(int $channelId, string $hash, array $gone): void
	{
		self::save(['state' => self::UNSEEN, 'gone' => count($gone) > self::MOST_UNSEEN_SEES ? [] : $gone]
		+ self::unknown($channelId, $hash));
		$mine = ['uid' => $channelId, 'state' => self::UNSEEN];
		$tooMany = Table::count('filesync_file', $mine) - self::MOST_UNSEEN;
		if ($tooMany > 0) {
			Ended::end($mine, Table::select('filesync_file', $mine, 'updated, id', $tooMany, 'id, uid, hash, updated'));
		}
	}

	/**
	 * Returns everything that the values of a file, and its delete, have seen.
	 *
	 * @param Known $file
	 *
	 * @return Seen
	 */
	public static function seen(array $file): array
	{
		return Vector::join(
			$file['state'] === 'here' ? [] : $file['gone'],
			$file['wanted']['vector'] ?? [],
			...array_map(fn ($group) => $file[$group]['vector'], Judge::GROUPS),
		);
	}

	/** Returns the fingerprint of each group of an attach row with its categories, from our table or a packet. */
	public static function prints(array $row, array $terms): array
	{
		/** @var Row $row */
		/** @var list<Term> $terms */
		return [
			'bytes' => (int) $row['is_dir'] ? 'folder' : (int) $row['filesize'] . ':' . self::date($row),
			'place' => $row['folder'] . "\n" . $row['filename'],
			'access' => Access::print($row, $terms),
		];
	}

	/**
	 * Returns the categories of a row of ours.
	 *
	 * @param AttachRow $own
	 *
	 * @return list<TermRow>
	 */
	public static function terms(array $own): array
	{
		return Table::select(
			'term',
			['uid' => (int) $own['uid'], 'oid' => (int) $own['id'], 'otype' => Core::TERM_OF_FILE],
			'tid',
			0,
			'ttype, term, url',
		);
	}

	/**
	 * Returns the categories of some rows of ours.
	 *
	 * @param array<AttachRow> $rows
	 *
	 * @return array<int, list<TermRow>> By the numbers of the rows.
	 */
	private static function termsOfMany(int $channelId, array $rows): array
	{
		$ids = array_values(array_map(fn (array $own): int => (int) $own['id'], $rows));
		$terms = [];
		foreach ($ids
			? Table::select(
				'term',
				['uid' => $channelId, 'oid' => $ids, 'otype' => Core::TERM_OF_FILE],
				'tid',
				0,
				'oid, ttype, term, url',
			)
			: [] as $term) {
			$terms[(int) $term['oid']][] = $term;
		}

		return $terms;
	}

	/**
	 * Returns the record of an unknown file.
	 *
	 * @return Known
	 */
	public static function unknown(int $channelId, string $hash): array
	{
		return [
			'uid' => $channelId,
			'hash' => $hash,
			'is_dir' => 0,
			'state' => 'unknown',
			'bytes' => Judge::none(),
			'place' => Judge::none(),
			'access' => Judge::none(),
			'wanted' => [],
			'gone' => [],
			'here' => [],
			'facts' => [],
			'peers' => [],
		];
	}

	/** Returns this hub's name, as used in the names of conflict copies. */
	public static function host(): string
	{
		return (string) parse_url(Web::root(), PHP_URL_HOST);
	}

	/** Returns `here` with another digest, or without one; digests of earlier bytes are remembered. */
	private static function withDigest(array $here, ?string $sha256): array
	{
		$past = array_values(array_diff(array_unique([
			$here['sha256'] ?? '',
			...($here['past'] ?? []),
		]), ['', $sha256]));

		return (
			array_filter(['sha256' => $sha256, 'past' => array_slice($past, 0, self::MOST_PAST)])
			+ array_diff_key($here, ['sha256' => 1, 'past' => 1])
		);
	}

	/**
	 * Tells whether the bytes on disk changed although the row's size and date did not. Their number must match the
	 * row: otherwise they are damaged.
	 *
	 * @param Known       $file
	 * @param array<int>  $facts
	 * @param AttachRow   $own
	 */
	private static function isRewritten(array $file, array $facts, array $own): bool
	{
		return (
			$file['facts']
			&& $facts
			&& ! $file['is_dir']
			&& $file['facts'] !== $facts
			&& $facts['size_bytes'] === (int) $own['filesize']
		);
	}

	/**
	 * Tells whether a file has a new date but the same bytes: core gives a moved file a new date.
	 *
	 * @param Known      $file
	 * @param array<int> $facts
	 */
	private static function isOnlyDated(Channel $channel, array $file, string $print, array $facts): bool
	{
		if (
			$file['is_dir']
			|| ! $facts
			|| (int) $print !== (int) ($file['here']['bytes'] ?? -1)
			|| (int) $print !== $facts['size_bytes']
		) {
			return (bool) $file['is_dir'];
		}
		// A write within the second of the last one would not show in the date.
		if ($facts === $file['facts'] && ($facts['mtime'] + 2) <= ($file['updated'] ?? 0)) {
			return true;
		}

		return (
			isset($file['here']['sha256'])
			&& $file['here']['sha256'] === Digests::momentary(Facts::of($channel, $file['hash'], 0))
		);
	}

	/**
	 * @param AttachRow $own
	 *
	 * @return array{}|OnDisk
	 */
	private static function facts(Channel $channel, array $own): array
	{
		return (int) $own['is_dir'] ? [] : Store::facts(Store::pathOf($channel, $own)) ?? [];
	}

	/** @param array{edited: string, ...} $row */
	private static function date(array $row): string
	{
		return substr($row['edited'], 0, 19);
	}

	/**
	 * @param FileRow $row
	 *
	 * @return Known
	 */
	private static function decode(array $row): array
	{
		$file = [
			'uid' => (int) $row['uid'],
			'hash' => $row['hash'],
			'is_dir' => (int) $row['is_dir'],
			'state' => $row['state'] === self::UNSEEN ? 'gone' : $row['state'],
			'updated' => (int) $row['updated'],
		];
		foreach ([...Judge::GROUPS, 'wanted', 'gone', 'here', 'facts', 'peers'] as $part) {
			$file[$part] = json_decode($row[$part], true) ?? [];
		}
		// An older version may have written vectors longer than other hubs read.
		foreach (Judge::GROUPS as $group) {
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

<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Sizes;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The digests of unchanged files: table filesync_digest, a row per channel, hash and scale.
 *
 * A digest is valid as long as device, inode, size and both times are the same as before and after hashing. A row
 * without a digest is wanted: a background job computes it. The row also holds the true size of a file of 4 GiB and
 * more.
 *
 * @import-type Stat from Facts
 * @import-type DigestRow from \FileSync\Addon\Hub\Rows
 */
final class Digests
{
	private const LEASE_SECONDS = 180;
	private const STEP_MS = 2000;
	private const SUMMON_SECONDS = 60;
	public const LARGE_BYTES = 1 << 30;
	private const MOST_COPIES = 4;
	/** Placeholder facts for bytes that differ from the recorded ones. */
	private const DAMAGED = 'damaged';

	/**
	 * Returns the digest of bytes with these facts, or null if it is unknown.
	 *
	 * @param Stat $stat
	 */
	public static function known(int $channelId, string $hash, int $scale, array $stat): ?string
	{
		$row = Table::first('filesync_digest', [
			'id' => Sizes::id($channelId, $hash, $scale),
			'facts' => Facts::key($stat),
		]);

		return $row && $row['sha256'] !== '' ? $row['sha256'] : null;
	}

	/**
	 * Records a file's size, and the digest of its bytes with these facts (empty: wanted).
	 *
	 * @param ?Stat $stat
	 */
	public static function remember(
		int $channelId,
		string $hash,
		int $scale,
		int $sizeBytes,
		?array $stat,
		string $sha256,
	): void {
		$row = self::recordOf($sizeBytes, $stat, $sha256);
		Table::tryUpsert('filesync_digest', ['id' => Sizes::id($channelId, $hash, $scale)], $row, [
			'uid' => $channelId,
			'hash' => $hash,
			'scale' => $scale,
		]);
	}

	/**
	 * Returns the recorded digest of a file of this size that, by the date of its row, nobody has changed since; null
	 * if there is none.
	 */
	public static function recorded(int $channelId, string $hash, int $sizeBytes, string $edited): ?string
	{
		$row = Table::first('filesync_digest', ['id' => Sizes::id($channelId, $hash, 0), 'size_bytes' => $sizeBytes]);

		return $row
		&& preg_match(Bounds::DIGEST, $row['sha256'])
		&& substr($edited, 0, 19) < gmdate('Y-m-d H:i:s', (int) $row['updated'])
			? $row['sha256']
			: null;
	}

	/** Marks the bytes on disk as different from the recorded ones. */
	public static function distrust(int $channelId, string $hash): void
	{
		Table::update('filesync_digest', ['facts' => self::DAMAGED], ['id' => Sizes::id($channelId, $hash, 0)]);
	}

	/**
	 * Records a published file, within the transaction that publishes it.
	 *
	 * @param ?Stat $stat
	 */
	public static function publish(Transfer $transfer, ?array $stat): void
	{
		self::publishAll([[$transfer, $stat]]);
	}

	/**
	 * Records published files, within the transaction that publishes them.
	 *
	 * @param non-empty-list<array{Transfer, ?Stat}> $files
	 */
	public static function publishAll(array $files): void
	{
		$rows = array_map(
			fn (array $file) => (
				[
					'id' => Sizes::id($file[0]->channelId, $file[0]->hash, $file[0]->scale),
					'uid' => $file[0]->channelId,
					'hash' => $file[0]->hash,
					'scale' => $file[0]->scale,
				] + self::recordOf($file[0]->sizeBytes, $file[1], $file[0]->sha256)
			),
			$files,
		);
		Table::delete('filesync_digest', ['id' => array_column($rows, 'id')]);
		if (! Table::tryInsertAll('filesync_digest', $rows)) {
			throw new \RuntimeException('cannot insert into table filesync_digest');
		}
	}

	/**
	 * Returns those of some digests that recorded files of a channel have.
	 *
	 * @param list<string> $digests
	 *
	 * @return list<string>
	 */
	public static function present(int $channelId, array $digests): array
	{
		$where = ['sha256' => $digests, 'uid' => $channelId, 'scale' => 0];

		return (
			$digests ? array_column(Table::select('filesync_digest', $where, '', 0, 'DISTINCT sha256'), 'sha256') : []
		);
	}

	/**
	 * Returns paths of other files of a channel that may have the same bytes, beneath the channel's own folder.
	 *
	 * @param string $sha256 Empty if unknown: then returns those of the same size.
	 *
	 * @return list<string>
	 */
	public static function copies(Channel $channel, string $hash, int $sizeBytes, string $sha256): array
	{
		$where =
			['uid' => $channel->id, 'scale' => 0, 'size_bytes' => $sizeBytes, 'hash <>' => $hash]
			+ ($sha256 === '' ? ['sha256 <>' => ''] : ['sha256' => $sha256]);
		$paths = [];
		foreach ($sizeBytes > 0
			? Table::select('filesync_digest', $where, 'updated DESC, id', self::MOST_COPIES, 'hash')
			: [] as $row) {
			$own = Store::attach($channel->id, $row['hash']);
			$path = $own ? Store::pathOf($channel, $own) : null;
			if ($path !== null && is_file($path)) {
				$paths[] = substr($path, strlen(Store::root($channel)) + 1);
			}
		}

		return $paths;
	}

	/**
	 * Returns the digest of a file, computed now if that takes no longer than `$untilMs`; otherwise null, and a
	 * background job computes it.
	 */
	public static function of(Facts $facts, float $untilMs): ?string
	{
		if ($facts->content !== null) {
			return hash('sha256', $facts->content);
		}
		$stat = $facts->stat();
		if (! $stat) {
			return null;
		}

		$known = self::known($facts->channelId(), $facts->hash, $facts->scale, $stat);
		if ($known !== null) {
			return $known;
		}
		$sha256 = self::computed($facts, $stat, $untilMs);
		self::remember($facts->channelId(), $facts->hash, $facts->scale, $stat['size_bytes'], $stat, $sha256 ?? '');
		if ($sha256 === null) {
			self::summon();
		}

		return $sha256;
	}

	/**
	 * Returns the digest of a file's bytes with some facts, for which it is unknown; see of(). Callers record it. A
	 * file that cannot be read has none, and stops no other.
	 *
	 * @param Stat $stat
	 */
	public static function computed(Facts $facts, array $stat, float $untilMs): ?string
	{
		if ($stat['size_bytes'] > self::LARGE_BYTES) {
			return null;
		}
		try {
			return self::compute($facts, $stat, fn () => (int) ($untilMs - (Clock::exact() * 1000)));
		} catch (FileSyncException $e) {
			Log::failure("computing the digest of $facts->hash", $e);

			return null;
		}
	}

	/**
	 * Records what computed() returned of some files (empty: a background job is to compute it).
	 *
	 * @param list<array{Facts, Stat, string, int}> $files The last is when the file was looked at: whoever changed it
	 *     since has a later date.
	 * @param list<string> $known The keys of records that are there.
	 */
	public static function rememberAll(array $files, array $known): void
	{
		self::recordAll($files, $known);
		if (in_array('', array_column($files, 2), true)) {
			self::summon();
		}
	}

	/**
	 * @param list<array{Facts, Stat, string, int}> $files
	 * @param list<string> $known
	 */
	private static function recordAll(array $files, array $known): void
	{
		$rows = $names = [];
		foreach ($files as [$facts, $stat, $sha256, $at]) {
			$id = Sizes::id($facts->channelId(), $facts->hash, $facts->scale);
			$rows[$id] = ['updated' => $at] + self::recordOf($stat['size_bytes'], $stat, $sha256);
			$names[$id] = ['uid' => $facts->channelId(), 'hash' => $facts->hash, 'scale' => $facts->scale];
		}
		$old = array_intersect_key($rows, array_flip($known));
		Table::updateEach('filesync_digest', 'id', $old);
		$new = array_map(
			fn (string $id): array => ['id' => $id] + $rows[$id] + $names[$id],
			array_keys(array_diff_key($rows, $old)),
		);
		if (! Table::tryInsertAll('filesync_digest', $new)) {
			// Another process recorded one of them just now.
			foreach ($names as $id => $name) {
				Table::tryUpsert('filesync_digest', ['id' => $id], $rows[$id], $name);
			}
		}
	}

	/**
	 * @param ?Stat $stat
	 *
	 * @return array<string, int|string>
	 */
	private static function recordOf(int $sizeBytes, ?array $stat, string $sha256): array
	{
		return [
			'size_bytes' => $sizeBytes,
			'facts' => $stat ? Facts::key($stat) : '',
			'sha256' => $stat ? $sha256 : '',
			'updated' => Clock::now(),
		];
	}

	/** Tells whether the digest of a file is one that of() computes, for which it reads the file. */
	public static function takesLong(Facts $facts): bool
	{
		$stat = $facts->content === null ? $facts->stat() : null;

		return (
			$stat
			&& $stat['size_bytes'] <= self::LARGE_BYTES
			&& self::known($facts->channelId(), $facts->hash, $facts->scale, $stat) === null
		);
	}

	/** Starts the background job if digests are wanted and no process computes them. */
	public static function summon(): void
	{
		if (
			self::wanted()
			&& ! Lease::isHeld('digest')
			&& Lease::take('summon-digest', Token::make(), self::SUMMON_SECONDS)
		) {
			Daemon::summon('digest');
		}
	}

	/** Computes wanted digests, one after the other; starts none after the deadline. */
	public static function work(int $deadline): void
	{
		Lease::end('summon-digest');
		$token = Token::make();
		if (
			! \extension_loaded('filesync')
			&& ! class_exists('FileSync\FileDigest', false)
			|| ! Lease::take('digest', $token, self::LEASE_SECONDS)
		) {
			return;
		}
		try {
			for ($seen = []; Clock::now() < $deadline && ($row = self::wanted($seen)); $seen[] = $row['id']) {
				self::computeWanted($row, $token, self::letOthersIn((int) $row['uid'], $token, $seen));
			}
		} finally {
			Lease::giveBack('digest', $token);
		}
		if (self::wanted($seen)) {
			self::summon();
		}
	}

	/** Forgets files that no longer exist here. */
	public static function prune(): void
	{
		foreach (Table::each('filesync_digest', [], 500, 'id, uid, hash') as $row) {
			if (! Table::first('attach', ['uid' => (int) $row['uid'], 'hash' => $row['hash']], '', 'id')) {
				Table::delete('filesync_digest', ['id' => $row['id']]);
			}
		}
	}

	/**
	 * Returns a digest to compute: the smallest file of the channel whose turn was longest ago.
	 *
	 * @param list<string> $except
	 *
	 * @return ?DigestRow
	 */
	private static function wanted(array $except = [], array $where = []): ?array
	{
		$where += ['sha256' => ''] + ($except ? ['id <>' => $except] : []);
		$channels = array_map('intval', array_column(
			Table::select('filesync_digest', $where, '', 0, 'DISTINCT uid'),
			'uid',
		));

		return $channels
			? Table::first(
				'filesync_digest',
				['uid' => ServedLast::order('digest', $channels)[0]] + $where,
				'size_bytes, id',
			)
			: null;
	}

	/**
	 * Returns a callback for reading a large file of a channel: now and then smaller files of other channels come
	 * first.
	 *
	 * @param list<string> $seen
	 *
	 * @return \Closure(): void
	 */
	private static function letOthersIn(int $channelId, string $token, array &$seen): \Closure
	{
		$ends = Clock::now() + ServedLast::TURN_SECONDS;

		return function () use ($channelId, $token, &$seen, &$ends): void {
			if (Clock::now() < $ends) {
				return;
			}
			for (
				$until = Clock::now() + ServedLast::TURN_SECONDS;
				Clock::now() < $until && ($row = self::wanted($seen, [
					'uid <>' => $channelId,
					'size_bytes <=' => self::LARGE_BYTES,
				]));
			) {
				$seen[] = $row['id'];
				self::computeWanted($row, $token, static function (): void {});
			}
			$ends = Clock::now() + ServedLast::TURN_SECONDS;
		};
	}

	/**
	 * @param DigestRow        $row
	 * @param \Closure(): void $between
	 */
	private static function computeWanted(array $row, string $token, \Closure $between): void
	{
		ServedLast::note('digest', (int) $row['uid']);
		try {
			self::computeNow($row, $token, $between);
		} catch (\Throwable $e) {
			Log::failure('computing the digest of ' . $row['hash'], $e);
		}
	}

	/**
	 * @param DigestRow        $row
	 * @param \Closure(): void $between
	 */
	private static function computeNow(array $row, string $token, \Closure $between): void
	{
		$channel = Clones::channel((int) $row['uid']);
		$facts = $channel ? Facts::of($channel, $row['hash'], (int) $row['scale']) : null;
		$stat = $facts?->stat();
		if (! $facts || ! $stat || $facts->state !== 'whole') {
			// No other row holds the size of a large file.
			Table::delete('filesync_digest', [
				'id' => $row['id'],
				'sha256' => '',
				'size_bytes <=' => Family::largestFileBytes(),
			]);
			return;
		}
		$sha256 = self::compute($facts, $stat, function () use ($token, $between) {
			Lease::extend('digest', $token, self::LEASE_SECONDS);
			$between();

			return self::STEP_MS;
		});
		if ($sha256 !== null) {
			self::remember($facts->channelId(), $facts->hash, $facts->scale, $stat['size_bytes'], $stat, $sha256);
		}
	}

	/**
	 * Returns the digest of a small file at this moment, even if it may change unnoticed in the next; null if it cannot
	 * be read.
	 *
	 * @param bool $isUnknown Whether no digest is recorded.
	 */
	public static function momentary(Facts $facts, bool $isUnknown = false): ?string
	{
		$stat = Runtime::extensionProblem() === null ? $facts->stat() : null;
		if (! $stat || $stat['size_bytes'] > self::LARGE_BYTES) {
			return null;
		}
		$known = $isUnknown ? null : self::known($facts->channelId(), $facts->hash, $facts->scale, $stat);
		[$root, $path] = $facts->rootAndPath();

		return $known ?? (hash_file('sha256', "$root/$path") ?: null);
	}

	/**
	 * @param Stat            $stat
	 * @param \Closure(): int $budgetMs Called before each step; zero or less gives up.
	 */
	private static function compute(Facts $facts, array $stat, \Closure $budgetMs): ?string
	{
		if (Facts::isRecent($stat)) {
			return null;
		}
		[$root, $path] = $facts->rootAndPath();
		$digest = new \FileSync\FileDigest(new \FileSync\Store($root), $path);
		do {
			$ms = $budgetMs();
			if ($ms <= 0) {
				return null;
			}
		} while (! $digest->step(min($ms, self::STEP_MS)));
		return $facts->stat() === $stat ? $digest->sha256() : null;
	}
}

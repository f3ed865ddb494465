<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Asks for approval before one clone replaces or deletes very many files here.
 *
 * A clone's displaced files are counted by their kept copies (`hub` of filesync_kept). Beyond the bounds its further
 * changes are held in the table filesync_held: deletes with their contents, new bytes as a note; the bytes' transfers
 * are parked in filesync_transfer. New files still arrive, and so do changes from other clones. Only a person can
 * release held changes: neither a packet nor time does.
 *
 * Only the packets themselves name their clone. So all clones of a channel are also counted together: a tenth above the
 * limit for one, the changes of all of them are held, in one line with one answer.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type KeptRow from \FileSync\Addon\Hub\Rows
 * @import-type HeldRow from \FileSync\Addon\Hub\Rows
 * @import-type Value from \FileSync\Addon\Order\Judge
 * @type Line = array{
 *     id: string, channel: int, hub: string, urls: list<string>, what: string, files: int, size_bytes: int,
 *     waiting: int, since: int
 * }
 * @type Displaced = array{
 *     hash: string, os_storage: int|numeric-string, content: string, filesize: int|numeric-string,
 *     is_dir?: int|numeric-string, size_bytes?: int|numeric-string, ...<array-key, scalar|null>
 * }
 * @type Limit = array{what: list<string>, seconds: int, files: int, bytes: int}
 */
final class Brake
{
	private const DAY = 86400;
	private const WEEK = 604800;
	/** Fewer are never held in a small channel: people edit a few files all day. */
	private const LEAST_FILES = 10;
	private const ANY = PHP_INT_MAX;
	/** Instead of a clone: all clones of the channel together. */
	private const ALL = '*';
	/** @var list<int> The counted scales: files, and the crops of photos, which cannot be made again. */
	public const COUNTED = [0, ...ScaleTable::CROPS];
	private const GIVEN_BACK_ROWS = 8;
	private const DIGEST_MS = 500;

	/** Returns the key for counting a clone's displaced files. */
	public static function hub(string $root): string
	{
		return substr(hash('sha256', Clones::normalise($root) ?? $root), 0, 32);
	}

	/**
	 * Tells whether new bytes in a packet need approval already now, because their clone or their file is stopped.
	 *
	 * @param AttachRow $own Our row of the file.
	 *
	 * @return array{string, string} The kind and the reason of parking, or two empty strings.
	 */
	public static function atAccept(Channel $channel, string $root, array $own, Packet $packet): array
	{
		$channelId = $channel->id;
		$transfer = Queue::find($channelId, $own['hash'], 0);
		$isHeld = $transfer && $transfer->state === TransferState::PARKED && $transfer->kind === Queue::BRAKE;
		$scope = self::stopped($channelId, $root);
		if ((! $isHeld && ! $scope) || ! self::displaces($channel, $root, $own, $packet->sha256)) {
			return ['', ''];
		}
		// For a file that is already held, the question is about the clone that changed it first.
		$root = $scope || ! $transfer ? $root : $transfer->origin;
		self::holdReplacement(
			$channel,
			$scope ?? self::hub($root),
			$root,
			$own,
			$packet->last['filesize'],
			$packet->last['edited'],
		);

		return [Queue::BRAKE, self::reason($root)];
	}

	/**
	 * Holds a transfer if its bytes would displace more than its clone may. A crop is small, and no packet states its
	 * digest: it is checked after its arrival.
	 *
	 * @param string $sha256 Its digest, or empty while unknown.
	 *
	 * @return ?string Why it is held now; null: it may continue.
	 */
	public static function hold(Channel $channel, Transfer $transfer, string $sha256 = ''): ?string
	{
		[$channelId, $scale, $root] = [$transfer->channelId, $transfer->scale, $transfer->origin];
		$mayCount = $scale === 0 || $sha256 !== '' && in_array($scale, self::COUNTED, true);
		$own = $mayCount ? Store::attach($channelId, $transfer->hash) : null;
		if (! $own || ! self::isCounted($transfer)) {
			return null;
		}
		$held = $scale
			? Table::first(
				'filesync_held',
				[
					'uid' => $channelId,
					'hash' => $own['hash'],
					'what' => 'replaced',
					'state' => 'held',
					'body like' => '%' . self::crop($scale),
				],
				'created, id',
				'hub, url',
			)
			: null;
		$stopped = $held['hub'] ?? self::stopped($channelId, $root);
		[$scope, $reason] = $stopped
			? [$stopped, '']
			: self::excess($channelId, $root, 'replaced', [$own['hash']], 1, self::sizeOf($channel, $own, $scale)) ?? [
				null,
				'',
			];
		if (
			! $scope
			|| ! self::displaces(
				$channel,
				$root,
				$own,
				$sha256 ?: $transfer->toldDigest(),
				$scale,
			)
		) {
			return null;
		}
		if (! $stopped) {
			self::logStop($channelId, $scope, $root, $reason);
		}
		// If it is already held, the question is about the clone that changed it first.
		$root = $held['url'] ?? $root;
		self::holdReplacement(
			$channel,
			$scope,
			$root,
			$own,
			$transfer->sizeBytes,
			$transfer->edited,
			$scale,
		);

		return self::reason($root);
	}

	/**
	 * Excludes, and gives back, transfers that may not displace the present files now.
	 *
	 * @param list<Transfer> $transfers
	 *
	 * @return list<Transfer>
	 */
	public static function sift(int $channelId, array $transfers): array
	{
		$channel = $transfers ? Clones::channel($channelId) : null;
		$present = array_flip($transfers ? self::present($channelId, $transfers) : []);

		return array_values(array_filter($transfers, function (Transfer $transfer) use ($channel, $present): bool {
			if ($transfer->scale === 0 && ! isset($present[$transfer->hash])) {
				// It replaces nothing; what comes meanwhile is seen before it is published.
				return true;
			}
			$reason = $channel ? self::hold($channel, $transfer) : null;
			if ($reason !== null) {
				Queue::park($transfer, Queue::BRAKE, $reason);
			} elseif ($channel && self::mustSpareDisk($channel, $transfer)) {
				Queue::advance($transfer, TransferState::LEASED, TransferState::WAITING, [
					'token' => '',
					'lease_until' => 0,
					'kind' => 'Storage',
					'reason' => 'the file that it replaces must be kept, and the disk is nearly full',
					'next_at' => Clock::now() + max(60, Config::number('storage_pause_seconds')),
				]);
			} else {
				return true;
			}

			return false;
		}));
	}

	/**
	 * Returns which of the files of some transfers are here.
	 *
	 * @param list<Transfer> $transfers
	 *
	 * @return list<string>
	 */
	private static function present(int $channelId, array $transfers): array
	{
		$hashes = array_values(array_unique(array_map(fn ($transfer) => $transfer->hash, $transfers)));

		return array_column(
			Table::select('attach', ['uid' => $channelId, 'hash' => $hashes], '', 0, 'hash'),
			'hash',
		);
	}

	/**
	 * Tells whether a transfer would use disk space permanently, because the displaced file is kept, while little is
	 * left. The rest is for other transfers.
	 */
	private static function mustSpareDisk(Channel $channel, Transfer $transfer): bool
	{
		$own = in_array($transfer->scale, self::COUNTED, true)
			? Store::attach($channel->id, $transfer->hash)
			: null;
		$free = $own && self::sizeOf($channel, $own, $transfer->scale)
			? @disk_free_space(Store::dataRoot($channel->id, true))
			: false;

		return $free !== false && ($free - $transfer->sizeBytes) < (2 * Config::number('headroom_bytes'));
	}

	/**
	 * Holds a delete if its clone would displace more than it may.
	 *
	 * @param list<Displaced> $rows The rows to delete: attach rows, and photos without a file from
	 *     `Kept::lonePhoto()`.
	 */
	public static function holdDelete(Channel $channel, string $root, string $hash, Packet $packet, array $rows): bool
	{
		$channelId = $channel->id;
		$all = array_flip(array_column($rows, 'hash'));
		$rows = array_filter($rows, fn ($row) => ! (int) ($row['is_dir'] ?? 0));
		$bytes = array_sum(array_map(fn ($row) => self::sizeOf($channel, $row), $rows));
		if (! $rows) {
			return false;
		}
		$scope = self::stopped($channelId, $root);
		if (! $scope) {
			$reason = self::excessOfDeletes($channelId, count($rows), count($rows) > 1 ? $bytes : 0);
			[$scope, $reason] = $reason !== null
				? [self::hub($root), $reason]
				: self::excess($channelId, $root, 'deleted', array_column($rows, 'hash'), count($rows), $bytes) ?? [
					null,
					'',
				];
			if (! $scope) {
				return false;
			}
			self::logStop($channelId, $scope, $root, $reason);
		}
		// Only the delete itself: other parts of the packet could be of any size.
		$seen = [
			'v' => Version::SIBLING,
			'gone' => $packet->order['gone'],
			'beneath' => array_intersect_key($packet->order['beneath'], $all),
		];
		$body =
			[
				'fetch_url' => $packet->fetchUrl,
				'original_channel' => $packet->nick,
				'attach' => [['hash' => $hash, 'deleted' => 1]],
			] + ($packet->order['gone'] === null ? [] : ['filesync' => $seen]);
		self::write(
			$channelId,
			$scope,
			$root,
			$hash,
			'deleted',
			count($rows),
			$bytes,
			json_encode($body, JSON_INVALID_UTF8_SUBSTITUTE) ?: '',
		);

		return true;
	}

	/**
	 * Tells whether a clone would hold so many files that this hub replaces, if it has as many files as this one, the
	 * same settings, and nothing else of this hub was displaced there lately.
	 */
	public static function wouldHold(int $channelId, int $files, int $bytes): bool
	{
		foreach ($files > 0 ? self::limits($channelId) : [] as $limit) {
			if ($files > $limit['files'] || $bytes > $limit['bytes']) {
				return true;
			}
		}

		return false;
	}

	/**
	 * Returns the hub that a displacement counts against; empty: none, because it was approved, the clone restores what
	 * another had displaced, or a damaged file is repaired.
	 *
	 * @param int $sizeBytes The size of the displaced file.
	 */
	public static function countedTo(Channel $channel, Transfer $transfer, int $sizeBytes): string
	{
		[$channelId, $scale] = [$channel->id, $transfer->scale];
		$row = $scale
			? Store::photo($channelId, $transfer->hash, $scale)
			: Store::attach($channelId, $transfer->hash);
		$isCounted =
			self::isCounted($transfer)
			&& (int) ($row['filesize'] ?? -1) === $sizeBytes
			&& ! self::isGivenBack($channelId, $transfer->origin, $transfer->hash, $transfer->sha256, $scale);

		return $isCounted ? self::hub($transfer->origin) : '';
	}

	/**
	 * Forgets held changes of files whose bytes have been decided.
	 *
	 * @param list<Transfer> $transfers
	 */
	public static function settledAll(int $channelId, array $transfers): void
	{
		$hashes = array_map(fn (Transfer $transfer) => $transfer->hash, $transfers);
		$held = ['uid' => $channelId, 'hash' => $hashes, 'what' => 'replaced'];
		$found = $hashes ? array_column(Table::select('filesync_held', $held, '', 0, 'hash'), 'hash') : [];
		foreach ($found === [] ? [] : $transfers as $transfer) {
			if (in_array($transfer->hash, $found, true)) {
				self::settled($transfer);
			}
		}
	}

	/** Forgets held changes of a file, or of a crop, whose bytes have been decided. */
	public static function settled(Transfer $transfer): void
	{
		$held = ['uid' => $transfer->channelId, 'hash' => $transfer->hash, 'what' => 'replaced'];
		foreach (in_array($transfer->scale, self::COUNTED, true)
			? Table::select('filesync_held', $held, '', 0, 'id, body')
			: [] as $row) {
			$crop = strstr($row['body'], self::crop());
			if (($crop === false ? 0 : (int) substr($crop, strlen(self::crop()))) === $transfer->scale) {
				Table::delete('filesync_held', ['id' => $row['id']]);
			}
		}
	}

	/**
	 * Returns what waits for approval: one line for each clone of each channel, or one for all clones of a channel if
	 * they are stopped together.
	 *
	 * @return list<Line> `files`: those that the clone replaced or deleted since then;
	 *     `waiting` of them are held.
	 */
	public static function lines(?int $channelId = null): array
	{
		$lines = $scopes = [];
		$held = ['state' => 'held'] + ($channelId === null ? [] : ['uid' => $channelId]);
		foreach (Table::select('filesync_held', $held, 'uid, hub', 0, 'DISTINCT uid, hub') as $row) {
			$scopes[(int) $row['uid']][] = $row['hub'];
		}
		foreach ($scopes as $uid => $hubs) {
			foreach (in_array(self::ALL, $hubs, true) ? [self::ALL] : $hubs as $scope) {
				$lines[] = self::line($uid, $scope);
			}
		}

		return $lines;
	}

	/** @return Line */
	private static function line(int $channelId, string $scope): array
	{
		$mine = self::heldOf($channelId, $scope) + ['state' => 'held'];
		$displaced =
			[
				'scale' => self::COUNTED,
				'created >=' => Table::least('filesync_held', 'since', $mine) ?? 0,
			] + self::keptOf($channelId, $scope);
		$whats = array_column(
			[
				...Table::select('filesync_held', $mine, '', 0, 'DISTINCT what'),
				...Table::select('filesync_kept', $displaced, '', 0, 'DISTINCT why AS what'),
			],
			'what',
			'what',
		);
		// Two clones may have replaced the same file.
		$waiting = Table::countDistinct('filesync_held', 'hash', ['what' => 'replaced']
		+ $mine) + Table::sum('filesync_held', 'files', ['what' => 'deleted'] + $mine);

		return [
			'id' => self::lineId($channelId, $scope),
			'channel' => $channelId,
			'hub' => $scope,
			'urls' => self::urls($channelId, $scope, $mine, $displaced),
			'what' => ! isset($whats['deleted']) ? 'replaced' : (count($whats) === 1 ? 'deleted' : 'both'),
			'files' =>
				$waiting + Table::countDistinct('filesync_kept', 'hash', $displaced)
					- self::countBoth($mine, $displaced),
			'size_bytes' =>
				Table::sum('filesync_held', 'size_bytes', $mine)
					+ Table::sum('filesync_kept', 'size_bytes', $displaced),
			'waiting' => $waiting,
			'since' => min(
				Table::least('filesync_kept', 'created', $displaced) ?? PHP_INT_MAX,
				Table::least('filesync_held', 'created', $mine) ?? 0,
			),
		];
	}

	/** Counts files with held changes that were also replaced before: a later version waits, or a crop. */
	private static function countBoth(array $mine, array $displaced): int
	{
		$count = 0;
		foreach (Table::pages('filesync_held', ['what' => 'replaced'] + $mine, 500, 'DISTINCT hash', 'hash') as $rows) {
			$count += Table::countDistinct(
				'filesync_kept',
				'hash',
				['hash' => array_column($rows, 'hash')] + $displaced,
			);
		}

		return $count;
	}

	/**
	 * Returns the clones of a line that are still known.
	 *
	 * @return list<string>
	 */
	private static function urls(int $channelId, string $scope, array $mine, array $displaced): array
	{
		if ($scope !== self::ALL) {
			return array_column(Table::select('filesync_held', $mine, 'created, id', 1, 'url'), 'url');
		}
		$urls = array_column(Table::select('filesync_held', $mine, '', 0, 'DISTINCT url'), 'url');
		$hubs = array_column(Table::select('filesync_kept', $displaced, '', 0, 'DISTINCT hub'), 'hub');
		$channel = Clones::channel($channelId);
		foreach ($channel ? Clones::everywhere($channel) : [] as $clone) {
			if (in_array(self::hub($clone['url']), $hubs, true)) {
				$urls[] = $clone['url'];
			}
		}
		$byHub = array_combine(array_map(self::hub(...), $urls), $urls);
		asort($byHub);

		return array_values($byHub);
	}

	/** Forgets held changes of files that have been decided otherwise, and notes how many files each channel has. */
	public static function prune(): void
	{
		foreach (Clones::local() as $channelId) {
			$notes = [
				...self::notes($channelId, Clock::now() - self::WEEK - self::DAY),
				[Clock::now(), Table::count('attach', ['uid' => $channelId, 'is_dir' => 0])],
			];
			Config::set('files', json_encode($notes), self::scope($channelId));
		}
		foreach (Table::each('filesync_held', [], 500, 'id, uid, hash, what') as $row) {
			$isOver = $row['what'] === 'replaced'
				? ! Table::first(
					'filesync_transfer',
					[
						'uid' => (int) $row['uid'],
						'hash' => $row['hash'],
						'scale' => self::COUNTED,
						'state <>' => [TransferState::PUBLISHED, TransferState::DROPPED],
					],
					'',
					'id',
				)
				: ! Table::first('attach', ['uid' => (int) $row['uid'], 'hash' => $row['hash']], '', 'id')
				&& ! Table::first('photo', ['uid' => (int) $row['uid'], 'resource_id' => $row['hash']], '', 'id');
			if ($isOver) {
				Table::delete('filesync_held', ['id' => $row['id']]);
			}
		}
	}

	/** Returns now, or the second after the latest of some dates. It ignores a date far in the future. */
	public static function after(string ...$dates): string
	{
		$times = array_map(fn ($date) => (int) strtotime(substr($date, 0, 19) . ' UTC') + 1, $dates);

		return gmdate('Y-m-d H:i:s', max([
			Clock::now(),
			...array_filter($times, fn ($time) => $time <= (Clock::now() + self::DAY)),
		]));
	}

	/** Returns the scope in which a clone is stopped: itself, or all clones of the channel; null if it is not. */
	private static function stopped(int $channelId, string $root): ?string
	{
		$hub = self::hub($root);
		$scopes = array_column(
			Table::select(
				'filesync_held',
				['uid' => $channelId, 'hub' => [$hub, self::ALL], 'state' => 'held'],
				'',
				0,
				'DISTINCT hub',
			),
			'hub',
		);

		return in_array($hub, $scopes, true) ? $hub : $scopes[0] ?? null;
	}

	private static function logStop(int $channelId, string $scope, string $root, string $reason): void
	{
		Log::write(
			'holding the changes of '
			. ($scope === self::ALL ? "all clones, including $root," : $root)
			. " in channel $channelId: $reason",
		);
	}

	/** Returns the condition for held changes of a clone, or of all. */
	public static function heldOf(int $channelId, string $scope): array
	{
		return ['uid' => $channelId] + ($scope === self::ALL ? [] : ['hub' => $scope]);
	}

	/** Returns the condition for files displaced by a clone, or by all. */
	public static function keptOf(int $channelId, string $scope): array
	{
		return ['uid' => $channelId] + ($scope === self::ALL ? ['hub <>' => ''] : ['hub' => $scope]);
	}

	/**
	 * Tells whether bytes count as a displacement: those of a file or a crop do, unless exactly these were approved, or
	 * they repair damage.
	 */
	private static function isCounted(Transfer $transfer): bool
	{
		if ($transfer->isFromSet()) {
			// Somebody asked for it on this hub.
			return false;
		}
		$scale = $transfer->scale;
		$revision = $scale === 0 ? $transfer->fileEntry()['revision'] ?? null : null;
		$isOne = $scale === 0
			? $revision && ! self::isOurs($transfer->channelId, $transfer->hash, $revision)
			: in_array($scale, self::COUNTED, true);
		$agreed = [
			'uid' => $transfer->channelId,
			'hash' => $transfer->hash,
			'what' => 'replaced',
			'state' => 'agreed',
			'body' => self::version($transfer->sizeBytes, $transfer->edited, $scale),
		];

		return $isOne && ! Table::first('filesync_held', $agreed, '', 'id');
	}

	/** Tells whether bytes are those that should already be here: then only damage had displaced them. */
	private static function isOurs(int $channelId, string $hash, array $revision): bool
	{
		return (Revisions::find($channelId, $hash)['bytes']['print'] ?? null) === $revision['print'];
	}

	/**
	 * Tells whether other bytes would displace present ones.
	 *
	 * @param AttachRow $own
	 */
	private static function displaces(Channel $channel, string $root, array $own, string $sha256, int $scale = 0): bool
	{
		$facts = Facts::of($channel, $own['hash'], $scale);
		// Incomplete bytes are damage from a stock hub, or a disk.
		if ((int) $own['is_dir'] || $facts->state !== 'whole') {
			return false;
		}
		if ($sha256 === '') {
			return true;
		}
		$ours = $facts->content !== null
			? hash('sha256', $facts->content)
			: Digests::of($facts, (Clock::exact() * 1000) + self::DIGEST_MS);

		return $ours !== $sha256 && ! self::isGivenBack($channel->id, $root, $own['hash'], $sha256, $scale);
	}

	/**
	 * Tells whether another clone displaced exactly these bytes here just before; for a crop, at any time within a
	 * week. This includes bytes that were replaced here within a day while no clone displaced anything of the file: a
	 * file that was spoilt on this hub returns to it without approval.
	 */
	private static function isGivenBack(
		int $channelId,
		string $root,
		string $hash,
		string $sha256,
		int $scale = 0,
	): bool {
		$displaced = [
			'uid' => $channelId,
			'hash' => $hash,
			'scale' => $scale,
			'hub <>' => ['', self::hub($root)],
			'created >' => Clock::now() - self::WEEK,
		];
		if ($scale) {
			foreach (Table::select(
				'filesync_kept',
				$displaced + ['source' => '', 'size_bytes <=' => Kept::MOST_CROP_BYTES],
				'created DESC',
				self::GIVEN_BACK_ROWS,
				'path',
			) as $kept) {
				if (@hash_file('sha256', Store::dataRoot($channelId) . '/' . $kept['path']) === $sha256) {
					return true;
				}
			}

			return false;
		}
		$file = Revisions::find($channelId, $hash);
		if (($file['here']['past'][0] ?? '') !== $sha256) {
			return false;
		}
		$isReplacedHere =
			$file['bytes']['by'] === Site::component($channelId)
			&& $file['bytes']['edited'] > gmdate('Y-m-d H:i:s', Clock::now() - self::DAY);

		return (
			Table::first('filesync_kept', $displaced, '', 'id') !== null
			|| (
				$isReplacedHere
				&& ! Table::first('filesync_kept', ['uid' => $channelId, 'hash' => $hash, 'scale' => 0], '', 'id')
			)
		);
	}

	/** @param Displaced $row */
	private static function sizeOf(Channel $channel, array $row, int $scale = 0): int
	{
		return $scale
			? Facts::of($channel, $row['hash'], $scale)->sizeBytes
			: (int) (
				$row['size_bytes'] ?? Store::facts(Store::pathOf($channel, $row))['size_bytes'] ?? $row['filesize']
			);
	}

	/** @param AttachRow $own */
	private static function holdReplacement(
		Channel $channel,
		string $scope,
		string $root,
		array $own,
		int $sizeBytes,
		string $edited,
		int $scale = 0,
	): void {
		self::write(
			$channel->id,
			$scope,
			$root,
			$own['hash'],
			'replaced',
			1,
			self::sizeOf($channel, $own, $scale),
			self::version($sizeBytes, $edited, $scale),
			$scale,
		);
	}

	private static function write(
		int $channelId,
		string $scope,
		string $root,
		string $hash,
		string $what,
		int $files,
		int $bytes,
		string $body,
		int $scale = 0,
	): void {
		$id = hash('sha256', "$channelId\n$scope\n$hash" . ($scale ? "\n$scale" : ''));
		$first = Table::first(
			'filesync_held',
			['uid' => $channelId, 'hub' => $scope, 'state' => 'held'],
			'created, id',
			'since',
		);
		$row = [
			'url' => $root,
			'what' => $what,
			'state' => 'held',
			'files' => $files,
			'size_bytes' => $bytes,
			'body' => $body,
			'since' => (int) ($first['since'] ?? self::begunAt($channelId, $scope)),
		];
		Table::tryUpsert('filesync_held', ['id' => $id], $row, [
			'uid' => $channelId,
			'hub' => $scope,
			'hash' => $hash,
			'created' => Clock::now(),
		]);
	}

	/**
	 * Returns the beginning of the displacements that led here: of the day if it alone exceeds the limit, otherwise of
	 * the week.
	 */
	private static function begunAt(int $channelId, string $scope): int
	{
		$limits = self::limits($channelId);
		foreach (self::displaced($channelId, $scope, $limits) as $n => [$files, $bytes]) {
			$limit = $limits[$n];
			if ($limit['seconds'] === self::WEEK && ($files >= $limit['files'] || $bytes >= $limit['bytes'])) {
				return Clock::now() - self::WEEK;
			}
		}

		return Clock::now() - self::DAY;
	}

	/**
	 * Checks whether a clone would displace too much.
	 *
	 * @param string       $what   `replaced` or `deleted`.
	 * @param list<string> $hashes The hashes of these files; a single one is not counted twice.
	 *
	 * @return ?array{string, string} The scope to stop, the clone or all of the channel, and why; null: within the
	 *     limits.
	 */
	private static function excess(
		int $channelId,
		string $root,
		string $what,
		array $hashes,
		int $files,
		int $bytes,
	): ?array {
		$limits = array_filter(self::limits($channelId), fn ($limit) => in_array($what, $limit['what'], true));
		foreach ([self::hub($root), self::ALL] as $scope) {
			foreach (self::displaced($channelId, $scope, $limits, $hashes) as $n => [$before, $bytesBefore]) {
				$limit = $limits[$n];
				$most = $scope === self::ALL
					? array_map(self::together(...), [
						'files' => $limit['files'],
						'bytes' => $limit['bytes'],
					]) : $limit;
				if (($before + $files) > $most['files'] || ($bytesBefore + $bytes) > $most['bytes']) {
					return [
						$scope,
						sprintf(
							'%d files, %d bytes %s within %d days, the limit is %s',
							$before + $files,
							$bytesBefore + $bytes,
							implode(' or ', $limit['what']),
							intdiv($limit['seconds'], self::DAY),
							"{$most['files']} files" . ($most['bytes'] === self::ANY ? '' : ", {$most['bytes']} bytes"),
						),
					];
				}
			}
		}

		return null;
	}

	/**
	 * Returns the limit for all clones together: a little above that for one, so that the others can continue while one
	 * waits for an answer.
	 */
	private static function together(int $most): int
	{
		return $most > intdiv(self::ANY, 2) ? self::ANY : $most + intdiv($most + 9, 10);
	}

	private static function excessOfDeletes(int $channelId, int $files, int $bytesOfFolder): ?string
	{
		if ($bytesOfFolder > Config::number('kept_max_bytes')) {
			return "a folder delete of $files files, $bytesOfFolder bytes: more than may be kept (kept_max_bytes)";
		}
		$before = Table::count('filesync_kept', [
			'uid' => $channelId,
			'why' => 'deleted',
			'scale' => 0,
			'created >' => Clock::now() - self::DAY,
		]);

		return ($before + $files) > Config::number('delete_max_files')
			? "a delete of $files files, after $before within a day: more than delete_max_files"
			: null;
	}

	/**
	 * Returns for each limit: files, without the given one if it is single, and bytes.
	 *
	 * @param array<int, Limit> $limits
	 * @param list<string>      $hashes
	 *
	 * @return array<int, array{int, int}>
	 */
	private static function displaced(int $channelId, string $scope, array $limits, array $hashes = []): array
	{
		$where = self::keptOf($channelId, $scope)
		+ ['scale' => self::COUNTED, 'created >' => Clock::now() - self::WEEK];
		$columns = ['files' => [], 'bytes' => []];
		foreach ($limits as $n => $limit) {
			$counts =
				'created > '
				. (Clock::now() - $limit['seconds'])
				. (in_array('deleted', $limit['what'], true) ? '' : " AND why <> 'deleted'");
			$columns['files'][] = "count(DISTINCT CASE WHEN $counts THEN hash END) AS files_$n";
			$columns['bytes'][] = "sum(CASE WHEN $counts THEN size_bytes ELSE 0 END) AS bytes_$n";
		}
		$files = Table::rows(
			'filesync_kept',
			$where + (count($hashes) === 1 ? ['hash <>' => reset($hashes)] : []),
			'',
			1,
			implode(', ', $columns['files']),
		)[0] ?? [];
		$bytes = Table::rows('filesync_kept', $where, '', 1, implode(', ', $columns['bytes']))[0] ?? [];

		return array_map(
			fn ($n) => [(int) ($files["files_$n"] ?? 0), (int) ($bytes["bytes_$n"] ?? 0)],
			array_combine(array_keys($limits), array_keys($limits)),
		);
	}

	/** Forgets how many files a channel had. */
	public static function forget(int $channelId): void
	{
		Config::clear('files', self::scope($channelId));
	}

	/**
	 * Returns how many of its present files a channel had a week ago, so that a clone that adds many cannot replace as
	 * many more. All, if unknown.
	 */
	private static function filesBefore(int $channelId, int $now): int
	{
		$then = array_filter(array_column(
			array_filter(self::notes($channelId, 0), fn ($note) => $note[0] <= (Clock::now() - self::WEEK)),
			1,
		));

		return $then ? min($now, max($then)) : $now;
	}

	/** @return list<array{int, int}> The notes since a moment: time, and number of the channel's files. */
	private static function notes(int $channelId, int $since): array
	{
		/** @var list<array{int, int}> $notes */
		$notes = json_decode(Config::get('files', self::scope($channelId)), true) ?? [];

		return array_values(array_filter(
			$notes,
			fn ($note) => $note[0] >= $since && $note[0] <= Clock::now(),
		));
	}

	private static function scope(int $channelId): string
	{
		return "brake:$channelId";
	}

	/**
	 * Returns the limits. For replaced bytes alone the limit is a share of the files: people notice a missing file, but
	 * not one with other bytes.
	 *
	 * @return list<Limit>
	 */
	private static function limits(int $channelId): array
	{
		$files =
			self::filesBefore($channelId, Table::count('attach', ['uid' => $channelId, 'is_dir' => 0]))
			+ Table::count('filesync_kept', [
				'uid' => $channelId,
				'why' => 'deleted',
				'scale' => 0,
				'hub <>' => '',
				'created >' => Clock::now() - self::DAY,
			]);
		$half = $files < Config::number('displaced_few_files') ? max(self::LEAST_FILES, intdiv($files, 2)) : self::ANY;
		$percent = Config::number('replaced_max_percent');
		$part = $percent < 100 ? intdiv($files * $percent, 100) : self::ANY;
		$both = ['replaced', 'deleted'];

		return [
			[
				'what' => $both,
				'seconds' => self::DAY,
				'files' => min($half, Config::number('displaced_max_files_day')),
				'bytes' => Config::number('displaced_max_bytes_day'),
			],
			[
				'what' => $both,
				'seconds' => self::WEEK,
				'files' => Config::number('displaced_max_files_week'),
				'bytes' => Config::number('displaced_max_bytes_week'),
			],
			[
				'what' => ['replaced'],
				'seconds' => self::DAY,
				'files' => max(self::LEAST_FILES, $part),
				'bytes' => self::ANY,
			],
			[
				'what' => ['replaced'],
				'seconds' => self::WEEK,
				'files' => max(intdiv(self::WEEK, self::DAY) * self::LEAST_FILES, $part),
				'bytes' => self::ANY,
			],
		];
	}

	/** Returns the text for new bytes in `body` of filesync_held. */
	private static function version(int $sizeBytes, string $edited, int $scale = 0): string
	{
		return "$sizeBytes:$edited" . ($scale ? self::crop($scale) : '');
	}

	private static function crop(int|string $scale = ''): string
	{
		return " crop $scale";
	}

	private static function reason(string $root): string
	{
		return (
			'held with all changes of '
			. (parse_url($root, PHP_URL_HOST) ?: $root)
			. ' until you accept or dismiss them (cli.php packets)'
		);
	}

	private static function lineId(int $channelId, string $scope): string
	{
		return hash('sha256', "$channelId\n$scope");
	}
}

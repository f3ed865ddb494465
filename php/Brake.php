<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Revisions;
use FileSync\Addon\Order\Site;
use FileSync\Addon\Order\Vector;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Asks a person before one clone replaces or deletes very much here.
 *
 * What a clone displaced is counted by what is kept of it (`hub` of filesync_kept). Beyond the bounds its further changes are held, table
 * filesync_held: deletes whole, of new bytes only that they are; those stand in filesync_transfer, parked. New files go on arriving, and
 * so does what other clones change. Only a person lets go: no packet does, and no passing of time.
 *
 * Which clone it is, the packets say themselves. So all of a channel's clones count together once more: a tenth beyond what one may, changes
 * of all of them are held, in one line with one answer.
 */
final class Brake
{
	/** The kind of parking of a transfer whose bytes a person must let in. */
	public const KIND = 'brake';

	private const DAY = 86400;
	private const WEEK = 604800;
	/** Fewer are never held in a small channel: one writes in a few files all day. */
	private const LEAST_FILES = 10;
	private const ANY = PHP_INT_MAX;
	/** In place of a clone: all of the channel together. */
	private const ALL = '*';
	private const NAMED = 3;
	/** The scales of what is counted: files, and the crops of photos that nothing makes again. */
	private const COUNTED = [0, ...Kept::CROPS];
	private const GIVEN_BACK_ROWS = 8;
	private const SLICE_SECONDS = 5;
	private const DIGEST_MS = 500;
	private const PAGE = 50;
	private const FEW_CALLS = 20;

	/** Returns the name under which is counted what a clone displaced. */
	public static function hub(string $root): string
	{
		return substr(hash('sha256', Clones::normalise($root) ?? $root), 0, 32);
	}

	/**
	 * Says of new bytes that a packet announces whether they wait for a person already now: their clone is stopped, or their file is.
	 *
	 * @param array $own Our row of the file.
	 *
	 * @return array{string, string} The kind and the reason of parking, or two empty strings.
	 */
	public static function atAccept(array $channel, string $root, array $own, Packet $packet): array
	{
		$channelId = (int) $channel['channel_id'];
		$transfer = Queue::find($channelId, $own['hash'], 0);
		$isHeld = $transfer && $transfer['state'] === 'parked' && $transfer['kind'] === self::KIND;
		$scope = self::stopped($channelId, $root);
		if ((! $isHeld && ! $scope) || ! self::displaces($channel, $root, $own, $packet->sha256)) {
			return ['', ''];
		}
		// Of a file that is held already, the clone that changed it first is asked about.
		$root = $scope ? $root : $transfer['origin'];
		self::holdReplacement($channel, $scope ?? self::hub($root), $root, $own, $packet->last['filesize'], $packet->last['edited']);

		return [self::KIND, self::reason($root)];
	}

	/**
	 * Holds a transfer if its bytes would displace more than its clone may. A crop is small, and no packet says its digest: it is asked about once it is here.
	 *
	 * @param string $sha256 Its digest, or empty as long as it is not known.
	 *
	 * @return ?string Why it is held now; null: it may go on.
	 */
	public static function hold(array $channel, array $transfer, string $sha256 = ''): ?string
	{
		[$channelId, $scale, $root] = [(int) $transfer['uid'], (int) $transfer['scale'], $transfer['origin']];
		$own = $scale === 0 || $sha256 !== '' ? Store::attach($channelId, $transfer['hash']) : null;
		if (! $own || ! self::isCounted($transfer)) {
			return null;
		}
		$held = $scale ? Table::first('filesync_held', ['uid' => $channelId, 'hash' => $own['hash'], 'what' => 'replaced', 'state' => 'held', 'body like' => '%' . self::crop($scale)], 'created, id', 'hub, url') : null;
		$stopped = $held['hub'] ?? self::stopped($channelId, $root);
		[$scope, $reason] = $stopped ? [$stopped, ''] : self::excess($channelId, $root, 'replaced', [$own['hash']], 1, self::sizeOf($channel, $own, $scale));
		if (! $scope || ! self::displaces($channel, $root, $own, $sha256 ?: json_decode($transfer['entry'], true)['sha256'] ?? '', $scale)) {
			return null;
		}
		$stopped || self::logStop($channelId, $scope, $root, $reason);
		// Of what is held already, the clone that changed it first is asked about.
		$root = $held['url'] ?? $root;
		self::holdReplacement($channel, $scope, $root, $own, (int) $transfer['size_bytes'], $transfer['edited'], $scale);

		return self::reason($root);
	}

	/** Tells whether a transfer takes disk space for good, as what it displaces is kept, and there is little left. Others may have that. */
	public static function mustSpareDisk(array $channel, array $transfer): bool
	{
		$own = in_array((int) $transfer['scale'], self::COUNTED, true) ? Store::attach((int) $channel['channel_id'], $transfer['hash']) : null;
		$free = $own && self::sizeOf($channel, $own, (int) $transfer['scale']) ? @disk_free_space(Store::dataRoot((int) $channel['channel_id'], true)) : false;

		return $free !== false && $free - (int) $transfer['size_bytes'] < 2 * Config::number('headroom_bytes');
	}

	/**
	 * Holds a delete if more would be displaced than its clone may.
	 *
	 * @param array $rows What would be deleted: attach rows, and photos without a file as `Kept::lonePhotos()` gives them.
	 */
	public static function holdDelete(array $channel, string $root, string $hash, Packet $packet, array $rows): bool
	{
		$channelId = (int) $channel['channel_id'];
		$all = array_flip(array_column($rows, 'hash'));
		$rows = array_filter($rows, fn ($row) => ! (int) ($row['is_dir'] ?? 0));
		$bytes = array_sum(array_map(fn ($row) => self::sizeOf($channel, $row), $rows));
		if (! $rows) {
			return false;
		}
		$scope = self::stopped($channelId, $root);
		if (! $scope) {
			$reason = self::excessOfDeletes($channelId, count($rows), count($rows) > 1 ? $bytes : 0);
			[$scope, $reason] = $reason !== null ? [self::hub($root), $reason] : self::excess($channelId, $root, 'deleted', array_column($rows, 'hash'), count($rows), $bytes);
			if (! $scope) {
				return false;
			}
			self::logStop($channelId, $scope, $root, $reason);
		}
		// No more than what the delete is: whatever else came with it could be of any size.
		$seen = ['v' => Peers::VERSION, 'gone' => $packet->order['gone'], 'beneath' => array_intersect_key($packet->order['beneath'], $all)];
		$body = ['fetch_url' => $packet->fetchUrl, 'original_channel' => $packet->nick, 'attach' => [['hash' => $hash, 'deleted' => 1]]] + ($packet->order['gone'] === null ? [] : ['filesync' => $seen]);
		self::write($channelId, $scope, $root, $hash, 'deleted', count($rows), $bytes, json_encode($body, JSON_INVALID_UTF8_SUBSTITUTE) ?: '');

		return true;
	}

	/**
	 * Returns the hub to which a displacement is counted; empty: none, as a person agreed, the clone gives back what another had displaced,
	 * or a damaged file is repaired.
	 *
	 * @param int $sizeBytes The size of what was displaced.
	 */
	public static function countedTo(array $channel, array $transfer, int $sizeBytes): string
	{
		[$channelId, $scale] = [(int) $channel['channel_id'], (int) $transfer['scale']];
		$row = $scale ? Store::photo($channelId, $transfer['hash'], $scale) : Store::attach($channelId, $transfer['hash']);
		$isCounted = self::isCounted($transfer) && (int) ($row['filesize'] ?? -1) === $sizeBytes && ! self::isGivenBack($channelId, $transfer['origin'], $transfer['hash'], $transfer['sha256'], $scale);

		return $isCounted ? self::hub($transfer['origin']) : '';
	}

	/** Forgets what was held of a file, or of a crop, whose bytes are decided by now. */
	public static function settled(array $transfer): void
	{
		$held = ['uid' => (int) $transfer['uid'], 'hash' => $transfer['hash'], 'what' => 'replaced'];
		foreach (in_array((int) $transfer['scale'], self::COUNTED, true) ? Table::select('filesync_held', $held, '', 0, 'id, body') : [] as $row) {
			$crop = strstr($row['body'], self::crop());
			($crop === false ? 0 : (int) substr($crop, strlen(self::crop()))) === (int) $transfer['scale'] && Table::delete('filesync_held', ['id' => $row['id']]);
		}
	}

	/**
	 * Returns what waits for a person: one line of each clone of each channel, or one of all clones of a channel that are stopped together.
	 *
	 * @return list<array{id: string, channel: int, hub: string, urls: list<string>, what: string, files: int, size_bytes: int, waiting: int, since: int}>
	 *   `files`: those that the clone replaced or deleted since then; of these `waiting` are held.
	 */
	public static function lines(?int $channelId = null): array
	{
		$lines = [];
		$held = ['state' => 'held'] + ($channelId === null ? [] : ['uid' => $channelId]);
		foreach (Table::select('filesync_held', $held, 'uid, hub', 0, 'DISTINCT uid, hub') as $row) {
			$scopes[(int) $row['uid']][] = $row['hub'];
		}
		foreach ($scopes ?? [] as $uid => $hubs) {
			foreach (in_array(self::ALL, $hubs, true) ? [self::ALL] : $hubs as $scope) {
				$lines[] = self::line($uid, $scope);
			}
		}

		return $lines;
	}

	private static function line(int $channelId, string $scope): array
	{
		$mine = self::heldOf($channelId, $scope) + ['state' => 'held'];
		$displaced = ['scale' => self::COUNTED, 'created >=' => (int) Table::first('filesync_held', $mine, '', 'min(since) AS since')['since']] + self::keptOf($channelId, $scope);
		$whats = array_column([...Table::select('filesync_held', $mine, '', 0, 'DISTINCT what'), ...Table::select('filesync_kept', $displaced, '', 0, 'DISTINCT why AS what')], 'what', 'what');
		// Two clones may have replaced the same.
		$waiting = (int) Table::first('filesync_held', ['what' => 'replaced'] + $mine, '', 'count(DISTINCT hash) AS files')['files'] + Table::sum('filesync_held', 'files', ['what' => 'deleted'] + $mine);

		return ['id' => self::lineId($channelId, $scope), 'channel' => $channelId, 'hub' => $scope, 'urls' => self::urls($channelId, $scope, $mine, $displaced),
			'what' => ! isset($whats['deleted']) ? 'replaced' : (count($whats) === 1 ? 'deleted' : 'both'),
			'files' => $waiting + (int) Table::first('filesync_kept', $displaced, '', 'count(DISTINCT hash) AS files')['files'] - self::countBoth($mine, $displaced),
			'size_bytes' => Table::sum('filesync_held', 'size_bytes', $mine) + Table::sum('filesync_kept', 'size_bytes', $displaced),
			'waiting' => $waiting, 'since' => min((int) (Table::first('filesync_kept', $displaced, 'created', 'created')['created'] ?? PHP_INT_MAX),
				(int) Table::first('filesync_held', $mine, 'created', 'created')['created'])];
	}

	/** Returns how many files of which something is held were replaced before: a later version waits, or a crop. */
	private static function countBoth(array $mine, array $displaced): int
	{
		$count = 0;
		for ($last = ''; $rows = Table::select('filesync_held', ['what' => 'replaced', 'hash >' => $last] + $mine, 'hash', 500, 'DISTINCT hash'); $last = end($rows)['hash']) {
			$count += (int) Table::first('filesync_kept', ['hash' => array_column($rows, 'hash')] + $displaced, '', 'count(DISTINCT hash) AS files')['files'];
		}

		return $count;
	}

	/** Returns the clones of which a line tells: of a channel's, those that are known still. */
	private static function urls(int $channelId, string $scope, array $mine, array $displaced): array
	{
		if ($scope !== self::ALL) {
			return [Table::first('filesync_held', $mine, 'created, id', 'url')['url']];
		}
		$urls = array_column(Table::select('filesync_held', $mine, '', 0, 'DISTINCT url'), 'url');
		$hubs = array_column(Table::select('filesync_kept', $displaced, '', 0, 'DISTINCT hub'), 'hub');
		$channel = Clones::channel($channelId);
		foreach ($channel ? Clones::everywhere($channel) : [] as $clone) {
			in_array(self::hub($clone['url']), $hubs, true) && $urls[] = $clone['url'];
		}
		$byHub = array_combine(array_map(self::hub(...), $urls), $urls);
		asort($byHub);

		return array_values($byHub);
	}

	/** Says in words what a clone did. */
	public static function describe(array $line): string
	{
		$text = count($line['urls']) > 1 ? t('%1$s together replaced or deleted %2$s (%3$s) since %4$s') : match ($line['what']) {
			'replaced' => t('%1$s replaced %2$s (%3$s) since %4$s'),
			'deleted' => t('%1$s deleted %2$s (%3$s) since %4$s'),
			default => t('%1$s replaced or deleted %2$s (%3$s) since %4$s'),
		};

		return sprintf($text, Words::all(array_map(Words::host(...), $line['urls']), self::NAMED), Words::files($line['files']), Words::size($line['size_bytes']), Words::since($line['since']));
	}

	/**
	 * Takes a person's answer: lets in what a clone changed, or gives ours back, on every clone. A worker goes on with what takes longer.
	 *
	 * @param array $line As lines() gave it.
	 */
	public static function decide(array $line, bool $isAgreed): void
	{
		$mine = self::heldOf($line['channel'], $line['hub']);
		$answer = $isAgreed ? 'agreed' : 'refused';
		$since = (int) (Table::first('filesync_held', $mine + ['state' => 'held'], '', 'min(since) AS since')['since'] ?? Config::now());
		Table::update('filesync_held', ['state' => $answer], $mine + ['state' => 'held']);
		if ($isAgreed) {
			$hashes = array_column(Table::select('filesync_held', $mine + ['state' => 'agreed', 'what' => 'replaced'], '', 0, 'hash'), 'hash');
			foreach (array_chunk($hashes, 200) as $some) {
				Table::update('filesync_transfer', ['state' => 'staged', 'kind' => '', 'reason' => '', 'attempts' => 0, 'next_at' => Config::now(), 'updated' => Config::now()],
					['uid' => $line['channel'], 'hash' => $some, 'scale' => self::COUNTED, 'state' => 'parked', 'kind' => self::KIND]);
			}
			// From now on it is counted anew.
			Table::update('filesync_kept', ['hub' => ''], self::keptOf($line['channel'], $line['hub']));
		}
		Outbox::add($line['channel'], 'brake', $line['hub'], json_encode(['answer' => $answer, 'since' => $since]), false, $answer);
		Outbox::run($line['channel'], ['brake']);
		// Many keep whoever waits for the page waiting.
		if (Table::count('filesync_outbox', ['uid' => $line['channel'], 'kind' => ['announce', 'deleted'], 'state' => 'due']) <= self::FEW_CALLS) {
			Outbox::run($line['channel'], ['announce', 'deleted']);
		}
		Worker::summon();
	}

	/** Goes on with an answer for a few seconds; wants to be called again if that is not enough. */
	public static function work(array $channel, string $hub, array $body): void
	{
		$until = microtime(true) + self::SLICE_SECONDS;
		$failure = null;
		foreach ($body['answer'] === 'agreed' ? self::agreedDeletes($channel, $hub) : self::givenBack($channel, $hub, (int) $body['since']) as $one) {
			try {
				$one();
			} catch (\Throwable $e) {
				Config::logFailure('what a person answered', $e);
				$failure ??= $e;
			}
			if (microtime(true) > $until) {
				Outbox::add((int) $channel['channel_id'], 'brake', $hub, json_encode($body), false, $body['answer']);
				return;
			}
		}
		if ($failure) {
			throw $failure;
		}
	}

	/** Forgets what is held of files that are decided otherwise by now, and notes how many files each channel has. */
	public static function prune(): void
	{
		foreach (Clones::local() as $channelId) {
			$notes = [...self::notes($channelId, Config::now() - self::WEEK - self::DAY), [Config::now(), Table::count('attach', ['uid' => $channelId, 'is_dir' => 0])]];
			Config::set('files', json_encode($notes), self::scope($channelId));
		}
		for ($last = ''; $rows = Table::select('filesync_held', ['id >' => $last], 'id', 500, 'id, uid, hash, what'); $last = end($rows)['id']) {
			foreach ($rows as $row) {
				$isOver = $row['what'] === 'replaced' ? ! Table::first('filesync_transfer', ['uid' => (int) $row['uid'], 'hash' => $row['hash'], 'scale' => self::COUNTED, 'state <>' => ['published', 'dropped']], '', 'id')
					: ! Table::first('attach', ['uid' => (int) $row['uid'], 'hash' => $row['hash']], '', 'id') && ! Table::first('photo', ['uid' => (int) $row['uid'], 'resource_id' => $row['hash']], '', 'id');
				$isOver && Table::delete('filesync_held', ['id' => $row['id']]);
			}
		}
	}

	private static function agreedDeletes(array $channel, string $hub): \Generator
	{
		foreach (self::each($channel, $hub, 'agreed', 'deleted') as $row) {
			yield function () use ($channel, $row) {
				Incoming::replay($channel, json_decode($row['body'], true), HeldPackets::moment(), true);
				Table::delete('filesync_held', ['id' => $row['id']]);
			};
		}
	}

	private static function givenBack(array $channel, string $hub, int $since): \Generator
	{
		$channelId = (int) $channel['channel_id'];
		foreach (self::each($channel, $hub, 'refused', 'deleted') as $row) {
			yield function () use ($channel, $channelId, $row) {
				Turn::take($channelId, function () use ($channel, $row) {
					self::keepOurs($channel, $row['hash']);
					Deletion::refuse($channel, Packet::read(json_decode($row['body'], true)));
				});
				Table::delete('filesync_held', ['id' => $row['id']]);
			};
		}
		foreach (self::each($channel, $hub, 'refused', 'replaced') as $row) {
			yield function () use ($channel, $channelId, $row) {
				Turn::take($channelId, fn () => self::keepOurs($channel, $row['hash']));
				Table::delete('filesync_held', ['id' => $row['id']]);
			};
		}
		$displaced = ['scale' => self::COUNTED, 'created >=' => $since, 'source' => ''] + self::keptOf($channelId, $hub);
		for ($last = ''; $rows = Table::select('filesync_kept', $displaced + ['hash >' => $last], 'hash', self::PAGE, 'DISTINCT hash'); $last = end($rows)['hash']) {
			foreach ($rows as ['hash' => $hash]) {
				yield function () use ($channel, $channelId, $displaced, $hash) {
					Turn::take($channelId, fn () => self::keepOurs($channel, $hash));
					foreach (self::COUNTED as $scale) {
						$rows = Table::select('filesync_kept', ['hash' => $hash, 'scale' => $scale] + $displaced, 'created DESC, id');
						// A crop that went with its file comes back with it.
						$rows = $scale ? array_values(array_filter($rows, fn ($one) => isset(json_decode($one['entry'], true)['crop']))) : $rows;
						$rows && Undo::apply(self::before($rows));
					}
					Table::update('filesync_kept', ['hub' => ''], ['hash' => $hash] + $displaced);
				};
			}
		}
	}

	/** Returns, of the versions of one file or crop that a clone displaced, the newest that was not its own. */
	private static function before(array $kept): array
	{
		$entries = array_map(fn ($one) => json_decode($one['entry'], true), array_column($kept, null, 'id'));
		$isLater = fn ($one, $other) => Vector::compare($one['bytes']['vector'] ?? [], $other['bytes']['vector'] ?? []) === 'after' || ($one['crop']['edited'] ?? '') > ($other['crop']['edited'] ?? '');
		// Several within a second are told apart by what each has seen.
		usort($kept, fn ($one, $other) => (int) $other['created'] <=> (int) $one['created'] ?: ($isLater($entries[$one['id']], $entries[$other['id']]) ? -1 : 1));
		$ours = array_shift($kept);
		foreach ($kept as $older) {
			$crop = $entries[$ours['id']]['crop'] ?? null;
			$print = $crop ? (int) $crop['filesize'] . ':' . substr($crop['edited'], 0, 19) : strtok((string) ($entries[$ours['id']]['bytes']['print'] ?? ''), '#');
			if ($print === false || $print !== ($entries[$older['id']]['next'] ?? null)) {
				break;
			}
			$ours = $older;
		}

		return $ours;
	}

	/** Makes the bytes that are here, of a file and its crops, the newest change, which has seen those that were held. */
	private static function keepOurs(array $channel, string $hash): void
	{
		$channelId = (int) $channel['channel_id'];
		$file = Revisions::notice($channel, $hash);
		$transfers = array_filter(array_map(fn ($scale) => Queue::find($channelId, $hash, $scale), self::COUNTED), Queue::isWanted(...));
		if (! ($own = Store::attach($channelId, $hash)) || ! $transfers) {
			return;
		}
		if (in_array('publishing', array_column($transfers, 'state'), true)) {
			throw new Postponed('the file is being published', true);
		}
		// A hub without filesync takes nothing that is dated before what it has, and no hub such a crop.
		$now = self::after(...array_column($transfers, 'edited'));
		Table::update('attach', ['edited' => $now], ['uid' => $channelId, 'hash' => $hash]);
		Table::update('photo', ['edited' => $now], ['uid' => $channelId, 'resource_id' => $hash]);
		Revisions::stand($channel, $file);
		Queue::drop($channelId, $hash);
		Outbox::release($channelId, $hash);
		Outgoing::answer($channelId, $hash, false);
	}

	/** Returns now, or the second after the latest of some dates. A date far in the future says nothing. */
	public static function after(string ...$dates): string
	{
		$times = array_map(fn ($date) => (int) strtotime(substr($date, 0, 19) . ' UTC') + 1, $dates);

		return gmdate('Y-m-d H:i:s', max(Config::now(), ...array_filter($times, fn ($time) => $time <= Config::now() + self::DAY)));
	}

	private static function each(array $channel, string $hub, string $state, string $what): \Generator
	{
		$where = self::heldOf((int) $channel['channel_id'], $hub) + ['state' => $state, 'what' => $what];
		for ($last = ''; $rows = Table::select('filesync_held', $where + ['id >' => $last], 'id', self::PAGE, 'id'); $last = end($rows)['id']) {
			foreach ($rows as $row) {
				// One body at a time: that of a folder's delete may be large.
				$row = Table::first('filesync_held', ['id' => $row['id'], 'state' => $state]);
				if ($row) {
					yield $row;
				}
			}
		}
	}

	/** Returns as what a clone is stopped: as itself, or with all of the channel; null if it is not. */
	private static function stopped(int $channelId, string $root): ?string
	{
		$hub = self::hub($root);
		$scopes = array_column(Table::select('filesync_held', ['uid' => $channelId, 'hub' => [$hub, self::ALL], 'state' => 'held'], '', 0, 'DISTINCT hub'), 'hub');

		return in_array($hub, $scopes, true) ? $hub : ($scopes[0] ?? null);
	}

	private static function logStop(int $channelId, string $scope, string $root, string $reason): void
	{
		Config::log('holding what ' . ($scope === self::ALL ? "all clones change, $root too," : "$root changes") . " in channel $channelId: $reason");
	}

	/** Returns the condition that finds what is held of a clone, or of all. */
	private static function heldOf(int $channelId, string $scope): array
	{
		return ['uid' => $channelId] + ($scope === self::ALL ? [] : ['hub' => $scope]);
	}

	/** Returns the condition that finds what a clone, or all, displaced. */
	private static function keptOf(int $channelId, string $scope): array
	{
		return ['uid' => $channelId] + ($scope === self::ALL ? ['hub <>' => ''] : ['hub' => $scope]);
	}

	/** Tells whether what bytes displace counts: a file or a crop, unless a person let these very bytes in, or damage is repaired. */
	private static function isCounted(array $transfer): bool
	{
		$scale = (int) $transfer['scale'];
		$revision = $scale === 0 ? json_decode($transfer['entry'], true)['revision'] ?? null : null;
		$isOne = $scale === 0 ? $revision && ! self::isOurs((int) $transfer['uid'], $transfer['hash'], $revision) : in_array($scale, self::COUNTED, true);
		$agreed = ['uid' => (int) $transfer['uid'], 'hash' => $transfer['hash'], 'what' => 'replaced', 'state' => 'agreed', 'body' => self::version((int) $transfer['size_bytes'], $transfer['edited'], $scale)];

		return $isOne && ! Table::first('filesync_held', $agreed, '', 'id');
	}

	/** Tells whether bytes are those that are to be here already: what displaces them is damage. */
	private static function isOurs(int $channelId, string $hash, array $revision): bool
	{
		return (Revisions::find($channelId, $hash)['bytes']['print'] ?? null) === $revision['print'];
	}

	/** Tells whether there are bytes here that others would displace. */
	private static function displaces(array $channel, string $root, array $own, string $sha256, int $scale = 0): bool
	{
		$facts = Facts::of($channel, $own['hash'], $scale);
		// What is not whole is damage that a stock hub, or a disk, left.
		if ((int) $own['is_dir'] || $facts->state !== 'whole') {
			return false;
		}
		if ($sha256 === '') {
			return true;
		}
		$ours = $facts->content !== null ? hash('sha256', $facts->content) : Digests::of($facts, microtime(true) * 1000 + self::DIGEST_MS);

		return $ours !== $sha256 && ! self::isGivenBack((int) $channel['channel_id'], $root, $own['hash'], $sha256, $scale);
	}

	/**
	 * Tells whether bytes are those that another clone displaced here just before; of a crop, any of those within a week. Also those that were replaced here
	 * within a week, as long as no clone displaced anything of the file: what was spoilt on this very hub comes back to it without asking.
	 */
	private static function isGivenBack(int $channelId, string $root, string $hash, string $sha256, int $scale = 0): bool
	{
		$displaced = ['uid' => $channelId, 'hash' => $hash, 'scale' => $scale, 'hub <>' => ['', self::hub($root)], 'created >' => Config::now() - self::WEEK];
		if ($scale) {
			foreach (Table::select('filesync_kept', $displaced + ['source' => '', 'size_bytes <=' => Kept::MOST_CROP_BYTES], 'created DESC', self::GIVEN_BACK_ROWS, 'path') as $kept) {
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
		$isReplacedHere = $file['bytes']['by'] === Site::component($channelId) && $file['bytes']['edited'] > gmdate('Y-m-d H:i:s', Config::now() - self::WEEK);

		return Table::first('filesync_kept', $displaced, '', 'id') !== null
			|| ($isReplacedHere && ! Table::first('filesync_kept', ['uid' => $channelId, 'hash' => $hash, 'scale' => 0], '', 'id'));
	}

	private static function sizeOf(array $channel, array $row, int $scale = 0): int
	{
		return $scale ? Facts::of($channel, $row['hash'], $scale)->sizeBytes : (int) ($row['size_bytes'] ?? Store::facts(Store::pathOf($channel, $row))['size_bytes'] ?? $row['filesize']);
	}

	private static function holdReplacement(array $channel, string $scope, string $root, array $own, int $sizeBytes, string $edited, int $scale = 0): void
	{
		self::write((int) $channel['channel_id'], $scope, $root, $own['hash'], 'replaced', 1, self::sizeOf($channel, $own, $scale), self::version($sizeBytes, $edited, $scale), $scale);
	}

	private static function write(int $channelId, string $scope, string $root, string $hash, string $what, int $files, int $bytes, string $body, int $scale = 0): void
	{
		$id = hash('sha256', "$channelId\n$scope\n$hash" . ($scale ? "\n$scale" : ''));
		$first = Table::first('filesync_held', ['uid' => $channelId, 'hub' => $scope, 'state' => 'held'], 'created, id', 'since');
		$row = ['url' => $root, 'what' => $what, 'state' => 'held', 'files' => $files, 'size_bytes' => $bytes, 'body' => $body, 'since' => (int) ($first['since'] ?? self::begunAt($channelId, $scope))];
		Table::update('filesync_held', $row, ['id' => $id]);
		if (! Table::first('filesync_held', ['id' => $id], '', 'id')) {
			Table::tryInsert('filesync_held', $row + ['id' => $id, 'uid' => $channelId, 'hub' => $scope, 'hash' => $hash, 'created' => Config::now()]);
		}
	}

	/** Returns since when a clone displaced what led here: a day is too much by itself, or else the week. */
	private static function begunAt(int $channelId, string $scope): int
	{
		$limits = self::limits($channelId);
		foreach (self::displaced($channelId, $scope, $limits) as $n => [$files, $bytes]) {
			$limit = $limits[$n];
			if ($limit['seconds'] === self::WEEK && ($files >= $limit['files'] || $bytes >= $limit['bytes'])) {
				return Config::now() - self::WEEK;
			}
		}

		return Config::now() - self::DAY;
	}

	/**
	 * Tells whether it is too much that a clone displaces so much more.
	 *
	 * @param string       $what   `replaced` or `deleted`.
	 * @param list<string> $hashes Of those files; one alone is not counted twice.
	 *
	 * @return ?array{string, string} What is to be stopped, the clone or all of the channel, and why; null: it is not too much.
	 */
	private static function excess(int $channelId, string $root, string $what, array $hashes, int $files, int $bytes): ?array
	{
		$limits = array_filter(self::limits($channelId), fn ($limit) => in_array($what, $limit['what'], true));
		foreach ([self::hub($root), self::ALL] as $scope) {
			foreach (self::displaced($channelId, $scope, $limits, $hashes) as $n => [$before, $bytesBefore]) {
				$limit = $limits[$n];
				$most = $scope === self::ALL ? array_map(self::together(...), ['files' => $limit['files'], 'bytes' => $limit['bytes']]) : $limit;
				if ($before + $files > $most['files'] || $bytesBefore + $bytes > $most['bytes']) {
					return [$scope, sprintf('%d files, %d bytes %s within %d days, where %s may be', $before + $files, $bytesBefore + $bytes, implode(' or ', $limit['what']),
						intdiv($limit['seconds'], self::DAY), "{$most['files']} files" . ($most['bytes'] === self::ANY ? '' : ", {$most['bytes']} bytes"))];
				}
			}
		}

		return null;
	}

	/** Returns how much all clones may displace together where one may so much: a little more, so that the others' day goes on while one waits for an answer. */
	private static function together(int $most): int
	{
		return $most > intdiv(self::ANY, 2) ? self::ANY : $most + intdiv($most + 9, 10);
	}

	private static function excessOfDeletes(int $channelId, int $files, int $bytesOfFolder): ?string
	{
		if ($bytesOfFolder > Config::number('kept_max_bytes')) {
			return "a folder delete of $files files, $bytesOfFolder bytes: more than may be kept (kept_max_bytes)";
		}
		$before = Table::count('filesync_kept', ['uid' => $channelId, 'why' => 'deleted', 'scale' => 0, 'created >' => Config::now() - self::DAY]);

		return $before + $files > Config::number('delete_max_files') ? "a delete of $files files, after $before within a day: more than delete_max_files" : null;
	}

	/** @return array<array{int, int}> For each of some limits: files, those named left out if it is one, and bytes. */
	private static function displaced(int $channelId, string $scope, array $limits, array $hashes = []): array
	{
		$where = self::keptOf($channelId, $scope) + ['scale' => self::COUNTED, 'created >' => Config::now() - self::WEEK];
		$columns = ['files' => [], 'bytes' => []];
		foreach ($limits as $n => $limit) {
			$counts = 'created > ' . (Config::now() - $limit['seconds']) . (in_array('deleted', $limit['what'], true) ? '' : " AND why <> 'deleted'");
			$columns['files'][] = "count(DISTINCT CASE WHEN $counts THEN hash END) AS files_$n";
			$columns['bytes'][] = "sum(CASE WHEN $counts THEN size_bytes ELSE 0 END) AS bytes_$n";
		}
		$files = Table::first('filesync_kept', $where + (count($hashes) === 1 ? ['hash <>' => reset($hashes)] : []), '', implode(', ', $columns['files']));
		$bytes = Table::first('filesync_kept', $where, '', implode(', ', $columns['bytes']));

		return array_map(fn ($n) => [(int) $files["files_$n"], (int) $bytes["bytes_$n"]], array_combine(array_keys($limits), array_keys($limits)));
	}

	/** Forgets how many files a channel had. */
	public static function forget(int $channelId): void
	{
		Config::clear('files', self::scope($channelId));
	}

	/** Returns how many files a channel had a week ago, of those that it has now: else whoever adds many might replace as many more. Where that is not known, all. */
	private static function filesBefore(int $channelId, int $now): int
	{
		$then = array_filter(array_column(array_filter(self::notes($channelId, 0), fn ($note) => $note[0] <= Config::now() - self::WEEK), 1));

		return $then ? min($now, max($then)) : $now;
	}

	/** @return list<array{int, int}> Since a moment: when it was noted, and how many files the channel had. */
	private static function notes(int $channelId, int $since): array
	{
		return array_values(array_filter(json_decode(Config::get('files', self::scope($channelId)), true) ?? [], fn ($note) => $note[0] >= $since && $note[0] <= Config::now()));
	}

	private static function scope(int $channelId): string
	{
		return "brake:$channelId";
	}

	/**
	 * Returns how much may be displaced. Of bytes alone that are replaced it is a part of the files there are: that a file is gone is seen, that it
	 * has other bytes is not.
	 *
	 * @return list<array{what: list<string>, seconds: int, files: int, bytes: int}>
	 */
	private static function limits(int $channelId): array
	{
		$files = self::filesBefore($channelId, Table::count('attach', ['uid' => $channelId, 'is_dir' => 0]))
			+ Table::count('filesync_kept', ['uid' => $channelId, 'why' => 'deleted', 'scale' => 0, 'hub <>' => '', 'created >' => Config::now() - self::DAY]);
		$half = $files < Config::number('displaced_few_files') ? max(self::LEAST_FILES, intdiv($files, 2)) : self::ANY;
		$percent = Config::number('replaced_max_percent');
		$part = $percent < 100 ? intdiv($files * $percent, 100) : self::ANY;
		$both = ['replaced', 'deleted'];

		return [
			['what' => $both, 'seconds' => self::DAY, 'files' => min($half, Config::number('displaced_max_files_day')), 'bytes' => Config::number('displaced_max_bytes_day')],
			['what' => $both, 'seconds' => self::WEEK, 'files' => Config::number('displaced_max_files_week'), 'bytes' => Config::number('displaced_max_bytes_week')],
			['what' => ['replaced'], 'seconds' => self::DAY, 'files' => max(self::LEAST_FILES, $part), 'bytes' => self::ANY],
			['what' => ['replaced'], 'seconds' => self::WEEK, 'files' => max(intdiv(self::WEEK, self::DAY) * self::LEAST_FILES, $part), 'bytes' => self::ANY],
		];
	}

	/** Returns as what new bytes stand in `body` of filesync_held. */
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
		return 'held with all that ' . (parse_url($root, PHP_URL_HOST) ?: $root) . ' replaced or deleted, until a person accepts it or gives ours back (cli.php packets)';
	}

	private static function lineId(int $channelId, string $scope): string
	{
		return hash('sha256', "$channelId\n$scope");
	}
}

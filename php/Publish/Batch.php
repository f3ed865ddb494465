<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\LastResort;
use FileSync\Addon\Transfer\Fetching;
use FileSync\Addon\Transfer\Meter;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Exception\PermanentException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Drives one TransferBatch over the due transfers of a channel, a step at a time, and publishes each as soon as it is
 * whole.
 */
final class Batch
{
	private const MOST_AT_ONCE = 64;
	/** The maximum of text in the rows of a batch, which are in memory. */
	private const MOST_TEXT_BYTES = 4194304;
	/**
	 * A file may have this many more bytes than its packet says: it grew, or a scale comes from another hub. Beyond
	 * that, disk space is checked again.
	 */
	private const GROWTH_BYTES = 1048576;
	private const STEP_MS = 500;
	private const LEAST_RATE = 65536;
	/** A batch below this rate, once it has run for a while, lets others go first. */
	private const SLOW_RATE = 4096;
	private const SLOW_SECONDS = 15;
	/** How long slow transfers rest if files from another clone of the channel wait. */
	private const REST_SECONDS = 60;

	private readonly \FileSync\TransferBatch $batch;
	private readonly \FileSync\Store $data;

	/** @var array<int, array> Our rows by the batch's numbers. */
	private array $rows = [];
	/** @var array<string, string> The last rung that delivered bytes, by origin. */
	private array $rungs = [];
	/** @var array<string, array> The permitted ways to read from each hub, by URL: determined once for each batch. */
	private array $ways = [];
	private readonly Meter $meter;
	/** The time since which no file was completed. */
	private int $slowSince = 0;
	private int $toppedUpAt = 0;
	private int $checkedAt = 0;

	public function __construct(
		private readonly Channel $channel,
		private readonly string $token,
		private readonly Publish $publish,
		private readonly Slice $slice,
		private readonly ?\Closure $progress,
	) {}

	/**
	 * Runs until nothing is due or the slice is over; unfinished transfers go back to the queue with their progress.
	 */
	public function run(): void
	{
		$claimed = Queue::claim($this->channelId(), $this->token, self::MOST_AT_ONCE, Brake::sift(...));
		if (! $claimed) {
			return;
		}
		$this->slowSince = Clock::now();
		$this->meter = new Meter($this->channelId());
		$root = (string) realpath(Store::dataRoot($this->channelId(), true));
		$this->data = new \FileSync\Store($root);
		$this->batch = new \FileSync\TransferBatch($this->options($root));
		try {
			$this->addAll($claimed);
			while (
				$this->batch->pending() > 0
				&& ! $this->slice->isTurnOver()
				&& Fetching::mayFetch($this->channelId())
				&& ! $this->givesWay()
			) {
				foreach ($this->batch->step(self::STEP_MS) as $report) {
					$this->finish($report);
				}
				$this->meter->note($this->batch->progress(), $this->rows);
				$this->slice->beat($this->channelId());
				$this->cancelOvertaken();
				$this->topUp();
				if ($this->progress) {
					($this->progress)($this->batch);
				}
			}
		} finally {
			try {
				$this->meter->close($this->batch->progress());
				$this->rememberPeers();
			} finally {
				$this->batch->close();
			}
		}
	}

	private function options(string $root): array
	{
		$bundle = realpath('library/cacert.pem');
		$store = realpath(Store::root($this->channel));
		$rate = Config::number('bytes_per_second');

		return (
			[
				'root' => $root,
				'channel_hash' => $this->channel->hash,
				'key_id' => Clones::ownUrl($this->channel),
				'private_key' => $this->channel->privateKey(),
				'allow_http' => Clones::isPlain(),
				'allow_private_addresses' => Config::get('allow_private_addresses') === '1',
				'parallel' => max(1, min(16, Config::number('parallel'))),
				'ranges' => max(1, min(8, Config::number('ranges'))),
			]
			+ ($bundle ? ['ca_file' => $bundle] : [])
			+ ($rate ? ['bytes_per_second' => max(self::LEAST_RATE, $rate)] : [])
			+ ($store ? ['store_root' => $store] : [])
		);
	}

	private function addAll(array $claimed): void
	{
		$origins = Clones::others($this->channel);
		$free = $this->data->freeBytes() - Config::number('headroom_bytes');
		foreach ($this->rows as $row) {
			$free -= max(0, $row['most_bytes'] - $this->arrivedBytes($row));
		}
		[$underWay, $most] = $this->underWay($claimed, $free);
		$limit = $this->limit();
		foreach ($claimed as $row) {
			if ($limit && $this->isTooLarge($row, $limit)) {
				continue;
			}
			$bytes = (int) $row['size_bytes'];
			$missing = max(0, $bytes - $this->arrivedBytes($row));
			$row['no_room'] = self::noRoom($missing, $free, $underWay, $most);
			if ($row['no_room'] !== '') {
				// Without room for what one hub stated, another may still give what the packet announced.
				$bytes = Queue::announcedBytes($row);
				$missing = max(0, $bytes - $this->arrivedBytes($row));
				if (self::noRoom($missing, $free, $underWay, $most) !== '') {
					$this->waitForSpace($row, $row['no_room']);
					continue;
				}
			}
			// Half of the remaining space is for other transfers of this batch with understated sizes.
			$growth = min(
				self::GROWTH_BYTES,
				intdiv(max(0, min($free, $most - $underWay) - $missing), 2 * self::MOST_AT_ONCE) & ~4095,
			);
			$row['most_bytes'] = min($bytes + $growth, (int) $row['scale'] === 0 && $limit ? $limit : PHP_INT_MAX);
			try {
				$this->rows[$this->batch->add($this->wish($row, $origins))] = $row;
				$free -= $missing + $growth;
				$underWay += $missing + $growth;
			} catch (PermanentException|\TypeError $e) {
				$this->end($row, self::kindOf($e), $e->getMessage());
			}
		}
	}

	/** Returns why there is no room for so many more bytes, or an empty string. */
	private static function noRoom(int $missing, int $free, int $underWay, int $most): string
	{
		if ($missing > $free) {
			return "not enough disk space for $missing bytes";
		}

		return ($underWay + $missing) > $most && $missing > 0
			? 'unfinished files of this channel would use '
			. ($underWay + $missing)
			. " bytes on disk, the limit is $most (under_way_max_bytes)"
			: '';
	}

	/** Returns the maximum size of the channel's files, 0 for no limit. */
	private function limit(): int
	{
		return Config::numberFor('file_max_bytes', $this->channelId());
	}

	/**
	 * Parks a transfer of a file that is larger than the channel allows, by its packet, a hub's statement, or its
	 * received bytes. True if it does.
	 */
	private function isTooLarge(array $row, int $limit): bool
	{
		$isFile = (int) $row['scale'] === 0;
		// The scales of a file stay away with it.
		$file = $isFile ? $row : Queue::find($this->channelId(), $row['hash'], 0);
		$isStated =
			$isFile || ($file && $file['state'] === TransferState::PARKED && $file['kind'] === Queue::TOO_LARGE);
		$bytes = max(
			(int) json_decode($row['entry'], true)['attach']['filesize'],
			$isStated ? (int) $file['size_bytes'] : 0,
		);

		if ($bytes <= $limit) {
			return false;
		}
		Queue::park(
			$row,
			Queue::TOO_LARGE,
			"the file has $bytes bytes, more than file_max_bytes, $limit",
			$isFile ? ['size_bytes' => $bytes] : [],
		);

		return true;
	}

	/**
	 * Returns the disk space of the channel's unfinished files, including the rest of those being fetched, and the
	 * limit for it.
	 *
	 * @return array{int, int} Bytes.
	 */
	private function underWay(array $claimed, int $free): array
	{
		if (! $claimed) {
			return [0, 0];
		}
		$folder = Store::dataRoot($this->channelId());
		$onDisk = 0;
		foreach (@scandir($folder) ?: [] as $name) {
			$onDisk += str_ends_with($name, '.partial') ? self::bytesOnDisk("$folder/$name") : 0;
		}
		$underWay = $onDisk;
		foreach ($this->rows as $row) {
			$underWay += max(0, $row['most_bytes'] - $this->arrivedBytes($row));
		}

		return [$underWay, Config::number('under_way_max_bytes') ?: intdiv(3 * max(0, $free + $underWay), 4)];
	}

	private function wish(array $row, array $clones): array
	{
		$names = json_decode($row['names'], true);
		$sha256 = (string) (json_decode($row['entry'], true)['sha256'] ?? '');
		$origins = [];
		foreach ($this->sources($row, $clones) as $origin) {
			$url = $origin['url'];
			$this->ways[$url] ??=
				['dav' => Peers::mayUseDav($url), 'filesync' => Peers::mayAsk($url)]
				+ array_filter(['piece_bytes' => Peers::pieceBytes($url)]);
			$origins[] =
				[
					'url' => $url,
					'announced' => Clones::normalise($url) === Clones::normalise($row['origin']),
					'nick' => $origin['nick'],
					'path' => $names,
				] + $this->ways[$url];
		}

		return (
			[
				'name' => Queue::partialName($row),
				'hash' => $row['hash'],
				'scale' => (int) $row['scale'],
				'size_bytes' => Queue::announcedBytes($row),
				'most_bytes' => $row['most_bytes'],
				'mimetype' => $row['mimetype'],
				'origins' => $origins,
			]
			+ ((int) $row['scale'] === 0 ? ['edited' => $row['edited']] : [])
			+ ($sha256 === '' ? [] : ['sha256' => $sha256])
			+ $this->alreadyHere($row, $sha256)
		);
	}

	/** Returns bytes that need not be fetched: those of the present file, and those of other files of the channel. */
	private function alreadyHere(array $row, string $sha256): array
	{
		$facts = Facts::of($this->channel, $row['hash'], (int) $row['scale']);
		$stat = $facts->state === 'whole' ? $facts->stat() : null;
		$have = $stat ? Digests::known($this->channelId(), $row['hash'], (int) $row['scale'], $stat) : null;
		$copies = (int) $row['scale'] === 0 && is_dir(Store::root($this->channel))
			? Digests::copies($this->channel, $row['hash'], Queue::announcedBytes($row), $sha256)
			: [];

		return ($have === null ? [] : ['have_sha256' => $have]) + ($copies ? ['copies' => $copies] : []);
	}

	/** Returns the hubs to ask for a file: the sender of the packet, then the other clones; failing ones last. */
	private function sources(array $row, array $clones): array
	{
		$sources = [];
		foreach ([['url' => $row['origin'], 'nick' => $row['nick']], ...$clones] as $origin) {
			$known = Clones::normalise($origin['url']);
			if ($known !== null && in_array($origin['url'], array_column($clones, 'url'), true)) {
				$sources[$known] ??= $origin;
			}
		}

		return Peers::byHealth(array_values($sources));
	}

	private function finish(array $report): void
	{
		$row = $this->rows[$report['id']] ?? null;
		unset($this->rows[$report['id']]);
		if (! $row) {
			return;
		}
		$this->meter->ended($report);
		$limit = $report['state'] === 'complete' && (int) $row['scale'] === 0 ? $this->limit() : 0;
		if ($limit && $this->isTooLarge(['size_bytes' => (int) $report['size_bytes']] + $row, $limit)) {
			// The limit was set while it arrived.
			Queue::removePartial($row);
		} elseif ($report['state'] === 'complete') {
			$this->slowSince = Clock::now();
			if ($report['received_bytes'] > 0 && $report['origin'] !== null) {
				$this->rungs[$report['origin']] = (string) $report['rung'];
			}
			$result = array_intersect_key($report, array_flip([
				'origin',
				'rung',
				'proof',
				'seconds',
				'received_bytes',
				'resumed_at_byte',
			]));
			$row = Queue::advance($row, TransferState::LEASED, TransferState::VERIFIED, [
				'sha256' => (string) $report['sha256'],
				'size_bytes' => (int) $report['size_bytes'],
				'edited' => $report['edited'] ?? $row['edited'],
				'result' => json_encode($result),
				'attempts' => 0,
				'kind' => '',
				'reason' => '',
			]);
			$row && $this->publish->publish($row);
		} elseif ($report['state'] === 'failed') {
			$this->fail($row, $report);
		}
	}

	private function fail(array $row, array $report): void
	{
		$failure = Failure::of($report['error']);
		Log::write(
			"transfer of {$row['hash']} scale {$row['scale']} of channel {$row['uid']}: $failure->kind: $failure->message",
		);
		if ($failure->statedBytes !== null) {
			$this->restate($row, $failure->statedBytes, $failure->kind, $failure->message);
		} elseif ($failure->neededBytes !== null) {
			// The disk is not at fault if a file is too large for it: smaller ones may fit.
			$this->waitForSpace($row, "not enough disk space for $failure->neededBytes bytes");
		} elseif ($failure->kind === 'Storage') {
			Queue::pause($failure->message);
			Queue::advance($row, TransferState::LEASED, TransferState::WAITING, [
				'token' => '',
				'lease_until' => 0,
				'kind' => 'Storage',
				'reason' => $failure->message,
				'next_at' => Queue::pausedUntil(),
			]);
		} elseif ($failure->olderEdited !== null && $this->isBackAtOurs($row, $failure->hub, $failure->olderEdited)) {
			// A hub without filesync has meanwhile accepted our version over the one that it had announced.
			Queue::giveUp($row);
		} elseif (
			$failure->olderEdited !== null
			&& ((int) $row['attempts'] + 1) >= Config::number('corrupt_attempts')
		) {
			// A hub without filesync accepted an older state from another clone over the announced one: that version no
			// longer exists anywhere.
			if (
				Revisions::park($row, 'NotFound', 'the hub that announced this version went back to an older one')
				&& Store::attach((int) $row['uid'], $row['hash'])
			) {
				Announcement::answer((int) $row['uid'], $row['hash'], false);
			}
		} elseif ($failure->isOnlyWait) {
			Queue::advance($row, TransferState::LEASED, TransferState::WAITING, [
				'token' => '',
				'lease_until' => 0,
				'kind' => $failure->kind,
				'reason' => $failure->message,
				'next_at' => Clock::now() + min(86400, max(1, (int) $failure->retryAfterSeconds)),
			]);
		} elseif ($failure->isTemporary) {
			// A connection that breaks off after each good piece makes progress: its waits do not grow.
			$row['attempts'] = $failure->kind !== 'Corrupt' && $report['received_bytes'] > 0 ? 0 : $row['attempts'];
			if (! LastResort::take($this->channel, $row, $failure->kind, $failure->message, true)) {
				$reason = LastResort::told($row, $failure->message);
				Queue::retryLater($row, $failure->kind, $reason, $failure->retryAfterSeconds);
			}
		} else {
			$this->end($row, $failure->kind, $failure->message);
		}
	}

	/** Ends a transfer that no hub gives: it is parked, unless it can be made here. */
	private function end(array $row, string $kind, string $reason): void
	{
		if (! LastResort::take($this->channel, $row, $kind, $reason, false)) {
			Revisions::park($row, $kind, LastResort::told($row, $reason));
		}
	}

	/**
	 * Notes the size that all hubs which could give a file state at least. It waits if it was asked for without room
	 * for what was known before.
	 */
	private function restate(array $row, int $bytes, string $kind, string $reason): void
	{
		if ($row['no_room'] !== '' && $bytes >= (int) $row['size_bytes']) {
			$this->waitForSpace($row, $row['no_room']);
		} else {
			Queue::restate($row, $bytes, $kind, $reason);
		}
	}

	/**
	 * Tells whether the hub without filesync that made a version shows ours again. Another clone's version says
	 * nothing, because it may not have the new one yet.
	 */
	private function isBackAtOurs(array $row, string $hub, string $edited): bool
	{
		$by = (string) (json_decode($row['entry'], true)['revision']['by'] ?? '');
		if (! str_starts_with($by, '~') || Clones::normalise($hub) !== Clones::normalise($row['origin'])) {
			return false;
		}
		$own = (int) $row['scale'] === 0 ? Store::attach($this->channelId(), $row['hash']) : null;

		return (
			$own
			&& substr($own['edited'], 0, 19) === $edited
			&& Facts::of($this->channel, $row['hash'], 0)->state === 'whole'
		);
	}

	/**
	 * Tells whether next to nothing arrives while other channels wait. If files from another clone wait for a
	 * connection, they get those of slow transfers.
	 */
	private function givesWay(): bool
	{
		if (
			Clock::now() < ($this->slowSince + self::SLOW_SECONDS)
			|| $this->meter->rate === null
			|| $this->meter->rate >= self::SLOW_RATE
		) {
			return false;
		}
		$progress = $this->batch->progress();
		if (array_filter(
			$progress,
			fn ($one) => (
				$one['state'] === 'active'
				&& $one['offset_bytes'] > 0
				&& $one['offset_bytes'] >= $one['size_bytes']
			),
		)) {
			// All of its bytes are here and being checked.
			return false;
		}
		$active = array_column(array_filter($progress, fn ($one) => $one['state'] === 'active'), 'id', 'id');
		$this->letRest(array_values(array_unique(array_column(array_intersect_key($this->rows, $active), 'origin'))));
		$this->slowSince = Clock::now();

		return $this->slice->doOthersWait();
	}

	/** Postpones all files from slow clones for a little while, if files from others wait. */
	private function letRest(array $origins): void
	{
		$due = [
			'uid' => $this->channelId(),
			'state' => [TransferState::STAGED, TransferState::WAITING],
			'next_at <=' => Clock::now(),
		];
		if (
			! $origins
			|| (! array_diff(array_column($this->rows, 'origin'), $origins)
			&& ! Table::first('filesync_transfer', $due + ['origin <>' => $origins], '', 'id'))
		) {
			return;
		}
		foreach ($this->rows as $id => $row) {
			if (in_array($row['origin'], $origins, true)) {
				$this->batch->cancel($id);
				unset($this->rows[$id]);
				Queue::release($this->token, $row['id'], Clock::now() + self::REST_SECONDS);
			}
		}
		Table::update('filesync_transfer', ['next_at' => Clock::now() + self::REST_SECONDS], ['origin' => $origins]
		+ $due);
	}

	private function topUp(): void
	{
		$room = array_sum(array_map(fn ($row) => strlen($row['entry']), $this->rows)) < self::MOST_TEXT_BYTES
			? self::MOST_AT_ONCE - count($this->rows)
			: 0;
		if ($room > 0 && Clock::now() > $this->toppedUpAt && ! $this->slice->isTurnOver()) {
			$this->toppedUpAt = Clock::now();
			$this->addAll(Queue::claim($this->channelId(), $this->token, $room, Brake::sift(...)));
		}
	}

	/** Stops transfers that a newer packet overtook or a delete removed. */
	private function cancelOvertaken(): void
	{
		if (Clock::now() < ($this->checkedAt + 5)) {
			return;
		}
		$this->checkedAt = Clock::now();
		$held = Queue::heartbeat($this->token);
		foreach ($this->rows as $id => $row) {
			if (($held[$row['id']] ?? 0) !== (int) $row['generation']) {
				$this->batch->cancel($id);
				unset($this->rows[$id]);
				Queue::removeOvertaken($row);
			}
		}
	}

	private function waitForSpace(array $row, string $reason): void
	{
		Queue::advance($row, TransferState::LEASED, TransferState::WAITING, [
			'token' => '',
			'lease_until' => 0,
			'kind' => 'Storage',
			'reason' => $reason,
			'next_at' => Clock::now() + max(10, Config::number('storage_pause_seconds')),
		]);
	}

	private function arrivedBytes(array $row): int
	{
		return self::bytesOnDisk(Store::dataRoot($this->channelId()) . '/' . Queue::partialName($row) . '.partial');
	}

	private static function bytesOnDisk(string $path): int
	{
		$stat = @stat($path);

		return $stat ? 512 * max(0, $stat['blocks']) : 0;
	}

	private function rememberPeers(): void
	{
		foreach ($this->batch->origins() as $origin) {
			Peers::learn($origin, $this->rungs[$origin['url']] ?? null);
		}
	}

	private static function kindOf(\Throwable $e): string
	{
		return preg_replace('/^.*\\\\|Exception$/', '', get_class($e));
	}

	private function channelId(): int
	{
		return $this->channel->id;
	}
}

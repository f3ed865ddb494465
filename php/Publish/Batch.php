<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
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
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Exception\PermanentException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Drives one TransferBatch over the due transfers of a channel, a step at a time, and publishes each as soon as it is
 * whole.
 *
 * @type Ended = array{
 *     id: int, name: string, state: string, size_bytes: int, received_bytes: int, resumed_at_byte: int,
 *     sha256: ?string, edited: ?string, origin: ?string, rung: ?string, proof: list<string>, seconds: float,
 *     error: ?array{
 *         kind: string, temporary: bool, message: string, retry_after_seconds: ?int, facts: array<string, string>
 *     }
 * }
 * @type Clone = array{url: string, nick: string}
 * @type Way = array{dav: bool, filesync: bool, piece_bytes?: int}
 */
final class Batch
{
	/** So many are published together and claimed together. */
	private const GROUP = 64;
	/** One group arrives while another is published. */
	private const MOST_AT_ONCE = 2 * self::GROUP;
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

	/** @var array<int, Fetch> What it fetches, by the batch's numbers. */
	private array $fetches = [];
	/** @var array<string, string> The last rung that delivered bytes, by origin. */
	private array $rungs = [];
	/** @var array<string, Way> The permitted ways to read from each hub, by URL: determined once for each batch. */
	private array $ways = [];
	/** @var array<string, list<Clone>> The hubs to ask for the files of one clone: determined when they are added. */
	private array $sources = [];
	/** @var list<Arrived> What is about to be published together, and since when. */
	private array $arrived = [];
	private float $arrivedAt = 0.0;
	private readonly Meter $meter;
	/** The time since which no file was completed. */
	private int $slowSince = 0;
	private int $toppedUpAt = 0;
	/** Whether the last look found less than there was room for. */
	private bool $isQueueEmpty = false;
	private int $checkedAt = 0;

	public function __construct(
		private readonly Channel $channel,
		private readonly string $token,
		private readonly Publish $publish,
		private readonly NewFiles $new,
		private readonly Slice $slice,
		private readonly ?\Closure $progress,
	) {}

	/**
	 * Runs until nothing is due or the slice is over; unfinished transfers go back to the queue with their progress.
	 */
	public function run(): void
	{
		$claimed = Queue::claim($this->channelId(), $this->token, self::GROUP, Brake::sift(...));
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
			$this->topUp();
			while (
				$this->batch->pending() > 0
				&& ! $this->slice->isTurnOver()
				&& Fetching::mayFetch($this->channelId())
				&& ! $this->givesWay()
			) {
				$reports = $this->batch->step(self::STEP_MS);
				$limit = $reports === [] ? 0 : $this->limit();
				array_walk($reports, fn (array $report) => $this->finish($report, $limit));
				if ($reports === [] || $this->isGroup()) {
					$this->publishArrived();
				}
				$this->meter->note($this->batch->progress(), $this->transfers());
				$this->slice->beat($this->channelId());
				$this->cancelOvertaken();
				$this->topUp();
				if ($this->progress) {
					($this->progress)($this->batch);
				}
			}
			$this->publishArrived();
		} finally {
			try {
				$this->meter->close($this->batch->progress());
				$this->rememberPeers();
			} finally {
				$this->batch->close();
			}
		}
	}

	/** @return array{piece_bytes?: int} */
	private static function pieces(int $bytes): array
	{
		return $bytes === 0 ? [] : ['piece_bytes' => $bytes];
	}

	/**
	 * @return array{
	 *     root: string, channel_hash: string, key_id: string, private_key: string, allow_http: bool,
	 *     allow_private_addresses: bool, parallel: int, ranges: int, ca_file?: string, bytes_per_second?: int,
	 *     store_root?: string
	 * }
	 */
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

	/** @param list<Transfer> $claimed */
	private function addAll(array $claimed): void
	{
		$origins = Clones::others($this->channel);
		$free = $this->data->freeBytes() - Config::number('headroom_bytes');
		foreach ($this->fetches as $fetch) {
			$free -= max(0, $fetch->mostBytes - $this->arrivedBytes($fetch->transfer));
		}
		[$underWay, $most] = $this->underWay($claimed, $free);
		$limit = $this->limit();
		$hashes = array_values(array_unique(array_map(fn ($transfer) => $transfer->hash, $claimed)));
		$here = Store::attachSome($this->channelId(), $hashes, 'hash') ?? array_flip($hashes);
		$present = array_flip(Digests::present(
			$this->channelId(),
			array_values(array_filter(array_map(
				fn (Transfer $transfer): string => $transfer->scale === 0 ? $transfer->toldDigest() : '',
				$claimed,
			))),
		));
		$this->sources = [];
		foreach ($claimed as $transfer) {
			if ($limit && $this->isTooLarge($transfer, $limit)) {
				continue;
			}
			$bytes = $transfer->sizeBytes;
			$missing = max(0, $bytes - $this->arrivedBytes($transfer));
			$noRoom = self::noRoom($missing, $free, $underWay, $most);
			if ($noRoom !== '') {
				// Without room for what one hub stated, another may still give what the packet announced.
				$bytes = $transfer->announcedBytes();
				$missing = max(0, $bytes - $this->arrivedBytes($transfer));
				if (self::noRoom($missing, $free, $underWay, $most) !== '') {
					$this->waitForSpace($transfer, $noRoom);
					continue;
				}
			}
			// Half of the remaining space is for other transfers of this batch with understated sizes.
			$growth = min(
				self::GROWTH_BYTES,
				intdiv(max(0, min($free, $most - $underWay) - $missing), 2 * self::MOST_AT_ONCE) & ~4095,
			);
			$mostBytes = min($bytes + $growth, $transfer->scale === 0 && $limit ? $limit : PHP_INT_MAX);
			try {
				$this->fetches[$this->batch->add($this->wish(
					$transfer,
					$mostBytes,
					$origins,
					isset($here[$transfer->hash]),
					$present,
				))] = new Fetch(
					$transfer,
					$mostBytes,
					$noRoom,
				);
				$free -= $missing + $growth;
				$underWay += $missing + $growth;
			} catch (PermanentException|\TypeError $e) {
				$this->end($transfer, self::kindOf($e), $e->getMessage());
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
	private function isTooLarge(Transfer $transfer, int $limit, ?int $receivedBytes = null): bool
	{
		$isFile = $transfer->scale === 0;
		// The scales of a file stay away with it.
		$file = $isFile ? $transfer : Queue::find($this->channelId(), $transfer->hash, 0);
		$isStated = $isFile || ($file && $file->state === TransferState::PARKED && $file->kind === Queue::TOO_LARGE);
		$bytes = max(
			$transfer->fileBytes(),
			$file && $isStated ? $receivedBytes ?? $file->sizeBytes : 0,
		);

		if ($bytes <= $limit) {
			return false;
		}
		Queue::park(
			$transfer,
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
	 * @param list<Transfer> $claimed
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
		foreach ($this->fetches as $fetch) {
			$underWay += max(0, $fetch->mostBytes - $this->arrivedBytes($fetch->transfer));
		}

		return [$underWay, Config::number('under_way_max_bytes') ?: intdiv(3 * max(0, $free + $underWay), 4)];
	}

	/**
	 * Returns a transfer as the batch takes it.
	 *
	 * @param list<Clone> $clones
	 * @param bool        $isHere Whether the file has a row here.
	 * @param array<string, mixed> $present The digests of which there are files here, as keys.
	 *
	 * @return array{
	 *     name: string, hash: string, scale: int, size_bytes: int, most_bytes: int, mimetype: string,
	 *     origins: list<array{
	 *         url: string, announced: bool, nick: string, path: list<string>, dav: bool, filesync: bool,
	 *         piece_bytes?: int
	 *     }>,
	 *     edited?: string, sha256?: string, have_sha256?: string, copies?: list<string>
	 * }
	 */
	private function wish(Transfer $transfer, int $mostBytes, array $clones, bool $isHere, array $present): array
	{
		$names = $transfer->names();
		$sha256 = $transfer->toldDigest();
		$origins = [];
		foreach ($this->sources($transfer, $clones) as $origin) {
			$url = $origin['url'];
			$this->ways[$url] ??=
				['dav' => Peers::mayUseDav($url), 'filesync' => Peers::mayAsk($url)]
				+ self::pieces(Peers::pieceBytes($url));
			$origins[] =
				[
					'url' => $url,
					'announced' => Clones::normalise($url) === Clones::normalise($transfer->origin),
					'nick' => $origin['nick'],
					'path' => $names,
				] + $this->ways[$url];
		}

		return (
			[
				'name' => $transfer->partialName(),
				'hash' => $transfer->hash,
				'scale' => $transfer->scale,
				'size_bytes' => $transfer->announcedBytes(),
				'most_bytes' => $mostBytes,
				'mimetype' => $transfer->mimetype,
				'origins' => $origins,
			]
			+ ($transfer->scale === 0 ? ['edited' => $transfer->edited] : [])
			+ ($sha256 === '' ? [] : ['sha256' => $sha256])
			+ $this->alreadyHere($transfer, $sha256, $isHere, $sha256 === '' || isset($present[$sha256]))
		);
	}

	/**
	 * Returns bytes that need not be fetched: those of the present file, and those of other files of the channel.
	 *
	 * @param bool $mayHaveCopies Whether other files may have the same bytes.
	 *
	 * @return array{have_sha256?: string, copies?: list<string>}
	 */
	private function alreadyHere(Transfer $transfer, string $sha256, bool $isHere, bool $mayHaveCopies): array
	{
		$facts = $isHere ? Facts::of($this->channel, $transfer->hash, $transfer->scale) : null;
		$stat = $facts && $facts->state === 'whole' ? $facts->stat() : null;
		$have = $stat ? Digests::known($this->channelId(), $transfer->hash, $transfer->scale, $stat) : null;
		$copies = $mayHaveCopies && $transfer->scale === 0 && is_dir(Store::root($this->channel))
			? Digests::copies($this->channel, $transfer->hash, $transfer->announcedBytes(), $sha256)
			: [];

		return ($have === null ? [] : ['have_sha256' => $have]) + ($copies ? ['copies' => $copies] : []);
	}

	/**
	 * Returns the hubs to ask for a file: the sender of the packet, then the other clones; failing ones last.
	 *
	 * @param list<Clone> $clones
	 *
	 * @return list<Clone>
	 */
	private function sources(Transfer $transfer, array $clones): array
	{
		$from = $transfer->origin . "\n" . $transfer->nick;
		if (isset($this->sources[$from])) {
			return $this->sources[$from];
		}
		$sources = [];
		foreach ([['url' => $transfer->origin, 'nick' => $transfer->nick], ...$clones] as $origin) {
			$known = Clones::normalise($origin['url']);
			if ($known !== null && in_array($origin['url'], array_column($clones, 'url'), true)) {
				$sources[$known] ??= $origin;
			}
		}

		return $this->sources[$from] = Peers::byHealth(array_values($sources));
	}

	/**
	 * @param Ended $report
	 * @param int   $limit  The maximum size of the channel's files, 0 for no limit.
	 */
	private function finish(array $report, int $limit): void
	{
		$fetch = $this->fetches[$report['id']] ?? null;
		unset($this->fetches[$report['id']]);
		if (! $fetch) {
			return;
		}
		$transfer = $fetch->transfer;
		$this->meter->ended($report);
		$isFile = $report['state'] === 'complete' && $transfer->scale === 0;
		if ($isFile && $limit && $this->isTooLarge($transfer, $limit, (int) $report['size_bytes'])) {
			// The limit was set while it arrived.
			Queue::removePartial($transfer);
		} elseif ($report['state'] === 'complete' && LastResort::isOther($transfer)) {
			$this->refuseScale($transfer);
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
			$this->arrive(new Arrived($transfer, [
				'sha256' => (string) $report['sha256'],
				'size_bytes' => (int) $report['size_bytes'],
				'edited' => $report['edited'] ?? $transfer->edited,
				'result' => json_encode($result, JSON_THROW_ON_ERROR),
				'attempts' => 0,
				'kind' => '',
				'reason' => '',
			]));
		} elseif ($report['state'] === 'failed') {
			if ($transfer->scale > 0) {
				// Whether it can be made here depends on its photo, which may be waiting for others.
				$this->publishArrived();
			}
			$this->fail($fetch, $report);
		}
	}

	/** Publishes a file, or has it wait for others that are published with it. */
	private function arrive(Arrived $arrived): void
	{
		if (NewFiles::isPlain($arrived->transfer) || NewScales::isPlain($arrived)) {
			$this->arrivedAt = $this->arrived === [] ? Clock::exact() : $this->arrivedAt;
			$this->arrived[] = $arrived;
		} else {
			$this->publishOne($arrived);
		}
	}

	/** Tells whether what has arrived is published now: it is many, or waits for long, or no more is coming. */
	private function isGroup(): bool
	{
		return (
			count($this->arrived) >= self::GROUP
			|| $this->fetches === []
			|| ((Clock::exact() - $this->arrivedAt) * 1000) >= self::STEP_MS
		);
	}

	/** Publishes what has arrived, all new files together, and all new scales. */
	private function publishArrived(): void
	{
		[$arrived, $this->arrived] = [$this->arrived, []];
		$files = array_filter($arrived, fn (Arrived $one) => $one->transfer->scale === 0);
		$scales = array_diff_key($arrived, $files);
		$begun = [];
		try {
			if (count($files) > 1) {
				$begun = Turn::take($this->channelId(), fn () => $this->new->begin($files));
			}
		} catch (\Throwable $e) {
			Log::failure('publishing ' . count($files) . ' files together', $e);
		}
		if ($begun !== []) {
			$this->new->publish($begun, true);
		}
		array_map($this->publishOne(...), array_diff_key($files, $begun));
		try {
			$scales = count($scales) > 1 ? $this->new->publishScales($scales) : $scales;
		} catch (\Throwable $e) {
			Log::failure('publishing ' . count($scales) . ' scales together', $e);
		}
		array_map($this->publishOne(...), $scales);
	}

	private function publishOne(Arrived $arrived): void
	{
		$transfer = Queue::advance(
			$arrived->transfer,
			TransferState::LEASED,
			TransferState::VERIFIED,
			$arrived->columns,
		);
		if ($transfer) {
			$this->publish->publish($transfer);
		}
	}

	/** @param Ended $report */
	private function fail(Fetch $fetch, array $report): void
	{
		$transfer = $fetch->transfer;
		$failure = Failure::of($report['error']);
		Log::write(
			"transfer of {$transfer->hash} scale {$transfer->scale} of channel {$transfer->channelId}: $failure->kind: $failure->message",
		);
		if ($failure->statedBytes !== null) {
			$this->restate($fetch, $failure->statedBytes, $failure->kind, $failure->message);
		} elseif ($failure->neededBytes !== null) {
			// The disk is not at fault if a file is too large for it: smaller ones may fit.
			$this->waitForSpace($transfer, "not enough disk space for $failure->neededBytes bytes");
		} elseif ($failure->kind === 'Storage') {
			Queue::pause($failure->message);
			Queue::advance($transfer, TransferState::LEASED, TransferState::WAITING, [
				'token' => '',
				'lease_until' => 0,
				'kind' => 'Storage',
				'reason' => $failure->message,
				'next_at' => Queue::pausedUntil(),
			]);
		} elseif (
			$failure->olderEdited !== null
			&& $this->isBackAtOurs($transfer, $failure->hub, $failure->olderEdited)
		) {
			// A hub without filesync has meanwhile accepted our version over the one that it had announced.
			Queue::giveUp($transfer);
		} elseif (
			$failure->olderEdited !== null
			&& ($transfer->attempts + 1) >= Config::number('corrupt_attempts')
		) {
			// A hub without filesync accepted an older state from another clone over the announced one: that version no
			// longer exists anywhere.
			if (
				Revisions::park($transfer, 'NotFound', 'the hub that announced this version went back to an older one')
				&& Store::attach($transfer->channelId, $transfer->hash)
			) {
				Announcement::answer($transfer->channelId, $transfer->hash, false);
			}
		} elseif ($failure->isOnlyWait) {
			Queue::advance($transfer, TransferState::LEASED, TransferState::WAITING, [
				'token' => '',
				'lease_until' => 0,
				'kind' => $failure->kind,
				'reason' => $failure->message,
				'next_at' => Clock::now() + min(86400, max(1, (int) $failure->retryAfterSeconds)),
			]);
		} elseif ($failure->isTemporary) {
			// A connection that breaks off after each good piece makes progress: its waits do not grow.
			$isProgress = $failure->kind !== 'Corrupt' && $report['received_bytes'] > 0;
			[$kind, $message] = [$failure->kind, $failure->message];
			if (! LastResort::take($this->channel, $transfer, $kind, $message, true, $isProgress)) {
				$reason = LastResort::told($transfer, $message);
				Queue::retryLater($transfer, $kind, $reason, $failure->retryAfterSeconds, $isProgress);
			}
		} else {
			$this->end($transfer, $failure->kind, $failure->message);
		}
	}

	/** Has a scale made here that came as another picture than was announced. */
	private function refuseScale(Transfer $transfer): void
	{
		$reason = 'it is not a picture of the announced type and size';
		Log::write("transfer of {$transfer->hash} scale {$transfer->scale} of channel {$transfer->channelId}: $reason");
		Queue::removePartial($transfer);
		// Whether it can be made depends on its photo, which may be waiting for others.
		$this->publishArrived();
		if (! LastResort::take($this->channel, $transfer, 'Corrupt', $reason, true)) {
			Queue::retryLater($transfer, 'Corrupt', $reason, null);
		}
	}

	/** Ends a transfer that no hub gives: it is parked, unless it can be made here. */
	private function end(Transfer $transfer, string $kind, string $reason): void
	{
		if (! LastResort::take($this->channel, $transfer, $kind, $reason, false)) {
			Revisions::park($transfer, $kind, LastResort::told($transfer, $reason));
		}
	}

	/**
	 * Notes the size that all hubs which could give a file state at least. It waits if it was asked for without room
	 * for what was known before.
	 */
	private function restate(Fetch $fetch, int $bytes, string $kind, string $reason): void
	{
		if ($fetch->noRoom !== '' && $bytes >= $fetch->transfer->sizeBytes) {
			$this->waitForSpace($fetch->transfer, $fetch->noRoom);
		} else {
			Queue::restate($fetch->transfer, $bytes, $kind, $reason);
		}
	}

	/**
	 * Tells whether the hub without filesync that made a version shows ours again. Another clone's version says
	 * nothing, because it may not have the new one yet.
	 */
	private function isBackAtOurs(Transfer $transfer, string $hub, string $edited): bool
	{
		$by = $transfer->fileEntry()['revision']['by'] ?? '';
		if (! str_starts_with($by, '~') || Clones::normalise($hub) !== Clones::normalise($transfer->origin)) {
			return false;
		}
		$own = $transfer->scale === 0 ? Store::attach($this->channelId(), $transfer->hash) : null;

		return (
			$own
			&& substr($own['edited'], 0, 19) === $edited
			&& Facts::of($this->channel, $transfer->hash, 0)->state === 'whole'
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
		$this->letRest(array_values(array_unique(array_column(
			array_intersect_key($this->transfers(), $active),
			'origin',
		))));
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
			|| (! array_diff(array_column($this->transfers(), 'origin'), $origins)
			&& ! Table::first('filesync_transfer', $due + ['origin <>' => $origins], '', 'id'))
		) {
			return;
		}
		foreach ($this->transfers() as $id => $transfer) {
			if (in_array($transfer->origin, $origins, true)) {
				$this->batch->cancel($id);
				unset($this->fetches[$id]);
				Queue::release($this->token, $transfer->id, Clock::now() + self::REST_SECONDS);
			}
		}
		Table::update('filesync_transfer', ['next_at' => Clock::now() + self::REST_SECONDS], ['origin' => $origins]
		+ $due);
	}

	private function topUp(): void
	{
		$room = array_sum(array_map(fn ($one) => strlen($one->entryText), $this->transfers())) < self::MOST_TEXT_BYTES
			? self::MOST_AT_ONCE - count($this->fetches)
			: 0;
		$isTime =
			$this->fetches === [] || Clock::now() > $this->toppedUpAt || $room >= self::GROUP && ! $this->isQueueEmpty;
		if ($room > 0 && $isTime && ! $this->slice->isTurnOver()) {
			$this->toppedUpAt = Clock::now();
			$claimed = Queue::claim($this->channelId(), $this->token, min($room, self::GROUP), Brake::sift(...));
			$this->isQueueEmpty = count($claimed) < min($room, self::GROUP);
			$this->addAll($claimed);
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
		foreach ($this->transfers() as $id => $transfer) {
			if (($held[$transfer->id] ?? 0) !== $transfer->generation) {
				$this->batch->cancel($id);
				unset($this->fetches[$id]);
				Queue::removeOvertaken($transfer);
			}
		}
	}

	/** @return array<int, Transfer> By the batch's numbers. */
	private function transfers(): array
	{
		return array_map(fn ($fetch) => $fetch->transfer, $this->fetches);
	}

	private function waitForSpace(Transfer $transfer, string $reason): void
	{
		Queue::advance($transfer, TransferState::LEASED, TransferState::WAITING, [
			'token' => '',
			'lease_until' => 0,
			'kind' => 'Storage',
			'reason' => $reason,
			'next_at' => Clock::now() + max(10, Config::number('storage_pause_seconds')),
		]);
	}

	private function arrivedBytes(Transfer $transfer): int
	{
		return self::bytesOnDisk(Store::dataRoot($this->channelId()) . '/' . $transfer->partialName() . '.partial');
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
		return (string) preg_replace('/^.*\\\\|Exception$/', '', get_class($e));
	}

	private function channelId(): int
	{
		return $this->channel->id;
	}
}

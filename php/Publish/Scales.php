<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\PhotoLibrary;
use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\LastResort;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Photo;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Makes the scales of received photos: 1 to 3 from the original, 5 and 6 from scale 4, 8 and 9 from scale 7.
 *
 * Their transfers are in state `to_make` until the source has arrived. A scale that was made is verified, and published
 * like any other. One that cannot be made is fetched from the origin instead, and so is one that was being made when a
 * worker died. If no hub gives it, LastResort sends it back, and the hub's own image library makes it.
 *
 * @type Job = array{source: string, targets: array<int, string>}
 * @type Outcome = array{
 *     scales: ?array<int, array{
 *         mimetype: string, width: int, height: int, size_bytes: int, sha256: string, profile_fault: ?string
 *     }>,
 *     error: ?array{kind: string, message: string, ...}
 * }
 */
final class Scales
{
	private const MOST_AT_ONCE = 48;
	private const BUDGET_MS = 5000;
	/** With these the extension says that it cannot read a photo; others may. */
	private const REFUSED = ['Unsupported', 'Corrupt'];

	private readonly NewFiles $files;
	private readonly NewScales $new;

	public function __construct(
		private readonly Channel $channel,
		private readonly string $token,
		private readonly Publish $publish,
		private readonly Slice $slice,
	) {
		$beat = fn () => $slice->beat($channel->id);
		$this->files = new NewFiles($channel, $token, $publish, $beat);
		$this->new = new NewScales($channel, $token, $beat);
	}

	/** Makes and publishes due scales: some in each turn, all if there is time. */
	public function run(): void
	{
		$isOver = $this->slice->isOver(...);
		while (
			! $isOver()
			&& ! Queue::pausedUntil()
			&& ($claimed = Queue::claimToMake(
				$this->channelId(),
				$this->token,
				self::MOST_AT_ONCE,
			)) !== []
		) {
			[$jobs, $rows] = $this->jobs($claimed);
			$outcomes = $jobs
				? Photo::scaleAll(self::store('store'), self::store(Store::dataRoot($this->channelId(), true)), $jobs, [
					'budget_ms' => self::BUDGET_MS,
				] + Photos::scaleOptions()) : [];
			$made = $forLibrary = [];
			foreach ($rows as $source => $byScale) {
				$outcome = $outcomes[$source] ?? null;
				$left = $outcome && in_array($outcome['error']['kind'] ?? '', self::REFUSED, true)
					? array_filter($byScale, LastResort::has(...))
					: [];
				foreach (array_diff_key($byScale, $left) as $scale => $transfer) {
					$outcome ? ($made[] = $this->take($transfer, $outcome, $scale)) : self::leave($transfer);
				}
				if ($left) {
					$forLibrary[$source] = $left;
				}
			}
			$this->publish(array_values(array_filter($made)));
			// It may be the end of this process: what is made is published by then.
			foreach ($forLibrary as $source => $left) {
				$this->byLibrary($source, $left, $isOver());
			}
			$this->slice->beat($this->channelId());
			$isOver = $this->slice->isTurnOver(...);
		}
	}

	/**
	 * Has the hub's own image library make scales of a photo that the extension refuses, unless the time is over.
	 *
	 * @param array<int, Transfer> $rows By scale.
	 */
	private function byLibrary(string $source, array $rows, bool $isOver): void
	{
		if ($isOver) {
			array_map(self::leave(...), $rows);
			return;
		}
		$this->slice->beat($this->channelId());
		$rows = array_filter(array_map(LastResort::count(...), $rows));
		if (! $rows) {
			return;
		}
		$root = Store::dataRoot($this->channelId(), true);
		$outcome = PhotoLibrary::scale(
			$source,
			array_map(fn ($transfer) => "$root/" . $transfer->partialName() . '.partial', $rows),
		);
		foreach ($rows as $scale => $transfer) {
			$made = $this->take($transfer, $outcome, $scale, 'library');
			if ($made) {
				$this->publishOne($made);
			}
		}
	}

	/** Leaves a scale for later. */
	private static function leave(Transfer $transfer): void
	{
		Queue::advance($transfer, TransferState::LEASED, TransferState::TO_MAKE, ['token' => '', 'lease_until' => 0]);
	}

	/**
	 * Returns the scales to make, by the path of their source, and the rows by that path and scale.
	 *
	 * @param list<Transfer> $claimed
	 *
	 * @return array{array<string, Job>, array<string, array<int, Transfer>>}
	 */
	private function jobs(array $claimed): array
	{
		$jobs = $rows = $sources = [];
		foreach ($claimed as $transfer) {
			$scale = $transfer->scale;
			$sourceScale = ScaleTable::sourceOf($scale);
			$source =
				$sources[$transfer->hash][$sourceScale] ??= Facts::of(
					$this->channel,
					$transfer->hash,
					$sourceScale,
				);
			$path = $source->path;
			$mayMake = Parts::has(Parts::PHOTOS);
			if (! $mayMake || $source->state !== 'whole' || $path === null) {
				$why = $mayMake ? 'its source is not a file here' : 'filesync makes no scales on this hub';
				self::fetchInstead($transfer, 'NotFound', $why);
				continue;
			}
			Queue::removePartial($transfer);
			$targets = $jobs[$path]['targets'] ?? [];
			$jobs[$path] = [
				'source' => substr($path, strlen('store/')),
				'targets' => $targets + [$scale => $transfer->partialName() . '.partial'],
			];
			$rows[$path][$scale] = $transfer;
		}

		return [$jobs, $rows];
	}

	/**
	 * Publishes what the extension made, all new scales together.
	 *
	 * @param list<Arrived> $made
	 */
	private function publish(array $made): void
	{
		$begun = [];
		try {
			$begun = count($made) > 1 ? $this->new->begin($made) : [];
		} catch (\Throwable $e) {
			Log::failure('publishing ' . count($made) . ' scales together', $e);
		}
		if ($begun !== []) {
			$this->files->publish($begun, true);
		}
		array_map($this->publishOne(...), array_diff_key($made, $begun));
	}

	private function publishOne(Arrived $made): void
	{
		$transfer = Queue::advance(
			$made->transfer,
			TransferState::LEASED,
			TransferState::VERIFIED,
			$made->columns,
		);
		if ($transfer) {
			$this->publish->publish($transfer);
		}
	}

	/**
	 * Returns what was made, to be published; null if it was not.
	 *
	 * @param Outcome $outcome
	 * @param string  $rung Who made it: `made`, the extension, or `library`.
	 */
	private function take(Transfer $transfer, array $outcome, int $scale, string $rung = 'made'): ?Arrived
	{
		$error = $outcome['error'];
		$made = $outcome['scales'][$scale] ?? null;
		if ($error !== null && $error['kind'] === 'Storage') {
			self::leave($transfer);
			Queue::pause($error['message']);
			return null;
		}
		if ($error !== null || $made === null) {
			$this->takeError($transfer, $scale, $error['kind'] ?? '', $error['message'] ?? '');
			return null;
		}
		if ($made['profile_fault']) {
			Log::write(
				"scale $scale of {$transfer->hash} of channel {$transfer->channelId} may have wrong colours, its original's profile cannot be used: {$made['profile_fault']}",
			);
		}
		$entry = $transfer->scaleEntry();
		$entry['photo'] =
			[
				'mimetype' => $made['mimetype'],
				'width' => $made['width'],
				'height' => $made['height'],
			] + $entry['photo'];

		return new Arrived($transfer, [
			'sha256' => $made['sha256'],
			'size_bytes' => $made['size_bytes'],
			'mimetype' => $made['mimetype'],
			'entry' => json_encode($entry, JSON_THROW_ON_ERROR),
			'result' => json_encode(['rung' => $rung, 'proof' => ['sha256']], JSON_THROW_ON_ERROR),
			'attempts' => 0,
			'kind' => '',
			'reason' => '',
		]);
	}

	private function takeError(Transfer $transfer, int $scale, string $kind, string $message): void
	{
		$isLast = LastResort::has($transfer);
		Log::write(
			"scale $scale of {$transfer->hash} of channel {$transfer->channelId} "
			. ($isLast ? 'cannot be made' : 'is fetched')
			. ": $kind: $message",
		);
		$isLast ? LastResort::giveUp($transfer, $message) : self::fetchInstead($transfer, $kind, $message);
	}

	private static function fetchInstead(Transfer $transfer, string $kind, string $reason): void
	{
		Queue::advance($transfer, TransferState::LEASED, TransferState::STAGED, [
			'token' => '',
			'lease_until' => 0,
			'kind' => $kind,
			'reason' => $reason,
		]);
	}

	private static function store(string $folder): \FileSync\Store
	{
		return new \FileSync\Store((string) realpath($folder));
	}

	private function channelId(): int
	{
		return $this->channel->id;
	}
}

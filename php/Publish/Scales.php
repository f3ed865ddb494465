<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Storage\Facts;
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
 * worker died.
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

	public function __construct(
		private readonly Channel $channel,
		private readonly string $token,
		private readonly Publish $publish,
		private readonly Slice $slice,
	) {}

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
			foreach ($rows as $source => $byScale) {
				foreach ($byScale as $scale => $transfer) {
					isset($outcomes[$source])
						? $this->take($transfer, $outcomes[$source], $scale)
						: Queue::advance($transfer, TransferState::LEASED, TransferState::TO_MAKE, [
							'token' => '',
							'lease_until' => 0,
						]);
				}
			}
			$this->slice->beat($this->channelId());
			$isOver = $this->slice->isTurnOver(...);
		}
	}

	/**
	 * Returns the scales to make, by the path of their source, and their transfers by that path and scale.
	 *
	 * @param list<Transfer> $claimed
	 *
	 * @return array{array<string, Job>, array<string, array<int, Transfer>>}
	 */
	private function jobs(array $claimed): array
	{
		$jobs = $rows = [];
		foreach ($claimed as $transfer) {
			$scale = $transfer->scale;
			$source = Facts::of($this->channel, $transfer->hash, ScaleTable::sourceOf($scale));
			$path = $source->path;
			if ($source->state !== 'whole' || $path === null) {
				self::fetchInstead($transfer, 'NotFound', 'its source is not a file here');
				continue;
			}
			Queue::removePartial($transfer);
			$jobs[$path] ??= ['source' => substr($path, strlen('store/')), 'targets' => []];
			$jobs[$path]['targets'][$scale] = $transfer->partialName() . '.partial';
			$rows[$path][$scale] = $transfer;
		}

		return [$jobs, $rows];
	}

	/** @param Outcome $outcome */
	private function take(Transfer $transfer, array $outcome, int $scale): void
	{
		if ($outcome['error'] && $outcome['error']['kind'] === 'Storage') {
			Queue::advance($transfer, TransferState::LEASED, TransferState::TO_MAKE, [
				'token' => '',
				'lease_until' => 0,
			]);
			Queue::pause($outcome['error']['message']);
			return;
		}
		if ($outcome['error']) {
			Log::write(
				"scale $scale of {$transfer->hash} of channel {$transfer->channelId} is fetched: {$outcome['error']['kind']}: {$outcome['error']['message']}",
			);
			self::fetchInstead($transfer, $outcome['error']['kind'], $outcome['error']['message']);
			return;
		}
		$made = $outcome['scales'][$scale] ?? throw new \LogicException("scale $scale was not made");
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
		$transfer = Queue::advance($transfer, TransferState::LEASED, TransferState::VERIFIED, [
			'sha256' => $made['sha256'],
			'size_bytes' => $made['size_bytes'],
			'mimetype' => $made['mimetype'],
			'entry' => json_encode($entry, JSON_THROW_ON_ERROR),
			'result' => json_encode(['rung' => 'made', 'proof' => ['sha256']], JSON_THROW_ON_ERROR),
			'attempts' => 0,
			'kind' => '',
			'reason' => '',
		]);
		if ($transfer) {
			$this->publish->publish($transfer);
		}
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

<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;
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
			))
		) {
			[$jobs, $rows] = $this->jobs($claimed);
			$outcomes = $jobs
				? Photo::scaleAll(self::store('store'), self::store(Store::dataRoot($this->channelId(), true)), $jobs, [
					'budget_ms' => self::BUDGET_MS,
				] + Photos::scaleOptions()) : [];
			foreach ($rows as $source => $byScale) {
				foreach ($byScale as $scale => $row) {
					isset($outcomes[$source])
						? $this->take($row, $outcomes[$source], $scale)
						: Queue::advance($row, TransferState::LEASED, TransferState::TO_MAKE, [
							'token' => '',
							'lease_until' => 0,
						]);
				}
			}
			$this->slice->beat($this->channelId());
			$isOver = $this->slice->isTurnOver(...);
		}
	}

	/** Returns the scales to make, by the path of their source, and the rows by that path and scale. */
	private function jobs(array $claimed): array
	{
		$jobs = $rows = [];
		foreach ($claimed as $row) {
			$scale = (int) $row['scale'];
			$source = Facts::of($this->channel, $row['hash'], ScaleTable::sourceOf($scale));
			$mayMake = Parts::has(Parts::PHOTOS);
			if (! $mayMake || $source->state !== 'whole' || $source->path === null) {
				$why = $mayMake ? 'its source is not a file here' : 'filesync makes no scales on this hub';
				self::fetchInstead($row, 'NotFound', $why);
				continue;
			}
			Queue::removePartial($row);
			$jobs[$source->path]['source'] = substr($source->path, strlen('store/'));
			$jobs[$source->path]['targets'][$scale] = Queue::partialName($row) . '.partial';
			$rows[$source->path][$scale] = $row;
		}

		return [$jobs, $rows];
	}

	private function take(array $row, array $outcome, int $scale): void
	{
		if (($outcome['error']['kind'] ?? '') === 'Storage') {
			Queue::advance($row, TransferState::LEASED, TransferState::TO_MAKE, ['token' => '', 'lease_until' => 0]);
			Queue::pause($outcome['error']['message']);
			return;
		}
		if ($outcome['error']) {
			Log::write(
				"scale $scale of {$row['hash']} of channel {$row['uid']} is fetched: {$outcome['error']['kind']}: {$outcome['error']['message']}",
			);
			self::fetchInstead($row, $outcome['error']['kind'], $outcome['error']['message']);
			return;
		}
		$made = $outcome['scales'][$scale];
		if ($made['profile_fault']) {
			Log::write(
				"scale $scale of {$row['hash']} of channel {$row['uid']} may have wrong colours, its original's profile cannot be used: {$made['profile_fault']}",
			);
		}
		$entry = json_decode($row['entry'], true);
		$entry['photo'] = array_intersect_key($made, ['mimetype' => 1, 'width' => 1, 'height' => 1]) + $entry['photo'];
		$row = Queue::advance($row, TransferState::LEASED, TransferState::VERIFIED, [
			'sha256' => $made['sha256'],
			'size_bytes' => $made['size_bytes'],
			'mimetype' => $made['mimetype'],
			'entry' => json_encode($entry),
			'result' => json_encode(['rung' => 'made', 'proof' => ['sha256']]),
			'attempts' => 0,
			'kind' => '',
			'reason' => '',
		]);
		$row && $this->publish->publish($row);
	}

	private static function fetchInstead(array $row, string $kind, string $reason): void
	{
		Queue::advance($row, TransferState::LEASED, TransferState::STAGED, [
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

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
 */
final class Scales
{
	private const MOST_AT_ONCE = 48;
	private const BUDGET_MS = 5000;
	/** With these the extension says that it cannot read a photo; others may. */
	private const REFUSED = ['Unsupported', 'Corrupt'];

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
				$outcome = $outcomes[$source] ?? null;
				$left = $outcome && in_array($outcome['error']['kind'] ?? '', self::REFUSED, true)
					? array_filter($byScale, LastResort::has(...))
					: [];
				foreach (array_diff_key($byScale, $left) as $scale => $row) {
					$outcome ? $this->take($row, $outcome, $scale) : self::leave($row);
				}
				if ($left) {
					$this->byLibrary($source, $left, $isOver());
				}
			}
			$this->slice->beat($this->channelId());
			$isOver = $this->slice->isTurnOver(...);
		}
	}

	/**
	 * Has the hub's own image library make scales of a photo that the extension refuses, unless the time is over.
	 *
	 * @param array<int, array> $rows By scale.
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
			array_map(fn ($row) => "$root/" . Queue::partialName($row) . '.partial', $rows),
		);
		foreach ($rows as $scale => $row) {
			$this->take($row, $outcome, $scale, 'library');
		}
	}

	/** Leaves a scale for later. */
	private static function leave(array $row): void
	{
		Queue::advance($row, TransferState::LEASED, TransferState::TO_MAKE, ['token' => '', 'lease_until' => 0]);
	}

	/**
	 * Returns the scales to make, by the path of their source, and the rows by that path and scale.
	 *
	 * @param list<array> $claimed
	 *
	 * @return array{
	 *     array<string, array{source: string, targets: array<int, string>}>,
	 *     array<string, array<int, array>>,
	 * }
	 */
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
			$targets = $jobs[$source->path]['targets'] ?? [];
			$jobs[$source->path] = [
				'source' => substr($source->path, strlen('store/')),
				'targets' => $targets + [$scale => Queue::partialName($row) . '.partial'],
			];
			$rows[$source->path][$scale] = $row;
		}

		return [$jobs, $rows];
	}

	/**
	 * @param array{scales: ?array<int, array>, error: ?array{kind: string, message: string, ...}} $outcome
	 * @param string $rung Who made it: `made`, the extension, or `library`.
	 */
	private function take(array $row, array $outcome, int $scale, string $rung = 'made'): void
	{
		$error = $outcome['error'];
		$made = $outcome['scales'][$scale] ?? null;
		if ($error !== null && $error['kind'] === 'Storage') {
			self::leave($row);
			Queue::pause($error['message']);
			return;
		}
		if ($error !== null || $made === null) {
			$this->takeError($row, $scale, $error['kind'] ?? '', $error['message'] ?? '');
			return;
		}
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
			'result' => json_encode(['rung' => $rung, 'proof' => ['sha256']]),
			'attempts' => 0,
			'kind' => '',
			'reason' => '',
		]);
		$row && $this->publish->publish($row);
	}

	private function takeError(array $row, int $scale, string $kind, string $message): void
	{
		$isLast = LastResort::has($row);
		Log::write(
			"scale $scale of {$row['hash']} of channel {$row['uid']} "
			. ($isLast ? 'cannot be made' : 'is fetched')
			. ": $kind: $message",
		);
		$isLast ? LastResort::giveUp($row, $message) : self::fetchInstead($row, $kind, $message);
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

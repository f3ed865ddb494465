<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Storage\LastResort;
use FileSync\Addon\Storage\PhotoRepair;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Addon\Work\Worker;

if (! class_exists('App', false)) {
	exit;
}

/**
 * `repair photos`: finds scales that are missing, have a wrong size or do not match their rows, and makes them again
 * from the original or the crop.
 */
final class RepairPhotosCommand
{
	private const PAGE = 50;

	public function __construct(private readonly Options $options) {}

	/** Goes through the photos of every channel of this hub. */
	public function run(): int
	{
		if (Part::isOff(Parts::PHOTOS)) {
			return 75;
		}
		$isDry = $this->options->has(Option::DryRun);
		$found = $made = $left = $waiting = 0;
		foreach (Channels::of($this->options) as $channel) {
			$where = ['uid' => $channel->id, 'is_photo' => 1, 'os_storage' => 1];
			foreach (Table::pages('attach', $where, self::PAGE) as $rows) {
				$begun = [];
				foreach ($rows as $attach) {
					$repair = new PhotoRepair($channel, $attach);
					$faults = Queue::isLive((int) $attach['uid'], $attach['hash']) ? [] : $repair->faults();
					$mendable = array_filter(array_keys($faults), fn ($scale) => ScaleTable::isMade($scale));
					$this->show($channel, $attach, $faults);
					$found += count($mendable);
					$left += count($faults) - count($mendable);
					$again = $isDry ? [] : LastResort::again((int) $attach['uid'], (string) $attach['hash']);
					$found += count($again);
					if ($again !== [] || (! $isDry && $repair->mend($mendable))) {
						$begun[] = [$attach, $again ?: $mendable];
					}
				}
				if (! $isDry) {
					(new Worker(PHP_INT_MAX >> 1))->run(0);
				}
				foreach ($begun as [$attach, $scales]) {
					[$done, $late, $reasons] = $this->ends($attach, $scales);
					$this->show($channel, $attach, $reasons);
					[$made, $waiting, $left] = [$made + $done, $waiting + $late, $left + count($reasons)];
				}
			}
		}
		if (! $this->options->has(Option::Json)) {
			echo
				match (true) {
					($found + $left) === 0 => 'nothing to mend',
					$isDry => "would make $found scales",
					default => "made $made scales again",
				},
				$waiting ? "; $waiting are not made yet" : '',
				$left ? "; $left cannot be made and stay as they are" : '',
				"\n"
			;
		}

		return $left ? 1 : ($waiting ? 75 : 0);
	}

	/**
	 * Returns how the scales of a photo ended: how many are there, how many may still come, and why the others cannot
	 * be made, by scale.
	 *
	 * @param array<int, int> $scales
	 *
	 * @return array{int, int, array<int, string>}
	 */
	private function ends(array $attach, array $scales): array
	{
		$reasons = [];
		$late = 0;
		foreach ($scales as $scale) {
			$transfer = Queue::find((int) $attach['uid'], (string) $attach['hash'], $scale);
			if ($transfer !== null && $transfer->state === TransferState::PARKED) {
				$reasons[$scale] = $transfer->reason;
			} elseif ($transfer !== null && in_array($transfer->state, Queue::LIVE, true)) {
				$late++;
			}
		}

		return [count($scales) - count($reasons) - $late, $late, $reasons];
	}

	private function show(Channel $channel, array $attach, array $faults): void
	{
		if ($faults && $this->options->has(Option::Json)) {
			echo
				json_encode([
					'channel' => $channel->id,
					'hash' => $attach['hash'],
					'name' => $attach['display_path'],
					'faults' => (object) $faults,
				], JSON_INVALID_UTF8_SUBSTITUTE),
				"\n"
			;
			return;
		}
		foreach ($faults as $scale => $fault) {
			echo
				Log::oneLine(
					"{$attach['hash']} scale $scale of channel {$channel->id}: {$attach['display_path']}: $fault",
				),
				"\n"
			;
		}
	}
}

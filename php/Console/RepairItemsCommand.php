<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Posts\ItemRelocation;

if (! class_exists('App', false)) {
	exit;
}

/**
 * `repair items`: finds the channel's own posts that an earlier sync left with another hub's URLs or a wrong signature,
 * and mends them.
 */
final class RepairItemsCommand
{
	private const PAGE = 100;

	public function __construct(private readonly Options $options) {}

	/** Goes through the posts of every channel of this hub that has clones. */
	public function run(): int
	{
		if (Part::isOff(Parts::POSTS)) {
			return 75;
		}
		$found = $lost = 0;
		foreach (Channels::of($this->options) as $channel) {
			if (! Clones::everywhere($channel)) {
				continue;
			}
			foreach (Items::each($channel, self::PAGE) as $item) {
				$changes = ItemRelocation::mended($channel, $item);
				$overwritten = self::overwritten($item);
				$found += $changes ? 1 : 0;
				$lost += $overwritten ? 1 : 0;
				$this->show($item, array_keys($changes), $overwritten);
				if ($changes && ! $this->options->has(Option::DryRun)) {
					Items::change($item, $changes);
				}
			}
		}
		if (! $this->options->has(Option::Json)) {
			echo
				$found
					? ($this->options->has(Option::DryRun) ? "would mend $found\n" : "mended $found\n")
					: "nothing to mend\n"
			;
		}

		return $lost ? 1 : 0;
	}

	/**
	 * Returns the fields whose content a stock sync replaced by the word "Array": only the hub where the post was
	 * written still has it.
	 */
	private static function overwritten(array $item): array
	{
		return array_values(array_filter(
			['obj', 'target', 'attach'],
			fn ($field) => preg_match('/(^|[:\[,])\s*"?Array"?\s*([,\]}]|$)/D', (string) $item[$field]) === 1,
		));
	}

	private function show(array $item, array $mended, array $overwritten): void
	{
		if (! $mended && ! $overwritten) {
			return;
		}
		if ($this->options->has(Option::Json)) {
			echo json_encode(['mid' => $item['mid'], 'mend' => $mended, 'overwritten' => $overwritten]), "\n";
			return;
		}
		echo
			$item['mid'],
			': ',
			implode(', ', $mended),
			$overwritten ? ' (lost here, still on its own hub: ' . implode(', ', $overwritten) . ')' : '',
			"\n"
		;
	}
}

<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Posts\ItemRelocation;
use FileSync\Addon\Posts\Signing;

if (! class_exists('App', false)) {
	exit;
}

/**
 * `repair items`: finds the channel's own posts that an earlier sync left with another hub's URLs, and mends them. It
 * names those whose signature does not fit their text, and signs none of them.
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
		$found = $lost = $unsigned = 0;
		foreach (Channels::of($this->options) as $channel) {
			if (! Clones::everywhere($channel)) {
				continue;
			}
			foreach (Items::each($channel, self::PAGE) as $item) {
				$changes = ItemRelocation::mended($channel, $item);
				$overwritten = self::overwritten($item);
				$found += $changes ? 1 : 0;
				$lost += $overwritten ? 1 : 0;
				$isUnsigned = Signing::isMarked($channel, $changes + $item);
				$unsigned += $isUnsigned ? 1 : 0;
				$this->show($item, array_keys($changes), $overwritten, $isUnsigned);
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
			echo
				$unsigned
					? "$unsigned without a valid signature stay so: a text that was changed on its way is not signed;"
						. " the owner can edit it in the hub's own editor\n"
					: ''
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

	private function show(array $item, array $mended, array $overwritten, bool $isUnsigned): void
	{
		if (! $mended && ! $overwritten && ! $isUnsigned) {
			return;
		}
		if ($this->options->has(Option::Json)) {
			$found = [
				'mid' => $item['mid'],
				'mend' => $mended,
				'overwritten' => $overwritten,
				'unsigned' => $isUnsigned,
			];
			echo json_encode($found), "\n";
			return;
		}
		echo
			$item['mid'],
			': ',
			implode(', ', $mended),
			$overwritten ? ' (lost here, still on its own hub: ' . implode(', ', $overwritten) . ')' : '',
			$isUnsigned ? ' (its signature does not fit its text)' : '',
			"\n"
		;
	}
}

<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/** The nightly set of a channel, as its owner may see it: nobody's else, also where it has the folder of another. */
final class NightlySet
{
	private const RUN = '/^(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d)Z\.json$/D';
	/** As many runs are offered. */
	private const MOST_RUNS = 400;

	private function __construct(
		public readonly string $folder,
		/** Another one means that the set has changed. */
		public readonly string $stamp,
		/** When it was last brought up to date: `2026-11-28T03:15:00Z`. */
		public readonly string $updated,
	) {}

	/**
	 * Finds it.
	 *
	 * @throws Problem There is none, or it cannot be read. The kind says which.
	 */
	public static function of(Channel $channel): self
	{
		if (! Job::areOwnersLet() || ! Nights::areOn()) {
			throw new Problem('not_offered', 'There are no nightly sets for owners here.');
		}
		if (! Parts::has(Parts::SETS) || Runtime::extensionProblem() !== null) {
			throw new Problem('part_off', 'filesync does without backup sets here.', true);
		}
		$folder = Nights::folder($channel);
		try {
			$look = \FileSync\Set::look($folder);
		} catch (FileSyncException $e) {
			throw new Problem('set_unreadable', $e->getMessage(), true, previous: $e);
		}
		/** @var array{updated?: string, channel?: array{hash?: string}}|null $about */
		$about = json_decode($look['set'] ?? '', true);
		if (in_array($look['state'], ['missing', 'empty', 'begun'], true)) {
			throw new Problem('no_set', "There is no set in $folder.", true);
		}
		if (! in_array($look['state'], ['whole', 'cut_off'], true) || ! is_array($about)) {
			throw new Problem('set_unreadable', "The set in $folder cannot be read: {$look['state']}.");
		}
		if (($about['channel']['hash'] ?? null) !== $channel->hash) {
			// Somebody else had this nick before.
			throw new Problem('no_set', "The set in $folder is of another channel.");
		}
		return new self(
			$folder,
			hash('sha256', $look['state'] . "\n" . ($look['set'] ?? '')),
			$about['updated'] ?? '',
		);
	}

	/** @return list<string> The times of its runs, the newest first, each of the form `2026-11-28T03:15:00Z`. */
	public function runs(): array
	{
		$times = $part = [];
		foreach (@scandir("$this->folder/runs", SCANDIR_SORT_DESCENDING) ?: [] as $name) {
			if (count($times) < self::MOST_RUNS && preg_match(self::RUN, $name, $part)) {
				$times[] = "$part[1]T$part[2]:$part[3]:$part[4]Z";
			}
		}

		return $times;
	}
}

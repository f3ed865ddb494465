<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Keys;

if (! class_exists('App', false)) {
	exit;
}

/** Removes what a set keeps of earlier versions, and signs it again. */
final class Prune
{
	/**
	 * Prunes a set.
	 *
	 * @param ?string $olderThan What was replaced or removed before that time goes: `Y-m-d\TH:i:s\Z`.
	 * @param ?string $forget    A hash that goes from everything.
	 * @param bool    $isDry     Whether nothing shall change.
	 *
	 * @return array{removed_runs: int, removed_files: int, removed_bytes: int, older_files: int, older_bytes: int}
	 *
	 * @throws Problem
	 */
	public static function do(string $folder, ?string $olderThan, ?string $forget, bool $isDry): array
	{
		$channel = Check::channelOf($folder);
		$look = \FileSync\Set::look($folder);
		if ($look['set'] !== null && $channel === null) {
			throw new Problem(
				'set_other_channel',
				"The channel of the set in $folder does not live on this hub, so it cannot be signed again here.",
			);
		}
		if ($look['unfinished'] !== null) {
			throw new Problem(
				'run_unfinished',
				"A run of the set in $folder was interrupted: finish it first, by the same `backup` command.",
				true,
			);
		}
		$set = new \FileSync\Set($folder);
		try {
			$set->complete();
			$prepared = $set->prune(
				['made_with' => Description::madeWith()]
				+ ($olderThan === null ? [] : ['older_than' => $olderThan])
				+ ($forget === null ? [] : ['forget' => $forget]),
			);
			// A run that changes nothing would only be another entry in runs/.
			$isIdle = $prepared['removed_files'] === 0 && $prepared['removed_runs'] === 0 && $forget === null;
			if ($isDry || $isIdle || $channel === null) {
				$set->abandon();
			} else {
				$set->commit(Keys::signSet($channel, $prepared['message']));
			}
		} finally {
			$set->close();
		}

		return [
			'removed_runs' => $prepared['removed_runs'],
			'removed_files' => $prepared['removed_files'],
			'removed_bytes' => $prepared['removed_bytes'],
			'older_files' => $prepared['older_files'],
			'older_bytes' => $prepared['older_bytes'],
		];
	}
}

<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Hub\Clones;

if (! class_exists('App', false)) {
	exit;
}

/** What the nightly backup sets are, in words and numbers: when they were made, how large they are, when read back. */
final class Sets
{
	/**
	 * Describes the set of a channel.
	 *
	 * @return list<string> Empty if there are no nightly sets.
	 */
	public static function lines(int $channelId): array
	{
		if (! Nights::areOn()) {
			return [];
		}
		$night = Nights::of($channelId);
		if (! $night['success']) {
			return [t('There is no backup set yet.')];
		}

		return array_values(array_filter([
			sprintf(
				t('backup set: %1$s, %2$s, %3$s'),
				Words::ago($night['success']),
				Words::files($night['files']),
				Words::size($night['bytes']),
			),
			$night['missing'] ? sprintf(t('not whole in the backup set: %s'), Words::files($night['missing'])) : '',
			match (true) {
				$night['damaged'] > 0 => sprintf(
					t('damaged in the backup set, and replaced by its next run: %s'),
					Words::files($night['damaged']),
				),
				$night['since'] > 0 => sprintf(
					t('all of the backup set was read again since %s'),
					Words::ago($night['since']),
				),
				$night['verified'] > 0 => sprintf(
					t('a part of the backup set was read again %s'),
					Words::ago($night['verified']),
				),
				default => '',
			},
			Nights::isLate($channelId) ? t('It is not up to date. The admin of this hub can see why.') : '',
		]));
	}

	/** Returns when the oldest of the nightly sets was made; 0 if a channel has none, null if there shall be none. */
	public static function oldest(): ?int
	{
		$times = Nights::areOn() ? array_column(Nights::each(Clones::local()), 'success') : [];

		return $times === [] ? null : min($times);
	}
}

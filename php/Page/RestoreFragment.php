<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Hub\Page;

if (! class_exists('App', false)) {
	exit;
}

/** The part of a page that shows a restore: its plan, how far it is, how it ended, with the buttons for it. */
final class RestoreFragment
{
	/**
	 * Returns its markup.
	 *
	 * @param array<string, mixed> $values What `RestoreWords::of` says.
	 * @param string               $again  Where a reader looks again; empty: the page does so on its own.
	 */
	public static function show(array $values, string $again): string
	{
		return Page::render('filesync_restore.tpl', ['words' => self::words(), 'job' => $values, 'again' => $again]);
	}

	/** @return array<string, string> */
	private static function words(): array
	{
		return [
			'again' => t('Look again'),
			'restore' => t('Restore'),
			'start' => t('Restore now'),
			'change' => t('Count again'),
			'cancel' => t('Stop'),
			'discard' => t('Restore nothing'),
			'replace' => t('Replace files that differ here. The present ones are kept for a while.'),
			'trust' => t(
				'I made this backup myself, and nobody else could change it: restore access, categories and posts as it has them.',
			),
			'deleted' => t('Also restore what was deleted since, on every clone.'),
		];
	}
}

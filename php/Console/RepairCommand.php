<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** `repair`: mends what older hubs or earlier syncs left in a wrong form, all of it or one kind. */
final class RepairCommand implements Task
{
	public function __construct(private readonly Options $options) {}

	/** Photos after files: scales that are restored from the database need not be made. */
	public function run(array $words): int
	{
		$codes = array_map(
			fn ($one) => (match ($one) {
				'files' => new RepairFilesCommand($this->options),
				'photos' => new RepairPhotosCommand($this->options),
				default => new RepairItemsCommand($this->options),
			})->run(),
			$words ?: ['files', 'photos', 'items'],
		);

		return in_array(1, $codes, true) ? 1 : max($codes);
	}
}

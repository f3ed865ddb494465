<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Log;
use FileSync\Addon\Status\Report;

if (! class_exists('App', false)) {
	exit;
}

/** `missing`: lists every file that this hub lacks, and why. */
final class MissingCommand implements Task
{
	public function __construct(private readonly Options $options) {}

	/** Lists them; one that does not arrive on its own decides about the exit code. */
	public function run(array $words): int
	{
		$code = 0;
		$json = $this->options->has(Option::Json);
		/**
		 * @var iterable<array{state: string, hash: string, scale: int, channel: int, name: string, size_bytes: int,
		 *     reason: string, next_try: ?string}> $files
		 */
		$files = Report::missing($this->options->has(Option::Channel) ? Channels::of($this->options) : null);
		foreach ($files as $file) {
			$code = $code === 1 || in_array($file['state'], ['parked', 'damaged'], true) ? 1 : 75;
			if ($json) {
				echo json_encode($file), "\n";
				continue;
			}
			echo
				Log::oneLine(sprintf(
					'%-9s %s scale %d of channel %d: %s, %s bytes%s%s',
					$file['state'],
					$file['hash'],
					$file['scale'],
					$file['channel'],
					$file['name'],
					number_format($file['size_bytes']),
					$file['reason'] === '' ? '' : ': ' . $file['reason'],
					$file['next_try'] === null ? '' : ', next try ' . $file['next_try'] . ' UTC',
				)) . "\n"
			;
		}
		if ($code === 0 && ! $json) {
			echo "nothing is missing\n";
		}

		return $code;
	}
}

<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Repair\Journal;
use FileSync\Addon\Revision\KeptList;

if (! class_exists('App', false)) {
	exit;
}

/** `kept`: lists the files that a sync replaced or deleted, and the repairs. */
final class KeptCommand implements Task
{
	public function __construct(private readonly Options $options) {}

	/** Lists the kept files, newest first. */
	public function run(array $words): int
	{
		$json = $this->options->has(Option::Json);
		$of = $this->options->has(Option::Channel) ? Channels::of($this->options)[0]->id : null;
		$seconds = 86400 * Config::number('kept_days');
		$isEmpty = true;
		foreach (KeptList::each($of === null ? [] : ['uid' => $of]) as $row) {
			$isEmpty = false;
			$one = [
				'id' => $row['id'],
				'channel' => (int) $row['uid'],
				'hash' => $row['hash'],
				'name' => $row['name'],
				'size_bytes' => (int) $row['size_bytes'],
				'why' => $row['why'],
				'by' => $row['by'],
				'when' => gmdate('Y-m-d H:i:s', (int) $row['created']),
				'until' => gmdate('Y-m-d', (int) $row['created'] + $seconds),
			];
			echo
				$json
					? json_encode($one) . "\n"
					: Log::oneLine(sprintf(
						'%s  %s UTC  %-8s %-24s %15s bytes  channel %d: %s',
						substr($one['id'], 0, 12),
						$one['when'],
						$one['why'],
						$one['by'] === '' ? '' : 'by ' . $one['by'],
						number_format($one['size_bytes']),
						$one['channel'],
						$one['name'] ?: $one['hash'],
					)) . "\n"
			;
		}
		foreach ($repairs = array_filter(Journal::runs(), fn ($one) => in_array(
			$of,
			[null, $one['channel']],
			true,
		)) as $one) {
			echo
				$json
					? json_encode($one) . "\n"
					: sprintf(
						"%s  %s UTC  repair   of %d rows of channel %d\n",
						substr($one['run'], 0, 12),
						$one['when'],
						$one['changes'],
						$one['channel'],
					)
			;
		}
		if ($isEmpty && ! $repairs && ! $json) {
			echo "nothing is kept\n";
		}

		return 0;
	}
}

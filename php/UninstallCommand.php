<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;

if (! class_exists('App', false)) {
	exit;
}

/** Shows what is still missing or waiting, finishes or drops it, and takes filesync off the hub. */
final class UninstallCommand
{
	private const WAIT_SECONDS = 300;
	private const WORDS = [
		'files_on_their_way' => 'files and thumbnails are on their way', 'bytes_on_their_way' => 'bytes are to come', 'files_parked' => 'are parked and come no more by themselves',
		'packets_held' => 'packets could not be taken in yet', 'changes_to_send' => 'changes of this hub are to be sent', 'other_calls' => 'posts and previews are to be mended',
		'kept_files' => 'replaced or deleted files are kept', 'kept_bytes' => 'bytes are kept',
	];

	public function __construct(private readonly array $options)
	{
	}

	/** Without --keep or --purge nothing is changed. */
	public function run(): int
	{
		$outlook = Uninstall::outlook();
		$isWaiting = Uninstall::isWaiting($outlook);
		if (! $this->has('keep') && ! $this->has('purge')) {
			$this->show($outlook);
			$this->say('Nothing was changed. --keep takes filesync off this hub and keeps tables and kept files, so that it goes on when it is installed again;'
				. ' --purge removes them.' . ($isWaiting ? ' --finish fetches and sends first what waits, --drop forgets it.' : ''));
			return $isWaiting ? 75 : 0;
		}
		if ($this->has('keep') && $this->has('purge')) {
			return Command::usage();
		}
		if ($isWaiting && $this->has('purge') && ! $this->has('finish') && ! $this->has('drop')) {
			$this->show($outlook);
			fwrite(STDERR, "filesync: this would be lost: say --finish or --drop\n");
			return 2;
		}
		if ($this->has('finish') && ! $this->finish()) {
			fwrite(STDERR, "filesync: not all could be finished, and filesync is still installed. `missing` says why; --drop as well forgets the rest\n");
			return 75;
		}

		return $this->remove();
	}

	private function finish(): bool
	{
		(new WorkCommand(['until-idle' => true] + array_intersect_key($this->options, ['seconds' => 1])))->run();
		$outlook = Uninstall::outlook();

		return ! Uninstall::isWaiting($outlook) || $this->has('drop');
	}

	private function remove(): int
	{
		$token = Config::token();
		if (! Uninstall::stopWorkers($token, self::WAIT_SECONDS)) {
			fwrite(STDERR, "filesync: workers still run; try again in a minute\n");
			return 75;
		}
		try {
			$this->has('drop') && Uninstall::drop($token);
			Uninstall::unregister();
			// What came in between, with the hub's hooks still there.
			$this->has('drop') && Uninstall::drop($token);
			$isLate = $this->has('finish') && ! $this->has('drop') && Uninstall::isWaiting(Uninstall::outlook());
		} finally {
			Uninstall::letWorkersGo($token);
		}
		if ($isLate && ! $this->finish()) {
			fwrite(STDERR, "filesync: what came in at the last moment is not finished; its tables stay. Install it again, or: uninstall --drop --purge\n");
			return 75;
		}
		$damaged = $this->damaged();
		if ($this->has('purge')) {
			Uninstall::purge();
		}
		$this->say('filesync is off this hub' . ($this->has('purge') ? ', with its tables and what it kept.' : '; its tables and what it kept stay.')
			. ($damaged ? ' ' . count($damaged) . ' files are shown here without their bytes: ' . implode(', ', array_slice($damaged, 0, 20)) : ''));

		return 0;
	}

	/** Returns the names of files that the hub shows though their bytes are not there. */
	private function damaged(): array
	{
		$names = [];
		foreach (Report::missing() as $file) {
			$file['state'] === 'damaged' && $names[] = $file['name'];
		}

		return $names;
	}

	private function show(array $outlook): void
	{
		if (isset($this->options['json'])) {
			echo json_encode($outlook), "\n";
			return;
		}
		foreach (array_filter($outlook) as $name => $count) {
			printf("%16s %s\n", number_format($count), self::WORDS[$name]);
		}
		array_filter($outlook) || print("nothing is on its way, nothing is kept\n");
	}

	private function say(string $text): void
	{
		isset($this->options['json']) || print(wordwrap(Config::oneLine($text), 110) . "\n");
	}

	private function has(string $option): bool
	{
		return isset($this->options[$option]);
	}
}

<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Work\Uninstall;

if (! class_exists('App', false)) {
	exit;
}

/** Lists unfinished work, finishes or drops it, and removes filesync from the hub. */
final class UninstallCommand implements Task
{
	private const WAIT_SECONDS = 300;
	private const WORDS = [
		'files_on_their_way' => 'files and thumbnails are in transit',
		'bytes_on_their_way' => 'bytes are still to arrive',
		'files_parked' => 'files are parked and will not be retried automatically',
		'restores' => 'restores of backup sets are under way',
		'sets_arriving' => 'backup sets are being sent by their owners',
		'imports' => 'exports that owners gave the hub are being imported',
		'packets_held' => 'packets could not be applied yet',
		'changes_to_send' => 'changes of this hub are still to be sent',
		'other_calls' => 'posts and previews are still to be made',
		'kept_files' => 'replaced or deleted files are kept',
		'kept_bytes' => 'bytes are kept',
	];

	public function __construct(private readonly Options $options) {}

	/** Without --keep or --purge it changes nothing. */
	public function run(array $words): int
	{
		$outlook = Uninstall::outlook();
		$isWaiting = Uninstall::isWaiting($outlook);
		if (! $this->options->has(Option::Keep) && ! $this->options->has(Option::Purge)) {
			$this->show($outlook);
			$this->say(
				'Nothing was changed. --keep removes filesync from this hub but keeps its tables and kept files, so that it continues when it is installed again;'
				. ' --purge removes them too.'
				. ($isWaiting ? ' --finish first fetches and sends everything that waits, --drop forgets it.' : ''),
			);
			return $isWaiting ? 75 : 0;
		}
		if ($this->options->has(Option::Keep) && $this->options->has(Option::Purge)) {
			throw new WrongUsage('--keep and --purge exclude each other: pass one of them');
		}
		if (
			$isWaiting
			&& $this->options->has(Option::Purge)
			&& ! $this->options->has(Option::Finish)
			&& ! $this->options->has(Option::Drop)
		) {
			$this->show($outlook);
			fwrite(
				STDERR,
				"filesync: unfinished work would be lost; pass --finish to complete it or --drop to discard it\n",
			);
			return 2;
		}
		if ($this->options->has(Option::Finish) && ! $this->finish()) {
			fwrite(
				STDERR,
				"filesync: some work could not be finished, and filesync is still installed. `missing` says why; add --drop to discard the rest\n",
			);
			return 75;
		}

		return $this->remove();
	}

	private function finish(): bool
	{
		if (! Extension::isMissing()) {
			(new WorkCommand($this->options->only(Option::Seconds)->with(Option::UntilIdle)))->run([]);
		}
		Uninstall::giveToHub(self::WAIT_SECONDS);
		$outlook = Uninstall::outlook();

		return ! Uninstall::isWaiting($outlook) || $this->options->has(Option::Drop);
	}

	private function remove(): int
	{
		$token = Token::make();
		if (! Uninstall::stopWorkers($token, self::WAIT_SECONDS)) {
			fwrite(STDERR, "filesync: workers still run; try again in a minute\n");
			return 75;
		}
		try {
			if (! Uninstall::endRehearsals(self::WAIT_SECONDS)) {
				fwrite(STDERR, "filesync: a rehearsal still runs; try again in a minute\n");
				return 75;
			}
			if (! Uninstall::stopRestores($token, self::WAIT_SECONDS, $this->options->has(Option::Drop))) {
				fwrite(
					STDERR,
					"filesync: a restore or a nightly backup still runs; try again when it is over, or stop it: restore CHANNEL --cancel\n",
				);
				return 75;
			}
			if ($this->options->has(Option::Drop)) {
				Uninstall::drop($token);
			}
			Uninstall::unregister();
			// Changes that arrived meanwhile, while the hub's hooks were still registered.
			if ($this->options->has(Option::Drop)) {
				Uninstall::drop($token);
			}
			$isLate =
				$this->options->has(Option::Finish)
				&& ! $this->options->has(Option::Drop)
				&& Uninstall::isWaiting(Uninstall::outlook());
		} finally {
			Uninstall::letWorkersGo($token);
			Uninstall::letRestoresGo($token);
		}
		if ($isLate && ! $this->finish()) {
			fwrite(
				STDERR,
				"filesync: changes that arrived at the last moment are unfinished; the tables stay. Install filesync again, or: uninstall --drop --purge\n",
			);
			return 75;
		}
		$damaged = $this->damaged();
		$sets = Nights::areOn() ? ' The backup sets in ' . Config::get('backup_folder') . ' stay.' : '';
		if ($this->options->has(Option::Purge)) {
			Uninstall::purge();
		}
		$this->say(
			'filesync is removed from this hub'
			. (
				$this->options->has(Option::Purge)
					? ', with its tables and kept files.'
					: '; its tables and kept files stay.'
			)
			. $sets
			. (
				$damaged
					? ' '
					. count($damaged)
					. ' files are shown here without their bytes: '
					. implode(', ', array_slice($damaged, 0, 20))
					: ''
			),
		);

		return 0;
	}

	/** Returns the names of files that the hub shows although their bytes are missing. */
	private function damaged(): array
	{
		$names = [];
		foreach (Report::missing() as $file) {
			$file['state'] === 'damaged' && ($names[] = $file['name']);
		}

		return $names;
	}

	private function show(array $outlook): void
	{
		if ($this->options->has(Option::Json)) {
			echo json_encode($outlook), "\n";
			return;
		}
		foreach (array_filter($outlook) as $name => $count) {
			printf("%16s %s\n", number_format($count), self::WORDS[$name]);
		}
		if (! array_filter($outlook)) {
			print "nothing is in transit, nothing is kept\n";
		}
	}

	private function say(string $text): void
	{
		if (! $this->options->has(Option::Json)) {
			print wordwrap(Log::oneLine($text), 110) . "\n";
		}
	}
}

<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** The verbs of cli.php. Each returns an exit code: 0 done, 1 needs attention, 2 usage, 75 try again later. */
final class Command
{
	private const OPTIONS = [
		'doctor' => ['json', 'only', 'assumptions'],
		'status' => ['json'],
		'missing' => ['json', 'channel'],
		'work' => ['json', 'progress', 'seconds', 'until-idle'],
		'config' => ['json', 'scope'],
		'repair' => ['json', 'dry-run', 'seconds', 'channel'],
		'kept' => ['json', 'channel'],
		'undo' => [],
		'packets' => ['json'],
		'uninstall' => ['json', 'keep', 'purge', 'finish', 'drop', 'seconds'],
		'backfill' => ['json', 'dry-run', 'channel'],
		'verify' => ['json', 'channel'],
	];
	private const VALUED = ['seconds', 'scope', 'only', 'channel'];

	/** Runs a verb with its arguments. */
	public static function run(array $arguments): int
	{
		[$words, $options] = self::parse($arguments);
		$verb = array_shift($words) ?? '';
		if (
			$options === null
			|| ! isset(self::OPTIONS[$verb])
			|| array_diff(array_keys($options), self::OPTIONS[$verb])
			|| (! in_array($verb, ['config', 'repair', 'undo', 'packets'], true)
			&& $words)
			|| ($verb === 'repair'
			&& ! in_array($words, [[], ['files'], ['items'], ['photos']], true))
			|| ($verb === 'repair'
			&& isset($options['seconds'])
			&& $words !== ['files'])
			|| ($verb === 'undo'
			&& count($words) !== 1)
			|| ($verb === 'packets'
			&& $words
			&& (count($words) !== 2
			|| ! in_array($words[0], ['accept', 'dismiss'], true)))
		) {
			return Usage::show();
		}
		try {
			if (! Migrations::ready()) {
				fwrite(STDERR, "filesync: another process is creating its tables, try again\n");
				return 75;
			}
			if ($hooks = Registration::mend()) {
				fwrite(STDERR, 'filesync: restored hooks that the hub had lost: ' . implode(', ', $hooks) . "\n");
			}

			return match ($verb) {
				'status' => self::status(isset($options['json'])),
				'missing' => self::missing($options),
				'work' => (new WorkCommand($options))->run(),
				'doctor' => DoctorCommand::run($options),
				'backfill' => (new BackfillCommand($options))->run(),
				'verify' => (new VerifyCommand($options))->run(),
				'repair' => self::repair($words ?: ['files', 'photos', 'items'], $options),
				'kept' => KeptCommand::list($options),
				'undo' => KeptCommand::undo($words[0]),
				'packets' => PacketsCommand::run($words, isset($options['json'])),
				'config' => (new ConfigCommand($options))->run($words),
				'uninstall' => (new UninstallCommand($options))->run(),
			};
		} catch (\Throwable $e) {
			fwrite(STDERR, 'filesync: ' . $e->getMessage() . "\n");
			return 1;
		}
	}

	private static function parse(array $arguments): array
	{
		$words = [];
		$options = [];
		while ($arguments) {
			$argument = array_shift($arguments);
			if (! str_starts_with($argument, '--')) {
				$words[] = $argument;
				continue;
			}
			[$name, $value] = explode('=', substr($argument, 2), 2) + [1 => null];
			if (in_array($name, self::VALUED, true)) {
				$value ??= array_shift($arguments);
				if ($value === null) {
					return [$words, null];
				}
			}
			$options[$name] = $value ?? true;
		}

		return [$words, $options];
	}

	/** Photos after files: scales that are restored from the database need not be made. */
	private static function repair(array $what, array $options): int
	{
		$codes = array_map(fn ($one) => (match ($one) {
			'files' => new RepairFilesCommand($options),
			'photos' => new RepairPhotosCommand($options),
			'items' => new RepairItemsCommand($options),
		})->run(), $what);

		return in_array(1, $codes, true) ? 1 : max($codes);
	}

	private static function status(bool $json): int
	{
		$status = Report::status();
		if ($json) {
			echo json_encode($status), "\n";
		} else {
			echo
				'filesync ',
				$status['version'],
				', extension ',
				$status['extension'] ?? 'missing',
				$status['problem'] ? " ({$status['problem']})" : '',
				"\n"
			;
			foreach ($status['states'] as $state => $count) {
				printf("%-11s %6d files %16s bytes\n", $state, $count['files'], number_format($count['bytes']));
			}
			foreach ([
				'packets_waiting',
				'packets_parked',
				'packets_dropped',
				'calls_waiting',
				'calls_parked',
				'kept_files',
				'kept_bytes',
			] as $name) {
				printf("%-20s %s\n", strtr($name, '_', ' '), number_format($status[$name]));
			}
			if ($status['paused_until']) {
				echo 'transfers pause until ', $status['paused_until'], ' UTC: ', $status['paused_reason'], "\n";
			}
			foreach ($status['clones'] as $clone) {
				echo Log::oneLine(self::describe($clone)), "\n";
			}
			foreach ($status['comparisons'] as $row) {
				echo
					Log::oneLine(
						"compared with {$row['clone']} (channel {$row['channel']}): "
						. ($row['last'] === null ? 'not yet' : $row['last'] . ' UTC')
						. ($row['next'] === null ? '' : ", next {$row['next']} UTC")
						. ($row['reason'] === '' ? '' : ", {$row['reason']}"),
					),
					"\n"
				;
			}
			foreach ($status['conflicts'] as $row) {
				echo Log::oneLine("conflict copy in channel {$row['channel']}: {$row['name']}"), "\n";
			}
			foreach (Brake::lines() as $line) {
				echo Log::oneLine("waits for approval (channel {$line['channel']}): " . Words::displaced($line)), "\n";
			}
			foreach ($status['parked'] as $row) {
				echo
					Log::oneLine(
						"parked: {$row['hash']} scale {$row['scale']} of channel {$row['channel']}: {$row['kind']}: {$row['reason']}",
					),
					"\n"
				;
			}
		}

		if ($status['packets_parked'] || $status['held']) {
			return 1;
		}

		return ExitCode::of($status['states']) ?: ($status['packets_waiting'] || $status['packets_dropped'] ? 75 : 0);
	}

	private static function describe(array $clone): string
	{
		$parts = ['filesync: ' . $clone['filesync'] . ($clone['version'] === null ? '' : ' ' . $clone['version'])];
		foreach ([
			'reason' => '%s',
			'skew_seconds' => 'its clock differs by %d s',
			'rung' => 'last by %s',
			'last_success' => 'last success %s UTC',
			'last_failure' => 'last failure %s UTC',
			'failures' => 'failures since: %d',
			'dav_refused_until' => 'without /dav until %s UTC',
			'piece_bytes' => 'in pieces of %d bytes',
		] as $name => $format) {
			// A hub without filesync is not a fault; --json shows its answer.
			$clone[$name] && ! ($name === 'reason' && $clone['filesync'] === 'no') && ($parts[] = sprintf(
				$format,
				$clone[$name],
			));
		}

		return $clone['url'] . ': ' . implode(', ', $parts);
	}

	private static function missing(array $options): int
	{
		$code = 0;
		$json = isset($options['json']);
		foreach (Report::missing(isset($options['channel']) ? Channels::of($options) : null) as $file) {
			$code = $code === 1 || in_array($file['state'], ['parked', 'damaged'], true) ? 1 : 75;
			echo
				$json
					? json_encode($file) . "\n"
					: Log::oneLine(sprintf(
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

<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Loopback;
use FileSync\Addon\Schema\Migrations;

if (! class_exists('App', false)) {
	exit;
}

/** The verbs of cli.php. Each returns an exit code: 0 done, 1 failed for good, 2 usage, 75 try again later. */
final class Command
{
	private const USAGE = <<<'TEXT'
		usage: php addon/filesync/cli.php <verb> [options]

		  status                 what is on its way, what is stuck, what waits           [--json]
		  missing                every file that is not present here, and why            [--json]
		  kept                   what a sync replaced or deleted: id, when, by which clone [--json]
		  undo ID                brings that back, here and on every clone, with place and categories
		  packets                what other clones asked for that waits, as a very large   [--json]
		                         delete; packets accept ID|all agrees to it, packets
		                         dismiss ID|all refuses: what was deleted comes back
		  work                   fetch and publish in the foreground                     [--json] [--progress]
		                         [--seconds N] at most, [--until-idle] until nothing is on its way
		  repair items           own posts that a sync left with another hub's URLs      [--json]
		                         or a wrong signature: mends them, or only lists them    [--dry-run]
		  doctor                 this hub's own set-up, as another hub meets it, with    [--json]
		                         a remedy for each finding
		  config                 every setting and its value                             [--json]
		  config get NAME        config set NAME VALUE        config clear NAME
		                         [--scope site|channel:<id>|peer:<root URL>]

		exit codes: 0 done or nothing to do, 1 something needs a person, 2 usage, 75 something is still on its way
		TEXT;

	private const OPTIONS = [
		'doctor' => ['json'],
		'status' => ['json'], 'missing' => ['json'], 'work' => ['json', 'progress', 'seconds', 'until-idle'], 'config' => ['json', 'scope'],
		'repair' => ['json', 'dry-run'], 'kept' => ['json'], 'undo' => [], 'packets' => ['json'],
	];
	private const VALUED = ['seconds', 'scope'];

	/** Runs a verb with its arguments. */
	public static function run(array $arguments): int
	{
		[$words, $options] = self::parse($arguments);
		$verb = array_shift($words) ?? '';
		if ($options === null || ! isset(self::OPTIONS[$verb]) || array_diff(array_keys($options), self::OPTIONS[$verb]) || (! in_array($verb, ['config', 'repair', 'undo', 'packets'], true) && $words)
			|| ($verb === 'repair' && $words !== ['items']) || ($verb === 'undo' && count($words) !== 1)
			|| ($verb === 'packets' && $words && (count($words) !== 2 || ! in_array($words[0], ['accept', 'dismiss'], true)))) {
			fwrite(STDERR, self::USAGE . "\n");
			return 2;
		}
		try {
			if (! Migrations::ready()) {
				fwrite(STDERR, "filesync: its tables are being made by another process, try again\n");
				return 75;
			}

			return match ($verb) {
				'status' => self::status(isset($options['json'])),
				'missing' => self::missing(isset($options['json'])),
				'work' => (new WorkCommand($options))->run(),
				'doctor' => self::doctor(isset($options['json'])),
				'repair' => (new RepairCommand($options))->run(),
				'kept' => KeptCommand::list(isset($options['json'])),
				'undo' => KeptCommand::undo($words[0]),
				'packets' => PacketsCommand::run($words, isset($options['json'])),
				'config' => self::config($words, $options),
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

	private static function status(bool $json): int
	{
		$status = Report::status();
		if ($json) {
			echo json_encode($status), "\n";
		} else {
			echo 'filesync ', $status['version'], ', extension ', $status['extension'] ?? 'missing', $status['problem'] ? " ({$status['problem']})" : '', "\n";
			foreach ($status['states'] as $state => $count) {
				printf("%-11s %6d files %16s bytes\n", $state, $count['files'], number_format($count['bytes']));
			}
			foreach (['packets_waiting', 'packets_parked', 'calls_waiting', 'calls_parked', 'kept_files', 'kept_bytes'] as $name) {
				printf("%-20s %s\n", strtr($name, '_', ' '), number_format($status[$name]));
			}
			if ($status['paused_until']) {
				echo 'transfers pause until ', $status['paused_until'], ' UTC: ', $status['paused_reason'], "\n";
			}
			foreach ($status['clones'] as $clone) {
				echo Config::oneLine(self::describe($clone)), "\n";
			}
			foreach ($status['conflicts'] as $row) {
				echo Config::oneLine("conflict copy in channel {$row['channel']}: {$row['name']}"), "\n";
			}
			foreach ($status['parked'] as $row) {
				echo Config::oneLine("parked: {$row['hash']} scale {$row['scale']} of channel {$row['channel']}: {$row['kind']}: {$row['reason']}"), "\n";
			}
		}

		if ($status['packets_parked']) {
			return 1;
		}

		return self::exitCode($status['states']) ?: ($status['packets_waiting'] ? 75 : 0);
	}

	private static function describe(array $clone): string
	{
		$parts = ['filesync: ' . $clone['filesync'] . ($clone['version'] === null ? '' : ' ' . $clone['version'])];
		foreach (['reason' => '%s', 'skew_seconds' => 'its clock differs by %d s', 'rung' => 'last by %s', 'last_success' => 'last success %s UTC', 'last_failure' => 'last failure %s UTC',
			'failures' => '%d failures since', 'dav_refused_until' => 'without /dav until %s UTC', 'piece_bytes' => 'in pieces of %d bytes'] as $name => $format) {
			$clone[$name] && $parts[] = sprintf($format, $clone[$name]);
		}

		return $clone['url'] . ': ' . implode(', ', $parts);
	}

	private static function missing(bool $json): int
	{
		$code = 0;
		foreach (Report::missing() as $file) {
			$code = $code === 1 || in_array($file['state'], ['parked', 'damaged'], true) ? 1 : 75;
			echo $json ? json_encode($file) . "\n" : Config::oneLine(sprintf('%-9s %s scale %d of channel %d: %s, %s bytes%s%s', $file['state'], $file['hash'], $file['scale'],
				$file['channel'], $file['name'], number_format($file['size_bytes']), $file['reason'] === '' ? '' : ': ' . $file['reason'],
				$file['next_try'] === null ? '' : ', next try ' . $file['next_try'] . ' UTC')) . "\n";
		}
		if ($code === 0 && ! $json) {
			echo "nothing is missing\n";
		}

		return $code;
	}

	private static function doctor(bool $json): int
	{
		$findings = (new Doctor(Loopback::ask(...)))->examine();
		if ($json) {
			echo json_encode($findings, JSON_UNESCAPED_SLASHES), "\n";
		}
		foreach ($json ? [] : $findings as $one) {
			$mark = $one['ok'] ? 'ok' : ($one['ok'] === null ? '?' : 'WRONG');
			printf("%-5s %-14s %s\n", $mark, $one['check'], Config::oneLine($one['finding']));
			$one['remedy'] === '' || printf("%20s -> %s\n", '', $one['remedy']);
		}

		return in_array(false, array_column($findings, 'ok'), true) ? 1 : 0;
	}

	private static function config(array $words, array $options): int
	{
		$scope = $options['scope'] ?? 'site';
		[$action, $name, $value] = $words + [0 => 'list', 1 => '', 2 => null];
		$isKnown = isset(Config::DEFAULTS[$name]);
		if ($action === 'list' && count($words) < 2) {
			$all = [];
			foreach (Config::DEFAULTS as $each => $default) {
				$all[$each] = Config::get($each);
			}
			echo isset($options['json']) ? json_encode($all) . "\n" : implode('', array_map(fn ($k, $v) => "$k = $v\n", array_keys($all), $all));
		} elseif ($isKnown && $action === 'get' && count($words) === 2) {
			echo Config::get($name, $scope), "\n";
		} elseif ($isKnown && $action === 'set' && count($words) === 3 && Config::accepts($name, $value)) {
			Config::set($name, $value, $scope);
		} elseif ($isKnown && $action === 'clear' && count($words) === 2) {
			Config::clear($name, $scope);
		} else {
			fwrite(STDERR, self::USAGE . "\n");
			return 2;
		}

		return 0;
	}

	/** @param array<string, array{files: int}> $states */
	public static function exitCode(array $states): int
	{
		if (! empty($states['parked']['files'])) {
			return 1;
		}

		return array_intersect_key($states, array_flip(Queue::LIVE)) ? 75 : 0;
	}
}

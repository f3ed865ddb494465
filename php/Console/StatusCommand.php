<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Log;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** `status`: shows what is in transit, stuck or waiting. */
final class StatusCommand implements Task
{
	private const COUNTS = [
		'packets_waiting',
		'packets_parked',
		'packets_dropped',
		'calls_waiting',
		'calls_parked',
		'kept_files',
		'kept_bytes',
	];

	public function __construct(private readonly Options $options) {}

	/** Shows it; what waits or is stuck decides about the exit code. */
	public function run(array $words): int
	{
		/**
		 * @var array{version: string, extension: ?string, problem: ?string, paused_until: ?string,
		 *     paused_reason: string, states: array<string, array{files: int, bytes: int, ...}>,
		 *     standing_problem: ?string,
		 *     clones: list<array{url: string, filesync: string, version: ?string, ...<string, ?scalar>}>,
		 *     comparisons: list<array{clone: string, channel: int, last: ?string, next: ?string, reason: string, ...}>,
		 *     conflicts: list<array{channel: int, name: string, ...}>,
		 *     drills_failed: list<array{channel: int, failed: string}>,
		 *     parked: list<array{channel: int, scale: int, hash: string, kind: string, reason: string}>,
		 *     held: list<array>, packets_waiting: int, packets_parked: int, packets_dropped: int, ...} $status
		 */
		$status = Report::status();
		if ($this->options->has(Option::Json)) {
			echo json_encode($status), "\n";
		} else {
			$problem = $status['problem'] === null ? '' : " ({$status['problem']})";
			echo "filesync {$status['version']}, extension ", $status['extension'] ?? 'missing', "$problem\n";
			echo $status['standing_problem'] === null ? '' : Log::oneLine($status['standing_problem']) . "\n";
			foreach ($status['states'] as $state => $count) {
				printf("%-11s %6d files %16s bytes\n", $state, $count['files'], number_format($count['bytes']));
			}
			foreach (self::COUNTS as $name) {
				printf("%-20s %s\n", strtr($name, '_', ' '), number_format((int) $status[$name]));
			}
			if ($status['paused_until'] !== null) {
				echo "transfers pause until {$status['paused_until']} UTC: {$status['paused_reason']}\n";
			}
			$lines = [
				...array_map(self::clone(...), $status['clones']),
				...array_map(self::comparison(...), $status['comparisons']),
				...array_map(
					fn ($row) => "conflict copy in channel {$row['channel']}: {$row['name']}",
					$status['conflicts'],
				),
				...array_map(
					fn ($line) => "waits for approval (channel {$line['channel']}): " . Words::displaced($line),
					Brake::lines(),
				),
				...array_map(
					fn ($row) => "the last drill of a backup set of channel {$row['channel']} failed: {$row['failed']}",
					$status['drills_failed'],
				),
				...array_map(
					fn ($row) => (
						"parked: {$row['hash']} scale {$row['scale']} of channel {$row['channel']}:"
						. " {$row['kind']}: {$row['reason']}"
					),
					$status['parked'],
				),
			];
			foreach ($lines as $line) {
				echo Log::oneLine($line), "\n";
			}
		}
		if ($status['packets_parked'] > 0 || $status['held'] !== [] || $status['drills_failed'] !== []) {
			return 1;
		}
		$isWaiting = $status['packets_waiting'] > 0 || $status['packets_dropped'] > 0;

		return ExitCode::of($status['states']) ?: ($isWaiting ? 75 : 0);
	}

	/** @param array{clone: string, channel: int, last: ?string, next: ?string, reason: string, ...} $row */
	private static function comparison(array $row): string
	{
		return (
			"compared with {$row['clone']} (channel {$row['channel']}): "
			. ($row['last'] === null ? 'not yet' : $row['last'] . ' UTC')
			. ($row['next'] === null ? '' : ", next {$row['next']} UTC")
			. ($row['reason'] === '' ? '' : ", {$row['reason']}")
		);
	}

	/** @param array{url: string, filesync: string, version: ?string, ...<string, ?scalar>} $clone */
	private static function clone(array $clone): string
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
			if ($clone[$name] && ! ($name === 'reason' && $clone['filesync'] === 'no')) {
				$parts[] = sprintf($format, $clone[$name]);
			}
		}

		return $clone['url'] . ': ' . implode(', ', $parts);
	}
}

<?php

declare(strict_types=1);

/**
 * A hub of 1,000 channels with a million files, of which one channel has 100,000, and 10,000 transfers that wait: how
 * long each page, command, cron run and packet takes, median and worst, beside the same at a tenth of it. On MariaDB if
 * it is here, else on SQLite; DB=pgsql or DB=sqlite chooses another. SCALE_CHANNELS, SCALE_FILES and SCALE_WAITING make
 * it smaller.
 */
function scale(Bench $bench): void
{
	$kind = getenv('DB') ?: (is_executable('/usr/sbin/mariadbd') ? 'mysql' : 'sqlite');
	$channels = (int) (getenv('SCALE_CHANNELS') ?: 1_000);
	$files = (int) (getenv('SCALE_FILES') ?: 1_000_000);
	$waiting = (int) (getenv('SCALE_WAITING') ?: 10_000);
	$measured = [];
	foreach ([10, 1] as $part) {
		$measured[$part] = measuredAt(
			$bench,
			$kind,
			intdiv($channels, $part),
			intdiv($files, $part),
			intdiv($waiting, $part),
		);
	}
	$name = ['mysql' => 'MariaDB', 'pgsql' => 'PostgreSQL', 'sqlite' => 'SQLite'][$kind];
	$input = sprintf('%s files', number_format($files));
	$bench->row(
		'scale',
		$input,
		$measured[1]['fill_s'],
		$measured[10]['fill_s'],
		"rows made, $name; a tenth",
		's',
		null,
	);
	foreach ($measured[1]['things'] as $thing => $now) {
		$then = $measured[10]['things'][$thing];
		$goal = scaleGoal($thing);
		$bench->row(
			'scale',
			$input,
			$now['median_ms'],
			$then['median_ms'],
			"$thing; a tenth",
			'ms',
			null,
			$now['php_mib'],
		);
		if ($goal !== null) {
			$bench->row('scale', $input, $now['median_ms'], null, "$thing, median", 'ms', $goal);
			$bench->row('scale', $input, $now['worst_ms'], null, "$thing, worst", 'ms', null);
		}
		$bench->row('memory', $input, $now['php_mib'], $then['php_mib'], "PHP's heap, $thing; a tenth", 'MiB', null);
	}
}

/** Returns the most milliseconds that something may take, null if nothing is promised. */
function scaleGoal(string $thing): ?float
{
	foreach ([
		'accept' => 10.0,
		"owner's page" => 200.0,
		'metrics' => 100.0,
		'admin page' => 5000.0,
		'status' => 5000.0,
		'doctor' => 5000.0,
		'cron' => 5000.0,
	] as $begin => $most) {
		if (str_starts_with($thing, $begin)) {
			return $most;
		}
	}

	return null;
}

/** @return array{fill_s: float, things: array<string, array<string, float>>} */
function measuredAt(Bench $bench, string $kind, int $channels, int $files, int $waiting): array
{
	$command = [
		PHP_BINARY,
		'-d',
		"extension=$bench->extension",
		'-d',
		'memory_limit=128M',
		__DIR__ . '/worker/scale.php',
		(string) $channels,
		(string) $files,
		(string) $waiting,
	];
	// What a server of such a size has at least.
	$server = $kind === 'sqlite'
		? []
		: [
			'env',
			'DB_MEMORY=' . (getenv('DB_MEMORY') ?: '512M'),
			dirname(__DIR__) . '/tests/testhub/with-database',
			$kind,
		];
	$lines = explode("\n", trim($bench->once('scale', [...$server, ...$command])));

	return json_decode((string) end($lines), true, 8, JSON_THROW_ON_ERROR);
}

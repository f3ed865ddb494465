<?php

declare(strict_types=1);

/**
 * Read a hub's export file of SIZE bytes (256 MiB), plain, by gzip and by months, at plain bytes a second. Peers read a
 * plain one of at most 64 MiB: json_decode as hubs use it, which holds all of it, and readers that stream.
 */
function dump(Bench $bench): void
{
	$size = (int) (getenv('SIZE') ?: 256 << 20);
	$folder = madeExport($bench, 'large', $size);
	$files = [
		'plain' => ['export.json', 300.0],
		'gzip' => ['export.json.gz', 150.0],
		'months' => ['months.zip', 150.0],
	];
	$commands = array_map(fn ($file) => $bench->php('worker/dump.php', $folder, $file[0]), $files);
	$input = fn (int $bytes, string $shape) => sprintf('%d MiB %s', round($bytes / (1 << 20)), $shape);
	foreach ($bench->interleave($commands, fn () => null) as $shape => $result) {
		$read = json_decode($result['output'], true);
		$rate = ($read['bytes'] / $result['seconds']) / 1e6;
		$memory = $read['memory_mib'];
		$bench->row(
			'dump',
			$input($read['bytes'], $shape),
			$rate,
			null,
			'at least',
			'MB/s',
			$files[$shape][1],
			$memory,
		);
		$bench->row('memory', $input($read['bytes'], $shape), $memory, null, 'above idle', 'MiB', 32.0);
	}

	$small = $size <= (64 << 20) ? $folder : madeExport($bench, 'small', 64 << 20);
	$peers = array_filter([
		'json_decode, the whole file' => [
			PHP_BINARY,
			'-n',
			'-d',
			'memory_limit=-1',
			__DIR__ . '/worker/json-decode.php',
			"$small/export.json",
		],
		'jq --stream' => streaming('command -v jq', 'jq -n --stream "reduce inputs as \$one (0; . + 1)" <"$1"', $small),
		'ijson (Python)' => streaming(
			'python3 -c "import ijson"',
			'python3 -c "import ijson,sys; print(sum(1 for _ in ijson.items(open(sys.argv[1],\'rb\'), \'item.item\')))" "$1"',
			$small,
		),
		'JsonMachine (PHP)' => streaming(
			'test -f "$JSON_MACHINE/autoload.php"',
			'php -n -d memory_limit=128M -r "require getenv(\'JSON_MACHINE\').\'/autoload.php\'; echo iterator_count(JsonMachine\\Items::fromFile(\$argv[1], [\'pointer\' => \'/item\']));" "$1"',
			$small,
		),
	]);
	foreach (array_diff(['jq --stream', 'ijson (Python)', 'JsonMachine (PHP)'], array_keys($peers)) as $missing) {
		$bench->missing('dump', $missing, 'it is not installed');
	}
	$results = $bench->interleave(
		['ours' => $bench->php('worker/dump.php', $small, 'export.json')] + $peers,
		fn () => null,
	);
	$bytes = filesize("$small/export.json");
	foreach (array_keys($peers) as $name) {
		$rate = fn (string $of) => ($bytes / $results[$of]['seconds']) / 1e6;
		$memory = json_decode($results[$name]['output'], true)['memory_mib'] ?? null;
		$peer = $memory === null ? $name : sprintf('%s: %.0f MiB', $name, $memory);
		$bench->row('dump', $input($bytes, 'plain'), $rate('ours'), $rate($name), $peer, 'MB/s', null);
	}
}

/** Makes export files of about this many bytes. */
function madeExport(Bench $bench, string $name, int $size): string
{
	mkdir("$bench->folder/$name");
	$script = dirname(__DIR__) . '/tests/ext/make-export.py';
	$bench->once('make-export', ['python3', $script, "$bench->folder/$name", (string) $size]);
	return "$bench->folder/$name";
}

/** @return list<string>|null The command, if what it needs is there. */
function streaming(string $needed, string $command, string $folder): ?array
{
	exec("$needed >/dev/null 2>&1", $said, $status);
	return $status === 0 ? ['sh', '-c', $command, 'sh', "$folder/export.json"] : null;
}

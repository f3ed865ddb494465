--TEST--
Dump: every element of a made export is what was written, plain, gzip and by months, whoever goes on; in little memory (SIZE=2147483648)
--INI--
memory_limit=64M
--FILE--
<?php
require 'support.php';

use FileSync\Dump;
use FileSync\Store;

$folder = newFolder();
$size = getenv('SIZE') ?: '12000000';
exec('python3 ' . escapeshellarg(__DIR__ . '/make-export.py') . " $folder $size 2>&1", $said, $status);
echo $status === 0 ? '' : implode("\n", $said);
$store = new Store($folder);

/** Reads a whole file, each process a part of it, and compares all with what was written. */
function compared(Store $store, string $folder, string $name, string $list): string
{
	$written = fopen("$folder/$list.list", 'r');
	$elements = $bytes = 0;
	$dump = new Dump($store, $name);
	for ($part = 1; ; $part++) {
		$slice = $dump->next();
		if ($slice === null) {
			break;
		}
		foreach ($slice['elements'] as $n => $text) {
			$place = [$slice['document'] ?? '-', $slice['section'], $slice['first'] === null ? '-' : $slice['first'] + $n];
			$line = implode("\t", [...$place, hash('sha256', $text)]) . "\n";
			if ($line !== fgets($written)) {
				return "wrote another element than $line";
			}
			$elements++;
			$bytes += strlen($text);
		}
		unset($slice, $text);
		// As a process does that goes on after a kill.
		if ($part % 50 === 0 || $part === 3) {
			$dump = new Dump($store, $name, $dump->cursor());
		}
	}
	return fgets($written) === false && $bytes > 0 ? "$elements elements" : 'wrote more elements';
}

/** Returns what differs between the sections that were written and those that are found. */
function differing(Store $store, string $folder, string $name, string $list): array
{
	$dump = new Dump($store, $name);
	while (! $dump->step(60000));
	$found = array_map(fn ($s) => ($s['document'] ?? '-') . "\t{$s['section']}\t{$s['elements']}", $dump->sections());
	$written = file("$folder/$list.sections", FILE_IGNORE_NEW_LINES);
	return array_merge(array_diff($found, $written), array_diff($written, $found));
}

/** The most memory that this process had, in MiB, since it was forgotten last. */
function peak(bool $forget = false): float
{
	$forget && file_put_contents('/proc/self/clear_refs', '5');
	preg_match('/^VmHWM:\s+(\d+)/m', file_get_contents('/proc/self/status'), $found);
	return $found[1] / 1024;
}

$files = ['export.json' => 'export', 'export.json.gz' => 'export', 'months.zip' => 'months'];
foreach ($files as $name => $list) {
	$expected = (int) exec("wc -l <$folder/$list.list") . ' elements';
	$idle = peak(true);
	$said = compared($store, $folder, $name, $list);
	$grown = peak() - $idle;
	echo (new Dump($store, $name))->format(), ': ', $said === $expected ? 'equal' : $said, ', ';
	echo differing($store, $folder, $name, $list) === [] ? 'all sections' : 'other sections', ', ';
	echo $grown <= 32 ? "little memory\n" : "$grown MiB more memory\n";
	if (getenv('SIZE')) {
		fprintf(STDERR, "%s: %s of %d bytes, %.1f MiB above idle\n", $name, $said, filesize("$folder/$name"), $grown);
	}
}
?>
--EXPECT--
json: equal, all sections, little memory
gzip: equal, all sections, little memory
zip: equal, all sections, little memory

<?php

/**
 * Asks the database of `with-database` how it would run each statement that was noted (TestHub\Statements) on tables
 * with many rows, and names those that would read a whole table that grows:
 *
 *     tests/testhub/with-database mysql php tests/queries/explain.php <folder of notes>
 *
 * BREAK=index does so without one index.
 */

declare(strict_types=1);

require __DIR__ . '/../testhub/in-process.php';
require __DIR__ . '/Filled.php';
require __DIR__ . '/Plan.php';

use TestHub\Databases;
use TestHub\Indexes;
use TestHub\InProcess;

$exceptions = require __DIR__ . '/exceptions.php';
$noted = [];
foreach (glob($argv[1] . '/*.jsonl') as $file) {
	foreach (file($file, FILE_IGNORE_NEW_LINES) as $line) {
		$note = json_decode($line, true);
		if ($note !== null) {
			$noted[$note['form']]['statement'] ??= $note['statement'];
			$noted[$note['form']]['at'][$note['at']] = true;
		}
	}
}
ksort($noted);
InProcess::start();
register_shutdown_function(InProcess::stop(...));
symlink(realpath(__DIR__ . '/../../php'), 'addon/filesync');
require_once 'addon/filesync/filesync.php';
FileSync\Addon\Schema\Migrations::run();
[$database, $dsn] = [DBA::$dba->db, DBA::$dba->dsn];
Indexes::add($database, $dsn);
if (getenv('BREAK') === 'index') {
	$database->exec(
		'DROP INDEX filesync_transfer_file' . (Databases::kind($dsn) === 'mysql' ? ' ON filesync_transfer' : ''),
	);
}
(new Filled($database, $dsn))->fill();
$plan = new Plan($database, $dsn);
$faults = [];
$looked = 0;
foreach ($noted as $form => $note) {
	if (preg_match('/\bfrom (pragma_|information_schema)|^select connection_id/i', $form)) {
		continue;
	}
	try {
		$scans = $plan->scans($note['statement']);
	} catch (PDOException $e) {
		// Some tests have tables of their own, and columns that they broke.
		if (preg_match("/doesn't exist|does not exist|Unknown column/", $e->getMessage())) {
			continue;
		}
		throw $e;
	}
	$looked++;
	foreach ($scans as $table => $scan) {
		if (isset($exceptions['tables'][$table]) || isset($exceptions['statements'][$table][$form])) {
			continue;
		}
		$faults[] =
			"$scan\n    " . substr($note['statement'], 0, 400) . "\n    " . implode(' ', array_keys($note['at']));
	}
}
foreach ($exceptions['statements'] as $table => $forms) {
	foreach (array_diff(array_keys($forms), array_keys($noted)) as $form) {
		$faults[] = "$table: nobody sends this any more, so it needs no exception\n    $form";
	}
}
echo implode("\n", [...$faults, '']);
printf(
	"%s: %d statements from %d places, %d faults\n",
	Databases::kind($dsn),
	$looked,
	count(array_merge(...array_column($noted, 'at'))),
	count($faults),
);
exit($faults === [] && $looked > 0 ? 0 : 1);

<?php

/**
 * Measures what a hub of many channels does, as one of two front ends: while it is measured, another process of the
 * same hub accepts packets. Prints JSON: for each thing its median and worst milliseconds, and how much PHP's heap
 * grew.
 *
 *     php scale.php <channels> <files of all> <waiting transfers>
 */

declare(strict_types=1);

require __DIR__ . '/../../tests/testhub/in-process.php';
require __DIR__ . '/Counted.php';
require __DIR__ . '/ScaleHub.php';

use FileSync\Addon\Console\Command;
use FileSync\Addon\Doctor\Doctor;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Inventory\Listing;
use FileSync\Addon\Page\AdminPage;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Status\Metrics;
use FileSync\Addon\Status\Overview;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Work\Housekeeping;
use TestHub\InProcess;

[, $channels, $files, $waiting] = array_map('intval', $argv);
$begun = hrtime(true);
$hub = new ScaleHub($channels, $files, $waiting);
register_shutdown_function(InProcess::stop(...));
$hub->fill();
$filled = (hrtime(true) - $begun) / 1e9;

/** Has the hub take a packet that announces a file, as core does; returns the milliseconds. */
function packet(ScaleHub $hub, int $number): float
{
	$hash = ScaleHub::hash($number);
	$row = array_fill_keys(['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid', 'folder'], '')
	+ [
		'id' => 1,
		'aid' => 1,
		'uid' => 1,
		'hash' => $hash,
		'creator' => $hub->channel->hash,
		'filename' => "new-$number.jpg",
		'filetype' => 'image/jpeg',
		'filesize' => 3_300_000,
		'revision' => 0,
		'flags' => 0,
		'is_dir' => 0,
		'is_photo' => 0,
		'os_storage' => 1,
		'os_path' => $hash,
		'display_path' => "new-$number.jpg",
		'content' => "store/alice/$hash",
		'created' => '2024-05-04 09:00:00',
		'edited' => '2024-05-04 09:00:00',
		'term' => [],
	];
	$entry = ['fetch_url' => ScaleHub::ORIGIN . '/getfile', 'original_channel' => 'alice', 'attach' => [$row]];
	$start = hrtime(true);
	Zotlabs\Lib\sync_files($hub->channel->row(), [$entry]);

	return (hrtime(true) - $start) / 1e6;
}

// The other front end.
DBA::$dba = null;
$parent = getmypid();
$other = pcntl_fork();
sys_boot();
if ($other === 0) {
	for ($number = 1; posix_getppid() === $parent; $number++) {
		packet($hub, 900_000_000 + $number);
		usleep(50_000);
	}
	posix_kill(getmypid(), SIGKILL);
}

$counted = DBA::$dba = new Counted(DBA::$dba);
$results = [];
/** Measures one thing, so many times; the first time counts, and is named apart. */
$measure = function (string $name, int $times, Closure $work) use (&$results, $counted): void {
	$took = [];
	$counted->take(0);
	gc_collect_cycles();
	$before = memory_get_usage();
	memory_reset_peak_usage();
	for ($time = 0; $time < $times; $time++) {
		$start = hrtime(true);
		$given = $work($time);
		$took[] = is_float($given) ? $given : (hrtime(true) - $start) / 1e6;
	}
	$grown = (memory_get_peak_usage() - $before) / (1 << 20);
	[$first] = $took;
	sort($took);
	['statements' => $statements, 'database_ms' => $ms, 'slowest' => $slowest] = $counted->take(3);
	$results[$name] = [
		'median_ms' => $took[intdiv($times, 2)],
		'worst_ms' => end($took),
		'first_ms' => $first,
		'php_mib' => $grown,
		'statements' => $statements / $times,
		'database_ms' => $ms / $times,
	];
	if (getenv('SLOWEST')) {
		fprintf(STDERR, "%s: %.1f ms\n", $name, $took[intdiv($times, 2)]);
		foreach ($slowest as $form => [$number, $milliseconds]) {
			fprintf(STDERR, "    %6d times %9.1f ms  %s\n", $number, $milliseconds, substr($form, 0, 300));
		}
	}
};
$verb = function (string ...$words): void {
	ob_start(fn () => '', 4096);
	Command::run($words);
	ob_end_clean();
};
$alice = $hub->channel;
$small = Clones::channel(2);
$measure('accept', 200, fn (int $n) => packet($hub, 800_000_000 + $n));
$measure("owner's page, a tenth of the files", 7, fn () => OwnerPage::values($alice));
$measure("owner's page, few files", 7, fn () => OwnerPage::values($small));
$measure('counting a tenth of the files', 3, function () use ($alice) {
	Overview::forget($alice->id);
	Overview::here($alice);
});
$measure('admin page', 5, fn () => AdminPage::values());
$measure('metrics', 7, fn () => (new ReflectionMethod(Metrics::class, 'text'))->invoke(null));
$measure('status', 5, fn () => $verb('status'));
$measure('doctor', 2, fn () => $verb('doctor'));
$measure('packets', 3, fn () => $verb('packets'));
$measure('kept, one channel', 2, fn () => $verb('kept', '--channel', 'alice'));
$measure('missing, one small channel', 2, fn () => $verb('missing', '--channel', $small->nick));
$measure('who is due', 7, fn () => Doorbell::dueChannels());
$measure('leasing 40 transfers', 7, function () use ($alice) {
	Queue::recoverLeases();
	Queue::claim($alice->id, 'bench', 40);
	Queue::release('bench', null, time() - 60);
});
$measure('cron', 5, fn () => Housekeeping::often());
$measure('cron, daily', 2, fn () => Housekeeping::daily());
if (extension_loaded('filesync')) {
	$measure('list for a comparison, a tenth of the files', 2, function () use ($alice) {
		$inventory = new FileSync\Inventory();
		for ($cursor = Listing::BEGIN; $cursor;) {
			$cursor = Listing::add($alice, $inventory, $cursor, microtime(true) + 3600);
		}
	});
}
posix_kill($other, SIGKILL);
pcntl_waitpid($other, $status);
echo json_encode(['fill_s' => $filled, 'things' => $results]), "\n";

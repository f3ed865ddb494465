<?php

/**
 * Compares a channel with a hub without filesync that lists very many files, with the real extension, and prints how
 * much memory PHP took at most from the beginning of the comparison on, and what was found: `php -d extension=<path>
 * long-list.php <files>`.
 */

use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Reconcile\Reconcile;
use TestHub\InProcess;
use TestHub\Maker;

require __DIR__ . '/../in-process.php';

$count = (int) $argv[1];
$channel = InProcess::start();
try {
	Maker::hubloc(InProcess::$identity, 'http://127.0.0.1:9001', 'alice');
	symlink(realpath(__DIR__ . '/../../../php'), 'addon/filesync');
	install_plugin('filesync');
	load_hooks();
	call_hooks('init_1');
	Config::set('allow_private_addresses', '1');
	Peers::learn([
		'url' => 'http://127.0.0.1:9001',
		'dav' => 'untried',
		'filesync' => 'refused',
		'filesync_reason' => 'stock',
	], null);
	$exports = 0;
	Client::$wire = function (string $method, string $url) use ($count, &$exports) {
		parse_str((string) parse_url($url, PHP_URL_QUERY), $query);
		if (str_contains($url, '/api/z/1.0/files?')) {
			$rows = [];
			for ($n = (int) $query['start']; $n < min($count, (int) $query['start'] + (int) $query['records']); $n++) {
				$rows[] = [
					'hash' => str_pad("f$n", 64, 'x'),
					'filename' => "f$n",
					'filesize' => 1,
					'edited' => '2024-05-01 10:00:00',
				];
			}

			return ['status' => 200, 'body' => json_encode(['results' => $rows])];
		}
		$exports += (int) str_contains($url, 'file/export');

		return ['status' => 200, 'body' => '{}'];
	};
	$run = Run::ask((int) $channel['channel_id'], 'http://127.0.0.1:9001');
	function_exists('memory_reset_peak_usage') && memory_reset_peak_usage();
	$before = memory_get_usage();
	// Until all is known and some of it was asked for.
	while ($exports < 200) {
		Reconcile::goOn($run->id, Clock::now() + 300, false, function () use (&$exports) {
			if ($exports >= 200) {
				throw new \RuntimeException('enough');
			}
		});
	}
	$row = Table::first('filesync_reconcile', ['id' => $run->id]);
	echo
		json_encode([
			'peak_bytes' => memory_get_peak_usage() - $before,
			'row_bytes' => strlen(implode($row)),
			'missing_here' => json_decode($row['stats'], true)['missing_here'],
			'position' => json_decode($row['position'], true),
		]),
		"\n"
	;
} finally {
	InProcess::stop();
}

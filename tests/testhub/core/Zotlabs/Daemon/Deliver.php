<?php

namespace Zotlabs\Daemon;

use Zotlabs\Lib\Queue;

/** Delivers rows of outq by their hashes. */
class Deliver {

	public static function run($argc, $argv) {
		foreach (array_slice($argv, 1) as $hash) {
			foreach (q("SELECT * FROM outq WHERE outq_hash = '%s'", dbesc($hash)) ?: [] as $row) {
				Queue::deliver($row);
			}
		}
	}
}

<?php

namespace Zotlabs\Daemon;

/** Tries again what is due in outq and forgets what is older than three days. */
class Queue {

	public static function run($argc, $argv) {
		q("DELETE FROM outq WHERE outq_created < '%s'", dbesc(datetime_convert('UTC', 'UTC', 'now - 3 days')));
		foreach (q("SELECT * FROM outq WHERE outq_delivered = 0 AND outq_scheduled < '%s'", dbesc(datetime_convert())) ?: [] as $row) {
			\Zotlabs\Lib\Queue::deliver($row);
		}
	}
}

<?php

namespace Zotlabs\Lib;

use App;

/**
 * The queue of background jobs: table workerq, drained by CLI processes of which at most four run at a time.
 *
 * As on a hub: a job whose JSON is already in the table is dropped; deliveries go first, Addon jobs last; a job
 * that is older than the limit is started again while the first may still run; a fatal error leaves the row.
 */
class QueueWorker {

	/** Names of the jobs that this process did. */
	public static $done = [];

	const PRIORITY = ['Notifier' => 10, 'Deliver' => 10, 'Cache_query' => 10, 'Content_importer' => 1, 'File_importer' => 1, 'Channel_purge' => 1, 'Directory' => 1];
	const LONG = ['Queue', 'Expire'];

	public static function Summon($argv) {
		if (self::enqueue($argv) && !get_config('testhub', 'without_workers') && self::active() < self::limit()) {
			self::startWorker();
		}
	}

	public static function Release($argv) {
		if ($argv[0] !== 'Queueworker') {
			self::enqueue($argv);
		}
		self::Process();
	}

	/** Adds a row for the job. Returns false if the same job is already there. */
	private static function enqueue($argv) {
		$json = json_encode(['argc' => count($argv), 'argv' => $argv]);
		$uuid = md5($json);
		$commit = self::transaction();
		$new = !q("SELECT workerq_id FROM workerq WHERE workerq_uuid = '%s'", dbesc($uuid));
		if ($new) {
			q("INSERT INTO workerq (workerq_priority, workerq_data, workerq_uuid, workerq_cmd) VALUES (%d, '%s', '%s', '%s')",
				self::PRIORITY[$argv[0]] ?? 0,
				dbesc($json),
				dbesc($uuid),
				dbesc($argv[0])
			);
		} else {
			logger('workerq: duplicate dropped: ' . $argv[0]);
		}
		$commit();
		return $new;
	}

	/** Begins a transaction and returns what ends it. */
	private static function transaction(): \Closure {
		if (TESTHUB < 10) {
			q('START TRANSACTION');
			return function () {
				q('COMMIT');
			};
		}
		$transaction = new \DbaTransaction(\DBA::$dba);
		return function () use ($transaction) {
			$transaction->commit();
		};
	}

	public static function limit() {
		return max(4, intval(get_config('queueworker', 'max_queueworkers', 4)));
	}

	/** Frees jobs that ran out of time and returns the number of those that are being done. */
	private static function active() {
		q("UPDATE workerq SET workerq_reservationid = NULL WHERE workerq_reservationid IS NOT NULL AND workerq_processtimeout < '%s'", dbesc(datetime_convert()));
		return dbq('SELECT COUNT(*) AS total FROM workerq WHERE workerq_reservationid IS NOT NULL')[0]['total'];
	}

	/** Starts a worker that inherits no open file of this process, a web server's sockets least of all. */
	private static function startWorker() {
		$close = 'for f in /proc/$$/fd/*; do f=${f##*/}; [ "$f" -gt 2 ] && eval "exec $f>&-"; done 2>/dev/null; exec "$@" 2>&1';
		$command = ['setsid', 'bash', '-c', $close, 'worker', get_config('system', 'php_path') ?: PHP_BINARY, 'Zotlabs/Daemon/Master.php', 'Queueworker'];
		exec(implode(' ', array_map('escapeshellarg', $command)) . ' < /dev/null >> worker.out 2>&1 &');
	}

	/** Takes the next job for this worker, or returns null. */
	private static function take($worker) {
		$max_age = intval(get_config('queueworker', 'max_queueworker_age'));
		$commit = self::transaction();
		$row = null;
		if (self::active() < self::limit()) {
			$row = dbq('SELECT * FROM workerq WHERE workerq_reservationid IS NULL ORDER BY workerq_priority DESC, workerq_id LIMIT 1 FOR UPDATE')[0] ?? null;
		}
		if ($row) {
			$age = in_array($row['workerq_cmd'], self::LONG) ? 3600 : ($max_age > 120 ? $max_age : 300);
			q("UPDATE workerq SET workerq_reservationid = '%s', workerq_processtimeout = '%s' WHERE workerq_id = %d",
				dbesc($worker),
				dbesc(datetime_convert('UTC', 'UTC', 'now + ' . $age . ' seconds')),
				$row['workerq_id']
			);
		}
		$commit();
		return $row;
	}

	/** Does jobs until there are none. */
	public static function Process() {
		$worker = uniqid('', true);
		while ($row = self::take($worker)) {
			if (dbq('SELECT COUNT(*) AS waiting FROM workerq WHERE workerq_reservationid IS NULL')[0]['waiting'] && self::active() < self::limit()) {
				self::startWorker();
			}
			$argv = json_decode($row['workerq_data'], true)['argv'];
			$class = '\\Zotlabs\\Daemon\\' . $argv[0];
			self::$done[$argv[0]] = (self::$done[$argv[0]] ?? 0) + 1;
			$class::run(count($argv), $argv);
			dbq('DELETE FROM workerq WHERE workerq_id = ' . intval($row['workerq_id']));
		}
	}
}

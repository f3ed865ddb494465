<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Queue;

if (! class_exists('App', false)) {
	exit;
}

/** Do cron and the workers run? */
final class Background
{
	private const CRON_SECONDS = 3600;
	private const LATE_SECONDS = 1800;

	/** Looks. */
	public static function look(Findings $findings): void
	{
		$findings->attempt('cron', self::cron(...));
		$findings->attempt('workers', self::workers(...));
	}

	private static function cron(Findings $findings): void
	{
		$last = Config::number('cron_at', 'state');
		// Just installed, it may not have had its turn yet.
		$isNew = ! $last && Registration::installedAt() > Config::now() - self::CRON_SECONDS;
		$findings->note('cron', $last > Config::now() - self::CRON_SECONDS ? true : ($isNew ? null : false),
			$last ? 'cron ran last at ' . gmdate('Y-m-d H:i:s', $last) . ' UTC' : "the hub's cron has not run since filesync was installed",
			($isNew ? 'look again in an hour, or ' : '') . "let cron of the hub's user run every 10 minutes, in the hub's root: php Zotlabs/Daemon/Master.php Cron");
		$version = Config::get('cron_version', 'state');
		if ($last && PHP_SAPI !== 'cli') {
			$findings->note('extension-cli', $version === Config::version(), $version === '' ? 'on the command line the extension was not loaded when cron ran last' : "version $version was loaded on the command line when cron ran last",
				'let PHP load it for the command line too (php --ini says which ini files it reads)');
		}
	}

	private static function workers(Findings $findings): void
	{
		if ($until = Queue::pausedUntil()) {
			$findings->note('paused', false, 'transfers pause until ' . gmdate('Y-m-d H:i:s', $until) . ' UTC: ' . Config::get('storage_paused_reason', 'state'),
				'see to the disk; they go on by themselves');
		}
		$slots = max(1, min(4, Config::number('workers')));
		$busy = count(array_filter(range(1, $slots), fn ($n) => Lease::isHeld("worker-$n")));
		$oldest = (int) (Table::first('filesync_transfer', ['state' => ['staged', 'waiting']], '', 'min(next_at) as due')['due'] ?? 0);
		$isLate = $oldest && $oldest < Config::now() - self::LATE_SECONDS && ! $until && $busy < $slots;
		$findings->note('workers', ! $isLate, $isLate ? "$busy of $slots workers run, though files are due since " . gmdate('Y-m-d H:i:s', $oldest) . ' UTC' : "$busy of $slots workers run",
			'see that the hub\'s background processes start (php util/config system phpbin names a PHP that loads the extension), or run: php addon/filesync/cli.php work');
	}
}

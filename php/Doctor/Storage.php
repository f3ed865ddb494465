<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** Checks that our tables exist, that there is disk space, and that the folders are writable. */
final class Storage
{
	/** Runs the checks. */
	public static function look(Findings $findings): void
	{
		$findings->attempt('tables', self::tables(...));
		$findings->attempt('space', self::space(...));
		$findings->attempt('store', self::store(...));
	}

	private static function tables(Findings $findings): void
	{
		$missing = Table::missing(Migrations::tables());
		$behind = Migrations::done() < Migrations::newest();
		$lacking = $add = [];
		foreach ($missing || $behind ? [] : Migrations::columns() as $table => $columns) {
			foreach (Table::lacking($table, $columns) as $name => $definition) {
				$lacking[] = "$table.$name";
				$add[] =
					"ALTER TABLE $table ADD $name $definition DEFAULT "
					. (str_starts_with($definition, 'bigint') ? '0' : "''");
			}
		}
		$findings->note(
			'tables',
			! $missing && ! $behind && ! $lacking,
			match (true) {
				(bool) $missing => sprintf(t('tables are missing: %s'), implode(', ', $missing)),
				$behind => sprintf(t('the tables are at step %1$d of %2$d'), Migrations::done(), Migrations::newest()),
				(bool) $lacking => sprintf(t('columns are missing: %s'), implode(', ', $lacking)),
				default => sprintf(t('all tables exist, at step %d'), Migrations::done()),
			},
			$lacking
				? t("in the hub's database:") . ' ' . implode('; ', $add)
				: t("in the hub's root:")
				. ($missing ? ' php util/config filesync schema 0;' : '')
				. ' php addon/filesync/cli.php status',
		);
	}

	private static function space(Findings $findings): void
	{
		$folder = is_dir('store/[data]') ? 'store/[data]' : 'store';
		$free = (int) disk_free_space($folder);
		$coming = Table::sum('filesync_transfer', 'size_bytes', ['state' => [
			TransferState::STAGED,
			TransferState::WAITING,
			TransferState::LEASED,
		]]);
		// The extension has a bound of its own.
		$headroom = max(Config::number('headroom_bytes'), (int) ini_get('filesync.disk_headroom_bytes'));
		$findings->note(
			'space',
			$free >= ($headroom + $coming),
			sprintf(
				t('%1$s MiB are free in store; %2$s MiB are still to arrive, %3$s MiB must stay free'),
				...array_map(
					fn ($bytes) => number_format($bytes / 1048576),
					[$free, $coming, $headroom],
				),
			),
			t(
				'free disk space, or lower both headroom_bytes and, in php.ini, filesync.disk_headroom_bytes; until then files wait',
			),
		);
	}

	/** Creates a file in our folder and moves it beside each channel's files, as publishing does. */
	private static function store(Findings $findings): void
	{
		$user = Runtime::hubUser();
		if ($user && posix_geteuid() !== $user['uid']) {
			$findings->note(
				'user',
				null,
				sprintf(t('this command does not run as the owner of the folder store, %s'), $user['name']),
				t("run it as the hub's user:") . ' php addon/filesync/cli.php doctor',
			);
		}
		$bad = $elsewhere = [];
		foreach (Table::select(
			'channel',
			['channel_removed' => 0, 'channel_system' => 0],
			'channel_id',
			0,
			'channel_id',
		) as $row) {
			$channel = Clones::channel((int) $row['channel_id']);
			$root = $channel ? Store::root($channel) : '';
			if (! $channel || ! is_dir($root)) {
				continue;
			}
			$data = Store::dataRoot($channel->id, true);
			is_writable($data . '/kept') && is_writable($root) || ($bad[] = is_writable($root) ? $data : $root);
			if (@stat($data)['dev'] !== @stat($root)['dev']) {
				$elsewhere[] = $root;
			}
		}
		is_writable('store/[data]') || ($bad[] = 'store/[data]');
		$findings->note(
			'store',
			! $bad,
			$bad ? sprintf(t('not writable: %s'), implode(', ', $bad)) : t('the folders of the files are writable'),
			t(
				"give them and everything beneath them to the hub's user: chown -Rh; if they already belong to that user, check the disk (df -i, mount)",
			),
		);
		if ($elsewhere) {
			$findings->note(
				'device',
				true,
				sprintf(
					t('on another device than store/[data], so files are copied when they are published: %s'),
					implode(', ', $elsewhere),
				),
			);
		}
	}
}

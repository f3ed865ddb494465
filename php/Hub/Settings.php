<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Every setting: the source for the command, the admin's page and docs/settings.md. */
final class Settings
{
	/** So many suffice for eight front ends of one database. */
	public const MOST_WORKERS = 32;

	/**
	 * By name: default, unit, explanation. A number is between `least` and `most`; text matches `shape`, or is `empty`.
	 * `scopes` lists the permitted scopes beside the site's. With `only`, the admin's page does not change it.
	 */
	public const ALL = [
		'enabled' => [
			'default' => '1',
			'unit' => 'switch',
			'scopes' => ['channel'],
			'text' => 'Receive and send through filesync. When off, the hub handles files on its own, as before. Can also be set per channel.',
		],
		'passive' => [
			'default' => '0',
			'unit' => 'switch',
			'text' => "Let the hub's own code receive files on this hub, although filesync received them until now or could. Changes that wait for a rehearsal go there first; others that are held wait until filesync receives again.",
		],
		'agreed_major' => [
			'default' => '11',
			'unit' => 'version',
			'least' => 11,
			'most' => 999,
			'text' => 'The newest major version of the hub to which you agree: on a newer one filesync neither rehearses on its own nor works.',
		],
		'trusted_version' => [
			'default' => '',
			'unit' => 'version',
			'shape' => '#^[0-9A-Za-z._+-]{0,64}$#D',
			'text' => 'The version of the hub, exactly, on which filesync works although its rehearsal did not pass: you answer for it. Empty: none.',
		],
		'paused' => [
			'default' => '0',
			'unit' => 'switch',
			'scopes' => ['channel'],
			'text' => 'Fetch nothing for now; files announced meanwhile wait. Can also be set per channel, by its owner too.',
		],
		'workers' => [
			'default' => '2',
			'unit' => 'workers',
			'least' => 1,
			'most' => self::MOST_WORKERS,
			'text' => 'Background workers at once on this hub; each serves one channel.',
		],
		'parallel' => [
			'default' => '4',
			'unit' => 'transfers',
			'least' => 1,
			'most' => 16,
			'text' => 'Files that a worker fetches at once; four small ones count as one, and so do two of up to 8 MiB.',
		],
		'ranges' => [
			'default' => '4',
			'unit' => 'ranges',
			'least' => 1,
			'most' => 8,
			'text' => 'Ranges of one large file that are fetched at once if a single one would take long.',
		],
		'bytes_per_second' => [
			'default' => '0',
			'unit' => 'bytes a second',
			'least' => 65536,
			'or' => 0,
			'text' => 'Most bytes a second that a worker receives. 0: no limit.',
		],
		'file_max_bytes' => [
			'default' => '0',
			'unit' => 'bytes',
			'scopes' => ['channel'],
			'text' => 'Largest file that is received; a larger one is listed as missing, and arrives once the limit allows it. 0: no limit. Can also be set per channel.',
		],
		'make_scales' => [
			'default' => '1',
			'unit' => 'switch',
			'text' => "Make the scales of received photos here, unless a hub with filesync sends them in at most half of the photo's bytes. When off, all are fetched.",
		],
		'slice_seconds' => [
			'default' => '110',
			'unit' => 'seconds',
			'least' => 10,
			'most' => 280,
			'text' => "How long a worker runs before it makes room for the hub's other jobs. The hub starts a job again after 300.",
		],
		'linger_seconds' => [
			'default' => '20',
			'unit' => 'seconds',
			'most' => 280,
			'text' => 'How long a worker waits for a retry that is nearly due instead of ending.',
		],
		'retry_first_seconds' => [
			'default' => '60',
			'unit' => 'seconds',
			'least' => 1,
			'text' => 'Wait before the first retry of a file; it doubles with each further one.',
		],
		'retry_most_seconds' => [
			'default' => '21600',
			'unit' => 'seconds',
			'least' => 1,
			'text' => 'Longest wait before a retry.',
		],
		'corrupt_attempts' => [
			'default' => '5',
			'unit' => 'times',
			'least' => 1,
			'text' => 'How often a file may end with bytes that do not match before it is parked and needs attention.',
		],
		'storage_pause_seconds' => [
			'default' => '300',
			'unit' => 'seconds',
			'text' => 'How long all transfers pause when the disk is full or fails.',
		],
		'headroom_bytes' => [
			'default' => '268435456',
			'unit' => 'bytes',
			'text' => 'Disk space that is always left free.',
		],
		'under_way_max_bytes' => [
			'default' => '0',
			'unit' => 'bytes',
			'text' => 'Most disk space that the unfinished files of one channel may use together. 0: three quarters of the free space.',
		],
		'kept_days' => [
			'default' => '30',
			'unit' => 'days',
			'text' => 'How long files that a sync replaced or deleted are kept.',
		],
		'kept_max_bytes' => [
			'default' => '2147483648',
			'unit' => 'bytes',
			'text' => 'Most bytes that are kept for a channel; the oldest files are removed first.',
		],
		'kept_hub_max_bytes' => [
			'default' => '21474836480',
			'unit' => 'bytes',
			'text' => 'Most bytes that are kept for all channels of this hub; the oldest files are removed first.',
		],
		'partial_days' => [
			'default' => '7',
			'unit' => 'days',
			'text' => 'How long the received bytes of transfers that are no longer wanted are kept.',
		],
		'backup_folder' => [
			'default' => '',
			'unit' => 'folder',
			'shape' => '#^(/[^\x00-\x1f]*)?$#D',
			'only' => 'command',
			'text' => "Folder beneath which each channel has a backup set that is brought up to date every night, by its full path. It must exist, belong to the hub's user, be outside of the web root and of store, and hold nothing else. Set it on the command line. Empty: no nightly sets. See docs/backup.md.",
		],
		'backup_keep_days' => [
			'default' => '180',
			'unit' => 'days',
			'least' => 1,
			'text' => 'How long nightly sets keep what was replaced or deleted.',
		],
		'backup_drill' => [
			'default' => '1',
			'unit' => 'switch',
			'text' => 'Try once a month, for each nightly set, whether some of its files can be restored: to a hidden channel that is removed afterwards. At most 300 files and 1 GiB of a channel, one channel at a time. See docs/backup.md.',
		],
		'restore_door' => [
			'default' => '1',
			'unit' => 'switch',
			'scopes' => ['channel'],
			'text' => 'Let the owner of a channel send a backup set to this hub, with a key made on the page for backups. Can also be set per channel.',
		],
		'backup_door' => [
			'default' => '1',
			'unit' => 'switch',
			'scopes' => ['channel'],
			'text' => 'Let the owner of a channel read its files for a backup set of their own, with a key made on the page for backups. Can also be set per channel.',
		],
		'upload_sessions' => [
			'default' => '3',
			'unit' => 'sessions',
			'least' => 1,
			'most' => 1000,
			'text' => 'Sets that the channels of an account may send at once; a channel sends one at a time.',
		],
		'upload_max_bytes' => [
			'default' => '10737418240',
			'unit' => 'bytes',
			'least' => 1048576,
			'text' => "Most bytes that one sent set may keep on this hub's disk before it is restored, where the account has no limit of its own; where it has one, what is left of that.",
		],
		'upload_disk_percent' => [
			'default' => '25',
			'unit' => 'percent',
			'least' => 1,
			'most' => 100,
			'text' => 'Share of the disk above headroom_bytes that all sent sets together may take.',
		],
		'upload_requests_per_second' => [
			'default' => '20',
			'unit' => 'requests a second',
			'least' => 1,
			'most' => 10000,
			'text' => 'Requests that one key may send in a second.',
		],
		'upload_open_entries' => [
			'default' => '10000',
			'unit' => 'files',
			'least' => 1,
			'most' => 1000000,
			'text' => 'Files that may have begun to arrive in one sent set, and are not whole yet.',
		],
		'upload_idle_hours' => [
			'default' => '48',
			'unit' => 'hours',
			'least' => 1,
			'most' => 1000,
			'text' => 'After so long without a byte a set that is being sent is put away, and its bytes are freed.',
		],
		'upload_days' => [
			'default' => '14',
			'unit' => 'days',
			'least' => 1,
			'most' => 365,
			'text' => 'After so long a set that is being sent is put away in any case.',
		],
		'owner_restore' => [
			'default' => '1',
			'unit' => 'switch',
			'text' => 'Owners look into the nightly set of their channel on /filesync/backup, and bring files back from it. When off, only the command does.',
		],
		'import_max_bytes' => [
			'default' => '4294967296',
			'unit' => 'bytes',
			'least' => 1048576,
			'or' => 0,
			'text' => "Largest export, unpacked, that filesync imports from the hub's own page for imports. 0: none, the hub's own import takes all.",
		],
		'history_days' => ['default' => '7', 'unit' => 'days', 'text' => 'How long finished transfers are remembered.'],
		'delete_max_files' => [
			'default' => '1000',
			'unit' => 'files',
			'text' => 'Files of a channel that deletes on other clones may remove here within a day. Anything beyond that waits for approval (cli.php packets).',
		],
		'displaced_max_files_day' => [
			'default' => '3000',
			'unit' => 'files',
			'text' => 'Files of a channel that one clone may replace or delete here within a day. Anything beyond that waits for approval (cli.php packets).',
		],
		'displaced_max_bytes_day' => [
			'default' => '21474836480',
			'unit' => 'bytes',
			'text' => 'Bytes of a channel that one clone may replace or delete here within a day.',
		],
		'displaced_max_files_week' => [
			'default' => '9000',
			'unit' => 'files',
			'text' => 'Files of a channel that one clone may replace or delete here within seven days.',
		],
		'displaced_max_bytes_week' => [
			'default' => '64424509440',
			'unit' => 'bytes',
			'text' => 'Bytes of a channel that one clone may replace or delete here within seven days.',
		],
		'displaced_few_files' => [
			'default' => '200',
			'unit' => 'files',
			'text' => 'In a channel with fewer files than this, one clone may replace or delete half of them within a day, and always ten.',
		],
		'replaced_max_percent' => [
			'default' => '50',
			'unit' => 'percent',
			'most' => 100,
			'text' => 'Share of the files that a channel had a week ago which one clone may replace by other bytes within a day, and within seven days; always ten files a day. 100: all.',
		],
		'displaced_days' => [
			'default' => '7',
			'unit' => 'days',
			'text' => 'How long kept files stay even if they exceed the limits of size. If the disk is nearly full, changes that would replace more files wait.',
		],
		'held_max_packets' => [
			'default' => '200',
			'unit' => 'packets',
			'least' => 1,
			'text' => 'Most packets of a channel that are held because they cannot be applied yet. A comparison of the clones recovers what further packets say.',
		],
		'held_max_bytes' => [
			'default' => '67108864',
			'unit' => 'bytes',
			'text' => 'Most bytes of packets that are held for a channel.',
		],
		'held_hub_max_packets' => [
			'default' => '2000',
			'unit' => 'packets',
			'least' => 1,
			'text' => 'Most packets that are held for all channels of this hub. A channel with few held packets is not crowded out by the others.',
		],
		'held_hub_max_bytes' => [
			'default' => '536870912',
			'unit' => 'bytes',
			'text' => 'Most bytes of packets that are held for all channels of this hub.',
		],
		'allow_private_addresses' => [
			'default' => '0',
			'unit' => 'switch',
			'text' => 'Ask clones on private addresses too (10.0.0.0/8, 127.0.0.0/8, 100.64.0.0/10 and the like).',
		],
		'dav_allowed' => [
			'default' => '1',
			'unit' => 'switch',
			'scopes' => ['peer'],
			'text' => 'Log in at clones with stock software, to read files by /dav and to ask for posts. Can also be set per hub.',
		],
		'x_accel' => [
			'default' => '',
			'unit' => 'header',
			'shape' => '#^(X-Accel-Redirect:/([A-Za-z0-9._~-]+/)*|X-Sendfile)?$#D',
			'text' => 'How the web server sends files itself, so that no PHP process waits: X-Accel-Redirect:/prefix/ (nginx, Caddy) or X-Sendfile (Apache, lighttpd). Empty: PHP sends them. See docs/web-servers.md.',
		],
		'ticket_requests_per_minute' => [
			'default' => '600',
			'unit' => 'requests a minute',
			'least' => 1,
			'text' => "Requests for files that a channel's clones may make.",
		],
		'metrics_token' => [
			'default' => '',
			'unit' => 'token',
			'shape' => '#^([A-Za-z0-9._~+/=-]{16,128})?$#D',
			'text' => 'Token that allows reading the numbers for Prometheus at /filesync/metrics (Authorization: Bearer). 16 to 128 letters, digits and ._~+/=-. Empty: there are no numbers.',
		],
	];

	/** Returns the key of the row of a setting. */
	public static function id(string $scope, string $name): string
	{
		return hash('sha256', "$scope\n$name");
	}

	/** Tells whether a setting exists, may have this value, and may have it in this scope. */
	public static function accepts(string $name, string $value, string $scope = 'site'): bool
	{
		$one = self::ALL[$name] ?? null;
		if (! $one || ! self::hasScope($name, $scope)) {
			return false;
		}
		if (isset($one['shape'])) {
			return (bool) preg_match($one['shape'], $value);
		}
		if (! preg_match('/^\d{1,18}$/D', $value)) {
			return false;
		}
		$number = (int) $value;
		if ($one['unit'] === 'switch') {
			return $number <= 1;
		}

		return (
			$number === ($one['or'] ?? null)
			|| ($number >= ($one['least'] ?? 0) && $number <= ($one['most'] ?? PHP_INT_MAX))
		);
	}

	/** Tells whether a setting exists and may be set in a scope. */
	public static function hasScope(string $name, string $scope): bool
	{
		return (
			isset(self::ALL[$name])
			&& (
				$scope === 'site'
				|| (
					in_array('channel', self::ALL[$name]['scopes'] ?? [], true)
					&& preg_match('/^channel:\d+$/D', $scope)
				)
				|| (
					in_array('peer', self::ALL[$name]['scopes'] ?? [], true)
					&& preg_match('#^peer:https?://[^\s]+$#D', $scope)
				)
			)
		);
	}

	/** Describes the valid values of a setting in words. */
	public static function range(string $name): string
	{
		$one = self::ALL[$name];
		if ($one['unit'] === 'switch') {
			return t('0 or 1');
		}
		if (isset($one['shape'])) {
			return '';
		}
		[$least, $most] = [$one['least'] ?? 0, $one['most'] ?? null];

		$range = $most === null ? sprintf(t('%s or more'), $least) : sprintf(t('%1$s to %2$s'), $least, $most);

		return isset($one['or']) ? sprintf(t('%1$s, or %2$s'), $one['or'], $range) : $range;
	}
}

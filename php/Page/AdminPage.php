<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Doctor\Doctor;
use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Reason;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Settings;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Tested;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Rehearsal\Outcomes;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Status\Drills;
use FileSync\Addon\Status\Overview;
use FileSync\Addon\Status\Progress;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Status\Sets;
use FileSync\Addon\Status\StandingWords;
use FileSync\Addon\Status\Words;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** /admin/addons/filesync: versions, health, every channel's completeness, queue, last errors, settings. */
final class AdminPage
{
	private const FORM = 'filesync_admin';
	private const ERRORS = 10;
	private const CHANNELS = 200;

	/** Returns the page. */
	public static function show(): string
	{
		return Page::isAdmin()
			? Page::render(
				'filesync_admin.tpl',
				self::values() + ['token' => Page::token(self::FORM), 'left' => Page::collect()],
			)
			: '';
	}

	/** Takes the form: examines the hub, or saves the settings. */
	public static function take(): void
	{
		if (! Page::isAdmin()) {
			return;
		}
		Page::refuseForged(self::FORM, '/admin/addons/filesync');
		if (isset($_POST['filesync_examine'])) {
			self::remember(Doctor::ofThisHub()->examine());
		} elseif (is_string($_POST['filesync_standing'] ?? null)) {
			self::decide($_POST['filesync_standing']);
		} elseif (isset($_POST['filesync_save'])) {
			self::save($_POST);
		}
	}

	/** Keeps the doctor's findings for the page. */
	public static function remember(array $findings): void
	{
		Config::set(
			'doctor',
			json_encode(['at' => Clock::now(), 'findings' => $findings], JSON_INVALID_UTF8_SUBSTITUTE),
			'state',
		);
	}

	/** Returns the contents of the page, as text. */
	public static function values(): array
	{
		if (! Migrations::ready()) {
			return (
				[
					'words' => self::words(),
					'problems' => [t('Another process is creating the tables of filesync. Look again in a minute.')],
				]
				+ array_fill_keys(
					[
						'choices',
						'failed_steps',
						'problem_details',
						'versions',
						'health',
						'examined',
						'channels',
						'channels_more',
						'queue',
						'counts',
						'clones',
						'errors',
						'settings',
						'excluded',
					],
					[],
				)
			);
		}
		Registration::mend();
		$status = Report::status();
		$doctor = json_decode(Config::get('doctor', 'state'), true) ?: ['at' => 0, 'findings' => []];

		return [
			'words' => self::words(),
			'problems' => array_values(array_filter([
				StandingWords::problem(),
				Family::problem(),
				Parts::problems(),
				$status['problem'],
				Config::get('enabled') === '0' ? t('filesync is switched off on this hub.') : null,
				$status['paused_until']
					? sprintf(
						t('transfers pause until %1$s UTC: %2$s'),
						$status['paused_until'],
						Words::kind('Storage'),
					)
					: null,
			])),
			'choices' => self::choices(),
			'failed_steps' => Activation::reason() === Reason::Failed ? self::failedSteps() : [],
			'problem_details' => $status['paused_until'] ? Log::oneLine($status['paused_reason']) : '',
			'versions' => self::versions($status),
			'health' => array_map(
				fn ($one) => $one + ['mark' => $one['ok'] ? 'ok' : ($one['ok'] === null ? 'note' : 'wrong')],
				$doctor['findings'],
			),
			'examined' => $doctor['at']
				? sprintf(t('Examined at %s UTC.'), gmdate('Y-m-d H:i:s', $doctor['at']))
				: t('Not examined yet.'),
			'channels' => array_map(self::channel(...), array_slice($ids = Clones::local(), 0, self::CHANNELS)),
			'channels_more' => count($ids) > self::CHANNELS
				? sprintf(t('and %s more'), number_format(count($ids) - self::CHANNELS))
				: '',
			'queue' => self::queue($status['states']),
			'counts' => self::counts($status),
			'clones' => array_map(self::clone(...), $status['clones']),
			'errors' => self::errors(),
			'settings' => self::settings(),
			'excluded' => self::excluded(),
		];
	}

	/**
	 * Returns what an admin can do where filesync is not active: buttons with what each does.
	 *
	 * @return list<array{name: string, button: string, text: string}>
	 */
	private static function choices(): array
	{
		$reason = Activation::reason();
		$isHolding = Activation::isHolding();
		$version = Runtime::hubVersion();
		$rehearse = [
			'name' => 'rehearse',
			'button' => t('Rehearse now'),
			'text' => t(
				'filesync tries on a hidden channel, in the background, whether this hub does all that it needs. This takes about a minute.',
			),
		];
		$passive = [
			'name' => 'passive',
			'button' => t('Let the hub receive files'),
			'text' => t(
				"What is held goes to the hub's own code, and so do all later changes. It writes into a file before it has its new bytes: a broken connection leaves it damaged.",
			),
		];

		$trust = [
			'name' => 'trust',
			'button' => t('Use filesync anyway'),
			'text' => sprintf(
				t('You answer for it that files are received well on Hubzilla %s, whatever the rehearsal saw.'),
				$version,
			),
		];

		return match (true) {
			Activation::isActive(), $reason === Reason::HandingOver => [],
			$reason === Reason::Chosen => [[
				'name' => 'active',
				'button' => t('Let filesync receive files'),
				'text' => t('On a version of the hub that was not tested, it first needs a rehearsal.'),
			]],
			// There is no number to agree to.
			$reason === Reason::Unknown && Tested::major($version) === null => [
				$trust,
				...($isHolding ? [$passive] : []),
			],
			$reason === Reason::Unknown => [
				[
					'name' => 'agree',
					'button' => sprintf(t('Agree to Hubzilla %s'), (int) Tested::major($version)),
					'text' => t('filesync may then work on this major version, if its rehearsal passes.'),
				],
				...($isHolding ? [$passive] : []),
			],
			$reason === Reason::Failed => [
				$rehearse,
				$trust,
				...($isHolding ? [$passive] : []),
			],
			default => [$rehearse, ...($isHolding ? [$passive] : [])],
		};
	}

	/** @return list<string> What the rehearsal saw that was not as it should be. */
	private static function failedSteps(): array
	{
		return array_map(
			fn (array $step): string => Log::oneLine("{$step['name']}: {$step['seen']}"),
			(Outcomes::current() ?? Outcomes::last())?->failed() ?? [],
		);
	}

	/** Does what one of these buttons says, if it is among them now. */
	private static function decide(string $choice): void
	{
		if (! in_array($choice, array_column(self::choices(), 'name'), true)) {
			Page::leave(t('Nothing was changed: this choice is gone meanwhile.'), true);
			return;
		}
		match ($choice) {
			'rehearse' => Activation::ask(),
			'passive' => Config::set('passive', '1'),
			'active' => Config::clear('passive'),
			'agree' => Config::set('agreed_major', (string) Tested::major(Runtime::hubVersion())),
			default => Config::set('trusted_version', Runtime::hubVersion()),
		};
		if ($choice === 'agree' && ! Activation::isActive()) {
			Activation::ask();
		}
		Doorbell::again();
		Page::leave(
			in_array($choice, ['rehearse', 'agree'], true) && ! Activation::isActive()
				? t('The rehearsal begins. Look again in a minute.')
				: t('Done.'),
			false,
		);
	}

	private static function words(): array
	{
		return [
			'versions' => t('Versions'),
			'health' => t('Health'),
			'examine' => t('Examine now'),
			'queue' => t('Files'),
			'channels' => t('Channels'),
			'channel' => t('Channel'),
			'complete' => t('Complete'),
			'missing' => t('Missing'),
			'note' => t('Note'),
			'state' => t('State'),
			'files' => t('Files and thumbnails'),
			'bytes' => t('Size'),
			'clones' => t('Other hubs'),
			'hub' => t('Hub'),
			'speaks' => t('Speaks filesync'),
			'last' => t('Last read from (UTC)'),
			'trouble' => t('Trouble'),
			'errors' => t('Last errors'),
			'none' => t('None.'),
			'settings' => t('Settings'),
			'save' => t('Save'),
			'excluded' => t('Channels without filesync'),
			'excluded_help' => t(
				'Nicks of channels of this hub, separated by commas. filesync leaves their files to the hub.',
			),
			'details' => t('Details'),
			'no_files' => t('Nothing has been received yet.'),
			'no_clones' => t('No file has been fetched from another hub yet.'),
		];
	}

	private static function versions(array $status): array
	{
		$cli = Config::get('cron_version', 'state');
		$cron = Config::number('cron_at', 'state');

		return [
			[t('Hub'), 'Hubzilla ' . Runtime::hubVersion()],
			['filesync', StandingWords::standing()],
			[t('Addon'), $status['version']],
			[t('Extension in the web server'), $status['extension'] ?? t('not loaded')],
			[
				t('Extension on the command line'),
				match (true) {
					! $cron => t('not known until cron runs'),
					$cli === '' => sprintf(t('not loaded when cron ran at %s UTC'), gmdate('Y-m-d H:i', $cron)),
					default => sprintf(t('%1$s when cron ran at %2$s UTC'), $cli, gmdate('Y-m-d H:i', $cron)),
				},
			],
			[t('Tables'), sprintf(t('step %1$d of %2$d'), Migrations::done(), Migrations::newest())],
		];
	}

	/** Returns how complete a channel is here. */
	private static function channel(int $channelId): array
	{
		$nick = Words::nick($channelId);
		if (! Config::serves($channelId)) {
			return [$nick, Activation::isActive() ? t('filesync is switched off') : '–', '', '', ''];
		}
		$counts = Overview::here(
			Clones::channel($channelId) ?? throw new Refused("the channel $channelId is no longer on this hub"),
		);
		$todo = $counts['missing_files'] + $counts['old_files'];

		$bytes = $todo
			? min($counts['bytes'], $counts['whole_bytes'] + Progress::of($channelId)['arrived_bytes'])
			: $counts['bytes'];

		return [
			$nick,
			Words::percent($bytes, $counts['bytes'], ! $todo),
			Words::amount($counts['whole_files'], $counts['files'], $bytes, $counts['bytes']),
			$todo
				? Words::files($todo)
				. (
					$counts['parked_files']
						? ' (' . sprintf(t('stuck: %s'), number_format($counts['parked_files'])) . ')'
						: ''
				)
				: '',
			implode('; ', array_filter([
				Config::get('paused', "channel:$channelId") === '1' ? t('paused') : '',
				...Sets::lines($channelId),
				Nights::areOn() ? Nights::of($channelId)['problem'] : '',
				...Drills::lines($channelId),
			])),
		];
	}

	private static function queue(array $states): array
	{
		$words = [
			'staged' => t('to be fetched'),
			'leased' => t('being fetched'),
			'waiting' => t('waiting for the next try'),
			'verified' => t('complete, about to be shown'),
			'publishing' => t('being shown'),
			'published' => t('finished recently'),
			'parked' => t('needs attention'),
			'dropped' => t('no longer wanted'),
		];
		$rows = [];
		foreach (array_intersect_key($words, $states) as $state => $word) {
			$rows[] = [$word, number_format($states[$state]['files']), Words::size($states[$state]['bytes'])];
		}

		return $rows;
	}

	private static function counts(array $status): array
	{
		$words = [
			'packets_waiting' => t('Packets that could not be applied yet: %s'),
			'packets_dropped' => t(
				'Packets that were dropped because too many wait; the clones are compared instead: %s',
			),
			'packets_parked' => t('Packets that need attention: %s'),
			'calls_waiting' => t('Posts, previews and messages still to be made: %s'),
			'calls_parked' => t('Posts, previews and messages that failed: %s'),
			'kept_files' => t('Replaced and deleted files that are kept: %s'),
		];
		$lines = [];
		foreach ($words as $name => $word) {
			$status[$name] && ($lines[] =
				sprintf($word, number_format($status[$name]))
				. ($name === 'kept_files' ? ' (' . Words::size($status['kept_bytes']) . ')' : ''));
		}

		return $lines;
	}

	private static function clone(array $clone): array
	{
		$trouble = array_filter([
			abs($clone['skew_seconds']) > 1 ? sprintf(t('its clock differs by %d s'), $clone['skew_seconds']) : '',
			$clone['failures']
				? sprintf(t('failures since: %1$d, the last at %2$s UTC'), $clone['failures'], $clone['last_failure'])
				: '',
			$clone['dav_refused_until'] ? sprintf(t('without /dav until %s UTC'), $clone['dav_refused_until']) : '',
		]);

		return [
			$clone['url'],
			match ($clone['filesync']) {
				'yes' => trim(t('yes') . ' ' . $clone['version']),
				'no' => t('no'),
				default => t('not known'),
			},
			$clone['last_success'] ?? '–',
			implode('; ', $trouble),
			Log::oneLine($clone['reason']),
		];
	}

	/** Returns unfinished work, newest first: the cause in words, and the original error text. */
	private static function errors(): array
	{
		$rows = [];
		foreach (Table::select(
			'filesync_transfer',
			['state' => [TransferState::PARKED, TransferState::WAITING], 'reason <>' => '', 'kind <>' => Queue::BRAKE],
			'updated DESC',
			self::ERRORS,
			'uid, names, kind, reason, state, next_at, updated',
		) as $row) {
			$rows[] = [
				(int) $row['updated'],
				(int) $row['uid'],
				implode('/', json_decode($row['names'], true) ?: []),
				Words::kind($row['kind']),
				$row['reason'],
				$row['state'] === TransferState::PARKED
					? t('needs attention')
					: sprintf(t('next try at %s UTC'), gmdate('Y-m-d H:i:s', (int) $row['next_at'])),
			];
		}
		foreach (Table::select(
			'filesync_packet',
			[],
			'updated DESC',
			self::ERRORS,
			'uid, hash, reason, state, updated',
		) as $row) {
			$rows[] = [
				(int) $row['updated'],
				(int) $row['uid'],
				$row['hash'],
				t('a change from another hub could not be applied'),
				$row['reason'],
				$row['state'] === 'parked' ? t('needs attention') : t('will be retried'),
			];
		}
		foreach (Table::select(
			'filesync_outbox',
			['reason <>' => ''],
			'created DESC',
			self::ERRORS,
			'uid, kind, name, reason, state, created',
		) as $row) {
			str_starts_with($row['reason'], Outbox::UNDER_WAY) || ($rows[] = [
				(int) $row['created'],
				(int) $row['uid'],
				$row['name'],
				Words::call($row['kind']),
				$row['reason'],
				$row['state'] === 'parked' ? t('needs attention') : t('will be retried'),
			]);
		}
		foreach (Brake::lines() as $line) {
			$rows[] = [$line['since'], $line['channel'], '', Words::displaced($line), '', t('needs attention')];
		}
		rsort($rows);

		return array_map(
			fn ($row) => [
				'at' => gmdate('Y-m-d H:i', $row[0]),
				'channel' => Words::nick($row[1]),
				'name' => Log::oneLine($row[2]),
				'reason' => $row[3],
				'details' => Log::oneLine($row[4]),
				'then' => $row[5],
			],
			array_slice($rows, 0, self::ERRORS),
		);
	}

	private static function settings(): array
	{
		$rows = [];
		foreach (array_filter(Settings::ALL, fn ($one) => ! isset($one['only'])) as $name => $one) {
			$value = Config::get($name);
			$range = implode(', ', array_filter([
				t($one['unit']),
				$one['unit'] === 'switch' ? '' : Settings::range($name),
				sprintf(t('default: %s'), match (true) {
					$one['unit'] === 'switch' => $one['default'] === '1' ? t('on') : t('off'),
					$one['default'] === '' => t('empty'),
					default => $one['default'],
				}),
			]));
			$rows[] = [
				'name' => $name,
				'value' => $value,
				'isSwitch' => $one['unit'] === 'switch',
				'text' => t($one['text']),
				'range' => $range,
				'isChanged' => $value !== $one['default'],
			];
		}

		return $rows;
	}

	private static function excluded(): string
	{
		$nicks = [];
		foreach (Config::scopesWhere('enabled', '0') as $scope) {
			str_starts_with($scope, 'channel:') && ($nicks[] = Words::nick((int) substr($scope, 8)));
		}

		return implode(', ', $nicks);
	}

	private static function save(array $form): void
	{
		$refused = [];
		foreach (array_filter(Settings::ALL, fn ($one) => ! isset($one['only'])) as $name => $one) {
			$given = $form["filesync_$name"] ?? ($one['unit'] === 'switch' ? '0' : null);
			if (! is_string($given) || ($given = trim($given)) === Config::get($name)) {
				continue;
			}
			if (! Settings::accepts($name, $given)) {
				$refused[] = $name;
			} else {
				$given === $one['default'] ? Config::clear($name) : Config::set($name, $given);
			}
		}
		Doorbell::again();
		$refused = [...$refused, ...self::exclude((string) ($form['filesync_excluded'] ?? ''))];
		Page::leave(
			$refused ? sprintf(t('Not saved, invalid value: %s'), implode(', ', $refused)) : t('Settings saved.'),
			(bool) $refused,
		);
	}

	/** Leaves these channels to the hub, and no others. Returns nicks that belong to no channel. */
	private static function exclude(string $nicks): array
	{
		$unknown = $scopes = [];
		foreach (array_filter(array_map('trim', explode(',', $nicks)), 'strlen') as $nick) {
			$channel = Clones::byNick($nick);
			$channel ? ($scopes[] = 'channel:' . $channel->id) : ($unknown[] = $nick);
		}
		foreach (array_diff(Config::scopesWhere('enabled', '0'), $scopes, ['site']) as $scope) {
			Config::clear('enabled', $scope);
		}
		foreach ($scopes as $scope) {
			Config::set('enabled', '0', $scope);
		}

		return $unknown;
	}
}

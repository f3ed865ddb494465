<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Decides how filesync stands on this hub: active on versions that we tested; on others, if a rehearsal for exactly the
 * versions at hand passed, or an admin answers for it.
 *
 * Where it has been active and these versions change, it holds: core's receiver opens a file before it has its bytes,
 * so no packet goes there unless an admin says so. Where it never was active it is passive.
 *
 * What was decided is kept in the hub's own config, which every process has at hand. A rehearsal runs on the command
 * line; if the web server has another PHP, that one must have been there before, or have asked for a rehearsal since.
 *
 * @type Entry = array{standing: string, reason: string, off: list<string>, since: int, turn: int}
 * @type State = array{
 *     turn?: int, was?: bool, now?: Entry, keys?: array<string, Entry>, asked?: array<string, string>,
 *     webs?: list<string>,
 * }
 * @import-type RehearsalRow from Rows
 */
final class Activation
{
	/** The state of packets that are held until filesync is active: see Receive\HeldPackets. */
	public const QUEUED = 'queued';

	private const KEY = 'standing';
	/** Versions, and the PHPs of the web server, beyond this many are forgotten. */
	private const MOST = 8;
	private const SUMMON_SECONDS = 300;
	/** A rehearsal that failed is tried again after this time: the disk may have been full. */
	private const RETRY_SECONDS = 21600;
	/** Who asks for a rehearsal: certain versions, or this. */
	private const PERSON = 'person';

	/** Settings that decide. */
	private const SETTINGS = ['passive', 'agreed_major', 'trusted_version'];

	/** Returns how filesync stands. */
	public static function standing(): Standing
	{
		return Standing::from(self::entry()['standing']);
	}

	/** Tells whether filesync works on this hub. What does not work is off on its own: see Parts. */
	public static function isActive(): bool
	{
		return self::standing() === Standing::Active;
	}

	/** Tells whether packets of a channel are queued: later ones must not overtake them. */
	public static function isQueued(int $channelId): bool
	{
		return Table::unlessAbsent(
			fn () => Table::first('filesync_packet', ['uid' => $channelId, 'state' => self::QUEUED], '', 'id') !== null,
		);
	}

	/** Tells whether packets are taken in and held. */
	public static function isHolding(): bool
	{
		return self::standing() === Standing::Holding;
	}

	/** Returns why it stands so. */
	public static function reason(): Reason
	{
		return Reason::from(self::entry()['reason']);
	}

	/** Returns since when, in Unix seconds. */
	public static function since(): int
	{
		return self::entry()['since'];
	}

	/**
	 * Returns the parts that are off because of the rehearsal.
	 *
	 * @return list<string>
	 */
	public static function off(): array
	{
		return self::entry()['off'];
	}

	/**
	 * Begins a process: notices other versions, and has them rehearsed; returns how filesync stands. Where filesync is
	 * not active it decides again, and on the command line always: another process may have written the last decision
	 * over a newer one.
	 */
	public static function begin(): Standing
	{
		if (Ground::lacks()) {
			return Standing::Passive;
		}
		$entry = self::known();
		if (! $entry || $entry['standing'] === Standing::Holding->value || self::isCommandLine()) {
			$entry = self::decide();
		}
		self::summon($entry);

		return Standing::from($entry['standing']);
	}

	/** Decides again, in every process: a setting or the outcome of a rehearsal changed. */
	public static function again(): void
	{
		$state = self::state();
		$state['turn'] = ($state['turn'] ?? 0) + 1;
		self::keep($state);
		self::summon(self::decide());
	}

	/** Decides again because a rehearsal ended: who asked for it has an answer. */
	public static function rehearsed(): void
	{
		$state = self::state();
		$asked = self::asked($state);
		$state['webs'] = array_slice(
			array_values(array_unique([...array_filter(array_values($asked)), ...($state['webs'] ?? [])])),
			0,
			self::MOST,
		);
		$state['asked'] = array_diff_key($state['asked'] ?? [], $asked);
		self::keep($state);
		self::answered('rehearse');
		self::again();
	}

	/** Decides again if a setting that was changed decides. */
	public static function changed(string $setting): void
	{
		if (in_array($setting, self::SETTINGS, true)) {
			self::again();
		}
	}

	/** Has the hub rehearsed, because a person asks for it. */
	public static function ask(): void
	{
		$state = self::state();
		$state['asked'] = self::capped([self::PERSON => ''] + ($state['asked'] ?? []));
		self::keep($state);
		Daemon::summon('rehearse');
	}

	/** Tells whether somebody waits for a rehearsal. */
	public static function isRehearsalDue(): bool
	{
		$entry = self::decide();
		$isHeld = $entry['standing'] === Standing::Holding->value;

		return (
			self::asked(self::state()) !== []
			|| $isHeld
			&& $entry['reason'] === Reason::Unrehearsed->value
			|| self::isToBeTriedAgain($entry)
		);
	}

	/** Moves what was decided to where all processes have it at hand, if an older filesync left it elsewhere. */
	public static function move(): void
	{
		AtHand::move(self::KEY);
	}

	/** Forgets all that was decided. */
	public static function forget(): void
	{
		AtHand::forget(self::KEY);
	}

	/** Notes that a job that was summoned has ended: the next may be. */
	public static function answered(string $work): void
	{
		Lease::end("summon-$work");
	}

	/**
	 * Starts the job for which filesync waits, unless one was started just now.
	 *
	 * @param Entry $entry
	 */
	private static function summon(array $entry): void
	{
		$work = match (true) {
			$entry['standing'] !== Standing::Holding->value => null,
			$entry['reason'] === Reason::HandingOver->value => 'hand-over',
			$entry['reason'] === Reason::Unrehearsed->value, self::isToBeTriedAgain($entry) => 'rehearse',
			default => null,
		};
		if ($work === null || Lease::isHeld("summon-$work")) {
			return;
		}
		$token = Token::make();
		if (! Lease::take("summon-$work", $token, self::SUMMON_SECONDS)) {
			return;
		}
		try {
			Daemon::summon($work);
		} catch (\Throwable $e) {
			Lease::giveBack("summon-$work", $token);
			throw $e;
		}
	}

	/** @param Entry $entry */
	private static function isToBeTriedAgain(array $entry): bool
	{
		return (
			$entry['standing'] === Standing::Holding->value
			&& $entry['reason'] === Reason::Failed->value
			&& (int) (self::lastHere()['begun'] ?? 0) < (Clock::now() - self::RETRY_SECONDS)
		);
	}

	/**
	 * Returns who asks for a rehearsal of these versions of hub and filesync, with the PHP of a web server.
	 *
	 * @param State $state
	 *
	 * @return array<string, string>
	 */
	private static function asked(array $state): array
	{
		return array_filter(
			$state['asked'] ?? [],
			fn (string $key) => $key === self::PERSON || self::isHere($key),
			ARRAY_FILTER_USE_KEY,
		);
	}

	/** @return Entry */
	private static function entry(): array
	{
		return self::known() ?? self::decide();
	}

	/** @return ?Entry What was decided for this process, if it still counts. */
	private static function known(): ?array
	{
		if (Ground::lacks()) {
			return self::written(Standing::Passive, Reason::Unknown, [], 0, 0);
		}
		$state = self::state();
		$entry = $state['keys'][self::key()] ?? null;

		return $entry && $entry['turn'] === ($state['turn'] ?? 0) ? $entry : null;
	}

	/**
	 * Decides for this process, and keeps it.
	 *
	 * @return Entry
	 */
	private static function decide(): array
	{
		$state = self::state();
		if (Table::areAbsent(['filesync_setting', 'filesync_file'])) {
			// Not installed yet.
			return self::written(Standing::Passive, Reason::Unrehearsed, [], 0, 0);
		}
		$was = $state['was'] ?? Table::first('filesync_file', [], '', 'id') !== null;
		$outcome = Tested::has(Runtime::hubVersion()) ? null : self::outcome($state);
		[$standing, $reason, $off] = self::judge($was, $outcome['failed'] ?? null);
		$key = self::key();
		$keys = $state['keys'] ?? [];
		$before = $keys[$key] ?? $state['now'] ?? null;
		$isAsBefore = $before && $before['standing'] === $standing->value;
		$entry = self::written(
			$standing,
			$reason,
			$off,
			$isAsBefore ? $before['since'] : Clock::now(),
			$state['turn'] ?? 0,
		);
		$new = $state;
		$new['was'] = $was || $standing === Standing::Active;
		$new['now'] = $entry;
		// Others keep their places: nothing is written if nothing changed.
		$new['keys'] = isset($keys[$key])
			? array_replace($keys, [$key => $entry])
			: array_slice([$key => $entry] + $keys, 0, self::MOST);
		if ($outcome && ! self::isCommandLine() && ! in_array(Runtime::phpVersion(), $state['webs'] ?? [], true)) {
			$new['webs'] = array_slice([Runtime::phpVersion(), ...($state['webs'] ?? [])], 0, self::MOST);
		}
		if ($reason === Reason::Unrehearsed && ! isset($state['asked'][$key])) {
			$new['asked'] = self::capped([$key => self::isCommandLine() ? '' : Runtime::phpVersion()]
			+ ($state['asked'] ?? []));
		}
		if ($new !== $state) {
			self::keep($new);
		}
		if (! $isAsBefore || $before['reason'] !== $reason->value) {
			Log::write('on ' . $key . " filesync is {$standing->value}: {$reason->value}");
		}

		return $entry;
	}

	/**
	 * @param ?string $failed The parts that failed in the rehearsal, null if there was none.
	 *
	 * @return array{Standing, Reason, list<string>} With the parts that are off because of the rehearsal.
	 */
	private static function judge(bool $was, ?string $failed): array
	{
		$version = Runtime::hubVersion();
		if (self::get('passive') === '1') {
			return (
				Table::first('filesync_packet', ['state' => self::QUEUED], '', 'id')
					? [Standing::Holding, Reason::HandingOver, []]
					: [Standing::Passive, Reason::Chosen, []]
			);
		}
		if (Tested::has($version)) {
			return [Standing::Active, Reason::Tested, []];
		}
		$off = $failed === null || $failed === '' ? [] : explode(' ', $failed);
		if (self::get('trusted_version') === $version) {
			return [Standing::Active, Reason::Trusted, array_values(array_diff($off, ['receiver']))];
		}
		$otherwise = $was ? Standing::Holding : Standing::Passive;

		return match (true) {
			(Tested::major($version) ?? PHP_INT_MAX) > (int) self::get('agreed_major') => [
				$otherwise,
				Reason::Unknown,
				[],
			],
			$failed === null => [$otherwise, Reason::Unrehearsed, []],
			in_array('receiver', $off, true) => [$otherwise, Reason::Failed, []],
			default => [Standing::Active, Reason::Rehearsed, $off],
		};
	}

	/**
	 * Returns the outcome that counts for this process.
	 *
	 * @param State $state
	 *
	 * @return ?RehearsalRow
	 */
	private static function outcome(array $state): ?array
	{
		if (Table::missing(['filesync_rehearsal'])) {
			return null;
		}
		$own = Table::first('filesync_rehearsal', [
			'hub' => Runtime::hubVersion(),
			'php' => Runtime::phpVersion(),
			'filesync' => Runtime::version(),
		]);
		if ($own || self::isCommandLine()) {
			return $own;
		}
		$last = self::lastHere();
		$webs = $state['webs'] ?? [];

		return $last && ($webs === [] || in_array(Runtime::phpVersion(), $webs, true)) ? $last : null;
	}

	/** @return ?RehearsalRow The newest outcome with these versions of hub and filesync, whatever the PHP. */
	private static function lastHere(): ?array
	{
		return (
			Table::missing(['filesync_rehearsal'])
				? null
				: Table::first(
					'filesync_rehearsal',
					['hub' => Runtime::hubVersion(), 'filesync' => Runtime::version()],
					'begun DESC',
				)
		);
	}

	private static function get(string $setting): string
	{
		$row = Table::first('filesync_setting', ['id' => Settings::id('site', $setting)], '', 'value');

		return $row['value'] ?? Settings::ALL[$setting]['default'];
	}

	/** Names the versions at hand. */
	private static function key(): string
	{
		return 'Hubzilla '
		. Runtime::hubVersion()
		. ', PHP '
		. Runtime::phpVersion()
		. ', filesync '
		. Runtime::version();
	}

	/** Tells whether a name is one of this hub and filesync, whatever the PHP. */
	private static function isHere(string $key): bool
	{
		return (
			str_starts_with($key, 'Hubzilla ' . Runtime::hubVersion() . ', PHP ')
			&& str_ends_with($key, ', filesync ' . Runtime::version())
		);
	}

	private static function isCommandLine(): bool
	{
		return php_sapi_name() === 'cli';
	}

	/**
	 * @param list<string> $off
	 *
	 * @return Entry
	 */
	private static function written(Standing $standing, Reason $reason, array $off, int $since, int $turn): array
	{
		return [
			'standing' => $standing->value,
			'reason' => $reason->value,
			'off' => $off,
			'since' => $since,
			'turn' => $turn,
		];
	}

	/**
	 * @param array<string, string> $asked
	 *
	 * @return array<string, string>
	 */
	private static function capped(array $asked): array
	{
		return array_slice($asked, 0, self::MOST);
	}

	/** @param State $state */
	private static function keep(array $state): void
	{
		AtHand::keep(
			self::KEY,
			(string) json_encode($state, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE),
		);
	}

	/** @return State */
	private static function state(): array
	{
		static $read = ['', []];
		$text = AtHand::get(self::KEY);
		if ($text !== $read[0]) {
			/** @var ?State $said */
			$said = json_decode($text, true);
			$read = [$text, is_array($said) ? $said : []];
		}

		return $read[1];
	}
}

<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\Underway;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The end of sending: the lists get their names, of which each is known beforehand, and workers restore the set, or
 * only count what that would do. What it proves, and what comes back, is decided as for every other set.
 */
final class Finish
{
	public const TAGS = 'tagmanifest-sha256.txt';
	public const SIGNATURE = 'channel-signature.json';
	private const NEEDED = ['manifest-sha256.txt', 'set.json'];
	private const NAMES = ['manifest-sha256.txt', 'set.json', 'README.txt', 'bag-info.txt', 'bagit.txt'];
	private const FLAGS = ['replace', 'deleted', 'as_copy', 'trust'];
	private const TEXTS = ['names', 'without'];
	private const TIME = 'at';
	private const TIMES = '/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/D';
	private const RUN = '#^runs/\d{4}-\d\d-\d\dT\d{6}Z\.json$#D';
	private const LINE = '/^([0-9a-f]{64})  (.+)$/D';
	private const MOST_BYTES = 1 << 20;
	private const MOST_NAMES = 1000;

	/**
	 * Has a session restored.
	 *
	 * @param array<array-key, mixed> $options
	 *
	 * @throws Refusal
	 */
	public static function take(Channel $channel, Session $session, array $options): void
	{
		$choice = self::choice($options, false);
		self::name($channel, $session);
		self::start($channel, $session, $choice);
	}

	/**
	 * Has workers restore a session whose lists have their names.
	 *
	 * @throws Refusal
	 */
	public static function start(Channel $channel, Session $session, Choice $choice): void
	{
		self::leave($session, Session::RESTORING, fn () => Underway::take($channel, self::set($session), $choice));
	}

	/**
	 * Has it counted what that would do.
	 *
	 * @param array<array-key, mixed> $options
	 *
	 * @throws Refusal
	 */
	public static function plan(Channel $channel, Session $session, array $options): void
	{
		$choice = self::choice($options, true);
		self::name($channel, $session);
		self::leave(
			$session,
			Session::PLANNING,
			fn () => Underway::ask($channel, self::set($session), $choice, Job::UPLOAD),
		);
	}

	private static function set(Session $session): string
	{
		return Intake::set($session->channelId, $session->id);
	}

	/**
	 * Leaves it to workers.
	 *
	 * @param Session::RESTORING|Session::PLANNING $state
	 * @param \Closure(): void                     $leave
	 *
	 * @throws Refusal
	 */
	private static function leave(Session $session, string $state, \Closure $leave): void
	{
		try {
			$session->enter($state);
			$leave();
		} catch (Problem $e) {
			Session::find($session->id)?->settled();
			throw new Refusal(
				409,
				$e->kind,
				'Another restore of this channel is under way. Ask again when it is over.',
			);
		}
		Daemon::summon('restore');
	}

	/** @param array<array-key, mixed> $options */
	private static function choice(array $options, bool $beforeBytes): Choice
	{
		$unknown = array_diff(array_keys($options), self::names());
		if ($unknown !== []) {
			throw self::wrong((string) reset($unknown));
		}

		return new Choice(
			mayReplace: self::flag($options, 'replace'),
			mayRevive: self::flag($options, 'deleted'),
			asCopy: self::flag($options, 'as_copy'),
			isTrusted: self::flag($options, 'trust'),
			at: self::time($options),
			names: self::texts($options, 'names'),
			without: self::texts($options, 'without'),
			beforeBytes: $beforeBytes,
		);
	}

	/** @return list<string> */
	private static function names(): array
	{
		return [...self::FLAGS, ...self::TEXTS, self::TIME];
	}

	/** @param array<array-key, mixed> $options */
	private static function time(array $options): ?string
	{
		/** @var mixed $said */
		$said = $options[self::TIME] ?? null;

		return $said === null || is_string($said) && preg_match(self::TIMES, $said)
			? $said
			: throw self::wrong(self::TIME);
	}

	/** @param array<array-key, mixed> $options */
	private static function flag(array $options, string $name): bool
	{
		/** @var mixed $said */
		$said = $options[$name] ?? false;

		return is_bool($said) ? $said : throw self::wrong($name);
	}

	/**
	 * @param array<array-key, mixed> $options
	 *
	 * @return list<string>
	 */
	private static function texts(array $options, string $name): array
	{
		/** @var mixed $said */
		$said = $options[$name] ?? [];
		$texts = is_array($said) ? array_values(array_filter($said, is_string(...))) : [];
		if ($texts !== $said || count($texts) > self::MOST_NAMES || ! mb_check_encoding($texts, 'UTF-8')) {
			throw self::wrong($name);
		}

		return $texts;
	}

	private static function wrong(string $name): Refusal
	{
		return new Refusal(
			400,
			'option_wrong',
			"The option $name is not one of " . implode(', ', self::names()) . ', or has another form.',
		);
	}

	/**
	 * Gives the lists their names.
	 *
	 * @throws Refusal Some are missing.
	 */
	public static function name(Channel $channel, Session $session): void
	{
		$folder = Intake::folder($channel->id, $session->id);
		$tags = "$folder/" . Intake::place($session->lists[self::TAGS] ?? '');
		if (! is_file($tags) || (int) filesize($tags) > self::MOST_BYTES) {
			throw self::lacking([self::TAGS]);
		}
		$named = [];
		foreach (explode("\n", (string) file_get_contents($tags)) as $line) {
			$part = [];
			if (
				preg_match(self::LINE, $line, $part)
				&& (in_array($part[2], self::NAMES, true)
				|| preg_match(self::RUN, $part[2]))
			) {
				$named[$part[2]] = $part[1];
			}
		}
		$lacking = array_values(array_filter(
			self::NEEDED,
			fn ($name) => ! is_file("$folder/" . Intake::place($named[$name] ?? '')),
		));
		if ($lacking !== []) {
			throw self::lacking($lacking);
		}
		if (! is_dir("$folder/set/runs")) {
			mkdir("$folder/set/runs", 0700);
		}
		foreach ($session->lists + $named as $name => $sha256) {
			$from = "$folder/" . Intake::place($sha256);
			@unlink("$folder/set/$name");
			if (is_file($from) && ! @link($from, "$folder/set/$name") && ! copy($from, "$folder/set/$name")) {
				throw new \RuntimeException("cannot write $name of what was sent");
			}
		}
	}

	/** @param list<string> $names */
	private static function lacking(array $names): Refusal
	{
		return new Refusal(
			409,
			'lists_missing',
			'These files of the set must be here before it is restored: ' . implode(', ', $names) . '.',
			['missing' => $names],
		);
	}
}

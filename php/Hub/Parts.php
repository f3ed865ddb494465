<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The parts of filesync. Each can be off on a hub, because an assumption on which it depends fails there, or because a
 * rehearsal saw that it fails; the others work on, as far as they can without it.
 */
final class Parts
{
	public const RECEIVER = 'receiver';
	public const SENDER = 'sender';
	public const POSTS = 'posts';
	public const PHOTOS = 'photos';
	public const SERVING = 'serving';
	public const COMPARISON = 'comparison';
	public const PAGES = 'pages';
	public const SETS = 'sets';
	/** Exporting all of a channel, and importing it. */
	public const CHANNELS = 'channels';
	public const ALL = Assumptions::PARTS;

	/** Parts that are off where another one is. */
	private const NEEDS = [self::COMPARISON => [self::RECEIVER], self::CHANNELS => [self::POSTS]];

	/**
	 * Tells whether a part works on this hub now; a rehearsal tries each that this PHP allows. Pages are shown also
	 * where filesync is not active.
	 */
	public static function has(string $part): bool
	{
		if (Ground::lacks()) {
			return false;
		}

		return ($part === self::PAGES || Rehearsing::isOn() || Activation::isActive()) && ! self::isOff($part);
	}

	/** Tells whether a part is off on this hub, whether filesync is active or not. */
	public static function isOff(string $part): bool
	{
		if (Rehearsing::isOn()) {
			return in_array($part, array_merge(...self::offHere()), true);
		}
		$failed = Ground::lacks() ? null : Look::failed();

		return $failed === null
		|| (bool) array_intersect(
			[$part, ...(self::NEEDS[$part] ?? [])],
			array_merge(Activation::off(), ...array_column($failed, 'parts'), ...self::offHere()),
		);
	}

	/**
	 * Returns the parts that are off on this hub.
	 *
	 * @return list<string>
	 */
	public static function off(): array
	{
		return array_values(array_filter(self::ALL, self::isOff(...)));
	}

	/** Returns a sentence about the parts that are off, or null if all work. */
	public static function problems(): ?string
	{
		$off = self::off();

		return $off ? self::sentence($off) : null;
	}

	private static function sentence(array $off): string
	{
		return sprintf(
			t('filesync does without %s here: php addon/filesync/cli.php doctor says why'),
			implode(', ', array_map(self::name(...), $off)),
		);
	}

	/** Returns why a part does nothing on this hub, or null if it works. */
	public static function problem(string $part): ?string
	{
		return self::isOff($part) ? self::sentence([$part]) : null;
	}

	/**
	 * Lets what needs a part wait until it works.
	 *
	 * @throws Postponed
	 */
	public static function need(string $part, string $what): void
	{
		self::has($part) || throw new Postponed("$what, for which filesync has to do without on this hub", true, true);
	}

	/** Returns what a part does, for people. */
	public static function name(string $part): string
	{
		return match ($part) {
			default => $part,
			self::RECEIVER => t('receiving files'),
			self::SENDER => t('sending changes'),
			self::POSTS => t('posts about files'),
			self::PHOTOS => t('making thumbnails'),
			self::SERVING => t('serving files'),
			self::COMPARISON => t('comparing files'),
			self::PAGES => t('its pages'),
			self::SETS => t('backup sets'),
			self::CHANNELS => t('whole channels'),
		};
	}

	/**
	 * Returns those findings that switch off a part.
	 *
	 * @param list<array{kind: string, name: string, parts: list<string>, ok: ?bool, found: string, where: string}>
	 *     $findings
	 *
	 * @return list<array{kind: string, name: string, parts: list<string>, ok: ?bool, found: string, where: string}>
	 */
	public static function failing(array $findings): array
	{
		return array_values(array_filter(
			$findings,
			fn ($one) => $one['ok'] === false && array_intersect($one['parts'], self::ALL) !== [],
		));
	}

	/**
	 * @return list<list<string>> The parts for which this process's PHP lacks an extension or a function, or calls of
	 *     core do not reach us.
	 */
	private static function offHere(): array
	{
		// An extension that was built before there were sets.
		$hasSets = ! class_exists('FileSync\TransferBatch', false) || class_exists('FileSync\Set', false);
		$off = array_values(array_map(
			Assumptions::parts(...),
			array_filter(
				Assumptions::EXTENSIONS,
				fn ($name) => ! extension_loaded($name),
				ARRAY_FILTER_USE_KEY,
			)
			+ array_intersect_key(Assumptions::PHP_FUNCTIONS, array_fill_keys(Runtime::missingFunctions(), 0))
			+ self::partsOf(Overrides::lost()),
		));

		return $hasSets ? $off : [...$off, [self::SETS]];
	}

	/**
	 * @param list<string> $overrides
	 *
	 * @return array<string, string>
	 */
	private static function partsOf(array $overrides): array
	{
		return array_combine($overrides, array_map(Assumptions::partsOfOverride(...), $overrides));
	}
}

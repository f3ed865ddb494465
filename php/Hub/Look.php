<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\Config as HubConfig;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The last look at the hub's assumptions: what failed then. It is kept in the hub's own config, which every process has
 * at hand.
 *
 * A look reads many files, so a web request never takes one: it goes by the last, and has a background process look
 * again if the files have changed since. The command line and background processes look at once.
 */
final class Look
{
	private const KEY = 'looked';
	private const SUMMON_SECONDS = 300;

	/** @var array<string, true> Hubs, by their folder, of which this process knows that the last look is still good. */
	private static array $examined = [];

	/**
	 * Returns the failed assumptions of the last look, or null if nobody has looked yet.
	 *
	 * @return ?list<array{kind: string, name: string, parts: list<string>, found: string, where: string}>
	 */
	public static function failed(): ?array
	{
		$here = (string) getcwd();
		if (! isset(self::$examined[$here])) {
			self::$examined[$here] = true;
			self::renew();
		}

		return self::last()['failed'] ?? null;
	}

	/**
	 * Returns the functions of core that were not as we know them at the last look; none if nobody has looked, or if
	 * that cannot be read now.
	 *
	 * @return list<string>
	 */
	public static function failedFunctions(): array
	{
		try {
			$failed = Ground::lacks() ? [] : self::last()['failed'] ?? [];
		} catch (\RuntimeException) {
			return [];
		}

		return array_values(array_column(
			array_filter($failed, fn ($one) => $one['kind'] === 'function'),
			'name',
		));
	}

	/**
	 * Looks now, keeps what failed, and returns all that was found.
	 *
	 * @return list<array{kind: string, name: string, parts: list<string>, ok: ?bool, found: string, where: string}>
	 */
	public static function again(): array
	{
		if (Ground::lacks()) {
			// There is nothing to keep it in, and nobody goes by it.
			return AssumptionCheck::run();
		}
		$print = self::print();
		$all = AssumptionCheck::run();
		// The web server's process and that of the command line may differ: each looks at its own.
		$failed = array_filter(
			$all,
			fn ($one) => $one['ok'] === false
			&& ! in_array(
				$one['kind'],
				['php', 'extension', 'override'],
				true,
			),
		);
		self::keep($print, array_map(fn ($one) => [
			'kind' => $one['kind'],
			'name' => $one['name'],
			'parts' => $one['parts'],
			'found' => $one['found'],
			'where' => $one['where'],
		], array_values($failed)));

		return $all;
	}

	/** Looks again if core's files have changed since the last time, or it was on another day. */
	public static function renewIfDue(): void
	{
		if ((self::last()['print'] ?? '') !== self::print()) {
			self::again();
		}
	}

	/**
	 * Keeps a result, and since when it says that core receives the files.
	 *
	 * @param list<array{kind: string, name: string, parts: list<string>, found: string, where: string}> $failed
	 */
	public static function keep(string $print, array $failed): void
	{
		self::$examined[(string) getcwd()] = true;
		$isOff = in_array('receiver', array_merge(...array_column($failed, 'parts')), true);
		$before = self::withoutReceiverSince();
		$since = $isOff ? $before ?? Clock::now() : null;
		AtHand::keep(self::KEY, (string) json_encode(
			['print' => $print, 'failed' => $failed, 'since' => $since],
			JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE,
		));
		if ($since !== $before) {
			Log::write(
				$isOff
					? "the hub's own code receives files: what filesync needs for that is not as it takes it to be"
					: 'filesync receives files again, as far as the hub is as it takes it to be',
			);
		}
	}

	/** Returns since when filesync cannot receive files because of what the looks found, in Unix seconds, or null. */
	public static function withoutReceiverSince(): ?int
	{
		return self::last()['since'] ?? null;
	}

	/** Forgets the last look. */
	public static function forget(): void
	{
		self::$examined = [];
		AtHand::forget(self::KEY);
	}

	/** Returns what changes with core's files, our own table, the hub's tables and the day. */
	public static function print(): string
	{
		clearstatcache();
		$seen = [
			gmdate('Y-m-d', Clock::now()),
			Runtime::hubVersion(),
			(string) HubConfig::Get('system', 'db_version'),
			Runtime::version(),
		];
		foreach ([...AssumptionCheck::files(), __DIR__ . '/Assumptions.php'] as $path) {
			$stat = @stat($path);
			$seen[] = $stat ? "{$stat['ino']} {$stat['size']} {$stat['mtime']} {$stat['ctime']}" : '';
		}

		return hash('sha256', implode("\n", $seen));
	}

	private static function renew(): void
	{
		try {
			if (PHP_SAPI === 'cli') {
				self::renewIfDue();
			} elseif (
				(self::last()['print'] ?? '') !== self::print()
				&& Lease::take('summon-look', Token::make(), self::SUMMON_SECONDS)
			) {
				Daemon::summon('look');
			}
		} catch (\Throwable $e) {
			Log::failure('looking at the hub', $e);
		}
	}

	/**
	 * Throws if the database does not answer: taking that for a look that never was would let core overwrite files.
	 *
	 * @return array{
	 *     print?: string,
	 *     failed?: list<array{kind: string, name: string, parts: list<string>, found: string, where: string}>,
	 *     since?: ?int,
	 * }
	 */
	private static function last(): array
	{
		static $read = ['', []];
		$text = AtHand::get(self::KEY);
		if ($text === '') {
			$text = AtHand::fromTable(self::KEY);
		}
		if ($text !== $read[0]) {
			/**
			 * @var ?array{
			 *     print?: string,
			 *     failed?: list<array{kind: string, name: string, parts: list<string>, found: string, where: string}>,
			 *     since?: ?int,
			 * } $said
			 */
			$said = json_decode($text, true);
			$read = [$text, is_array($said) && is_array($said['failed'] ?? null) ? $said : []];
		}

		return $read[1];
	}
}

<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The outcomes of the rehearsals of this hub: the newest for each hub version, PHP and filesync version. Table
 * filesync_rehearsal.
 *
 * @import-type RehearsalRow from \FileSync\Addon\Hub\Rows
 * @import-type Step from Outcome
 */
final class Outcomes
{
	/** Outcomes beyond this many are forgotten, the oldest first. */
	private const MOST = 50;

	/**
	 * Keeps an outcome; it replaces an earlier one for the same versions. Where filesync is active because of it, what
	 * was held is let in.
	 */
	public static function remember(Outcome $outcome): void
	{
		Table::upsert(
			'filesync_rehearsal',
			[
				'id' => self::id($outcome->hub, $outcome->php, $outcome->filesync),
			],
			[
				'begun' => $outcome->begun,
				'seconds' => $outcome->seconds,
				'failed' => implode(' ', $outcome->failedParts()),
				'steps' => (string) json_encode(
					$outcome->steps,
					Json::FLAGS,
				),
			],
			['hub' => $outcome->hub, 'php' => $outcome->php, 'filesync' => $outcome->filesync],
		);
		$ids = array_column(Table::select('filesync_rehearsal', [], 'begun DESC', 0, 'id'), 'id');
		if (count($ids) > self::MOST) {
			Table::delete('filesync_rehearsal', ['id' => array_slice($ids, self::MOST)]);
		}
		// Whatever kept earlier ones from ending: this one did.
		Config::clear('rehearsal_attempts', 'state');
		Activation::rehearsed();
		Doorbell::again();
	}

	/** Returns the outcome of the last rehearsal, whatever it was for; null if there is none. */
	public static function last(): ?Outcome
	{
		return self::of(Table::first('filesync_rehearsal', [], 'begun DESC'));
	}

	/** Returns the outcome for the versions at hand, or null. */
	public static function current(): ?Outcome
	{
		$id = self::id(Runtime::hubVersion(), Runtime::phpVersion(), Runtime::version());

		return self::of(Table::first('filesync_rehearsal', ['id' => $id]));
	}

	/**
	 * Returns the parts that failed in the rehearsal of the versions at hand; none if there was no rehearsal.
	 *
	 * @return list<string>
	 */
	public static function failedParts(): array
	{
		return self::current()?->failedParts() ?? [];
	}

	/** @param ?RehearsalRow $row */
	private static function of(?array $row): ?Outcome
	{
		if (! $row) {
			return null;
		}
		/** @var ?list<Step> $steps */
		$steps = json_decode($row['steps'], true);

		return new Outcome(
			$row['hub'],
			$row['php'],
			$row['filesync'],
			(int) $row['begun'],
			(int) $row['seconds'],
			$steps ?? [],
		);
	}

	private static function id(string $hub, string $php, string $filesync): string
	{
		return hash('sha256', "$hub\n$php\n$filesync");
	}
}

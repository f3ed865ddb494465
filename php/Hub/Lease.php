<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Lends a name to one process at a time, until a deadline. Works across machines that share the database.
 *
 * A deadline further away than any that we set comes from a clock that was ahead: it does not count.
 */
final class Lease
{
	private const LONGEST_SECONDS = 7200;
	private const AT_ONCE = 500;

	/** Takes the lease and returns true; returns false if somebody else holds it. */
	public static function take(string $name, string $token, int $seconds): bool
	{
		$id = hash('sha256', $name);
		$now = Clock::now();
		if (! Table::first('filesync_lease', ['id' => $id])) {
			Table::tryInsert('filesync_lease', ['id' => $id, 'name' => $name, 'token' => '', 'expires' => 0]);
		}
		foreach (['expires <' => $now, 'expires >' => $now + self::LONGEST_SECONDS] as $when => $time) {
			Table::update(
				'filesync_lease',
				['token' => $token, 'expires' => $now + $seconds],
				['id' => $id, $when => $time],
			);
		}

		return self::extend($name, $token, $seconds);
	}

	/** Moves the deadline of a lease that we hold; false if we lost it. */
	public static function extend(string $name, string $token, int $seconds): bool
	{
		$where = ['id' => hash('sha256', $name), 'token' => $token];
		Table::update('filesync_lease', ['expires' => Clock::now() + $seconds], $where);

		return Table::first('filesync_lease', $where) !== null;
	}

	/** Releases a lease. */
	public static function giveBack(string $name, string $token): void
	{
		Table::update(
			'filesync_lease',
			['token' => '', 'expires' => 0],
			['id' => hash('sha256', $name), 'token' => $token],
		);
	}

	/** Ends a lease, whoever holds it. */
	public static function end(string $name): void
	{
		Table::update('filesync_lease', ['token' => '', 'expires' => 0], ['id' => hash('sha256', $name)]);
	}

	/** Tells whether a token holds the lease. */
	public static function isHeldBy(string $name, string $token): bool
	{
		$now = Clock::now();
		$where = ['id' => hash('sha256', $name), 'token' => $token];
		$where += ['expires >=' => $now, 'expires <=' => $now + self::LONGEST_SECONDS];

		return $token !== '' && Table::first('filesync_lease', $where, '', 'id') !== null;
	}

	/** Returns the token that holds the lease, or held it last. */
	public static function holder(string $name): string
	{
		$lease = Table::first('filesync_lease', ['id' => hash('sha256', $name)], '', 'token');

		return $lease['token'] ?? '';
	}

	/** Tells whether somebody holds the lease. */
	public static function isHeld(string $name): bool
	{
		return self::held([$name]) !== [];
	}

	/**
	 * Returns those of some leases that somebody holds.
	 *
	 * @param list<string> $names
	 *
	 * @return list<string>
	 */
	public static function held(array $names): array
	{
		$held = [];
		foreach (array_chunk($names, self::AT_ONCE) as $some) {
			$now = Clock::now();
			$held = [
				...$held,
				...array_column(
					Table::select(
						'filesync_lease',
						[
							'id' => array_map(fn ($name) => hash('sha256', $name), $some),
							'expires >=' => $now,
							'expires <=' => $now + self::LONGEST_SECONDS,
						],
						'',
						0,
						'name',
					),
					'name',
				),
			];
		}

		return $held;
	}
}

<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Reads and writes settings.
 *
 * Settings of this clone live in our own table: core would copy a channel's pconfig to its other clones. Scopes:
 * `site`, and for some settings (see `Settings`) `channel:<id>` or `peer:<root URL>`. The scope `state` holds our own
 * notes.
 */
final class Config
{
	/** Returns a setting as text, or its default if unset. */
	public static function get(string $name, string $scope = 'site'): string
	{
		$row = Table::first('filesync_setting', ['id' => Settings::id($scope, $name)], '', 'value');

		return $row['value'] ?? ($scope === 'site' ? Settings::ALL[$name]['default'] ?? '' : '');
	}

	/** Returns a setting as a number. */
	public static function number(string $name, string $scope = 'site'): int
	{
		return (int) self::get($name, $scope);
	}

	/**
	 * Tells whether a setting has a value in one of some scopes.
	 *
	 * @param list<string> $scopes
	 */
	public static function isSet(string $name, string $value, array $scopes): bool
	{
		$ids = array_map(fn ($scope) => Settings::id($scope, $name), $scopes);

		return Table::first('filesync_setting', ['id' => $ids, 'value' => $value], '', 'id') !== null;
	}

	/** Returns a setting of a channel as a number: its own, or else the site's. */
	public static function numberFor(string $name, int $channelId): int
	{
		[$own, $site] = [Settings::id('channel:' . $channelId, $name), Settings::id('site', $name)];
		$values = array_column(
			Table::select('filesync_setting', ['id' => [$own, $site]], '', 0, 'id, value'),
			'value',
			'id',
		);

		return (int) (
			($values[$own] ?? '') === ''
				? $values[$site] ?? Settings::ALL[$name]['default'] ?? ''
				: $values[$own]
		);
	}

	/** Sets a setting. */
	public static function set(string $name, string $value, string $scope = 'site'): void
	{
		Table::tryUpsert(
			'filesync_setting',
			['id' => Settings::id($scope, $name)],
			['value' => $value],
			['scope' => $scope, 'name' => $name],
		);
		if ($scope === 'site') {
			Activation::changed($name);
		}
	}

	/** Resets a setting to its default. */
	public static function clear(string $name, string $scope = 'site'): void
	{
		Table::delete('filesync_setting', ['id' => Settings::id($scope, $name)]);
		if ($scope === 'site') {
			Activation::changed($name);
		}
	}

	/**
	 * Returns the values of a setting in all scopes.
	 *
	 * @return list<string>
	 */
	public static function all(string $name): array
	{
		return array_column(Table::select('filesync_setting', ['name' => $name], 'scope', 0, 'value'), 'value');
	}

	/**
	 * Returns the values of a setting in all scopes, by scope.
	 *
	 * @return array<string, string>
	 */
	public static function byScope(string $name): array
	{
		$rows = Table::select('filesync_setting', ['name' => $name], 'scope', 0, 'scope, value');

		return array_column($rows, 'value', 'scope');
	}

	/**
	 * Returns the scopes in which a setting is set.
	 *
	 * @return list<string>
	 */
	public static function scopesOf(string $name): array
	{
		return array_column(Table::select('filesync_setting', ['name' => $name], 'scope', 0, 'scope'), 'scope');
	}

	/**
	 * Returns the scopes in which a setting has a value.
	 *
	 * @return list<string>
	 */
	public static function scopesWhere(string $name, string $value): array
	{
		return array_column(
			Table::select('filesync_setting', ['name' => $name, 'value' => $value], 'scope', 0, 'scope'),
			'scope',
		);
	}

	/**
	 * Returns a number that we keep in the hub's own config, where it can be read before our tables exist; 0 if there
	 * is none.
	 */
	public static function ofHub(string $name): int
	{
		return (int) \Zotlabs\Lib\Config::Get('filesync', $name, 0);
	}

	/** Sets such a number; null removes it. */
	public static function setOfHub(string $name, ?int $value): void
	{
		$value === null
			? \Zotlabs\Lib\Config::Delete('filesync', $name)
			: \Zotlabs\Lib\Config::Set('filesync', $name, $value);
	}

	/**
	 * Tells whether filesync serves a channel: it is active, our tables exist, neither the site nor the channel is
	 * switched off. Named a part (see Parts), whether that part does. A rehearsal serves its own channel on every hub.
	 *
	 * Throws if the database does not answer: taking that for a no would let core overwrite files.
	 */
	public static function serves(int $channelId, ?string $part = null): bool
	{
		if (Rehearsing::isOwn($channelId)) {
			return $part === null || Parts::has($part);
		}
		if (Rehearsing::serves($channelId)) {
			return true;
		}

		return Activation::isActive() && ($part === null || Parts::has($part)) && self::isOn($channelId);
	}

	/**
	 * Tells whether a channel's packets are ours to take in, if only to hold them: core gets none of them. Throws like
	 * serves().
	 */
	public static function takesIn(int $channelId): bool
	{
		if (Rehearsing::isOwn($channelId)) {
			return ! Parts::isOff(Parts::RECEIVER);
		}

		return (
			Activation::standing() !== Standing::Passive
			&& (! self::isForCore($channelId) || Activation::isQueued($channelId))
		);
	}

	/**
	 * Tells whether a channel's packets are for the hub's own receiver: an admin chose it, filesync is switched off for
	 * the channel, or it cannot receive here. What is queued for the channel goes there first.
	 */
	public static function isForCore(int $channelId): bool
	{
		return Parts::isOff(Parts::RECEIVER) || ! self::isOn($channelId) || self::get('passive') === '1';
	}

	private static function isOn(int $channelId): bool
	{
		return Table::unlessAbsent(
			fn () => self::get('enabled') !== '0' && self::get('enabled', 'channel:' . $channelId) !== '0',
		);
	}
}

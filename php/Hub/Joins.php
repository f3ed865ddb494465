<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Tables that are read together, named as Table::select() takes them. */
final class Joins
{
	/**
	 * Returns the transfers `t` of scales together with the transfer `f` of what each is made of, if that is in one of
	 * some states.
	 *
	 * @param array<string> $states
	 */
	public static function withSource(array $states): string
	{
		return self::withScale('CASE WHEN t.scale < 4 THEN 0 WHEN t.scale < 7 THEN 4 ELSE 7 END', $states);
	}

	/**
	 * Returns the transfers `t` together with the transfer `f` of the file or photo itself, if that is in one of some
	 * states.
	 *
	 * @param array<string> $states
	 */
	public static function withPhoto(array $states): string
	{
		return self::withScale('0', $states);
	}

	/**
	 * Returns a table together with the transfers `t` of its files that are in one of some states, or parked for
	 * another reason than some.
	 *
	 * @param array<string> $states
	 * @param array<string> $kinds
	 */
	public static function withHolder(string $table, string $channel, string $hash, array $states, array $kinds): string
	{
		return (
			"$table LEFT JOIN filesync_transfer t ON t.uid = $channel AND t.hash = $hash AND (t.state IN "
			. self::list($states)
			. " OR (t.state = 'parked' AND t.kind NOT IN "
			. self::list($kinds)
			. '))'
		);
	}

	/** Returns files `a` together with an older file `b` of the same name in the same folder. */
	public static function withNamesake(): string
	{
		return 'attach a JOIN attach b ON b.uid = a.uid AND b.folder = a.folder AND b.filename = a.filename AND b.id < a.id';
	}

	/** @param array<string> $states */
	private static function withScale(string $scale, array $states): string
	{
		return (
			"filesync_transfer t LEFT JOIN filesync_transfer f ON f.uid = t.uid AND f.hash = t.hash AND f.scale = $scale AND f.state IN "
			. self::list($states)
		);
	}

	/** @param array<string> $words Of our own code. */
	private static function list(array $words): string
	{
		return "('" . implode("', '", $words) . "')";
	}
}

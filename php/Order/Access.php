<?php

namespace FileSync\Addon\Order;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Who may see a file, and its categories. Four empty lists mean everybody.
 *
 * @type Lists = array{allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string}
 * @type Row = array{allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string, ...}
 * @type Term = array{ttype: int|string, term: string, url: string, ...}
 */
final class Access
{
	public const LISTS = ['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'];

	/**
	 * Returns the fingerprint of the access and categories of a row; it ignores the order of entries and the
	 * categories' URLs.
	 *
	 * @param Row         $row
	 * @param list<Term> $terms
	 */
	public static function print(array $row, array $terms): string
	{
		$names = array_map(fn ($term) => [(int) $term['ttype'], $term['term']], $terms);
		sort($names);

		return substr(
			hash('sha256', json_encode(
				[
					array_map(self::entries(...), array_values(self::lists($row))),
					array_values(array_unique($names, SORT_REGULAR)),
				],
				JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR,
			)),
			0,
			32,
		);
	}

	/**
	 * Tells whether everybody whom the first allows is also allowed by the second. It compares the entries only,
	 * because group members are unknown here.
	 *
	 * @param Row $one
	 * @param Row $other
	 */
	public static function isWithin(array $one, array $other): bool
	{
		$allowed = self::allowed($one);
		$within = self::allowed($other);

		return (
			($within === [] || ($allowed !== [] && array_diff($allowed, $within) === []))
			&& array_diff(self::denied($other), self::denied($one)) === []
		);
	}

	/**
	 * Returns the access that two accesses both allow: the intersection of the allow lists, the union of the deny
	 * lists. If nobody would be left, it returns the owner's, because four empty lists mean everybody.
	 *
	 * @param Row $one
	 * @param Row $other
	 *
	 * @return Lists
	 */
	public static function narrower(array $one, array $other, string $owner): array
	{
		if (self::isWithin($one, $other)) {
			return self::lists($one);
		}
		if (self::isWithin($other, $one)) {
			return self::lists($other);
		}
		[$ours, $theirs] = [self::allowed($one), self::allowed($other)];
		$allowed =
			$ours !== [] && $theirs !== [] ? array_values(array_intersect($ours, $theirs)) : [...$ours, ...$theirs];
		if ($allowed === [] && ($ours !== [] || $theirs !== [])) {
			$allowed = ["c<$owner>"];
		}
		$denied = array_values(array_unique([...self::denied($one), ...self::denied($other)]));
		sort($allowed);
		sort($denied);

		return [
			'allow_cid' => self::pick($allowed, 'c'),
			'allow_gid' => self::pick($allowed, 'g'),
			'deny_cid' => self::pick($denied, 'c'),
			'deny_gid' => self::pick($denied, 'g'),
		];
	}

	/**
	 * Returns the categories of both.
	 *
	 * @param list<Term> $one
	 * @param list<Term> $other
	 *
	 * @return list<Term>
	 */
	public static function allTerms(array $one, array $other): array
	{
		$all = [];
		foreach ([...$one, ...$other] as $term) {
			$all[(int) $term['ttype'] . "\n" . $term['term']] ??= $term;
		}
		ksort($all);

		return array_values($all);
	}

	/**
	 * Returns the lists of a row.
	 *
	 * @param Row $row
	 *
	 * @return Lists
	 */
	public static function lists(array $row): array
	{
		return [
			'allow_cid' => $row['allow_cid'],
			'allow_gid' => $row['allow_gid'],
			'deny_cid' => $row['deny_cid'],
			'deny_gid' => $row['deny_gid'],
		];
	}

	/**
	 * @param Row $row
	 *
	 * @return list<string>
	 */
	private static function allowed(array $row): array
	{
		return [...self::tagged($row['allow_cid'], 'c'), ...self::tagged($row['allow_gid'], 'g')];
	}

	/**
	 * @param Row $row
	 *
	 * @return list<string>
	 */
	private static function denied(array $row): array
	{
		return [...self::tagged($row['deny_cid'], 'c'), ...self::tagged($row['deny_gid'], 'g')];
	}

	/** @return list<string> */
	private static function tagged(string $list, string $tag): array
	{
		return array_map(fn ($entry) => "$tag<$entry>", self::entries($list));
	}

	/** @param array<string> $tagged */
	private static function pick(array $tagged, string $tag): string
	{
		return implode('', array_map(
			fn ($entry) => substr($entry, 1),
			array_filter($tagged, fn ($entry) => $entry[0] === $tag),
		));
	}

	/** @return list<string> */
	private static function entries(string $list): array
	{
		$found = [];
		preg_match_all('/<([^<>]*)>/', $list, $found);
		$entries = array_values(array_unique($found[1]));
		sort($entries);

		return $entries;
	}
}

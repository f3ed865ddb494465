<?php

namespace FileSync\Addon\Protocol;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Order\Vector;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Reads the key `filesync` beside `attach` in a packet's file entries; Sibling writes it.
 *
 * @import-type Seen from Vector
 *
 * @type Group = array{vector: Seen, by: string, at: string, edited?: string, name?: string}
 * @type Revision = array{bytes: Group, place: Group, access: Group}
 * @type Order = array{revision: ?Revision, gone: ?Seen, beneath: array<string, Seen>}
 */
final class SiblingReader
{
	private const LARGEST_BYTES = 1 << 53;

	/**
	 * Returns the facts that an entry's sibling states about its file, if they agree with its row.
	 *
	 * @param mixed $said      The value of the key.
	 * @param int   $sizeBytes The row's size. A hub whose column ends at 4 GiB sends the maximum for every larger file.
	 *
	 * @return array{size_bytes: int, sha256: string} The digest is empty if none was given.
	 */
	public static function read(mixed $said, int $sizeBytes, int $columnEnd = Bounds::COLUMN_END): array
	{
		$none = ['size_bytes' => $sizeBytes, 'sha256' => ''];
		$said = self::known($said);
		$size = self::number($said['size_bytes'] ?? null);
		if (
			$size === null
			|| $size < 0
			|| $size > self::LARGEST_BYTES
			|| min($size, $columnEnd) !== min($sizeBytes, $columnEnd)
			|| ($sizeBytes > $columnEnd
			&& $size !== $sizeBytes)
		) {
			return $none;
		}
		$sha256 = self::text($said['sha256'] ?? '');

		return [
			'size_bytes' => $size,
			'sha256' => preg_match(Bounds::DIGEST, $sha256) ? $sha256 : '',
		];
	}

	/**
	 * Returns a sibling's information on the order of changes.
	 *
	 * @return Order For each group, what its value has seen, which
	 *     hub made the change and where, and the intended name; what a delete has seen, of the file and of each beneath
	 *     it. Null if missing.
	 */
	public static function readOrder(mixed $said): array
	{
		$said = self::known($said);
		$revision = is_array($said['revision'] ?? null) ? $said['revision'] : [];
		[$bytes, $place, $access] = [
			self::group($revision['bytes'] ?? null),
			self::group($revision['place'] ?? null),
			self::group($revision['access'] ?? null),
		];
		if ($bytes === null || $place === null || $access === null) {
			return [
				'gone' => Vector::read($said['gone'] ?? null),
				'beneath' => self::readBeneath($said['beneath'] ?? []),
				'revision' => null,
			];
		}
		$edited = self::text($revision['bytes']['edited'] ?? '');
		if (preg_match('/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/D', $edited)) {
			$bytes['edited'] = $edited;
		}
		$name = self::text($revision['place']['name'] ?? '');
		if (
			$name !== ''
			&& ! str_contains($name, '/')
			&& mb_check_encoding($name, 'UTF-8')
			&& mb_strlen($name) <= 191
		) {
			$place['name'] = $name;
		}

		return [
			'revision' => ['bytes' => $bytes, 'place' => $place, 'access' => $access],
			'gone' => null,
			'beneath' => [],
		];
	}

	/**
	 * Returns what a group's value has seen, which hub made the change and where; null if that is invalid.
	 *
	 * @return ?Group
	 */
	private static function group(mixed $value): ?array
	{
		if (! is_array($value)) {
			return null;
		}
		$vector = Vector::read($value['seen'] ?? null);
		[$by, $at] = [self::text($value['by'] ?? '', ' '), self::text($value['at'] ?? '', ' ')];

		return (
			$vector !== null
			&& preg_match('/^(~?[0-9a-f]{8,32})?$/D', $by)
			&& preg_match('/^[\p{L}\p{N}.:-]{0,253}$/Du', $at)
				? ['vector' => $vector, 'by' => $by, 'at' => $at]
				: null
		);
	}

	/** @return array<array-key, mixed> What is said in our version of the protocol. */
	private static function known(mixed $said): array
	{
		return is_array($said) && ($said['v'] ?? null) === Version::SIBLING ? $said : [];
	}

	private static function number(mixed $value): ?int
	{
		return is_int($value) ? $value : null;
	}

	private static function text(mixed $value, string $otherwise = ''): string
	{
		return is_string($value) ? $value : $otherwise;
	}

	/** @return array<string, Seen> */
	private static function readBeneath(mixed $said): array
	{
		$beneath = [];
		$said = is_array($said) && count($said) <= 100000 ? $said : [];
		foreach (array_keys($said) as $hash) {
			$vector = Vector::read($said[$hash]);
			if ($vector !== null && preg_match(Bounds::HASH, (string) $hash)) {
				$beneath[(string) $hash] = $vector;
			}
		}

		return $beneath;
	}
}

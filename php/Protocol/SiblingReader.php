<?php

namespace FileSync\Addon\Protocol;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;

if (! class_exists('App', false)) {
	exit;
}

/** Reads the key `filesync` beside `attach` in a packet's file entries; Sibling writes it. */
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
		$size = is_array($said) && ($said['v'] ?? null) === Version::SIBLING ? $said['size_bytes'] ?? null : null;
		if (
			! is_int($size)
			|| $size < 0
			|| $size > self::LARGEST_BYTES
			|| min($size, $columnEnd) !== min($sizeBytes, $columnEnd)
			|| ($sizeBytes > $columnEnd
			&& $size !== $sizeBytes)
		) {
			return $none;
		}
		$sha256 = $said['sha256'] ?? '';

		return [
			'size_bytes' => $size,
			'sha256' => is_string($sha256) && preg_match('/^[0-9a-f]{64}$/D', $sha256) ? $sha256 : '',
		];
	}

	/**
	 * Returns a sibling's information on the order of changes.
	 *
	 * @return array{revision: ?array, gone: ?array, beneath: array} For each group, what its value has seen, which
	 *     hub made the change and where, and the intended name; what a delete has seen, of the file and of each beneath
	 *     it. Null if missing.
	 */
	public static function readOrder(mixed $said): array
	{
		$order = ['revision' => null, 'gone' => null, 'beneath' => []];
		if (! is_array($said) || ($said['v'] ?? null) !== Version::SIBLING) {
			return $order;
		}
		$revision = [];
		foreach (Judge::GROUPS as $group) {
			$value = $said['revision'][$group] ?? null;
			$vector = is_array($value) ? Vector::read($value['seen'] ?? null) : null;
			$by = is_array($value) ? $value['by'] ?? '' : null;
			$at = is_array($value) ? $value['at'] ?? '' : null;
			if (
				$vector === null
				|| ! is_string($by)
				|| ! preg_match('/^(~?[0-9a-f]{8,32})?$/D', $by)
				|| ! is_string($at)
				|| ! preg_match('/^[\p{L}\p{N}.:-]{0,253}$/Du', $at)
			) {
				return [
					'gone' => Vector::read($said['gone'] ?? null),
					'beneath' => self::readBeneath($said['beneath'] ?? []),
				] + $order;
			}
			$revision[$group] = ['vector' => $vector, 'by' => $by, 'at' => $at];
		}
		$edited = $said['revision']['bytes']['edited'] ?? '';
		if (is_string($edited) && preg_match('/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/D', $edited)) {
			$revision['bytes']['edited'] = $edited;
		}
		$name = $said['revision']['place']['name'] ?? '';
		if (
			is_string($name)
			&& $name !== ''
			&& ! str_contains($name, '/')
			&& mb_check_encoding($name, 'UTF-8')
			&& mb_strlen($name) <= 191
		) {
			$revision['place']['name'] = $name;
		}

		return ['revision' => $revision] + $order;
	}

	private static function readBeneath(mixed $said): array
	{
		$beneath = [];
		foreach (is_array($said) && count($said) <= 100000 ? $said : [] as $hash => $seen) {
			$vector = Vector::read($seen);
			if ($vector !== null && preg_match(Bounds::HASH, (string) $hash)) {
				$beneath[(string) $hash] = $vector;
			}
		}

		return $beneath;
	}
}

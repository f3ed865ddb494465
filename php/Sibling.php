<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Order\Revisions;
use FileSync\Addon\Order\Vector;

if (! class_exists('App', false)) {
	exit;
}

/** The key `filesync` beside `attach` in a packet's file entries: the sender, and facts that no column can hold. */
final class Sibling
{
	private const LARGEST_BYTES = 1 << 53;

	/** Returns an entry with our sibling key; without it if this process cannot keep its promises. */
	public static function add(array $channel, mixed $entry, bool $isDelete, array $beneath = []): mixed
	{
		$introduction = is_array($entry) && ! empty($entry['attach']) && is_array($entry['attach']) ? Peers::introduction() : null;
		if ($introduction) {
			$last = end($entry['attach']);
			$hash = (string) ($last['hash'] ?? '');
			$entry['filesync'] = $introduction + ($isDelete || ! empty($last['is_dir']) ? [] : self::facts($channel, $hash)) + self::order($channel, $hash, $isDelete, $beneath);
		}

		return $entry;
	}

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
		$size = is_array($said) && ($said['v'] ?? null) === Peers::VERSION ? $said['size_bytes'] ?? null : null;
		if (! is_int($size) || $size < 0 || $size > self::LARGEST_BYTES || min($size, $columnEnd) !== min($sizeBytes, $columnEnd)
			|| ($sizeBytes > $columnEnd && $size !== $sizeBytes)) {
			return $none;
		}
		$sha256 = $said['sha256'] ?? '';

		return ['size_bytes' => $size, 'sha256' => is_string($sha256) && preg_match('/^[0-9a-f]{64}$/D', $sha256) ? $sha256 : ''];
	}

	/**
	 * Returns a sibling's information on the order of changes.
	 *
	 * @return array{revision: ?array, gone: ?array, beneath: array} For each group, what its value has seen, which hub made the change
	 *   and where, and the intended name; what a delete has seen, of the file and of each beneath it. Null if missing.
	 */
	public static function readOrder(mixed $said): array
	{
		$order = ['revision' => null, 'gone' => null, 'beneath' => []];
		if (! is_array($said) || ($said['v'] ?? null) !== Peers::VERSION) {
			return $order;
		}
		$revision = [];
		foreach (Revisions::GROUPS as $group) {
			$value = $said['revision'][$group] ?? null;
			$vector = is_array($value) ? Vector::read($value['seen'] ?? null) : null;
			$by = is_array($value) ? $value['by'] ?? '' : null;
			$at = is_array($value) ? $value['at'] ?? '' : null;
			if ($vector === null || ! is_string($by) || ! preg_match('/^(~?[0-9a-f]{8,32})?$/D', $by) || ! is_string($at) || ! preg_match('/^[\p{L}\p{N}.:-]{0,253}$/Du', $at)) {
				return ['gone' => Vector::read($said['gone'] ?? null), 'beneath' => self::readBeneath($said['beneath'] ?? [])] + $order;
			}
			$revision[$group] = ['vector' => $vector, 'by' => $by, 'at' => $at];
		}
		$edited = $said['revision']['bytes']['edited'] ?? '';
		if (is_string($edited) && preg_match('/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/D', $edited)) {
			$revision['bytes']['edited'] = $edited;
		}
		$name = $said['revision']['place']['name'] ?? '';
		if (is_string($name) && $name !== '' && ! str_contains($name, '/') && mb_check_encoding($name, 'UTF-8') && mb_strlen($name) <= 191) {
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

	private static function order(array $channel, string $hash, bool $isDelete, array $beneath): array
	{
		$file = Revisions::find((int) $channel['channel_id'], $hash);
		if (! $file || $isDelete !== ($file['state'] === 'gone')) {
			return [];
		}
		if ($isDelete) {
			return ['gone' => (object) $file['gone']] + ($beneath ? ['beneath' => array_map(fn ($seen) => (object) $seen, $beneath)] : []);
		}
		$revision = [];
		foreach (Revisions::GROUPS as $group) {
			$revision[$group] = ['seen' => (object) $file[$group]['vector'], 'by' => $file[$group]['by'], 'at' => $file[$group]['at']];
		}
		$revision['bytes']['edited'] = $file['bytes']['edited'];
		$revision['place']['name'] = substr(strstr($file['place']['print'], "\n") ?: "\n", 1);

		return ['revision' => $revision];
	}

	private static function facts(array $channel, string $hash): array
	{
		$facts = Facts::of($channel, $hash, 0);
		if ($facts->state !== 'whole') {
			return [];
		}
		$stat = $facts->stat();
		$sha256 = $stat && $stat['size_bytes'] === $facts->sizeBytes ? Digests::known($facts->channelId(), $hash, 0, $stat) : null;

		return ['size_bytes' => $facts->sizeBytes] + ($sha256 === null ? [] : ['sha256' => $sha256]);
	}
}

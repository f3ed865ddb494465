<?php

namespace FileSync\Addon;

if (! class_exists('App', false)) {
	exit;
}

/** The key `filesync` that stands beside `attach` in a packet's file entries: who sends, and the facts that no column can hold. */
final class Sibling
{
	private const LARGEST_BYTES = 1 << 53;

	/** Returns an entry with our sibling; without it if this process cannot serve what it would promise. */
	public static function add(array $channel, mixed $entry, bool $isDelete): mixed
	{
		$introduction = is_array($entry) && ! empty($entry['attach']) && is_array($entry['attach']) ? Peers::introduction() : null;
		if ($introduction) {
			$last = end($entry['attach']);
			$entry['filesync'] = $introduction + ($isDelete || ! empty($last['is_dir']) ? [] : self::facts($channel, (string) ($last['hash'] ?? '')));
		}

		return $entry;
	}

	/**
	 * Returns the facts that an entry's sibling states about its file, if they agree with its row.
	 *
	 * @param mixed $said      What came under the key.
	 * @param int   $sizeBytes The row's size. A hub whose column ends at 4 GiB sends its largest value for all that is larger.
	 *
	 * @return array{size_bytes: int, sha256: string} The digest is empty if none was given.
	 */
	public static function read(mixed $said, int $sizeBytes, int $columnEnd = 4294967295): array
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

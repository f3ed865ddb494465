<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Exception\FileSyncException;
use FileSync\Exception\NotFoundException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a set that is written elsewhere would have of files of a channel: their metadata, exactly as a run on this hub
 * writes it, and size and digest of each part.
 *
 * The channel changes meanwhile. The rows are read before and after the bytes were found to have their digests: if they
 * are the same, row and bytes belonged together at the moment between.
 *
 * @import-type Part from Offered
 */
final class Offer
{
	public const ORIGINAL = 0;
	/** Digests that are not known yet are computed for so long; then a background job does it. */
	private const DIGEST_SECONDS = 8;
	/** So many files, or so many bytes of their metadata, are in memory at once. */
	private const SOME = 50;
	private const SOME_BYTES = 2 << 20;
	private const LARGEST_CROP = 16 << 20;
	private const STEP_MS = 2000;

	private readonly Entries $entries;
	private readonly Source $source;
	private readonly float $untilMs;

	public function __construct(private readonly Channel $channel)
	{
		$this->entries = new Entries($channel);
		$this->source = new Source($channel);
		$this->untilMs = (Clock::exact() + self::DIGEST_SECONDS) * 1000;
	}

	/** Returns what tells one metadata from another. */
	public static function print(Entry $entry): string
	{
		return substr(hash('sha256', $entry->metadata), 0, 32);
	}

	/**
	 * Returns what a set would have of some files and folders; those that are gone are not among them.
	 *
	 * @param list<string> $hashes
	 *
	 * @return \Generator<int, Offered>
	 */
	public function of(array $hashes): \Generator
	{
		[$some, $bytes] = [[], 0];
		foreach ($this->entries->some($hashes) as $entry) {
			$some[] = $entry;
			$bytes += strlen($entry->metadata);
			if (count($some) >= self::SOME || $bytes >= self::SOME_BYTES) {
				yield from $this->certain($some);
				[$some, $bytes] = [[], 0];
			}
		}
		yield from $this->certain($some);
	}

	/**
	 * Packs bytes in the order in which they are asked for, until the pack is full. What is gone, or has other bytes,
	 * is left out; so is what is too large for any pack.
	 *
	 * @param list<array{hash: string, scale: int, sha256: string}> $asked
	 */
	public function pack(array $asked): \FileSync\PackWriter
	{
		$pack = new \FileSync\PackWriter();
		foreach (array_chunk($asked, self::SOME) as $some) {
			$entries = $this->withoutPosts(array_column($some, 'hash'));
			foreach ($some as $one) {
				$entry = $entries[$one['hash']] ?? null;
				$path = $entry ? $this->path($entry, $one['scale']) : null;
				$size = $path === null ? 0 : Source::sizeOf($path);
				if ($path !== null && ! $pack->hasRoom($size) && $pack->count() > 0) {
					return $pack;
				}
				try {
					if ($path !== null && $pack->hasRoom($size)) {
						$pack->add($this->source->store, $path, $size, $one['sha256']);
					}
				} catch (NotFoundException) {
					// It went at this moment.
				}
				$this->source->drop();
			}
		}

		return $pack;
	}

	/**
	 * Finds the bytes of one file or crop. They stay where they are as long as this object lives.
	 *
	 * @param int $scale ORIGINAL, or that of a crop.
	 *
	 * @return ?array{root: string, path: string, size_bytes: int, sha256: ?string} Null: there are none. `sha256` is
	 *     null while they change, or are being read for it.
	 */
	public function bytes(string $hash, int $scale): ?array
	{
		$entry = $this->withoutPosts([$hash])[$hash] ?? null;
		$path = $entry ? $this->path($entry, $scale) : null;

		return (
			$entry && $path !== null
				? [
					'root' => '/',
					'path' => $path,
					'size_bytes' => Source::sizeOf($path),
					'sha256' => $this->digest($entry, $scale, $path),
				]
				: null
		);
	}

	/**
	 * @param list<string> $hashes
	 *
	 * @return array<string, Entry> By hash.
	 */
	private function withoutPosts(array $hashes): array
	{
		return array_column(iterator_to_array($this->entries->some($hashes, false), false), null, 'hash');
	}

	private function path(Entry $entry, int $scale): ?string
	{
		if ($scale === self::ORIGINAL) {
			return $entry->isFolder ? null : $this->source->original($entry);
		}
		foreach ($entry->crops as $crop) {
			if ($crop->scale === $scale) {
				return $this->source->crop($crop);
			}
		}

		return null;
	}

	/** Returns the digest of bytes; null if they change, or if that takes too long for now. */
	private function digest(Entry $entry, int $scale, string $path): ?string
	{
		return $scale === self::ORIGINAL && $entry->rowWithBytes === null
			? Digests::of(Facts::of($this->channel, $entry->hash, $scale), $this->untilMs)
			: $this->digestOf($path);
	}

	/**
	 * @param list<Entry> $some
	 *
	 * @return \Generator<int, Offered>
	 */
	private function certain(array $some): \Generator
	{
		$offered = array_map($this->look(...), $some);
		$this->source->drop();
		$now = array_map(Offer::print(...), $this->entries->of(array_column($some, 'hash')));
		foreach ($offered as $one) {
			$print = $now[$one->entry->hash] ?? null;
			if ($print === Offer::print($one->entry)) {
				yield $one;
			} elseif ($print !== null) {
				yield Offered::later($one->entry, 'changed_while_read');
			}
		}
	}

	private function look(Entry $entry): Offered
	{
		[$crops, $lacks] = $this->crops($entry);
		$lacks = [...$entry->lacks, ...$lacks];
		if ($entry->isFolder) {
			return Offered::whole($entry, [], $lacks);
		}
		$path = $this->source->original($entry);
		if ($path === null) {
			return Offered::faulty($entry, 'no_bytes', $crops, $lacks);
		}
		if (! is_readable("/$path")) {
			return Offered::faulty($entry, 'unreadable', $crops, $lacks);
		}
		$size = Source::sizeOf($path);
		$isRight = $size === $entry->sizeBytes;
		if (! $isRight && Source::isYoung($path)) {
			return Offered::later($entry, 'size_differs');
		}
		$sha256 = $this->digest($entry, self::ORIGINAL, $path);
		if ($sha256 === null) {
			return Offered::later($entry, 'not_read_yet');
		}
		$parts = [['role' => 'original', 'size' => $size, 'sha256' => $sha256], ...$crops];

		return $isRight
			? Offered::whole($entry, $parts, $lacks)
			: Offered::faulty($entry, 'size_differs', $parts, $lacks);
	}

	/** @return array{list<Part>, list<Lack>} */
	private function crops(Entry $entry): array
	{
		$parts = $lacks = [];
		foreach ($entry->crops as $crop) {
			$path = $this->source->crop($crop);
			$size = $path === null ? 0 : Source::sizeOf($path);
			$sha256 = $path === null || $size > self::LARGEST_CROP ? null : $this->digestOf($path);
			if ($sha256 === null) {
				$why = $size > self::LARGEST_CROP ? 'too_large' : 'no_bytes';
				$lacks[] = Lack::ofCrop($entry, $crop->scale, $why);
			} else {
				$parts[] = [
					'role' => 'crop',
					'scale' => $crop->scale,
					'mimetype' => $crop->mimetype,
					'size' => $size,
					'sha256' => $sha256,
				];
			}
		}

		return [$parts, $lacks];
	}

	/** Reads bytes that no record of digests has: they are few. */
	private function digestOf(string $path): ?string
	{
		try {
			$digest = new \FileSync\FileDigest($this->source->store, $path);
			while (! $digest->step(self::STEP_MS));

			return $digest->sha256();
		} catch (FileSyncException) {
			return null;
		}
	}
}

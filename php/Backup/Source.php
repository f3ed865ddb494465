<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Where the bytes of files and crops are, as paths beneath one folder. Bytes that the hub keeps in its database are
 * written to a file of ours, which goes with this object.
 */
final class Source
{
	private const WHOLE_BYTES = 8 << 20;
	private const PIECE_BYTES = 1 << 20;
	private const YOUNG_SECONDS = 60;

	public readonly \FileSync\Store $store;
	/** @var list<string> */
	private array $ours = [];
	private readonly string $root;

	public function __construct(private readonly Channel $channel)
	{
		// Links above the channel's folder are the admin's; beneath it the store follows none.
		$this->root = (string) realpath(Store::root($channel));
		$this->store = new \FileSync\Store('/');
	}

	public function __destruct()
	{
		$this->drop();
	}

	/**
	 * Returns the path of a file's bytes, null if there are none.
	 *
	 * @throws Problem
	 */
	public function original(Entry $entry): ?string
	{
		if ($entry->rowWithBytes !== null) {
			return $this->fromDatabase($entry, $entry->rowWithBytes);
		}
		$own = Store::root($this->channel) . '/';

		return $entry->path !== null && self::isFile($entry->path)
			? ltrim("$this->root/" . substr($entry->path, strlen($own)), '/')
			: null;
	}

	/** Returns the path of a crop's bytes, null if there are none. */
	public function crop(Crop $crop): ?string
	{
		if ($crop->facts->content !== null) {
			return $crop->facts->content === '' ? null : $this->keep("{$crop->facts->hash}-$crop->scale", [
					$crop->facts->content,
				]);
		}
		if ($crop->facts->path === null || ! self::isFile($crop->facts->path)) {
			return null;
		}
		[$root, $path] = $crop->facts->rootAndPath();

		return ltrim("$root/$path", '/');
	}

	/** Returns the number of bytes at a path. */
	public static function sizeOf(string $path): int
	{
		clearstatcache(true, "/$path");

		return (int) @filesize("/$path");
	}

	/** Tells whether bytes changed a moment ago: they may be half of something. */
	public static function isYoung(string $path): bool
	{
		return (int) @filemtime("/$path") > (Clock::now() - self::YOUNG_SECONDS);
	}

	/** Removes what was written for the last file. */
	public function drop(): void
	{
		array_map(fn ($path) => @unlink("/$path"), $this->ours);
		$this->ours = [];
	}

	private static function isFile(string $path): bool
	{
		return Store::facts($path) !== null;
	}

	private function fromDatabase(Entry $entry, int $row): string
	{
		$isLarge = $entry->sizeBytes > self::WHOLE_BYTES;
		$path = $this->keep($entry->hash, $isLarge ? self::pieces($row) : self::whole($row));
		// By size and time the next run sees that it is the same.
		@touch("/$path", (int) strtotime("$entry->edited UTC"));

		return $path;
	}

	/** @return list<string> */
	private static function whole(int $row): array
	{
		return [Table::first('attach', ['id' => $row, 'os_storage' => 0], '', 'content')['content'] ?? ''];
	}

	/** @return \Generator<int, string> */
	private static function pieces(int $row): \Generator
	{
		for ($at = 1;; $at += self::PIECE_BYTES) {
			$piece =
				Table::first(
					'attach',
					['id' => $row, 'os_storage' => 0],
					'',
					'substr(content, ' . $at . ', ' . self::PIECE_BYTES . ') AS content',
				)['content'] ?? '';
			if ($piece === '') {
				return;
			}
			yield $piece;
		}
	}

	/**
	 * @param iterable<int, string> $pieces
	 *
	 * @throws Problem
	 */
	private function keep(string $name, iterable $pieces): string
	{
		// Several processes may read the same file at once.
		$name .= '-' . (int) getmypid() . '.bytes';
		$path = ltrim((string) realpath(Notes::folder($this->channel->id)) . "/$name", '/');
		$file = @fopen("/$path", 'w');
		$this->ours[] = $path;
		foreach ($pieces as $piece) {
			if (! $file || @fwrite($file, $piece) !== strlen($piece)) {
				throw new Problem('disk_short', "/$path cannot be written; the same command goes on.", true);
			}
		}
		if ($file) {
			fclose($file);
		}

		return $path;
	}
}

<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Queue;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The state of one file or photo scale of a channel here: its row, and whether its bytes match the row.
 *
 * @type Stat = array{device: int, inode: int, size_bytes: int, mtime_ns: int, ctime_ns: int}
 * @type Row = array{
 *     edited: string, mimetype: string, filesize: int|numeric-string, os_storage: int|numeric-string, content: string
 * }
 */
final class Facts
{
	/**
	 * `whole`: the bytes are here. `none`: no row. `absent`: a row without bytes. `partial`: the number of bytes
	 * differs from the row.
	 */
	public readonly string $state;
	public readonly string $edited;
	public readonly string $mimetype;
	/** Whether bytes are arriving here. */
	public readonly bool $isArriving;
	public readonly int $sizeBytes;
	/** Hub-relative path of the bytes; null if they are in the database or missing. */
	public readonly ?string $path;
	/** Bytes held in the database. */
	public readonly ?string $content;

	private const RECENT_NS = 2000000000;

	/** @var ?Stat */
	private ?array $stat = null;

	/** @param ?Row $row */
	private function __construct(
		private readonly Channel $channel,
		public readonly string $hash,
		public readonly int $scale,
		bool $isArriving,
		?array $row,
	) {
		$this->isArriving = $isArriving;
		$this->edited = substr($row['edited'] ?? Core::noDate(), 0, 19);
		$this->mimetype = $row['mimetype'] ?? '';
		$this->content = $row && ! (int) $row['os_storage'] ? $row['content'] : null;
		$this->path = $row && $this->content === null ? self::pathOf($channel, $row, $scale) : null;
		$onDisk = Store::facts($this->path)['size_bytes'] ?? null;
		$this->sizeBytes = $this->content !== null ? strlen($this->content) : $onDisk ?? 0;
		$this->state = match (true) {
			! $row => 'none',
			$this->content === null && $onDisk === null => 'absent',
			$this->sizeBytes !== (int) $row['filesize'] => 'partial',
			default => 'whole',
		};
	}

	/** Returns the facts of a file (scale 0) or a photo scale. */
	public static function of(Channel $channel, string $hash, int $scale): self
	{
		$isArriving = Queue::arriving($channel->id, [$hash], $scale) !== [];

		return new self($channel, $hash, $scale, $isArriving, self::row($channel->id, $hash, $scale));
	}

	/**
	 * Returns the facts of those of many that are files on disk, from one look at the tables. The others, whose bytes
	 * may be in the database, are for of(), one at a time.
	 *
	 * @template K of array-key
	 *
	 * @param array<K, array{hash: string, scale: int, ...}> $wanted
	 *
	 * @return array<K, self>
	 */
	public static function ofMany(Channel $channel, array $wanted): array
	{
		$files = array_filter(
			$wanted,
			fn (array $one): bool => $one['scale'] === 0 && preg_match(Bounds::HASH, $one['hash']) === 1,
		);
		$hashes = array_values(array_unique(array_map(fn (array $one): string => $one['hash'], $files)));
		$arriving = array_flip(Queue::arriving($channel->id, $hashes, 0));
		$rows = Store::onDisk($channel->id, $hashes);
		$facts = [];
		foreach ($wanted as $key => ['hash' => $hash, 'scale' => $scale]) {
			$row = isset($files[$key]) ? $rows[$hash] ?? null : null;
			if ($row !== null) {
				$facts[$key] = new self(
					$channel,
					$hash,
					$scale,
					isset($arriving[$hash]),
					self::facts($row, $row['filetype'], $row['content']),
				);
			}
		}

		return $facts;
	}

	/**
	 * Returns device, inode, size and times of the bytes on disk, null if there are none.
	 *
	 * @return ?Stat
	 */
	public function stat(): ?array
	{
		if ($this->path === null) {
			return null;
		}
		try {
			[$root, $path] = $this->rootAndPath();

			return $this->stat = $root === '' ? null : (new \FileSync\Store($root))->stat($path);
		} catch (FileSyncException) {
			return $this->stat = null;
		}
	}

	/** Returns the strong validator of the bytes seen by stat(), or null if there are none. */
	public function etag(): ?string
	{
		if ($this->content !== null) {
			return substr(hash('sha256', 'database:' . hash('sha256', $this->content)), 0, 40);
		}
		$stat = $this->stat ?? $this->stat();

		return $stat ? substr(hash('sha256', self::key($stat)), 0, 40) : null;
	}

	/**
	 * Tells whether the bytes seen by stat() changed so recently that another change might go unnoticed.
	 *
	 * @param Stat $stat
	 */
	public static function isRecent(array $stat): bool
	{
		return abs((int) (Clock::exact() * 1e9) - $stat['ctime_ns']) < self::RECENT_NS;
	}

	/**
	 * Returns the facts of a file's content as one text.
	 *
	 * @param Stat $stat
	 */
	public static function key(array $stat): string
	{
		return implode(':', [
			$stat['device'],
			$stat['inode'],
			$stat['size_bytes'],
			$stat['mtime_ns'],
			$stat['ctime_ns'],
		]);
	}

	/**
	 * Returns the folder that reading must not leave, and the path beneath it.
	 *
	 * @return array{string, string}
	 */
	public function rootAndPath(): array
	{
		$own = Store::root($this->channel);
		$root = str_starts_with((string) $this->path, $own . '/') ? $own : 'store/[data]/[xchan]';

		return [(string) realpath($root), substr((string) $this->path, strlen($root) + 1)];
	}

	public function channelId(): int
	{
		return $this->channel->id;
	}

	/** @return ?Row */
	private static function row(int $channelId, string $hash, int $scale): ?array
	{
		if (! preg_match(Bounds::HASH, $hash)) {
			return null;
		}
		if ($scale === 0) {
			try {
				$row = Store::attach($channelId, $hash);
			} catch (Refused) {
				return null;
			}

			return $row && ! (int) $row['is_dir'] ? self::facts($row, $row['filetype'], $row['content']) : null;
		}
		$row = Store::photo($channelId, $hash, $scale);
		if (! $row || $row['resource_id'] !== $hash) {
			return null;
		}

		$content = Table::first('photo', ['id' => (int) $row['id']], '', 'content')['content'] ?? '';

		return self::facts($row, $row['mimetype'], $content);
	}

	/**
	 * @param array{edited: string, filesize: int|numeric-string, os_storage: int|numeric-string, ...} $row
	 *
	 * @return Row
	 */
	private static function facts(array $row, string $mimetype, string $content): array
	{
		return [
			'edited' => $row['edited'],
			'mimetype' => $mimetype,
			'filesize' => $row['filesize'],
			'os_storage' => $row['os_storage'],
			'content' => $content,
		];
	}

	/** @param Row $row */
	private static function pathOf(Channel $channel, array $row, int $scale): ?string
	{
		$path = Store::pathOf($channel, $row);
		if (
			$path === null
			&& $scale > 0
			&& preg_match('#^store/\[data\]/\[xchan\]/[A-Za-z0-9]/[A-Za-z0-9]/[A-Za-z0-9-]+$#D', $row['content'])
		) {
			return $row['content'];
		}

		return $path;
	}
}

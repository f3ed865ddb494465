<?php

namespace FileSync\Addon\Drill;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a set says of one file or folder, as its metadata file has it: nothing is made right.
 *
 * @type Row = array<array-key, mixed>
 */
final class Recorded
{
	/** The columns that say who may see something; named here, since a drill asks no other code what a row has. */
	public const LISTS = ['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'];
	/** How deep metadata is at most, and a little more. */
	private const DEPTH = 80;

	/**
	 * @param list<Row> $chain
	 * @param array<int, Row> $photos
	 * @param array<int, array{size: int, sha256: string, mimetype: string}> $parts
	 * @param list<mixed> $items
	 */
	private function __construct(
		public readonly string $hash,
		public readonly bool $isFolder,
		/** Rows of its folders from the root down, and its own. */
		public readonly array $chain,
		/** Photo rows, by scale. */
		public readonly array $photos,
		/** Its bytes, by scale; 0 is the file itself. */
		public readonly array $parts,
		/** Its posts. */
		public readonly array $items,
	) {}

	/** Reads a metadata file; null if it is none of a file or folder. */
	public static function of(string $json): ?self
	{
		$said = self::decoded($json);
		$chain = self::rows($said['attach'] ?? null);
		$kind = self::text($said, 'kind');
		if ($chain === [] || ! in_array($kind, ['file', 'folder'], true)) {
			return null;
		}
		$photos = $parts = [];
		foreach (self::rows($said['photo'] ?? null) as $row) {
			$photos[self::number($row, 'imgscale')] = $row;
		}
		foreach (self::rows($said['parts'] ?? null) as $part) {
			$isFile = ($part['role'] ?? '') === 'original';
			if ($isFile || ($part['role'] ?? '') === 'crop') {
				$parts[$isFile ? 0 : self::number($part, 'scale')] = [
					'size' => self::number($part, 'size'),
					'sha256' => self::text($part, 'sha256'),
					'mimetype' => self::text($part, 'mimetype'),
				];
			}
		}

		return new self(
			self::text($said, 'hash'),
			$kind === 'folder',
			$chain,
			$photos,
			$parts,
			array_values(self::list($said, 'item')),
		);
	}

	/** @return Row Its own row. */
	public function row(): array
	{
		return $this->chain[count($this->chain) - 1];
	}

	/** @return list<string> The names of its folders from the root down, and its own. */
	public function names(): array
	{
		return array_map(fn ($row) => self::text($row, 'filename'), $this->chain);
	}

	/** Returns its name for people. */
	public function name(): string
	{
		return implode('/', $this->names());
	}

	public function sizeBytes(): int
	{
		return $this->parts[0]['size'] ?? 0;
	}

	/** Returns the bytes of all its parts. */
	public function allBytes(): int
	{
		return array_sum(array_column($this->parts, 'size'));
	}

	/** @return list<string> The hashes of its folders. */
	public function folders(): array
	{
		return array_map(fn ($row) => self::text($row, 'hash'), array_slice($this->chain, 0, -1));
	}

	/** Tells whether everybody may see it, by its own access and that of its folders. */
	public function isPublic(): bool
	{
		return array_filter($this->chain, self::isLimited(...)) === [];
	}

	/**
	 * Tells whether a row says who may see something.
	 *
	 * @param Row $row
	 */
	public static function isLimited(array $row): bool
	{
		return implode('', array_map(fn ($list) => self::text($row, $list), self::LISTS)) !== '';
	}

	/**
	 * Returns a JSON object; an empty one for anything else.
	 *
	 * @return Row
	 */
	public static function decoded(?string $json): array
	{
		/** @var mixed */
		$said = json_decode((string) $json, true, self::DEPTH);

		return is_array($said) ? $said : [];
	}

	/**
	 * Returns what is at a key, if that is an array.
	 *
	 * @param Row $row
	 *
	 * @return Row
	 */
	public static function list(array $row, string $key): array
	{
		return is_array($row[$key] ?? null) ? $row[$key] : [];
	}

	/** @param Row $row */
	public static function text(array $row, string $key): string
	{
		return is_scalar($row[$key] ?? null) ? (string) $row[$key] : '';
	}

	/** @param Row $row */
	public static function number(array $row, string $key): int
	{
		return is_numeric($row[$key] ?? null) ? (int) $row[$key] : 0;
	}

	/** @return list<Row> What is an array in a list. */
	public static function rows(mixed $rows): array
	{
		return is_array($rows) ? array_values(array_filter($rows, is_array(...))) : [];
	}
}

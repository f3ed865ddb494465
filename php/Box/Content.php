<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Hub\Bounds;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a file is by its content: clients may give it any name, in any folder. What is taken for a list or for metadata
 * here is read again, and proven, by whatever restores it.
 *
 * @type Part = array{sha256: string, size_bytes: int}
 */
final class Content
{
	private const MOST_BYTES = 4 << 20;
	private const DEPTH = 64;
	private const HASH = '/^[A-Za-z0-9-]{1,64}$/D';
	private const LINE = '/^([0-9a-f]{64})  (.+)$/D';
	private const OF_TAGS = '#^(README\.txt|bag-info\.txt|bagit\.txt|manifest-sha256\.txt|set\.json|runs/.*\.json)$#D';
	private const MOST_LINE_BYTES = 1024;
	private const BEGINNING = 15;

	/** @param list<Part> $parts */
	private function __construct(
		public readonly Kind $kind,
		/**
		 * Of metadata: the hash. Of the list of files: how many bytes with other digests it names. Of the list of
		 * lists: the digest of the list of files. Of a signature: the digest that it signs. Of `set.json`: who signed
		 * it.
		 */
		public readonly string $says = '',
		/** Of metadata: when it was first seen. Of the list of lists: the digest of `set.json`. */
		public readonly string $since = '',
		public readonly array $parts = [],
	) {}

	/** Returns what a file is that has no bytes yet. */
	public static function nothing(): self
	{
		return new self(Kind::Empty);
	}

	/** Looks at a file. */
	public static function of(string $path, int $sizeBytes): self
	{
		$file = $sizeBytes > 0 ? fopen($path, 'rb') : false;
		if (! $file) {
			return new self($sizeBytes > 0 ? Kind::Data : Kind::Empty);
		}
		$first = (string) fgets($file, self::MOST_LINE_BYTES + 1);
		$part = [];
		$content = match (true) {
			$sizeBytes <= self::MOST_BYTES && str_starts_with(ltrim($first), '{') => self::object($path),
			preg_match(self::LINE, rtrim($first, "\n"), $part) !== 1 => null,
			str_starts_with($part[2], 'data/') => self::manifest($file, $part[1]),
			preg_match(self::OF_TAGS, $part[2]) === 1 => self::tags($file, $first),
			default => null,
		};
		fclose($file);

		return $content ?? new self(Kind::Data);
	}

	/**
	 * Returns the digests that a list names, a page at a time, each with its path.
	 *
	 * @return \Generator<int, array<string, string>>
	 */
	public static function listed(string $path, int $together): \Generator
	{
		$file = @fopen($path, 'rb');
		if (! $file) {
			return;
		}
		$some = $part = [];
		while (($line = fgets($file, self::MOST_LINE_BYTES + 1)) !== false) {
			if (preg_match(self::LINE, rtrim($line, "\n"), $part)) {
				$some[$part[1]] ??= $part[2];
			}
			if (count($some) >= $together) {
				yield $some;
				$some = [];
			}
		}
		fclose($file);
		if ($some !== []) {
			yield $some;
		}
	}

	private static function object(string $path): ?self
	{
		/** @var mixed $said */
		$said = json_decode((string) file_get_contents($path), true, self::DEPTH);
		if (! is_array($said)) {
			return null;
		}
		$hash = is_string($said['hash'] ?? null) ? $said['hash'] : '';
		$kind = is_string($said['kind'] ?? null) ? $said['kind'] : '';
		if (is_string($said['signs'] ?? null) && self::isDigest($said['sha256'] ?? null)) {
			return new self(Kind::Signature, (string) $said['sha256']);
		}
		if (! is_int($said['filesync_set'] ?? null)) {
			return null;
		}
		if (is_array($said['channel'] ?? null) && is_string($said['run'] ?? null) && $hash === '') {
			return new self(Kind::Set, is_array($said['signed_by'] ?? null) ? self::signer($said['signed_by']) : '');
		}
		if (
			! preg_match(self::HASH, $hash)
			|| ! in_array($kind, ['file', 'folder'], true)
			|| ! is_array($said['attach'] ?? null)
		) {
			return null;
		}
		$since = is_string($said['seen'] ?? null) ? substr($said['seen'], 0, 64) : '';

		return new self(Kind::Metadata, $hash, $since, self::parts($said['parts'] ?? null));
	}

	/** @param array<array-key, mixed> $signedBy */
	private static function signer(array $signedBy): string
	{
		return isset($signedBy['channel']) ? 'channel' : '';
	}

	/** @return list<Part> Those that are files of their own. */
	private static function parts(mixed $said): array
	{
		$parts = [];
		foreach (array_filter(is_array($said) ? $said : [], is_array(...)) as $part) {
			if (
				is_string($part['path'] ?? null)
				&& self::isDigest($part['sha256'] ?? null)
				&& is_int($part['size'] ?? null)
				&& $part['size'] >= 0
			) {
				$parts["{$part['sha256']} {$part['size']}"] = [
					'sha256' => (string) $part['sha256'],
					'size_bytes' => $part['size'],
				];
			}
		}

		return array_values($parts);
	}

	/** @param resource $file After its first line. */
	private static function manifest($file, string $first): self
	{
		// The beginning of a digest tells a million of them apart, and as a number it takes little memory.
		$digests = [(int) hexdec(substr($first, 0, self::BEGINNING)) => true];
		while (($line = fgets($file, self::MOST_LINE_BYTES + 1)) !== false) {
			$digests[(int) @hexdec(substr($line, 0, self::BEGINNING))] = true;
		}

		return new self(Kind::Manifest, (string) count($digests));
	}

	/** @param resource $file After its first line. */
	private static function tags($file, string $first): self
	{
		[$digests, $part, $line] = [[], [], $first];
		for (; $line !== false; $line = fgets($file, self::MOST_LINE_BYTES + 1)) {
			if (preg_match(self::LINE, rtrim($line, "\n"), $part)) {
				$digests[$part[2]] = $part[1];
			}
		}

		return new self(Kind::Tags, $digests['manifest-sha256.txt'] ?? '', $digests['set.json'] ?? '');
	}

	private static function isDigest(mixed $said): bool
	{
		return is_string($said) && preg_match(Bounds::DIGEST, $said) === 1;
	}
}

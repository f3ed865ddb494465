<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** JSON from others and for them: a short text can need much memory, and PHP kills a process that runs out of it. */
final class Json
{
	/** How it is written for others: slashes and letters stay, bytes that are not text become U+FFFD. */
	public const FLAGS = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE;
	/** The most bytes that a value, and a list or object around values, takes beside its text. */
	private const VALUE_BYTES = 120;
	private const LIST_BYTES = 400;
	/** The assumed limit if PHP has none. */
	private const UNLIMITED_BYTES = 1 << 29;

	/**
	 * Decodes a text; null if it is not JSON.
	 *
	 * @throws \LengthException It needs more memory than this process has left.
	 */
	public static function read(string $text, int $depth = 512): mixed
	{
		[$needed, $free] = [self::neededBytes($text), self::freeBytes()];
		if ($needed > $free) {
			throw new \LengthException(sprintf(
				'it needs %d MiB of memory, %d MiB are free (memory_limit)',
				ceil($needed / 1048576),
				$free >> 20,
			));
		}

		return json_decode($text, true, $depth);
	}

	/** Counts structural characters outside of strings. */
	private static function neededBytes(string $text): int
	{
		$needed = $length = strlen($text);
		for ($at = strcspn($text, '",[{'); $at < $length; $at += strcspn($text, '",[{', $at)) {
			if ($text[$at] !== '"') {
				$needed += $text[$at++] === ',' ? self::VALUE_BYTES : self::LIST_BYTES;
				continue;
			}
			for ($at++; ($at += strcspn($text, '"\\', $at)) < $length && $text[$at] === '\\'; $at += 2);
			$at++;
		}

		return $needed;
	}

	private static function freeBytes(): int
	{
		return max(
			0,
			min(Runtime::memoryLimit() ?? self::UNLIMITED_BYTES, self::UNLIMITED_BYTES) - memory_get_usage(),
		);
	}
}

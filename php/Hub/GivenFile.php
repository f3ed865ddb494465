<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A file that is only in memory, for core's import, which reads an upload by its name and removes it: what is in it, a
 * channel's private key among the rest, never reaches a disk.
 */
final class GivenFile
{
	private const SCHEME = 'filesync-given';
	private const NAME = self::SCHEME . '://export.json';

	private static string $bytes = '';

	/** @var ?resource Set by PHP. */
	public $context;
	private int $at = 0;

	/** Makes bytes readable as a file, and returns its name. */
	public static function of(string $bytes): string
	{
		if (! in_array(self::SCHEME, stream_get_wrappers(), true)) {
			stream_wrapper_register(self::SCHEME, self::class);
		}
		self::$bytes = $bytes;

		return self::NAME;
	}

	public function stream_open(string $path, string $mode): bool
	{
		return $path === self::NAME && str_starts_with($mode, 'r') && self::$bytes !== '';
	}

	public function stream_read(int $count): string
	{
		$read = substr(self::$bytes, $this->at, $count);
		$this->at += strlen($read);

		return $read;
	}

	public function stream_eof(): bool
	{
		return $this->at >= strlen(self::$bytes);
	}

	/** @return array{size: int} */
	public function stream_stat(): array
	{
		return ['size' => strlen(self::$bytes)];
	}

	public function unlink(string $path): bool
	{
		self::$bytes = '';

		return $path === self::NAME;
	}
}

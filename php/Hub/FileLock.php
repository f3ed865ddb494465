<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A lock on a file that the kernel holds for this process: it ends with the process, and none that this one begins
 * keeps it.
 */
final class FileLock
{
	/** @param resource $file */
	private function __construct(private $file) {}

	/** Opens the file, and makes it if it is missing; null if that cannot be. */
	public static function open(string $path): ?self
	{
		$file = @fopen($path, 'ce');

		return $file ? new self($file) : null;
	}

	/** Takes the lock; false if another process has it. */
	public function take(): bool
	{
		return flock($this->file, LOCK_EX | LOCK_NB);
	}

	/** Takes the lock as soon as no other process has it. */
	public function wait(): void
	{
		flock($this->file, LOCK_EX);
	}

	/** Takes it together with others that do so, as soon as no other process has it alone. */
	public function share(): void
	{
		flock($this->file, LOCK_SH);
	}

	/** Gives it back. */
	public function release(): void
	{
		flock($this->file, LOCK_UN);
		fclose($this->file);
	}
}

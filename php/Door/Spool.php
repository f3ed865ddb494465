<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The copy that PHP makes of a long body in its temporary folder, and leaves there if its process is killed. Each is
 * noted while it is read, by its path and inode, so that only our own are ever taken away.
 */
final class Spool
{
	private const NAME = '#/php[A-Za-z0-9]{6}$#D';
	private const NOTE = 'body-';
	/** A request of which the note is so old is over, or does without its name. */
	private const OLD_SECONDS = 3600;

	private ?string $note = null;

	public function __construct(private readonly string $folder) {}

	/** Notes the copy of this request's body, once there is one. */
	public function look(): void
	{
		if ($this->note !== null) {
			return;
		}
		$copies = [];
		foreach (@scandir('/proc/self/fd') ?: [] as $name) {
			$path = @readlink("/proc/self/fd/$name");
			$facts = is_string($path) && preg_match(self::NAME, $path) ? @lstat($path) : false;
			if ($facts) {
				$copies[] = ['path' => $path, 'device' => $facts['dev'], 'inode' => $facts['ino']];
			}
		}
		$this->note = $copies === [] ? null : "$this->folder/" . self::NOTE . Token::make();
		if ($this->note !== null) {
			@file_put_contents($this->note, json_encode($copies, JSON_THROW_ON_ERROR));
		}
	}

	/** Forgets it: PHP removes the copy itself at the end of the request. */
	public function end(): void
	{
		if ($this->note !== null) {
			@unlink($this->note);
		}
		$this->note = null;
	}

	/** Removes the copies that killed requests left, and their notes in a folder. */
	public static function sweep(string $folder, int $olderThan = self::OLD_SECONDS): void
	{
		foreach (@scandir($folder) ?: [] as $name) {
			$note = "$folder/$name";
			$noted = (int) @filemtime($note);
			if (! str_starts_with($name, self::NOTE) || $noted > (Clock::now() - $olderThan)) {
				continue;
			}
			/** @var list<array{path: string, device: int, inode: int}>|null $copies */
			$copies = json_decode((string) @file_get_contents($note), true);
			foreach ($copies ?? [] as $copy) {
				$facts = preg_match(self::NAME, $copy['path']) ? @lstat($copy['path']) : false;
				// A file of another has another inode; its time says that it is not one that was made since.
				if (
					$facts
					&& [$facts['dev'], $facts['ino']] === [$copy['device'], $copy['inode']]
					&& ($facts['mode'] & 0170000) === 0100000
					&& $facts['mtime'] <= ($noted + self::OLD_SECONDS)
				) {
					@unlink($copy['path']);
				}
			}
			@unlink($note);
		}
	}
}

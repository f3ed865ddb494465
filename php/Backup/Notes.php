<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Store;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a run has to remember until its end: what the set will lack, and which files must be read again. A file of
 * lines, so that memory stays flat and an interrupted run finds it.
 *
 * @type Note = array{again?: string, what?: string, why?: string, words?: string, hash?: string}
 */
final class Notes
{
	private const OLD_SECONDS = 30 * 86400;

	/** @var resource */
	private $file;

	/** @param resource $file */
	private function __construct(private readonly string $path, $file, private int $length)
	{
		$this->file = $file;
	}

	/**
	 * Opens the notes of a run.
	 *
	 * @param int $length What the run is sure of; the rest is forgotten.
	 *
	 * @return ?self Null if they are shorter: then the run must be begun again.
	 */
	public static function open(int $channelId, string $folder, string $run, int $length): ?self
	{
		$path = self::folder($channelId) . '/' . substr(hash('sha256', "$folder\n$run"), 0, 24) . '.notes';
		$file = @fopen($path, 'c+');
		if (! $file) {
			throw new Problem('disk_short', "$path cannot be written; the same command goes on.", true);
		}
		if ((fstat($file)['size'] ?? 0) < $length) {
			fclose($file);

			return null;
		}
		ftruncate($file, $length);

		return new self($path, $file, $length);
	}

	/** Returns our folder for what backups need for a while, hub-relative. */
	public static function folder(int $channelId): string
	{
		$folder = Store::dataRoot($channelId, true) . '/backup';
		if (! is_dir($folder)) {
			@mkdir($folder, 0700);
		}

		return $folder;
	}

	/** Removes what runs left that nobody continued. */
	public static function prune(int $channelId): void
	{
		foreach (glob(strtr(Store::dataRoot($channelId), ['[' => '\[', ']' => '\]']) . '/backup/*') ?: [] as $path) {
			if ((int) @filemtime($path) < (Clock::now() - self::OLD_SECONDS)) {
				@unlink($path);
			}
		}
	}

	/** Notes that something will be lacking. */
	public function lack(Lack $lack): void
	{
		$this->write($lack->listed());
	}

	/** Notes that a file must be read again at the end. */
	public function again(string $hash): void
	{
		$this->write(['again' => $hash]);
	}

	/** Returns how long the notes are now. */
	public function length(): int
	{
		return $this->length;
	}

	/** @return \Generator<int, Lack> */
	public function lacks(): \Generator
	{
		foreach ($this->lines() as $note) {
			if (isset($note['what'], $note['why'], $note['words'])) {
				yield new Lack($note['what'], $note['why'], $note['words'], $note['hash'] ?? '');
			}
		}
	}

	/** @return list<string> The files to be read again. */
	public function toReadAgain(): array
	{
		$hashes = [];
		foreach ($this->lines() as $note) {
			if (isset($note['again'])) {
				$hashes[$note['again']] = true;
			}
		}

		return array_map(strval(...), array_keys($hashes));
	}

	/** Removes them. */
	public function remove(): void
	{
		fclose($this->file);
		@unlink($this->path);
	}

	/** @param Note $note */
	private function write(array $note): void
	{
		$line =
			json_encode(
				$note,
				Json::FLAGS | JSON_THROW_ON_ERROR,
			) . "\n";
		fseek($this->file, $this->length);
		if (@fwrite($this->file, $line) !== strlen($line)) {
			throw new Problem('disk_short', "$this->path cannot be written; the same command goes on.", true);
		}
		$this->length += strlen($line);
	}

	/** @return \Generator<int, Note> */
	private function lines(): \Generator
	{
		rewind($this->file);
		for ($line = fgets($this->file); $line !== false; $line = fgets($this->file)) {
			/** @var ?Note */
			$note = json_decode($line, true);
			if ($note !== null) {
				yield $note;
			}
		}
	}
}

<?php

namespace FileSync\Addon\Drill;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Restore\Intake;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a drill needs of a set of which only lists and metadata were sent: the digests of its sample, and the files that
 * are read back. Both lists are on disk, a line each, since a set may have a million files.
 *
 * @type Facts = array{
 *     percent: int, seed: string, files: int, folders: int, bytes: int, of_files: int, of_bytes: int,
 *     lacking_bytes: int
 * }
 */
final class Needed
{
	private const DIGESTS = 'drill-digests';
	private const FILES = 'drill-files';

	/** @param string $folder That of the session, hub-relative. */
	public function __construct(private readonly string $folder) {}

	/**
	 * Chooses a sample, makes sure that there is room for it, and writes both lists.
	 *
	 * @param string                $set  The folder of the set, with its full path.
	 * @param \Closure(int): string $size Writes a number of bytes.
	 * @param \Closure(): void      $beat Called for each entry.
	 *
	 * @return Facts
	 *
	 * @throws \FileSync\Addon\Backup\Problem There is too little room, or the set may not be read.
	 */
	public function choose(Channel $of, string $set, Wish $wish, \Closure $size, \Closure $beat): array
	{
		$files = SetFiles::in($set, $of);
		$sample = Sample::of($files, $wish, $beat);
		[$digests, $names] = [$this->write(self::DIGESTS), $this->write(self::FILES)];
		$lacking = 0;
		foreach ($files->entries() as $entry) {
			$beat();
			if (is_string($entry) || $entry->isFolder || ! $sample->has($entry->hash) || ! isset($entry->parts[0])) {
				continue;
			}
			fwrite($names, "$entry->hash\n");
			foreach ($entry->parts as $part) {
				fwrite($digests, "{$part['sha256']}\n");
				$lacking += is_file("$this->folder/" . Intake::place($part['sha256'])) ? 0 : $part['size'];
			}
		}
		if (! fflush($digests) || ! fflush($names)) {
			throw new \RuntimeException('cannot write what a drill needs');
		}
		Drill::needRoom($lacking + Drill::neededBytes($sample->bytes), $size);

		return $sample->facts() + ['lacking_bytes' => $lacking];
	}

	/**
	 * Returns some of the digests.
	 *
	 * @param int $after What the last answer gave; 0: the first.
	 *
	 * @return array{list<string>, ?int} And where the next are; null: those were the last.
	 */
	public function digests(int $after, int $most): array
	{
		return $this->read(self::DIGESTS, $after, $most);
	}

	/**
	 * Returns some of the files, by their hashes in the set.
	 *
	 * @param int $after As of digests().
	 *
	 * @return array{list<string>, ?int}
	 */
	public function files(int $after, int $most): array
	{
		return $this->read(self::FILES, $after, $most);
	}

	/** @return resource */
	private function write(string $name)
	{
		return fopen("$this->folder/$name", 'wb') ?: throw new \RuntimeException("cannot write $name");
	}

	/** @return array{list<string>, ?int} */
	private function read(string $name, int $after, int $most): array
	{
		$file = @fopen("$this->folder/$name", 'rb');
		if (! $file || fseek($file, $after) !== 0) {
			return [[], null];
		}
		$lines = [];
		while (count($lines) < $most && ($line = fgets($file)) !== false) {
			$lines[] = rtrim($line, "\n");
		}
		$next = (int) ftell($file);
		$isOver = fgetc($file) === false;
		fclose($file);

		return [$lines, $isOver ? null : $next];
	}
}

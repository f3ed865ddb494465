<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Config;
use FileSync\Dump;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The copy of an export from which workers import what is not imported while its owner waits. The channel's own
 * sections, its private key among them, are not in it. It is a plain file that only the hub may read, and goes with the
 * import.
 */
final class Staged
{
	private const MOST_BYTES = 4194304;

	/** @param resource $file */
	private function __construct(
		private $file,
		private readonly int $most,
		private int $bytes = 0,
	) {}

	/** Returns the path of an import's copy, beneath the hub's root. */
	public static function path(string $job): string
	{
		return Job::pathOf($job, 'export');
	}

	/**
	 * Copies some sections of an export.
	 *
	 * @param array<string, string> $texts    Sections that are short, as JSON.
	 * @param list<Section>         $sections
	 *
	 * @return int How many bytes of elements it has.
	 *
	 * @throws Problem
	 */
	public static function write(string $job, Dump $dump, array $texts, array $sections): int
	{
		$new = Job::pathOf($job, 'new');
		$file = self::open($new);
		$free = (new \FileSync\Store((string) realpath('store')))->freeBytes() - Config::number('headroom_bytes');
		$staged = new self($file, min($free, Config::number('import_max_bytes')));
		try {
			$elements = $staged->copy($dump, $texts, $sections);
		} finally {
			fclose($file);
		}
		rename($new, self::path($job));

		return $elements;
	}

	/** @return resource */
	private static function open(string $path)
	{
		@unlink($path);
		$mask = umask(0077);
		$file = @fopen($path, 'x');
		umask($mask);

		return $file ?: throw self::full($path);
	}

	private static function full(string $path): Problem
	{
		return new Problem('disk_failed', "The hub cannot write $path: its disk is full or fails.", true);
	}

	/**
	 * @param array<string, string> $texts
	 * @param list<Section>         $sections
	 */
	private function copy(Dump $dump, array $texts, array $sections): int
	{
		$separator = '{';
		foreach ($texts as $name => $json) {
			$this->put($separator . json_encode($name, JSON_THROW_ON_ERROR) . ':' . $json);
			$separator = ",\n";
		}
		$elements = 0;
		$last = null;
		$begun = [];
		try {
			while ($next = $dump->next(Section::Config->most(), self::MOST_BYTES)) {
				$name = $next['section'];
				if ($next['first'] === null || ! in_array(Section::tryFrom($name), $sections, true)) {
					continue;
				}
				if ($name !== $last && isset($begun[$name])) {
					throw new Problem('section_twice', "The section \"$name\" of the file is in several pieces.");
				}
				if ($name !== $last) {
					$this->put(($last === null ? $separator : "],\n") . "\"$name\":[");
				}
				$list = implode(',', $next['elements']);
				$this->put(($name === $last ? ',' : '') . $list);
				$elements += array_sum(array_map(strlen(...), $next['elements']));
				$begun[$last = $name] = true;
			}
		} catch (FileSyncException $e) {
			throw Survey::problem($e, 'The file');
		}
		$this->put(($last === null ? '' : ']') . ($last === null && $texts === [] ? '{}' : '}'));
		if (! fflush($this->file) || ! fsync($this->file)) {
			throw self::full('a copy of the file');
		}

		return $elements;
	}

	private function put(string $text): void
	{
		$this->bytes += strlen($text);
		if ($this->bytes > $this->most) {
			throw new Problem(
				'export_too_large',
				"The hub takes at most $this->most bytes of an export here (`import_max_bytes`, and what is free on its"
				. ' disk). Its admin can import the file by `cli.php import-dump`.',
			);
		}
		if (fwrite($this->file, $text) !== strlen($text)) {
			throw self::full('a copy of the file');
		}
	}
}

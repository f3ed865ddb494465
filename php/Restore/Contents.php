<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Notes;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What is in a set now or at an earlier time, folder by folder. Reading a set opens each of its metadata files; so it
 * is read once for each of its states, into a file of ours that is read in one go. Memory holds a page of a folder.
 *
 * @type Row = array{name: string, is_folder: bool, size_bytes: int, edited: string, hash: string, sha256: string}
 */
final class Contents
{
	private const SOME = 1000;
	/** As many lists of a channel are kept. */
	private const KEPT = 4;
	private const WANTED = 'list_wanted';
	private const NOW = 'now';

	private function __construct(private readonly string $path) {}

	/**
	 * Returns those of a set.
	 *
	 * @param ?string         $at       A time; null: now.
	 * @param \Closure(): bool $mustStop Asked while the set is read.
	 *
	 * @return ?self Null if it was stopped before its end.
	 *
	 * @throws \FileSync\Exception\FileSyncException The set cannot be read.
	 */
	public static function of(int $channelId, NightlySet $set, ?string $at, \Closure $mustStop): ?self
	{
		$folder = Notes::folder($channelId);
		$path = "$folder/list-" . substr(hash('sha256', "$set->folder\n$set->stamp\n$at"), 0, 24);
		if (is_file($path)) {
			@touch($path);

			return new self($path);
		}
		$fresh = "$path." . substr(Token::make(), 0, 12);
		$file = fopen($fresh, 'x');
		if (! $file) {
			throw new \RuntimeException("$fresh cannot be written");
		}
		try {
			$list = new \FileSync\SetList($set->folder, $at === null ? [] : ['at' => $at]);
			while ($rows = $list->next(self::SOME)) {
				$text = implode('', array_map(self::line(...), $rows));
				if (fwrite($file, $text) !== strlen($text)) {
					throw new \RuntimeException("$fresh cannot be written");
				}
				if ($mustStop()) {
					return null;
				}
			}
			fflush($file);
			rename($fresh, $path);
		} finally {
			fclose($file);
			@unlink($fresh);
		}
		self::prune($folder);

		return new self($path);
	}

	/** Notes that a worker shall read the set: it takes too long for a page. */
	public static function want(int $channelId, ?string $at): void
	{
		Config::set(self::WANTED, $at ?? self::NOW, "restore:$channelId");
	}

	/** @return array<int, ?string> The times that are wanted, by channel. */
	public static function wanted(): array
	{
		$wanted = [];
		foreach (Config::scopesOf(self::WANTED) as $scope) {
			$at = Config::get(self::WANTED, $scope);
			$wanted[(int) substr($scope, strlen('restore:'))] = $at === self::NOW ? null : $at;
		}

		return $wanted;
	}

	/** Notes that no worker shall. */
	public static function forget(int $channelId): void
	{
		Config::clear(self::WANTED, "restore:$channelId");
	}

	/**
	 * Returns a page of a folder: folders first, each by name without regard to case.
	 *
	 * @param list<string> $names The folder, by names from the root down.
	 * @param string       $after The place of the last row of the page before; empty: the first page.
	 *
	 * @return array{rows: list<Row>, all: int, next: string} `all`: how many are in the folder. `next`: the place of
	 *     the last row if more come.
	 */
	public function page(array $names, string $after, int $limit): array
	{
		$prefix = self::key($names) . ' ';
		/** @var \SplMaxHeap<string> $places */
		$places = new \SplMaxHeap();
		$rows = [];
		$all = 0;
		foreach ($this->lines() as $line) {
			if (! str_starts_with($line, $prefix)) {
				continue;
			}
			$all++;
			/** @var Row $row */
			$row = json_decode(substr($line, strlen($prefix)), true);
			$place = self::place($row);
			if ($place <= $after) {
				continue;
			}
			$places->insert($place);
			$rows[$place] = $row;
			if (count($places) > ($limit + 1)) {
				unset($rows[$places->extract()]);
			}
		}
		ksort($rows, SORT_STRING);
		$hasMore = count($rows) > $limit;
		$rows = array_slice(array_values($rows), 0, $limit);

		return ['rows' => $rows, 'all' => $all, 'next' => $hasMore ? self::place($rows[$limit - 1]) : ''];
	}

	/** @return \Generator<int, string> */
	private function lines(): \Generator
	{
		$file = @fopen($this->path, 'r');
		if ($file) {
			while (($line = fgets($file)) !== false) {
				yield $line;
			}
			fclose($file);
		}
	}

	/**
	 * @param array{
	 *     names: list<string>, kind: string, size_bytes: int, edited: string, hash: string, sha256: ?string,
	 *     why: ?string, ...
	 * } $row
	 */
	private static function line(array $row): string
	{
		$names = $row['names'];
		$name = array_pop($names);
		if ($row['why'] !== null || $name === null) {
			return '';
		}

		return (
			self::key($names)
			. ' '
			. json_encode(
				[
					'name' => $name,
					'is_folder' => $row['kind'] === 'folder',
					'size_bytes' => $row['size_bytes'],
					'edited' => $row['edited'],
					'hash' => $row['hash'],
					'sha256' => $row['sha256'] ?? '',
				],
				Json::FLAGS | JSON_THROW_ON_ERROR,
			)
			. "\n"
		);
	}

	/** @param list<string> $names */
	private static function key(array $names): string
	{
		$text = json_encode($names, JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR);

		return substr(hash('sha256', $text), 0, 24);
	}

	/** @param Row $row */
	private static function place(array $row): string
	{
		return implode("\n", [(int) ! $row['is_folder'], mb_strtolower($row['name']), $row['name'], $row['hash']]);
	}

	/** Removes the lists that were used longest ago. */
	private static function prune(string $folder): void
	{
		$lists = [];
		foreach (@scandir($folder) ?: [] as $name) {
			if (str_starts_with($name, 'list-')) {
				$lists["$folder/$name"] = (int) @filemtime("$folder/$name");
			}
		}
		arsort($lists);
		array_map(unlink(...), array_slice(array_keys($lists), self::KEPT));
	}
}

<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Place;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Log;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/** `list`: shows what is in a backup set, now or at an earlier time. */
final class ListCommand implements Task
{
	private const SOME = 1000;

	public function __construct(private readonly Options $options) {}

	/** Lists the files and folders by their true names. */
	public function run(array $words): int
	{
		$isJson = $this->options->has(Option::Json);
		try {
			$folder = Place::existing($words[0]);
			$at = $this->options->time(Option::At);
			$list = new \FileSync\SetList($folder, $at === null ? [] : ['at' => $at]);
			while ($rows = $list->next(self::SOME)) {
				foreach ($rows as $row) {
					echo $isJson ? self::json($row) : Log::oneLine(self::line($row)), "\n";
				}
			}
		} catch (FileSyncException|Problem $e) {
			return Failure::tell(Problem::of($e, $words[0]), $isJson, ['folder' => $words[0]]);
		}
		if (\FileSync\Set::look($folder)['state'] === 'cut_off') {
			fwrite(STDERR, "filesync: the last run was cut off; `verify-set --finish` puts it in place\n");
		}

		return 0;
	}

	/**
	 * @param array{hash: string, kind: string, names: list<string>, size_bytes: int, edited: string, why: ?string, ...}
	 *     $row
	 */
	private static function line(array $row): string
	{
		$name = implode('/', array_map(fn ($name) => strtr($name, ['/' => '_']), $row['names']));

		return $row['why'] === null
			? sprintf(
				'%15s  %s  %s%s',
				$row['kind'] === 'folder' ? '' : number_format($row['size_bytes']),
				$row['edited'],
				$name,
				$row['kind'] === 'folder' ? '/' : '',
			)
			: "{$row['hash']}: {$row['why']}";
	}

	/** @param array<string, mixed> $row */
	private static function json(array $row): string
	{
		return json_encode(
			$row,
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
	}
}

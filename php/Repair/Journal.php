<?php

namespace FileSync\Addon\Repair;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Turn;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Makes the changes of a repair, and records the old state with each, so that it can be reverted.
 *
 * The changes of one fault and their entry are one transaction. Files are written before it, and only to unused paths;
 * none is moved or removed.
 */
final class Journal
{
	/** The columns that identify a row, if not `id`. */
	private const KEYS = ['term' => 'tid'];

	/** The name of this repair, for reverting it. */
	public readonly string $run;

	private int $position = 0;
	private array $steps = [];

	public function __construct(private readonly Channel $channel)
	{
		$this->run = Token::make();
	}

	/** Mends one fault; false if that cannot be done now. */
	public function mend(Fault $fault): bool
	{
		$work = fn () => $this->mendAsOne($fault);

		return Turn::take($this->channel->id, $fault->isTransfer ? $work : fn () => Table::transaction($work));
	}

	/** Changes a row, given with its present values. */
	public function update(string $table, array $row, array $set): void
	{
		$set = array_filter(
			$set,
			fn ($value, $column) => (string) $row[$column] !== (string) $value,
			ARRAY_FILTER_USE_BOTH,
		);
		if ($set) {
			$key = self::key($table);
			Table::update($table, $set, [$key => (int) $row[$key]]);
			$this->steps[] = [
				'table' => $table,
				'id' => (int) $row[$key],
				'before' => array_intersect_key($row, $set),
				'after' => $set,
			];
		}
	}

	/** Adds a row; `$key` finds it again. */
	public function insert(string $table, array $row, array $key): void
	{
		Table::insert($table, $row);
		$this->steps[] = [
			'table' => $table,
			'id' => (int) (Table::rows($table, $key, 'id DESC', 1, 'id')[0]['id'] ?? 0),
			'before' => null,
			'after' => $row,
		];
	}

	/** Removes a row; if the database holds its bytes, another row has them too. */
	public function delete(string $table, array $row): void
	{
		Table::delete($table, ['id' => (int) $row['id']]);
		$this->steps[] = ['table' => $table, 'id' => (int) $row['id'], 'before' => $row, 'after' => null];
	}

	/**
	 * Writes bytes from the database to a path that is unused or already holds the same bytes.
	 *
	 * @throws Refused The path holds other bytes, or the database has no bytes although the row claims some.
	 */
	public function bringOut(string $table, array $row, string $path, array $set): void
	{
		$bytes = (string) (Table::rows($table, ['id' => (int) $row['id']], '', 1, 'content')[0]['content'] ?? '');
		if ($bytes === '' && (int) $row['filesize'] > 0) {
			throw new Refused("the database holds none of the {$row['filesize']} bytes that its row claims");
		}
		$isNew = ! Store::facts($path);
		if ($isNew) {
			self::write($path, $bytes);
		} elseif (hash_file('sha256', $path) !== hash('sha256', $bytes)) {
			throw new Refused("$path already holds other bytes");
		}
		$set += ['os_storage' => 1, 'content' => $path];
		Table::update($table, $set, ['id' => (int) $row['id']]);
		$this->steps[] = [
			'table' => $table,
			'id' => (int) $row['id'],
			'before' => array_intersect_key($row, $set),
			'after' => $set,
			'file' => $path,
			'sha256' => hash('sha256', $bytes),
			'is_new' => $isNew,
		];
	}

	/** Returns the repairs that can be reverted, newest first: run, channel, when, how many changes. */
	public static function runs(): array
	{
		$runs = [];
		foreach (Table::select('filesync_journal', [], '', 0, 'DISTINCT run') as $row) {
			$of = ['run' => $row['run']];
			$last = Table::first('filesync_journal', $of, 'position DESC', 'uid, created');
			if ($last) {
				$runs[] = [
					'run' => $row['run'],
					'channel' => (int) $last['uid'],
					'when' => gmdate('Y-m-d H:i:s', (int) $last['created']),
					'changes' => Table::count('filesync_journal', $of),
				];
			}
		}
		usort($runs, fn ($one, $other) => $other['when'] <=> $one['when']);

		return $runs;
	}

	/**
	 * Reverts a repair, the last change first. Rows that were changed since then stay as they are.
	 *
	 * @return array{int, list<string>} How many changes were reverted, and which were not.
	 */
	public static function takeBack(string $run): array
	{
		$ids = array_column(Table::select('filesync_journal', ['run' => $run], 'position DESC', 0, 'id'), 'id');
		$count = 0;
		$stays = [];
		foreach ($ids as $id) {
			// One at a time: the old state can include bytes.
			$row = Table::first('filesync_journal', ['id' => $id]);
			if (! $row) {
				continue;
			}
			try {
				Turn::take((int) $row['uid'], fn () => self::takeOneBack($row));
				$count++;
			} catch (Refused $e) {
				$stays[] = "{$row['hash']} {$row['name']}: {$row['shape']}: " . $e->getMessage();
			}
		}

		return [$count, $stays];
	}

	/** Forgets repairs that are too old to be reverted. */
	public static function prune(): void
	{
		Table::delete('filesync_journal', ['created <' => Clock::now() - (86400 * Config::number('kept_days'))]);
	}

	private function mendAsOne(Fault $fault): bool
	{
		$this->steps = [];
		$isMended = ($fault->mend)($this);
		if ($this->steps) {
			Table::insert('filesync_journal', [
				'id' => Token::make(),
				'run' => $this->run,
				'position' => $this->position++,
				'uid' => $this->channel->id,
				'hash' => $fault->hash,
				'shape' => $fault->shape,
				'name' => mb_substr($fault->name, 0, 500),
				'body' => json_encode($this->steps, JSON_THROW_ON_ERROR),
				'created' => Clock::now(),
			]);
		}

		return $isMended;
	}

	/** Writes a file that is on disk once this returns: afterwards the database drops the bytes. */
	private static function write(string $path, string $bytes): void
	{
		Store::refuseLinks($path);
		if (! is_dir(dirname($path))) {
			Core::makeFolder(dirname($path));
		}
		$file = @fopen("$path.new", 'w');
		$isWritten =
			$file
			&& @fwrite($file, $bytes) === strlen($bytes)
			&& fsync($file)
			&& fclose($file)
			&& @rename("$path.new", $path);
		if (! $isWritten) {
			@unlink("$path.new");
			throw new Postponed("cannot write $path", true);
		}
	}

	private static function takeOneBack(array $row): void
	{
		$useless = Table::transaction(function () use ($row) {
			$useless = [];
			foreach (array_reverse(json_decode($row['body'], true)) as $step) {
				$where = [self::key($step['table']) => $step['id']];
				$now = Table::rows($step['table'], $where, '', 1)[0] ?? null;
				if ($step['after'] === null ? $now !== null : ! $now || ! self::isAsWritten($now, $step['after'])) {
					throw new Refused('it was changed since');
				}
				if ($step['before'] === null) {
					Table::delete($step['table'], $where);
				} elseif ($step['after'] === null) {
					Table::insert($step['table'], $step['before']);
				} else {
					Table::update(
						$step['table'],
						isset($step['file']) ? ['content' => self::bytesOf($step)] + $step['before'] : $step['before'],
						$where,
					);
				}
				$useless = [...$useless, ...($step['is_new'] ?? false ? [$step['file']] : [])];
			}
			Table::delete('filesync_journal', ['id' => $row['id']]);

			return $useless;
		});
		array_map(unlink(...), $useless);
	}

	private static function key(string $table): string
	{
		return self::KEYS[$table] ?? 'id';
	}

	private static function isAsWritten(array $now, array $after): bool
	{
		$text = fn (string $column, mixed $value) => in_array($column, ['created', 'edited', 'expires'], true)
			? substr((string) $value, 0, 19)
			: (string) $value;
		foreach ($after as $column => $value) {
			if ($text($column, $now[$column]) !== $text($column, $value)) {
				return false;
			}
		}

		return true;
	}

	private static function bytesOf(array $step): string
	{
		$bytes = (string) @file_get_contents($step['file']);

		return hash('sha256', $bytes) === $step['sha256'] ? $bytes : throw new Refused('its bytes were changed since');
	}
}

<?php

declare(strict_types=1);

use TestHub\Databases;

/**
 * Tables of a hub with many rows each, by their columns alone: a hundred channels, of which the first is that of the
 * tests; few rows in the states in which something is to be done, most finished, and old.
 */
final class Filled
{
	public const ROWS = 10_000;

	/** Of a thousand rows so many are in each state; the last state is that of the others. */
	private const STATES = [
		'filesync_transfer' => [
			'staged' => 10,
			'waiting' => 10,
			'to_make' => 4,
			'leased' => 2,
			'verified' => 2,
			'publishing' => 2,
			'parked' => 4,
			'dropped' => 4,
			'published' => 0,
		],
		'filesync_packet' => ['queued' => 10, 'staged' => 20, 'parked' => 100, '' => 0],
		'filesync_outbox' => ['due' => 50, 'parked' => 10, 'held' => 0],
		'filesync_held' => ['held' => 20, 'taken' => 0],
		'filesync_file' => ['gone' => 60, 'unknown' => 20, 'unseen' => 20, 'here' => 0],
		'filesync_reconcile' => ['running' => 10, 'waiting' => 20, 'idle' => 0],
		'filesync_restore' => ['running' => 10, 'due' => 10, 'done' => 0],
		'filesync_import' => ['running' => 10, 'due' => 10, 'done' => 0],
		'filesync_door' => ['open' => 20, 'running' => 10, 'done' => 0],
	];

	/** Words of other columns, the same way. */
	private const WORDS = [
		'filesync_transfer.kind' => ['Network' => 10, 'conflict' => 4, 'size_limit' => 4, '' => 0],
		'filesync_transfer.result' => ['{"rung":"tickets"}' => 20, '' => 0],
		'filesync_outbox.kind' => ['intent' => 20, 'announce' => 20, 'bulk' => 20, 'deleting' => 10, 'preview' => 0],
		'filesync_outbox.reason' => ['no answer' => 20, '' => 0],
		'filesync_reconcile.role' => ['answer' => 20, 'ask' => 0],
		'filesync_setting.name' => ['enabled' => 5, 'paused' => 5, 'progress' => 200, 'here' => 200, 'clones' => 0],
		'filesync_setting.value' => ['0' => 10, '{"until":0}' => 0],
		'item.resource_type' => ['photo' => 50, '' => 0],
		'item.verb' => ['Create' => 0],
		'photo.mimetype' => ['image/png' => 100, 'image/jpeg' => 0],
		'attach.filetype' => ['image/jpeg' => 300, 'multipart/mixed' => 50, 'application/octet-stream' => 0],
		'filesync_kept.source' => ['moving' => 5, '' => 0],
		'filesync_restore.is_untold' => ['1' => 10, '0' => 0],
		'filesync_door_key.kind' => ['box' => 100, 'key' => 0],
		'filesync_door_entry.is_whole' => ['0' => 20, '1' => 0],
		'filesync_dropped.peer' => ['https://one.example' => 400, 'https://other.example' => 0],
		'outq.outq_delivered' => ['0' => 20, '1' => 0],
	];

	private readonly bool $isMySql;

	public function __construct(private readonly PDO $database, private readonly string $dsn)
	{
		$this->isMySql = Databases::kind($dsn) === 'mysql';
	}

	/** Fills every table, and has the database count what is in it. */
	public function fill(): void
	{
		foreach (Databases::tables($this->database, $this->dsn) as $table) {
			$this->database->exec($this->isMySql ? "DELETE FROM $table" : "TRUNCATE $table");
			$columns = $this->columns($table);
			$values = array_map(fn (array $column) => $this->value($table, $column), $columns);
			$this->database->exec(
				"INSERT INTO $table ("
				. implode(', ', array_column($columns, 'column_name'))
				. ') SELECT '
				. implode(', ', $values)
				. ' FROM '
				. ($this->isMySql ? 'seq_1_to_' . self::ROWS : 'generate_series(1, ' . self::ROWS . ') AS s(seq)'),
			);
			$this->database->query($this->isMySql ? "ANALYZE TABLE $table" : "ANALYZE $table")->fetchAll();
		}
	}

	/** @return list<array{column_name: string, data_type: string, width: int|string|null}> */
	private function columns(string $table): array
	{
		$schema = $this->isMySql ? 'database()' : "'public'";

		return $this->database
			->query(
				'SELECT column_name AS column_name, data_type AS data_type, character_maximum_length AS width FROM information_schema.columns'
				. " WHERE table_schema = $schema AND table_name = '$table' ORDER BY ordinal_position",
			)
			->fetchAll(PDO::FETCH_ASSOC);
	}

	/** Returns what a column holds in row `seq`, as SQL. */
	private function value(string $table, array $column): string
	{
		['column_name' => $name, 'data_type' => $type] = $column;
		$words = $name === 'state' ? self::STATES[$table] ?? null : self::WORDS["$table.$name"] ?? null;
		$isNumber = preg_match('/int|numeric|serial/', $type) === 1;
		if ($words) {
			return $this->oneOf($words, $isNumber);
		}
		// What is older was removed on the days before.
		$second = '(' . time() . ' - (seq * 7919) % ' . (7 * 86400) . ')';
		if (preg_match('/timestamp|datetime/', $type)) {
			return $this->isMySql ? "FROM_UNIXTIME($second)" : "to_timestamp($second)";
		}
		if (! $isNumber) {
			$text = match (true) {
				(bool) preg_match('/byte|blob/', $type) => "'x'",
				in_array($name, ['origin', 'url', 'peer', 'hubloc_url', 'site_url'], true)
					=> "concat('https://', seq, '.example')",
				$name === 'id' => "md5(concat('id', seq))",
				in_array(
					$name,
					['hash', 'resource_id', 'channel_hash', 'abook_xchan', 'xchan_hash', 'hubloc_hash'],
					true,
				)
					=> "md5(concat('', seq))",
				in_array($name, ['folder', 'session', 'job', 'album', 'run'], true) => "md5(concat('', seq % 2000))",
				in_array($name, ['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'], true) => "''",
				default => "concat('', seq, ' $name')",
			};

			return $column['width'] === null ? $text : "left($text, {$column['width']})";
		}

		return match (true) {
			// Own keys of tables are told apart by their names.
			(bool) preg_match('/^(id|tid|\w+_id|outq_number)$/', $name) && $name !== 'channel_account_id' => 'seq',
			in_array($name, ['uid', 'aid', 'chan', 'cr_uid', 'dreport_channel', 'app_channel', 'abook_channel'], true)
				=> '1 + seq % 100',
			in_array($name, ['parent', 'oid', 'iid', 'gid', 'position', 'number', 'element'], true) => 'seq',
			in_array($name, ['next_at', 'expires', 'place'], true) => '('
				. time()
				. ' - 86400 + (seq * 7919) % '
				. (60 * 86400)
				. ')',
			(bool) preg_match(
				'/^(created|updated|since|begun|touched|ended|finished|modified|\w+_until|\w+_at)$/',
				$name,
			)
				=> $second,
			$name === 'lease_until' => '0',
			$name === 'day' => '(' . intdiv(time(), 86400) . ' - seq % 60)',
			in_array($name, ['scale', 'imgscale'], true) => 'seq % 4',
			in_array($name, ['filesize', 'size_bytes'], true) => '(seq * 104729) % 1000003',
			$name === 'is_dir' => 'CASE WHEN seq % 20 = 0 THEN 1 ELSE 0 END',
			$name === 'os_storage' => 'CASE WHEN seq % 500 = 0 THEN 0 ELSE 1 END',
			default => '0',
		};
	}

	/** @param array<string, int> $words */
	private function oneOf(array $words, bool $isNumber): string
	{
		$literal = fn (int|string $word) => $isNumber ? (string) $word : $this->database->quote((string) $word);
		$case = '';
		$before = 0;
		$last = array_key_last($words);
		foreach ($words as $word => $share) {
			// Each of them in every channel.
			$case .= $word === $last
				? " ELSE {$literal($word)} END"
				: ' WHEN (cast(floor(seq / 100) as decimal) * 953 + seq * 7) % 1000 < ' . ($before += $share)
				. " THEN {$literal($word)}";
		}

		return count($words) === 1 ? $literal($last) : "CASE$case";
	}
}

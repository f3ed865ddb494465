<?php

declare(strict_types=1);

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Schema\Migrations;
use TestHub\Databases;
use TestHub\Indexes;
use TestHub\InProcess;
use TestHub\Maker;

/**
 * A hub of many channels in this process: rows without bytes, as a hub has them that received and published all files
 * long ago; a tenth of the files are in the first channel.
 */
final class ScaleHub
{
	public const ORIGIN = 'http://127.0.0.1:9';
	private const HUBS = 50;
	private const AT_ONCE = 1000;
	/** What the first file's row has, and each other one has instead. */
	private const HASH = '00000000-0000-4000-8000-000000000000';

	public readonly Channel $channel;
	private readonly PDO $database;

	public function __construct(public readonly int $channels, public readonly int $files, public readonly int $waiting)
	{
		$row = InProcess::start();
		Maker::hubloc(InProcess::$identity, self::ORIGIN, 'alice');
		symlink(dirname(__DIR__, 2) . '/php', 'addon/filesync');
		install_plugin('filesync');
		load_hooks();
		call_hooks('init_1');
		set_config('filesync', 'trusted_version', null);
		$this->channel = Channel::of($row);
		$this->database = DBA::$dba->db;
	}

	/** Makes its rows, then all indexes, and has the database count the rows. */
	public function fill(): void
	{
		$indexes = $this->withoutIndexes();
		$limit = ini_set('memory_limit', '1G');
		$this->channels();
		$this->files();
		$this->transfers();
		$this->kept();
		foreach ($indexes as $statement) {
			$this->database->exec($statement);
		}
		Indexes::add($this->database, DBA::$dba->dsn);
		$this->analyze();
		ini_set('memory_limit', $limit);
	}

	/** @return list<string> The statements that make our indexes, which are gone: rows are added faster without. */
	private function withoutIndexes(): array
	{
		$all = array_merge(...(new ReflectionMethod(Migrations::class, 'steps'))->invoke(null));
		$indexes = array_filter($all, fn ($one) => is_string($one) && str_starts_with($one, 'CREATE INDEX'));
		$gone = [];
		foreach ($indexes as $statement) {
			preg_match('/INDEX (\w+) ON (\w+)/', $statement, $found);
			$on = Databases::kind(DBA::$dba->dsn) === 'mysql' ? " ON $found[2]" : '';
			try {
				$this->database->exec("DROP INDEX $found[1]$on");
				$gone[] = $statement;
			} catch (PDOException) {
				// A later step removed it.
			}
		}

		return $gone;
	}

	/** The channel of a file: the first has a tenth of all. */
	private function owner(int $number): int
	{
		return $number <= intdiv($this->files, 10) ? 1 : 2 + ($number % max(1, $this->channels - 1));
	}

	private function files(): void
	{
		[$attach, $file] = $this->patterns();
		$id = (int) $this->database->query('SELECT MAX(id) FROM attach')->fetchColumn();
		$add = $this->adding('attach', $attach);
		$ids = [];
		for ($number = 1; $number <= $this->files; $number++) {
			[$uid, $hash] = [$this->owner($number), self::hash($number)];
			$add([
				'id' => $id + $number,
				'uid' => $uid,
				'aid' => $uid,
				'hash' => $hash,
				'display_path' => "2024/photo-$number.jpg",
			]);
			$ids[] = hash('sha256', "$uid\n$hash") . $number;
		}
		$add(null);
		// In the order of the primary key, as a database takes them fastest.
		sort($ids, SORT_STRING);
		$add = $this->adding('filesync_file', $file);
		foreach ($ids as $one) {
			$number = (int) substr($one, 64);
			$add(['id' => substr($one, 0, 64), 'uid' => $this->owner($number), 'hash' => self::hash($number)]);
		}
		$add(null);
	}

	/** Returns the name of a file by its number. */
	public static function hash(int $number): string
	{
		return sprintf('00000000-0000-4000-8000-%012d', $number);
	}

	private function channels(): void
	{
		foreach (['channel' => 'channel_id', 'abook' => 'abook_id', 'profile' => 'id'] as $table => $key) {
			[$row] = $this->database->query("SELECT * FROM $table ORDER BY $key LIMIT 1")->fetchAll(PDO::FETCH_ASSOC);
			$add = $this->adding($table, $row);
			for ($id = 2; $id <= $this->channels; $id++) {
				$add(match ($table) {
					'channel' => [
						'channel_id' => $id,
						'channel_account_id' => $id,
						'channel_address' => "c$id",
						'channel_hash' => "hash-$id",
						'channel_portable_id' => "hash-$id",
						'channel_guid' => "guid-$id",
					],
					'abook' => [
						'abook_id' => $id,
						'abook_account' => $id,
						'abook_channel' => $id,
						'abook_xchan' => "hash-$id",
					],
					'profile' => ['id' => $id, 'aid' => $id, 'uid' => $id, 'profile_guid' => "profile-$id"],
				});
			}
			$add(null);
		}
		[$hubloc] = $this->database
			->query('SELECT * FROM hubloc ORDER BY hubloc_id LIMIT 1')
			->fetchAll(PDO::FETCH_ASSOC);
		[$xchan] = $this->database->query('SELECT * FROM xchan LIMIT 1')->fetchAll(PDO::FETCH_ASSOC);
		$hublocs = $this->adding('hubloc', $hubloc);
		$xchans = $this->adding('xchan', $xchan);
		for ($id = 2; $id <= $this->channels; $id++) {
			$other = 'http://127.0.0.1:' . (10 + ($id % self::HUBS));
			foreach ([z_root(), $other] as $n => $url) {
				// All of them have one key.
				$signed[$url] ??= Maker::signed($url, InProcess::$identity['prvkey']);
				$hublocs([
					'hubloc_id' => 10 + (2 * $id) + $n,
					'hubloc_hash' => "hash-$id",
					'hubloc_guid' => "guid-$id",
					'hubloc_url' => $url,
					'hubloc_url_sig' => $signed[$url],
					'hubloc_id_url' => "$url/channel/c$id",
					'hubloc_addr' => "c$id@" . parse_url($url, PHP_URL_HOST),
					'hubloc_callback' => "$url/zot",
				]);
			}
			$xchans([
				'xchan_hash' => "hash-$id",
				'xchan_guid' => "guid-$id",
				'xchan_addr' => "c$id@here",
				'xchan_url' => z_root() . "/channel/c$id",
			]);
		}
		$hublocs(null);
		$xchans(null);
	}

	/** @return array{array<string, mixed>, array<string, mixed>} The rows of a file as the addon itself makes them. */
	private function patterns(): array
	{
		$path = 'store/alice/' . self::HASH;
		file_put_contents($path, str_repeat('x', 100));
		touch($path, 1_714_726_800);
		$row = array_fill_keys(['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid', 'folder'], '')
		+ [
			'aid' => 1,
			'uid' => 1,
			'creator' => $this->channel->hash,
			'hash' => self::HASH,
			'filename' => 'photo.jpg',
			'filetype' => 'image/jpeg',
			'filesize' => 100,
			'revision' => 1,
			'is_photo' => 1,
			'os_storage' => 1,
			'os_path' => self::HASH,
			'display_path' => '2024/photo.jpg',
			'content' => $path,
			'created' => '2024-05-03 09:00:00',
			'edited' => '2024-05-03 09:00:00',
		];
		create_table_from_array('attach', $row, ['content']);
		$file = Revisions::notice($this->channel, self::HASH, true);
		// The other hub has it, too.
		$file['peers'] = [self::ORIGIN => array_intersect_key($file, array_flip(['bytes', 'place', 'access']))];
		Revisions::save($file);
		[$attach] = $this->database
			->query("SELECT * FROM attach WHERE hash = '" . self::HASH . "'")
			->fetchAll(PDO::FETCH_ASSOC);

		return [
			['content' => $path] + $attach,
			Table::first('filesync_file', ['hash' => self::HASH]),
		];
	}

	/** Adds transfers that wait, most of them of the first channel, and ten times as many that are finished. */
	private function transfers(): void
	{
		$json = '{"attach":{"hash":"' . self::HASH . '","filename":"photo.jpg"},"folders":[],"photo":null,"digest":""}';
		$row = array_fill_keys([
			'token',
			'base',
			'pending',
			'sha256',
			'intent',
			'kind',
			'reason',
			'result',
			'folder',
		], '')
		+ array_fill_keys(['scale', 'lease_until', 'attempts', 'priority'], 0)
		+ [
			'generation' => 1,
			'size_bytes' => 100_000,
			'edited' => '2024-05-03 09:00:00',
			'mimetype' => 'image/jpeg',
			'origin' => self::ORIGIN . '/getfile',
			'nick' => 'alice',
			'names' => '["2024","photo.jpg"]',
			'entry' => $json,
			'created' => time() - 3600,
			'updated' => time() - 3600,
			'next_at' => time() - 60,
		];
		$add = $this->adding('filesync_transfer', $row + ['id' => '', 'uid' => 1, 'hash' => '', 'state' => '']);
		for ($number = 1; $number <= (11 * $this->waiting); $number++) {
			$isWaiting = $number <= $this->waiting;
			$uid = $number % 2 ? 1 : 1 + ($number % $this->channels);
			$hash = self::hash($isWaiting ? $this->files + $number : $number);
			$state = match (true) {
				! $isWaiting => 'published',
				($number % 100) === 0 => 'parked',
				($number % 10) === 0 => 'waiting',
				default => 'staged',
			};
			$add([
				'id' => hash('sha256', "$uid\n$hash\n0"),
				'uid' => $uid,
				'hash' => $hash,
				'state' => $state,
				'next_at' => $state === 'waiting' ? time() + 3600 : time() - 60,
				'kind' => in_array($state, ['waiting', 'parked'], true) ? 'Network' : '',
				'reason' => in_array($state, ['waiting', 'parked'], true) ? 'no answer' : '',
			]);
		}
		$add(null);
	}

	/** Keeps one replaced file in ten. */
	private function kept(): void
	{
		$entry = json_encode([
			'attach' => ['hash' => self::HASH, 'filename' => 'photo.jpg', 'display_path' => '2024/photo.jpg'],
			'by' => self::ORIGIN,
		]);
		$row = [
			'scale' => 0,
			'source' => '',
			'size_bytes' => 1000,
			'why' => 'replaced',
			'entry' => $entry,
			'hub' => '',
		];
		$add = $this->adding(
			'filesync_kept',
			$row + ['id' => '', 'uid' => 1, 'hash' => '', 'path' => '', 'created' => 0],
		);
		for ($number = 1; $number <= $this->files; $number += 10) {
			$uid = $this->owner($number);
			$id = md5("kept $number");
			$add([
				'id' => $id,
				'uid' => $uid,
				'hash' => self::hash($number),
				'path' => "kept/$id",
				'created' => time() - 86400 - ($number % 1_000_000),
			]);
		}
		$add(null);
	}

	/**
	 * Returns a function that adds rows, many at once: told the columns that differ from a pattern's; null at the end.
	 *
	 * @param array<string, mixed> $pattern
	 *
	 * @return Closure(?array<string, int|string>): void
	 */
	private function adding(string $table, array $pattern): Closure
	{
		$names = implode(', ', array_keys($pattern));
		$quoted = array_map(fn ($value) => is_int($value)
			? (string) $value
			: $this->database->quote((string) $value), $pattern);
		$rows = [];
		$send = function () use (&$rows, $table, $names): void {
			if ($rows !== []) {
				$this->database->exec("INSERT INTO $table ($names) VALUES " . implode(',', $rows));
				$rows = [];
			}
		};

		return function (?array $columns) use (&$rows, $quoted, $send): void {
			if ($columns === null) {
				$send();
				return;
			}
			// Made here, of letters that need no escape.
			$own = array_map(fn ($value) => is_int($value) ? (string) $value : "'$value'", $columns);
			$rows[] = '(' . implode(',', array_replace($quoted, $own)) . ')';
			if (count($rows) >= self::AT_ONCE) {
				$send();
			}
		};
	}

	private function analyze(): void
	{
		foreach (Databases::tables($this->database, DBA::$dba->dsn) as $table) {
			match (Databases::kind(DBA::$dba->dsn)) {
				'mysql' => $this->database->query("ANALYZE TABLE $table")->fetchAll(),
				'pgsql' => $this->database->exec("ANALYZE $table"),
				default => $this->database->exec('ANALYZE'),
			};
		}
	}
}

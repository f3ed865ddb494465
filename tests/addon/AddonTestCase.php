<?php

use Fake\Api;
use Fake\FailingDatabase;
use Fake\Inside;
use Fake\Instant;
use Fake\InstantDatabase;
use Fake\Versions;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Tested;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Rehearsal\Outcome;
use FileSync\Addon\Rehearsal\Outcomes;
use FileSync\Addon\Work\Worker;
use FileSync\TransferBatch;
use PHPUnit\Framework\TestCase;
use TestHub\InProcess;
use TestHub\Maker;

/** A fresh hub with the addon installed, a channel alice, and its clone at http://127.0.0.1:9001. */
abstract class AddonTestCase extends TestCase
{
	protected const ORIGIN = 'http://127.0.0.1:9001';
	protected const PASSED = ['name' => 'a new file', 'ok' => true, 'seen' => '', 'parts' => ['receiver']];

	protected Channel $channel;

	protected function setUp(): void
	{
		$row = InProcess::start();
		dba_test::$watch = Inside::look(...);
		Inside::take();
		Versions::reset();
		Maker::hubloc(InProcess::$identity, self::ORIGIN, 'alice');
		symlink(realpath(__DIR__ . '/../../php'), 'addon/filesync');
		install_plugin('filesync');
		Tested::has(Runtime::hubVersion()) || Outcomes::remember(Outcome::here(time(), 1, [self::PASSED]));
		$this->channel = Channel::of($row);
		load_hooks();
		call_hooks('init_1');
		TransferBatch::$answers =
			TransferBatch::$added = TransferBatch::$options = TransferBatch::$dav = TransferBatch::$learnt = [];
		TransferBatch::$duringStep = null;
		Api::$items = Api::$asked = [];
		Api::$status = 200;
		Client::$wire = Api::answer(...);
		Fake\Clock::$ahead = 0;
		Fake\Clock::$stoppedAt = null;
		FileSync\Store::$aroundExchange = FileSync\FileDigest::$duringStep = FileSync\FileDigest::$digest = null;
		// A test whose database went away ends no request.
		FileSync\Addon\Hub\Begun::take();
		FileSync\Store::$age = 10;
		FileSync\Store::$syncs = [];
		FileSync\Store::$duringSync = null;
		TransferBatch::$together = 1;
		FileSync\FileDigest::$count = 0;
		FileSync\Set::$duringCopy = FileSync\Set::$fullAfter = null;
		FileSync\SetRestore::$facts = FileSync\SetRestore::$said = FileSync\SetRestore::$faults = [];
		FileSync\SetRestore::$beforeCopy = FileSync\SetRestore::$duringSync = FileSync\SetList::$beforeNext = null;
		FileSync\SetRestore::$small = 1000;
		FileSync\Set::$options = FileSync\Set::$added = FileSync\SetCheck::$findings = FileSync\SetCheck::$options = [];
		FileSync\Set::$isSlow = false;
	}

	protected function tearDown(): void
	{
		InProcess::stop();
		$this->assertSame([], Inside::take(), 'code of the hub inside a transaction of ours');
	}

	/** Returns the row of another channel of this hub, which lives at other hubs too. */
	protected function another(string $nick, string ...$hubs): array
	{
		$identity = Maker::identity($nick, 2048);
		$row = Maker::channel($identity, $nick);
		foreach ($hubs as $url) {
			Maker::hubloc($identity, $url, $nick);
		}

		return $row;
	}

	/** Hands entries of a file list over as core does. */
	protected function receive(array ...$entries): void
	{
		Zotlabs\Lib\sync_files($this->channel->row(), $entries);
	}

	/** Runs a worker until nothing is due. */
	protected function work(): void
	{
		(new Worker(time() + Fake\Clock::$ahead + 30))->run(0);
	}

	/**
	 * Marks files as changed by their owner, ends the request, and returns the file entries that were sent since the
	 * last call.
	 *
	 * @return list<array>
	 */
	protected function sent(string ...$changed): array
	{
		foreach ($changed as $hash) {
			Zotlabs\Module\attach_export_data($this->channel->row(), $hash);
		}
		FileSync\Addon\Send\Intentions::flush();
		$sent = [];
		foreach (dbq('select * from outq order by outq_number') as $row) {
			$packet = json_decode(json_decode($row['outq_notify'], true)['data'] ?? '', true);
			$sent = [...$sent, ...($packet['file'] ?? [])];
		}
		dbq('delete from outq');

		return $sent;
	}

	/** Lets every lease run out, as after a crash. */
	protected function expireLeases(): void
	{
		dbq('UPDATE filesync_transfer SET lease_until = 0');
		dbq('UPDATE filesync_lease SET expires = 0');
	}

	/** Makes statements of a piece of work fail; returns how many there were. */
	protected function whileFailing(Closure $fails, Closure $work, string $message = ''): int
	{
		$sound = DBA::$dba;
		$failing = DBA::$dba = new FailingDatabase($sound, $fails, $message);
		try {
			$work();
		} finally {
			DBA::$dba = $sound;
			// What a lost connection leaves open ends with it.
			try {
				$sound->db->exec('ROLLBACK');
			} catch (PDOException) {
			}
		}

		return $failing->count;
	}

	/** Returns how many instants there are in a piece of work. */
	protected function instantsOf(Closure $work): int
	{
		DBA::$dba = new InstantDatabase(DBA::$dba);
		Instant::$count = 0;
		Instant::$killAt = null;
		$work();

		return Instant::$count;
	}

	/** Does a piece of work in a process of its own that is killed at an instant, at the latest at its end. */
	protected function killedAt(?int $instant, Closure $work): void
	{
		DBA::$dba = null;
		$child = pcntl_fork();
		if ($child === 0) {
			sys_boot();
			DBA::$dba = new InstantDatabase(DBA::$dba);
			Instant::$count = 0;
			Instant::$killAt = $instant;
			$work();
			posix_kill(getmypid(), SIGKILL);
		}
		pcntl_waitpid($child, $status);
		sys_boot();
	}

	/** Returns the instants of a work that a run tries: all if FULL is set, else about so many. */
	protected static function sample(int $instants, int $about): array
	{
		$step = getenv('FULL') ? 1 : max(1, intdiv($instants, $about));

		return range(random_int(1, $step), $instants, $step);
	}

	/** Returns the entry of a file whose bytes the origin has, and has them fetched. */
	protected function file(string $hash, string $bytes, array $columns = [], array $folders = []): array
	{
		TransferBatch::$answers[$hash . '-0'] = $bytes;
		$chain = [];
		$parent = '';
		foreach ($folders as $folder => $name) {
			$chain[] = $this->row([
				'hash' => $folder,
				'filename' => $name,
				'folder' => $parent,
				'is_dir' => 1,
				'filetype' => 'multipart/mixed',
			]);
			$parent = $folder;
		}
		$chain[] =
			$columns
			+ $this->row([
				'hash' => $hash,
				'filename' => $hash . '.bin',
				'folder' => $parent,
				'filesize' => strlen($bytes),
			]);

		return ['fetch_url' => self::ORIGIN . '/getfile', 'original_channel' => 'alice', 'attach' => $chain];
	}

	/** Returns the entry of a photo with its scales. */
	protected function photo(string $hash, array $bytesByScale, array $columns = []): array
	{
		$entry = $this->file(
			$hash,
			$bytesByScale[0],
			$columns + ['is_photo' => 1, 'filetype' => 'image/jpeg', 'filename' => $hash . '.jpg'],
		);
		foreach ($bytesByScale as $scale => $bytes) {
			TransferBatch::$answers[$hash . '-' . $scale] = $bytes;
			$entry['photo'][] =
				[
					'id' => 7,
					'aid' => 3,
					'uid' => 99,
					'resource_id' => $hash,
					'created' => '2024-05-01 10:00:00',
					'edited' => $entry['attach'][0]['edited'],
					'expires' => '2024-05-02 10:00:00',
					'filename' => $hash . '.jpg',
					'height' => '10',
					'width' => '20',
					'filesize' => strlen($bytes),
					'imgscale' => (string) $scale,
					'profile' => '0',
					'os_storage' => 1,
					'os_path' => $hash,
					'display_path' => $hash . '.jpg',
					'content' => base64_encode('store/alice/' . $hash . ($scale ? '-' . $scale : '')),
				] + (require __DIR__ . '/../shared/photo-row.php');
		}

		return $entry;
	}

	/** Returns a file's entry as a clone with filesync sends it, with the digest of its bytes if that is told. */
	protected function versioned(array $entry, int $count = 1, string $sha256 = ''): array
	{
		$last = end($entry['attach']);
		$group = ['seen' => ['aaaaaaaa' => $count], 'by' => 'aaaaaaaa', 'at' => '127.0.0.1'];

		return $entry
		+ [
			'filesync' =>
				[
					'v' => Version::SIBLING,
					'version' => '0.2.0',
					'features' => ['ticket', 'bulk'],
					'endpoint' => self::ORIGIN . '/getfile/ticket',
					'revision' => [
						'bytes' => $group + ['edited' => $last['edited']],
						'place' => $group + ['name' => $last['filename']],
						'access' => $group,
					],
				] + ($sha256 === '' ? [] : ['size_bytes' => $last['filesize'], 'sha256' => $sha256]),
		];
	}

	/** Returns an item of the channel as an origin sends it. */
	protected function item(string $mid, string $parent, array $keys = []): array
	{
		$xchan = ['name' => 'Alice', 'network' => 'zot6', 'hash' => $this->channel->hash];

		return $keys
		+ [
			'message_id' => $mid,
			'message_top' => $parent,
			'uuid' => "uuid of $mid",
			'body' => $mid,
			'created' => '2024-05-02 10:00:00',
			'edited' => '2024-05-02 10:00:00',
			'revision' => 0,
			'allow_cid' => '',
			'allow_gid' => '',
			'deny_cid' => '',
			'deny_gid' => '',
			'owner' => $xchan,
			'author' => $xchan,
		];
	}

	protected function deletion(string $hash): array
	{
		return [
			'fetch_url' => self::ORIGIN . '/getfile',
			'original_channel' => 'alice',
			'attach' => [['hash' => $hash, 'deleted' => 1]],
		];
	}

	/** Returns an attach row as an origin sends it: its own ids and paths, numbers now and then as text. */
	protected function row(array $columns): array
	{
		return $columns
		+ [
			'id' => 11,
			'aid' => 3,
			'uid' => 99,
			'creator' => $this->channel->hash,
			'filetype' => 'application/octet-stream',
			'filesize' => 0,
			'revision' => 0,
			'flags' => 0,
			'is_dir' => 0,
			'is_photo' => 0,
			'os_storage' => '1',
			'os_path' => 'elsewhere/' . $columns['hash'],
			'display_path' => 'Elsewhere/' . $columns['filename'],
			'content' => 'store/bob/elsewhere/' . $columns['hash'],
			'created' => '2024-05-01 10:00:00',
			'edited' => '2024-05-01 10:00:00',
			'allow_cid' => '',
			'allow_gid' => '',
			'deny_cid' => '',
			'deny_gid' => '',
			'term' => [],
		];
	}

	protected function attach(string $hash): ?array
	{
		return Table::first('attach', ['uid' => $this->channel->id, 'hash' => $hash]);
	}

	protected function transfer(string $hash, int $scale = 0): ?array
	{
		return Table::first('filesync_transfer', ['uid' => $this->channel->id, 'hash' => $hash, 'scale' => $scale]);
	}

	/** Returns the bytes that the hub shows for a file, or null. */
	protected function shown(string $hash): ?string
	{
		$row = $this->attach($hash);

		return $row && is_file($row['content']) ? file_get_contents($row['content']) : null;
	}

	/** Runs a verb of cli.php; returns its exit code and what it printed. */
	protected function runVerb(string ...$arguments): array
	{
		ob_start();
		$code = FileSync\Addon\Console\Command::run($arguments);

		return [$code, ob_get_clean()];
	}

	/**
	 * Returns how the addon's command is run in a process of its own, for the shell. cli.php itself sends root away,
	 * whose the hub is if root runs the tests.
	 */
	protected static function cli(): string
	{
		return (
			escapeshellarg(PHP_BINARY)
			. ' '
			. (
				posix_geteuid() === 0
					? escapeshellarg(dirname(__DIR__) . '/testhub/bin/cli.php')
					: 'addon/filesync/cli.php'
			)
		);
	}

	/** Returns the bytes of everything that is kept. */
	protected function kept(): array
	{
		return array_map(
			fn ($row) => file_get_contents('store/[data]/filesync/' . $row['uid'] . '/' . $row['path']),
			Table::select('filesync_kept', [], 'created, id'),
		);
	}

	/** Returns every row and file of the hub, to see that nothing changed. */
	protected function everything(): array
	{
		$all = [];
		foreach (TestHub\Databases::tables(DBA::$dba->db, DBA::$dba->dsn) as $table) {
			$all[$table] = array_map(fn ($row) => array_map(fn ($value) => is_resource($value)
				? stream_get_contents($value)
				: $value, $row), dbq('select * from ' . $table));
		}
		foreach (new RecursiveIteratorIterator(
			new RecursiveDirectoryIterator('store', FilesystemIterator::SKIP_DOTS),
			RecursiveIteratorIterator::SELF_FIRST,
		) as $path => $file) {
			$all['store'][$path] = $file->isFile() ? file_get_contents($path) : null;
		}

		return $all;
	}

	/** Returns a request of a kind as the clone at ORIGIN makes it; signed for another kind, or with another body. */
	protected function signedRequest(
		string $kind,
		array $keys,
		?string $for = null,
		?string $body = null,
	): FileSync\Addon\Hub\Request {
		$body ??= json_encode(
			array_merge([
				'filesync' => 2,
				'channel' => $this->channel->hash,
				'key_id' => self::ORIGIN . '/channel/alice',
				'time' => time() + Fake\Clock::$ahead,
				'nonce' => bin2hex(random_bytes(16)),
			], $keys),
			JSON_UNESCAPED_SLASHES,
		);
		$for ??= $kind;
		$signature = FileSync\Addon\Protocol\SignedRequest::sign(
			$this->channel,
			$for,
			"/getfile/$for",
			'127.0.0.1:9000',
			$body,
		);

		return new FileSync\Addon\Hub\Request(
			'POST',
			['getfile', $kind],
			['filesync-signature' => $signature],
			[],
			$body,
		);
	}

	/**
	 * Returns a request for tickets as the clone at ORIGIN makes it.
	 *
	 * @param array<string, int> $files Scales by hash.
	 * @param array              $keys  Of the body.
	 * @param array              $signed What is signed in place of the right `path`, `host` and `body`, and how:
	 *     `first` byte, `kind`, `algorithm`, `key`.
	 */
	protected function ticketRequest(array $files, array $keys = [], array $signed = []): FileSync\Addon\Hub\Request
	{
		$body = json_encode(
			$keys
			+ [
				'filesync' => 2,
				'channel' => $this->channel->hash,
				'key_id' => self::ORIGIN . '/channel/alice',
				'time' => time(),
				'nonce' => bin2hex(random_bytes(16)),
				'files' => array_map(
					fn ($hash, $scale) => ['hash' => (string) $hash, 'scale' => $scale],
					array_keys($files),
					$files,
				),
			],
		);
		$text =
			($signed['first'] ?? "\xFF")
			. 'filesync 2 '
			. ($signed['kind'] ?? 'ticket')
			. "\nPOST\n"
			. ($signed['path'] ?? '/getfile/ticket')
			. "\n"
			. ($signed['host'] ?? '127.0.0.1:9000')
			. "\n"
			. hash('sha256', $signed['body'] ?? $body);
		openssl_sign(
			$text,
			$signature,
			$signed['key'] ?? $this->channel->privateKey(),
			$signed['algorithm'] ?? OPENSSL_ALGO_SHA512,
		);

		return new FileSync\Addon\Hub\Request(
			'POST',
			['getfile', 'ticket'],
			[
				'content-type' => 'application/json',
				'filesync-signature' => 'sha512.' . rtrim(strtr(base64_encode($signature), '+/', '-_'), '='),
			],
			[],
			$body,
		);
	}

	/** Returns the jobs that were summoned, as argument lists. */
	protected function jobs(string $name): array
	{
		$jobs = array_map(
			fn ($row) => json_decode($row['workerq_data'], true)['argv'],
			dbq('select * from workerq order by workerq_id'),
		);

		return array_values(array_filter($jobs, fn ($argv) => $argv[0] === $name));
	}
}

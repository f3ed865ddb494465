<?php

namespace Converge;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Receive\Incoming;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Send\Intentions;
use FileSync\Addon\Work\Worker;
use FileSync\Store;
use FileSync\TransferBatch;
use TestHub\Maker;
use TestHub\Wire;

require_once __DIR__ . '/../testhub/core/TestHub/Maker.php';
require_once __DIR__ . '/../addon/Fake/Instant.php';
require_once __DIR__ . '/../addon/Fake/extension.php';
require_once __DIR__ . '/../addon/Fake/api.php';
require_once __DIR__ . '/clock.php';

/** One hub in a process of its own: does what it is told over a socket, one command a line. */
final class HubProcess
{
	private $socket;
	private int $pid;
	/** @var array<string, bool> Packets in the queue that are on the wire already. */
	private array $taken = [];
	/** Whether no connection breaks off any more. */
	private bool $isReliable = false;

	/** Starts a hub on a folder; makes the folder and the channel if they are not there. */
	public function __construct(
		public readonly string $name,
		public readonly string $folder,
		public readonly string $url,
		public readonly array $settings,
	) {
		[$this->socket, $other] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
		$this->pid = pcntl_fork();
		if ($this->pid === 0) {
			fclose($this->socket);
			$this->socket = $other;
			try {
				$this->boot();
				$this->serve();
			} catch (\Throwable $e) {
				fwrite($this->socket, json_encode(['error' => (string) $e]) . "\n");
			}
			posix_kill(getmypid(), SIGKILL);
		}
		fclose($other);
	}

	/** Gives a command and returns its answer. */
	public function ask(string $command, array $arguments = []): mixed
	{
		fwrite($this->socket, json_encode([$command, $arguments, Clock::now()], JSON_PARTIAL_OUTPUT_ON_ERROR) . "\n");
		$answer = json_decode((string) fgets($this->socket), true) ?? ['error' => 'it died'];
		if (isset($answer['error'])) {
			throw new \RuntimeException("hub {$this->name}, $command: {$answer['error']}");
		}

		return $answer['answer'];
	}

	public function stop(): void
	{
		posix_kill($this->pid, SIGKILL);
		pcntl_waitpid($this->pid, $status);
		fclose($this->socket);
	}

	private function boot(): void
	{
		$isNew = ! is_file($this->folder . '/hub.json');
		if ($isNew) {
			Maker::hub($this->folder, $this->url);
		}
		Maker::enter($this->folder);
		\DBA::$dba->db->exec('PRAGMA synchronous = OFF');
		if ($isNew) {
			set_config('testhub', 'without_workers', 1);
			Maker::channel($this->settings['identity'], 'alice');
			foreach ($this->settings['others'] as $url) {
				Maker::hubloc($this->settings['identity'], $url, 'alice');
			}
			if (! $this->settings['stock']) {
				symlink(realpath(__DIR__ . '/../../php'), 'addon/filesync');
				install_plugin('filesync');
				\FileSync\Addon\Hub\Config::set('retry_first_seconds', '1');
				// Three people who change half of all files a day mean it.
				\FileSync\Addon\Hub\Config::set('displaced_few_files', '0');
				\FileSync\Addon\Hub\Config::set('replaced_max_percent', '100');
				Table::insert('filesync_setting', [
					'id' => 'component',
					'scope' => 'site',
					'name' => 'component',
					'value' => substr(hash('sha256', $this->settings['seed'] . $this->name), 0, 16),
				]);
			}
		}
		load_hooks();
		call_hooks('init_1');
		require __DIR__ . '/pages.php';
		\FileSync\Store::$age = 0;
		Wire::$is_seeded = true;
		Store::$isFine = true;
		if (! $this->settings['stock']) {
			\FileSync\Addon\Hub\Client::$wire = \Fake\Api::answer(...);
		}
		Wire::$post = fn ($url, $fields, $options) => $this->getfile($url, $fields, $options);
		TransferBatch::$fetch = fn ($transfer) => $this->fetch($transfer);
	}

	private function serve(): void
	{
		$channel = channelx_by_nick('alice');
		for ($count = 0; $line = fgets($this->socket);) {
			[$command, $arguments, $now] = json_decode($line, true);
			Clock::set($now + $this->settings['skew']);
			mt_srand(crc32(implode(' ', [$this->settings['seed'], $this->name, ++$count])));
			$_SERVER['REQUEST_METHOD'] = '';
			\App::set_channel(null);
			\App::$argv = [];
			\App::$argc = 0;
			$answer = match ($command) {
				'do' => Pages::act($channel, $arguments),
				'receive' => $this->receive($arguments),
				'work' => $this->work($channel),
				'packets' => $this->packets(),
				'delivered' => dbq("DELETE FROM outq WHERE outq_hash = '" . dbesc($arguments[0]) . "'") ? null : null,
				'rows' => $this->rows(),
				'kept' => $this->kept(),
				'strays' => $this->strays(),
				'tell' => $this->tell($channel),
				'late' => $this->late($channel, $arguments),
				'state' => $this->state($channel, $arguments),
				'reliable' => $this->isReliable = true,
				'trail' => $this->trail($arguments[0]),
				'set' => \FileSync\Addon\Hub\Config::set($arguments[0], $arguments[1]),
				'answer' => array_map(
					fn ($line) => \FileSync\Addon\Receive\BrakeAnswer::decide($line, $arguments[0]) ?? $line['files'],
					\FileSync\Addon\Receive\Brake::lines(),
				),
			};
			if (! $this->settings['stock']) {
				Intentions::flush();
			}
			dbq('DELETE FROM workerq');
			fwrite($this->socket, json_encode(['answer' => $answer], JSON_PARTIAL_OUTPUT_ON_ERROR) . "\n");
		}
	}

	private function receive(array $packet): array
	{
		$_SERVER['REQUEST_METHOD'] = 'POST';
		\App::$argv = ['zot'];
		\App::$argc = 1;
		$envelope = json_decode($packet[0], true);
		$data = json_decode($envelope['data'], true);
		foreach (getenv('BREAK') === 'order' ? array_keys($data['file'] ?? []) : [] as $n) {
			unset($data['file'][$n]['filesync']['revision'], $data['file'][$n]['filesync']['gone']);
		}
		$report = \Zotlabs\Lib\Libsync::process_channel_sync_delivery(
			$envelope['sender'],
			$data,
			$envelope['recipients'],
		);
		\App::$argv = [];
		$_SERVER['REQUEST_METHOD'] = '';

		return $report;
	}

	/** Runs cron and a worker until nothing is due; returns the digests that were published ever. */
	private function work(array $channel): array
	{
		if ($this->settings['stock']) {
			return [];
		}
		\FileSync\Addon\Work\Housekeeping::often();
		(new Worker(Clock::now() + 60))->run(0);

		return array_column(
			Table::select('filesync_transfer', ['state' => 'published', 'scale' => 0], '', 0, 'DISTINCT sha256'),
			'sha256',
		);
	}

	/** Returns what is new in the queue for other hubs; each stays there until it is delivered. */
	private function packets(): array
	{
		$new = [];
		$waiting = array_fill_keys(
			array_column(dbq('SELECT outq_hash FROM outq ORDER BY outq_created, rowid') ?: [], 'outq_hash'),
			true,
		);
		foreach (array_keys(array_diff_key($waiting, $this->taken)) as $id) {
			$row = dbq("SELECT * FROM outq WHERE outq_hash = '" . dbesc($id) . "'")[0];
			$new[] = ['id' => $id, 'to' => dirname($row['outq_posturl']), 'body' => $row['outq_notify']];
		}
		$this->taken = $waiting;

		return $new;
	}

	private function rows(): array
	{
		clearstatcache();
		$rows = [];
		foreach (dbq('SELECT * FROM attach ORDER BY id') ?: [] as $row) {
			$terms = array_column(
				dbq('SELECT term FROM term WHERE otype = 2 AND oid = ' . (int) $row['id'] . ' ORDER BY term') ?: [],
				'term',
			);
			$isWhole =
				$row['is_dir'] || (is_file($row['content']) && filesize($row['content']) === (int) $row['filesize']);
			$rows[$row['hash']] = [
				'is_whole' => $isWhole,
				'name' => $row['filename'],
				'folder' => $row['folder'],
				'is_dir' => (int) $row['is_dir'],
				'size' => (int) $row['filesize'],
				'edited' => $row['edited'],
				'access' => implode('|', array_map(fn ($list) => self::sorted($row[$list]), [
					'allow_cid',
					'allow_gid',
					'deny_cid',
					'deny_gid',
				])),
				'terms' => $terms,
				'path' => $row['content'],
				'sha256' => ! $row['is_dir'] && is_file($row['content'])
					? hash_file('sha256', $row['content'])
					: (is_dir($row['content']) ? 'folder' : 'absent'),
			];
		}

		return $rows;
	}

	/** Returns what lies among the channel's files without a row, and rows that are not where their folders say. */
	private function strays(): array
	{
		$rows = array_column(dbq('SELECT hash, folder, content FROM attach') ?: [], null, 'hash');
		$wrong = [];
		foreach ($rows as $row) {
			for (
				$path = $row['hash'], $above = $row['folder'], $depth = 0;
				$above !== '' && $depth < 50;
				$above = $rows[$above]['folder'] ?? '', $depth++
			) {
				$path = "$above/$path";
			}
			$row['content'] === "store/alice/$path" || ($wrong[] = "{$row['hash']}: its row says {$row['content']}, its folders $path");
		}
		$known = array_flip(array_column($rows, 'content'));
		foreach (new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator('store/alice', \FilesystemIterator::SKIP_DOTS),
			\RecursiveIteratorIterator::SELF_FIRST,
		) as $path => $one) {
			isset($known[$path]) || ($wrong[] = "$path has no row");
		}

		return $wrong;
	}

	private static function sorted(string $list): string
	{
		$entries = explode('><', $list);
		sort($entries);

		return implode('', preg_split('/(?<=>)/', preg_replace(
			'/<?([^<>]+)>?/',
			'<$1>',
			implode('', array_map(fn ($entry) => '<' . trim($entry, '<>') . '>', array_filter($entries))),
		)));
	}

	private function kept(): array
	{
		return array_map(fn ($path) => hash_file('sha256', $path), glob('store/*data*/filesync/*/kept/*') ?: []);
	}

	/** Sends the state of every file once more. */
	private function tell(array $channel): void
	{
		if ($this->settings['stock']) {
			return;
		}
		foreach (Table::select(
			'filesync_file',
			['uid' => (int) $channel['channel_id']],
			'',
			0,
			'hash, state',
		) as $row) {
			if (in_array($row['state'], ['here', 'gone'], true)) {
				Announcement::answer((int) $channel['channel_id'], $row['hash'], $row['state'] === 'gone');
			}
		}
		$this->work($channel);
	}

	/**
	 * Answers a comparison: what this hub has of the files that the other one has not, in the present version.
	 *
	 * @param list<string> $known
	 */
	private function state(array $row, array $known): array
	{
		$channel = Channel::of($row);
		$hashes = array_column(
			Table::select('filesync_file', ['uid' => $channel->id, 'state' => 'here'], 'hash', 0, 'hash'),
			'hash',
		);

		return array_values(array_filter(array_map(
			fn ($hash) => Announcement::state($channel, $hash, false),
			array_diff($hashes, $known),
		)));
	}

	/** Takes in what another hub answered. */
	private function late(array $row, array $entries): void
	{
		foreach ($entries as $entry) {
			Incoming::takeLate(Channel::of($row), $entry);
		}
		$this->work($row);
	}

	private function trail(string $hash): array
	{
		return (
			$this->settings['stock']
				? []
				: [
					'file' => Table::first('filesync_file', ['hash' => $hash]),
					'transfer' => Table::select('filesync_transfer', ['hash' => $hash]),
					'packet' => Table::select('filesync_packet', ['hash' => $hash], '', 0, 'state, reason'),
					'outbox' => Table::select('filesync_outbox', ['name' => $hash]),
					'log' => preg_grep(
						'/' . preg_quote($hash, '/') . '|Exception|Error/',
						array_slice(file('hub.log') ?: [], -2000),
					),
				]
		);
	}

	/** Gives what another hub has of a file: its row and its bytes, or null. */
	private function look(string $root, string $hash): ?array
	{
		$folder = $this->settings['folders'][$root] ?? null;
		if ($folder === null) {
			return null;
		}
		$there = new \PDO("sqlite:$folder/hub.sqlite", null, null, [\PDO::ATTR_TIMEOUT => 10]);
		$row = $there->query('SELECT filesize, edited, content FROM attach WHERE hash = ' . $there->quote($hash))
			->fetch(\PDO::FETCH_ASSOC);

		return $row ? $row + ['bytes' => @file_get_contents($folder . '/' . $row['content'])] : null;
	}

	/** Answers as an origin does, for the addon: what is not what the packet said is not given. */
	private function fetch(array $transfer): array
	{
		$failure = ['kind' => 'NotFound', 'temporary' => false, 'message' => 'not found'];
		foreach ($transfer['origins'] as $origin) {
			if (mt_rand(0, 9) === 0 && ! $this->isReliable) {
				return ['kind' => 'Network', 'temporary' => true, 'message' => 'the connection broke off'];
			}
			$found = $this->look(rtrim($origin['url'], '/'), $transfer['hash']);
			if ($found === null) {
				continue;
			}
			if ($found['bytes'] === false) {
				// What the hub that announced the file says of it counts more.
				$failure = isset($failure['facts'])
					? $failure
					: ['kind' => 'PeerBusy', 'temporary' => true, 'message' => 'the file is not on its disk'];
				continue;
			}
			if (
				strlen($found['bytes']) !== (int) $found['filesize']
				|| $found['edited'] < ($transfer['edited'] ?? '')
			) {
				$failure = [
					'kind' => 'PeerBusy',
					'temporary' => true,
					'message' => 'the hub still shows an older version',
					'facts' => ['hub' => '', 'older_edited' => $found['edited']],
				];
				continue;
			}
			return ['bytes' => $found['bytes'], 'edited' => $found['edited']];
		}

		return $failure;
	}

	/** Answers a stock hub's fetch as a stock hub does. */
	private function getfile(string $url, array $fields, array $options): array
	{
		$found = $this->look(dirname($url), $fields['resource']);
		fwrite($options['filep'], (string) ($found['bytes'] ?? ''));

		return ['return_code' => 200, 'success' => true, 'header' => '', 'body' => ''];
	}
}

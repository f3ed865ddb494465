<?php

namespace TestHub;

require_once __DIR__ . '/Pair.php';

/** A hub with filesync and a channel alice, and requests at its doors for programs. */
final class Doorstep
{
	public const PATH = '/filesync/v1';
	public readonly Pair $pair;
	public readonly string $hub;
	public string $key = '';
	/** @var array<string, string> Headers of the last answer, by lower-case names. */
	public array $headers = [];

	public function __construct(string $folder)
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		if (! is_file($extension)) {
			throw new \RuntimeException('build the extension first, or set EXTENSION');
		}
		mkdir($folder);
		$this->pair = new Pair($folder, ['addon' => __DIR__ . '/../../php', 'extension' => $extension]);
		$this->hub = $this->pair->hub('b');
		$this->inHub('set_config("testhub", "without_workers", 1);');
		$this->pair->command('b', 'config', 'set', 'allow_private_addresses', '1');
		$this->pair->command('b', 'config', 'set', 'upload_requests_per_second', '10000');
		$this->pair->serve('a');
		$this->pair->serve('b');
	}

	public function close(): void
	{
		$this->pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', $this->pair->folder]);
	}

	/** Runs code in the hub; returns what it prints. */
	public function inHub(string $code): string
	{
		return implode("\n", Pair::run([
			__DIR__ . '/bin/in-hub',
			$this->hub,
			PHP_BINARY,
			'-r',
			"require 'include/cli_startup.php'; cli_startup(); load_hooks(); call_hooks('init_1'); $code",
		]));
	}

	/** Makes a key, as the page does, and uses it from now on. */
	public function makeKey(int $channelId = 1, string $kind = 'restore'): string
	{
		return $this->key = $this->inHub("echo FileSync\\Addon\\Door\\Key::make($channelId, '$kind');");
	}

	/** Does what workers and cron do. */
	public function work(): void
	{
		$this->inHub(
			'FileSync\Addon\Work\Worker::daemon("restore"); FileSync\Addon\Work\Worker::daemon("drill"); FileSync\Addon\Door\Session::sweep(); FileSync\Addon\Door\Key::prune();',
		);
	}

	/** Logs in as a browser does; returns the cookie. */
	public function logIn(string $login, string $password): string
	{
		$this->ask(
			'POST',
			$this->pair->urls['b'] . '/login',
			['Content-Type' => 'application/x-www-form-urlencoded'],
			http_build_query([
				'auth-params' => 'login',
				'main_login_username' => $login,
				'main_login_password' => $password,
			]),
		);

		return explode(';', $this->headers['set-cookie'] ?? '')[0];
	}

	/**
	 * Sends a request.
	 *
	 * @param array<string, string> $headers In addition to the key.
	 *
	 * @return array{status: int, error: string, body: string}
	 */
	public function ask(string $method, string $path, array $headers = [], ?string $body = null): array
	{
		$url = str_starts_with($path, 'http') ? $path : $this->pair->urls['b'] . self::PATH . $path;
		$curl = curl_init($url);
		$this->headers = [];
		$headers += ['Filesync-Key' => $this->key, 'Expect' => '', 'Content-Type' => ''];
		curl_setopt_array($curl, [
			CURLOPT_RETURNTRANSFER => true,
			CURLOPT_CUSTOMREQUEST => $method,
			CURLOPT_NOBODY => $method === 'HEAD',
			CURLOPT_HTTPHEADER => array_map(
				fn ($name, $value) => "$name:" . ($value === '' ? '' : " $value"),
				array_keys($headers),
				$headers,
			),
			CURLOPT_HEADERFUNCTION => function ($curl, string $line): int {
				[$name, $value] = [...explode(':', $line, 2), ''];
				if ($value !== '') {
					$this->headers[strtolower($name)] = trim($value);
				}

				return strlen($line);
			},
		] + ($body === null ? [] : [CURLOPT_POSTFIELDS => $body]));
		$answer = (string) curl_exec($curl);

		return [
			'status' => curl_getinfo($curl, CURLINFO_HTTP_CODE),
			'error' => $this->headers['filesync-error'] ?? '',
			'body' => $answer,
		];
	}

	/** Sends JSON; returns the object that is answered, with its status as `status`. */
	public function say(string $method, string $path, ?array $content = null): array
	{
		$answer = $this->ask(
			$method,
			$path,
			$content === null ? [] : ['Content-Type' => 'application/json'],
			$content === null ? null : json_encode((object) $content),
		);

		return (
			['status' => $answer['status'], 'error' => $answer['error']] + (json_decode($answer['body'], true) ?? [])
		);
	}

	/** Begins a restore of a set that has no more than these lists; returns its path. */
	public function begin(string $tags = 'no lists', array $more = []): string
	{
		$said = $this->say(
			'POST',
			'/restore',
			$more
			+ [
				'set' => ['filesync_set' => 1, 'channel' => ['hash' => $this->channelHash()]],
				'lists' => ['tagmanifest-sha256.txt' => hash('sha256', $tags)],
			],
		);
		if (! isset($said['session'])) {
			throw new \RuntimeException(json_encode($said));
		}

		return "/restore/{$said['session']}";
	}

	/**
	 * Begins a restore, and sends the lists and the metadata of the set, and nothing else; returns its path.
	 *
	 * @param array<string, mixed> $more What else is said at the beginning.
	 */
	public function describe(string $set, array $more = []): string
	{
		$lists = array_filter(
			['tagmanifest-sha256.txt', 'channel-signature.json'],
			fn ($name) => is_file("$set/$name"),
		);
		$digests = array_map(fn ($name) => hash_file('sha256', "$set/$name"), $lists);
		$session = $this->begin('', $more + ['lists' => array_combine($lists, $digests)]);
		$pack = [];
		foreach (new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator($set, \FilesystemIterator::SKIP_DOTS),
		) as $path => $file) {
			$name = substr($path, strlen($set) + 1);
			if (! str_starts_with($name, 'data/') || str_starts_with($name, 'data/metadata/')) {
				$pack[hash_file('sha256', $path)] = (string) file_get_contents($path);
			}
		}
		$said = $this->pack($session, self::tar($pack));
		if ($said['status'] !== 200) {
			throw new \RuntimeException(json_encode($said));
		}

		return $session;
	}

	public function channelHash(int $channelId = 1): string
	{
		return $this->pair->rows(
			'b',
			"SELECT channel_hash FROM channel WHERE channel_id = $channelId",
		)[0]['channel_hash'];
	}

	/** Returns what Upload-Metadata says of bytes. */
	public static function metadata(string $bytes): string
	{
		return 'sha256 ' . base64_encode(hash('sha256', $bytes));
	}

	/** Creates an upload of bytes; returns its path. */
	public function create(string $session, string $bytes): string
	{
		$this->tus('POST', "$session/upload", [
			'Upload-Length' => (string) strlen($bytes),
			'Upload-Metadata' => self::metadata($bytes),
		]);

		return $this->headers['location'];
	}

	/**
	 * Returns a ustar archive.
	 *
	 * @param array<string, string> $files Bytes by name.
	 */
	public static function tar(array $files, string $kind = '0'): string
	{
		$tar = '';
		foreach ($files as $name => $bytes) {
			$header =
				str_pad((string) $name, 100, "\0")
				. "0000600\0"
				. str_repeat("0000000\0", 2)
				. sprintf('%011o', strlen($bytes))
				. "\0"
				. "00000000000\0"
				. '        '
				. $kind
				. str_repeat("\0", 100)
				. "ustar\0"
				. '00';
			$header = str_pad($header, 512, "\0");
			$sum = sprintf('%06o', array_sum(array_map('ord', str_split($header)))) . "\0 ";
			$tar .= substr_replace($header, $sum, 148, 8);
			$tar .= str_pad($bytes, 512 * (int) ceil(strlen($bytes) / 512), "\0");
		}

		return $tar . str_repeat("\0", 1024);
	}

	/** Sends a pack. */
	public function pack(string $session, string $tar): array
	{
		return $this->ask('POST', "$session/pack", ['Content-Type' => 'application/x-tar'], $tar);
	}

	/** Sends a request of tus. */
	public function tus(string $method, string $path, array $headers = [], ?string $body = null): array
	{
		return $this->ask(
			$method,
			$path,
			$headers
			+ [
				'Tus-Resumable' => '1.0.0',
				'Content-Type' => $body === null ? '' : 'application/offset+octet-stream',
			],
			$body,
		);
	}

	/** Sends bytes at an offset. */
	public function patch(string $upload, int $offset, string $bytes, array $headers = []): array
	{
		return $this->tus('PATCH', $upload, $headers + ['Upload-Offset' => (string) $offset], $bytes);
	}

	/** Returns the offset that HEAD says; null: none. */
	public function offset(string $upload): ?int
	{
		$this->tus('HEAD', $upload);

		return isset($this->headers['upload-offset']) ? (int) $this->headers['upload-offset'] : null;
	}

	/** Returns the files that a session has on disk, beneath its folder. */
	public function onDisk(string $session = '*'): array
	{
		$folder = "$this->hub/store/[data]/filesync/1/upload/" . basename($session);
		$lines = is_dir($folder) || $session === '*'
			? Pair::run(
				[
					'find',
					$session === '*' ? "$this->hub/store/[data]/filesync/1/upload" : $folder,
					'-type',
					'f',
					'!',
					'-name',
					'*.lock',
					'-printf',
					'%P\n',
				],
				false,
			)
			: [];

		return array_values(array_filter($lines, fn ($line) => ! str_contains($line, 'No such file')));
	}

	/** Returns all that is in the hub's folder, but for what changes with every request. */
	public function tree(): array
	{
		$lines = Pair::run([
			'find',
			$this->hub,
			'-not',
			'-path',
			'*/upload/*',
			'-not',
			'-path',
			'*/sessions/*',
			'-not',
			'-name',
			'*.log',
			'-not',
			'-name',
			'*.lock',
			'-not',
			'-name',
			'*sqlite*',
			'-not',
			'-name',
			'upload',
			'-type',
			'f',
		]);
		sort($lines);

		return $lines;
	}

	/** Returns the rows of the channel that a restore may change. */
	public function rows(): array
	{
		return array_map(
			fn ($table) => $this->pair->rows('b', "SELECT * FROM $table"),
			['attach', 'photo', 'item', 'filesync_file', 'filesync_ended'],
		);
	}
}

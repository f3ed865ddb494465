<?php

namespace Doors;

/**
 * What a program for folders asks, file by file. The sequences are written from what is known of these programs, and
 * were not tried with the real ones: see docs/drop-box.md.
 */
final class Sequence
{
	/** `davfs2-like` is played where that program cannot mount anything. */
	public const LIKE = ['curl', 'finder-like', 'explorer-like'];
	private const LOCK =
		'<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
			. '<D:locktype><D:write/></D:locktype><D:owner><D:href>alice</D:href></D:owner></D:lockinfo>';
	private const FIND =
		'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getcontentlength/><D:getlastmodified/>'
			. '<D:resourcetype/></D:prop></D:propfind>';
	private const TIMES =
		'<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>'
			. '<Z:Win32CreationTime>Fri, 03 May 2024 09:00:00 GMT</Z:Win32CreationTime><Z:Win32LastAccessTime>Fri, 03 May 2024 09:00:00 GMT</Z:Win32LastAccessTime>'
			. '<Z:Win32LastModifiedTime>Fri, 03 May 2024 09:00:00 GMT</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>'
			. '</D:prop></D:set></D:propertyupdate>';

	private \CurlHandle $curl;
	/** @var array<string, string> */
	private array $headers = [];
	private string $answer = '';
	/** @var array<string, true> Folders that were made. */
	private array $made = ['.' => true];
	public int $requests = 0;

	public function __construct(
		private readonly string $like,
		private readonly string $box,
		private readonly string $password,
	) {
		$this->curl = curl_init();
	}

	/** Sends a file of a set. */
	public function send(string $set, string $path): void
	{
		$this->folders(dirname($path));
		$file = "$set/$path";
		match ($this->like) {
			'curl' => $this->put($path, $file),
			'finder-like' => $this->asFinder($path, $file),
			'explorer-like' => $this->asExplorer($path, $file),
			'davfs2-like' => $this->asDavfs($path, $file),
		};
	}

	/** Begins to send a file, and is killed. */
	public function breakOff(string $set, string $path): void
	{
		$this->folders(dirname($path));
		$url = parse_url($this->box);
		$socket = fsockopen($url['host'], $url['port']);
		$bytes = (string) file_get_contents("$set/$path");
		fwrite(
			$socket,
			"PUT {$url['path']}"
			. self::encoded($path)
			. " HTTP/1.1\r\nHost: {$url['host']}\r\nAuthorization: Basic "
			. base64_encode("alice:$this->password")
			. "\r\nContent-Length: "
			. (strlen($bytes) + 10)
			. "\r\n\r\n$bytes",
		);
		fclose($socket);
	}

	private function folders(string $folder): void
	{
		if (isset($this->made[$folder])) {
			return;
		}
		$this->folders(dirname($folder));
		if ($this->like !== 'curl') {
			$this->ask('PROPFIND', $folder, self::FIND, ['Depth: 0'], [207, 404]);
		}
		$this->ask('MKCOL', $folder, null, [], [201, 405]);
		if ($this->like === 'finder-like') {
			$this->put("$folder/.DS_Store", null, str_repeat("\0", 6148));
		}
		$this->made[$folder] = true;
	}

	private function asFinder(string $path, string $file): void
	{
		$this->ask('PROPFIND', $path, self::FIND, ['Depth: 0'], [207, 404]);
		$this->put($path, null, '');
		$token = $this->lock($path, 'Second-600');
		$length = filesize($file);
		// Finder sends in chunks and says the length elsewhere.
		$this->put($path, $file, '', [
			"If: (<$token>)",
			"X-Expected-Entity-Length: $length",
			...($length > 0 ? ['Transfer-Encoding: chunked'] : []),
		]);
		$this->ask('PROPFIND', $path, self::FIND, ['Depth: 0'], [207]);
		$this->unlock($path, $token);
		$companion = dirname($path) . '/._' . basename($path);
		$this->put($companion, null, '');
		$token = $this->lock($companion, 'Second-600');
		$this->put($companion, null, str_repeat("\0\x05\x16\x07", 1024), ["If: (<$token>)"]);
		$this->unlock($companion, $token);
	}

	private function asExplorer(string $path, string $file): void
	{
		$this->ask('PROPFIND', dirname($path), self::FIND, ['Depth: 1'], [207]);
		$this->ask('PROPFIND', $path, self::FIND, ['Depth: 0'], [207, 404]);
		$this->put($path, null, '');
		$token = $this->lock($path, 'Second-3600');
		$this->ask('PROPPATCH', $path, self::TIMES, ["If: (<$token>)"], [207]);
		$this->needAccepted($path);
		$this->ask('HEAD', $path, null, [], [200]);
		$this->put($path, $file, '', ["If: (<$token>)"]);
		$this->ask('PROPPATCH', $path, self::TIMES, ["If: (<$token>)"], [207]);
		$this->needAccepted($path);
		$this->unlock($path, $token);
	}

	private function asDavfs(string $path, string $file): void
	{
		$this->ask('PROPFIND', dirname($path), self::FIND, ['Depth: 1'], [207]);
		$token = $this->lock($path, 'Second-1800');
		$this->ask('HEAD', $path, null, [], [200]);
		$this->put($path, $file, '', ["If: (<$token>)"]);
		$this->ask('HEAD', $path, null, [], [200]);
		$this->unlock($path, $token);
	}

	private function needAccepted(string $path): void
	{
		if (substr_count($this->answer, '403') > 0 || ! str_contains($this->answer, '200 OK')) {
			throw new \RuntimeException("the times of $path are not accepted: $this->answer");
		}
	}

	private function lock(string $path, string $timeout): string
	{
		$this->ask(
			'LOCK',
			$path,
			self::LOCK,
			["Timeout: $timeout", 'Depth: 0', 'Content-Type: application/xml'],
			[200, 201],
		);

		return trim($this->headers['lock-token'] ?? '', '<>');
	}

	private function unlock(string $path, string $token): void
	{
		$this->ask('UNLOCK', $path, null, ["Lock-Token: <$token>"], [204]);
	}

	/** @param list<string> $headers */
	private function put(string $path, ?string $file, string $bytes = '', array $headers = []): void
	{
		$this->ask('PUT', $path, $file === null ? $bytes : (string) file_get_contents($file), $headers, [201, 204]);
	}

	/**
	 * @param list<string> $headers
	 * @param list<int>    $expected
	 */
	private function ask(string $method, string $path, ?string $body, array $headers, array $expected): void
	{
		$this->headers = [];
		$this->requests++;
		curl_reset($this->curl);
		curl_setopt_array($this->curl, [
			CURLOPT_URL => $this->box . ($path === '.' ? '' : self::encoded($path)),
			CURLOPT_CUSTOMREQUEST => $method,
			CURLOPT_NOBODY => $method === 'HEAD',
			CURLOPT_RETURNTRANSFER => true,
			CURLOPT_USERPWD => "alice:$this->password",
			CURLOPT_HTTPHEADER => [
				'Expect:',
				...$headers,
				...($body === null ? [] : ['Content-Type: application/octet-stream']),
			],
			CURLOPT_HEADERFUNCTION => function (\CurlHandle $curl, string $line): int {
				[$name, $value] = [...explode(':', $line, 2), ''];
				$this->headers[strtolower($name)] = trim($value);

				return strlen($line);
			},
		]);
		if (in_array('Transfer-Encoding: chunked', $headers, true)) {
			$rest = (string) $body;
			curl_setopt_array($this->curl, [
				CURLOPT_UPLOAD => true,
				CURLOPT_CUSTOMREQUEST => $method,
				CURLOPT_READFUNCTION => function (\CurlHandle $curl, $file, int $most) use (&$rest): string {
					$piece = substr($rest, 0, $most);
					$rest = substr($rest, strlen($piece));

					return $piece;
				},
			]);
		} elseif ($body !== null) {
			curl_setopt($this->curl, CURLOPT_POSTFIELDS, $body);
		}
		$this->answer = (string) curl_exec($this->curl);
		$status = curl_getinfo($this->curl, CURLINFO_RESPONSE_CODE);
		if (! in_array($status, $expected, true)) {
			throw new \RuntimeException(
				"$this->like: $method $path is answered by $status: $this->answer" . curl_error($this->curl),
			);
		}
	}

	private static function encoded(string $path): string
	{
		return implode('/', array_map(rawurlencode(...), explode('/', $path)));
	}
}

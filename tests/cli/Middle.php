<?php

namespace Cli;

/**
 * What stands between a command and a hub, a request at a time: it passes requests on, refuses some as bad proxies do,
 * and lies where a test must turn red.
 *
 *     php Middle.php <listen address:port> <hub address:port> <folder>
 *
 * `rules` in the folder is JSON, read at each request; of each request a line is added to `requests`.
 *
 *   refuse  methods that it answers with 405
 *   limit   longest body; others get 413
 *   cut     a connection ends once so many bytes of a body went through
 *   deaf    of so many requests to a restore, the answer of one is lost
 *   slow    microseconds before each request
 *   offset  every offset that the hub tells is this much higher
 *   lacking of what the hub lacks, the last of so many is not told
 *   page    of so many pieces, the answer to one is a page
 */
final class Middle
{
	private int $count = 0;
	private int $pieces = 0;

	public function __construct(private readonly string $hub, private readonly string $folder) {}

	public static function main(string $listen, string $hub, string $folder): void
	{
		$server = stream_socket_server("tcp://$listen", $code, $message) ?: exit("$message\n");
		$middle = new self($hub, $folder);
		while (true) {
			$client = @stream_socket_accept($server, 3600);
			if ($client) {
				$middle->answer($client);
			}
		}
	}

	/** @param resource $client */
	private function answer($client): void
	{
		stream_set_timeout($client, 10);
		$head = self::head($client);
		if ($head === '') {
			fclose($client);
			return;
		}
		/** @var array<string, mixed> $rules */
		$rules = json_decode((string) @file_get_contents("$this->folder/rules"), true) ?? [];
		[$method, $path] = explode(' ', $head, 3);
		$length = self::length($head);
		file_put_contents("$this->folder/requests", "$method $path $length\n", FILE_APPEND);
		usleep($rules['slow'] ?? 0);
		$this->count += (int) str_contains($path, '/restore');
		$isPiece = str_contains($path, '/upload') && $length > 0;
		$this->pieces += (int) $isPiece;
		$refused = match (true) {
			in_array($method, $rules['refuse'] ?? [], true) => '405 Method Not Allowed',
			$length > ($rules['limit'] ?? PHP_INT_MAX) => '413 Request Entity Too Large',
			default => '',
		};
		if ($refused !== '') {
			self::refuse($client, $refused);
			return;
		}
		$cut = $rules['cut'] ?? PHP_INT_MAX;
		$body = self::read($client, min($length, $cut));
		if ($length > $cut) {
			// The hub gets what came.
			$this->ask($head, $body, false);
			fclose($client);
			return;
		}
		$answer = $this->ask($head, $body, true);
		$isLost = str_contains($path, '/restore') && ($this->count % ($rules['deaf'] ?? PHP_INT_MAX)) === 0;
		if (! $isLost) {
			$isPage = $isPiece && ($this->pieces % ($rules['page'] ?? PHP_INT_MAX)) === 0;
			fwrite($client, $isPage ? self::page() : self::altered($answer, $rules));
		}
		fclose($client);
	}

	/** @return string The hub's answer, which ends with the connection. */
	private function ask(string $head, string $body, bool $waits): string
	{
		$hub = @stream_socket_client("tcp://$this->hub", $code, $message, 5);
		if (! $hub) {
			return '';
		}
		fwrite($hub, preg_replace('/^Connection:.*\r\n/mi', '', substr($head, 0, -2)) . "Connection: close\r\n\r\n");
		fwrite($hub, $body);
		$answer = $waits ? (string) stream_get_contents($hub) : '';
		fclose($hub);

		return preg_replace('/^(HTTP[^\n]*\n)/', "$1Connection: close\r\n", $answer, 1);
	}

	/** Refuses without reading the body, and listens a while, as web servers do. */
	private static function refuse($client, string $status): void
	{
		fwrite(
			$client,
			"HTTP/1.1 $status\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno.\n",
		);
		stream_socket_shutdown($client, STREAM_SHUT_WR);
		stream_set_timeout($client, 1);
		while (! feof($client) && fread($client, 1 << 16) && ! stream_get_meta_data($client)['timed_out']) {
		}
		fclose($client);
	}

	private static function page(): string
	{
		$page = '<html>Welcome to this network. Please accept our terms.</html>';

		return (
			"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: "
			. strlen($page)
			. "\r\nConnection: close\r\n\r\n$page"
		);
	}

	/** @param array<string, mixed> $rules */
	private static function altered(string $answer, array $rules): string
	{
		if (isset($rules['offset'])) {
			$answer = preg_replace_callback(
				'/^(Upload-Offset: )(\d+)/mi',
				fn ($part) => $part[1] . ((int) $part[2] + (int) $rules['offset']),
				$answer,
			);
		}
		[$head, $body] = [...explode("\r\n\r\n", $answer, 2), ''];
		$said = json_decode($body, true);
		if (isset($rules['lacking'], $said['lacking'])) {
			$said['lacking'] = array_values(array_filter(
				$said['lacking'],
				fn ($n) => (($n + 1) % (int) $rules['lacking']) !== 0,
				ARRAY_FILTER_USE_KEY,
			));
			$body = json_encode(['partial' => (object) $said['partial']] + $said);
			$head = preg_replace('/^Content-Length:.*\r\n/mi', '', $head . "\r\n") . 'Content-Length: ' . strlen($body);

			return "$head\r\n\r\n$body";
		}

		return $answer;
	}

	/** @param resource $client */
	private static function head($client): string
	{
		$head = '';
		while (! str_ends_with($head, "\r\n\r\n")) {
			$line = fgets($client);
			if ($line === false) {
				return '';
			}
			$head .= $line;
		}

		return $head;
	}

	private static function length(string $head): int
	{
		return preg_match('/^Content-Length: (\d+)/mi', $head, $part) ? (int) $part[1] : 0;
	}

	/** @param resource $client */
	private static function read($client, int $length): string
	{
		$body = '';
		while (strlen($body) < $length && ($piece = fread($client, min(1 << 16, $length - strlen($body))))) {
			$body .= $piece;
		}

		return $body;
	}
}

if (realpath($argv[0] ?? '') === __FILE__) {
	Middle::main($argv[1], $argv[2], $argv[3]);
}

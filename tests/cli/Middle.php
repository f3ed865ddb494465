<?php

namespace Cli;

/**
 * What stands between a command and a hub, a request at a time: it passes requests on, hinders some as bad proxies and
 * lines do, and lies where a test must turn red.
 *
 *     php Middle.php <listen address:port> <hub address:port> <folder>
 *
 * `rules` in the folder is JSON, read at each request. Of each request a line is added to `requests`: method, path, and
 * how many bytes came and were answered, with all headers.
 *
 *   refuse   the status that it answers to a method
 *   limit    longest body; others get 413
 *   lengths  a PUT, PATCH or POST that does not say how long its body is gets 411
 *   patience seconds that a request may take until its answer begins; then 504
 *   cut      a connection ends once so many bytes of a body went through, this way or that
 *   every    at each such number of seconds of the clock, the connection that is open then ends
 *   rate     bytes a second
 *   hold     once so many bytes of bodies went through since it has this rule, nothing does until it has it no more
 *   wait     a request whose method and path this regular expression finds is not handed on while it has this rule
 *   slow     microseconds before each request
 *   strip    headers that it keeps for itself
 *   deaf     of so many requests, the answer of one is lost
 *   page     of so many requests, the answer to one is a page
 *   replay   of so many requests, the hub gets one twice, and the answer to the second is told
 *   late     of so many requests, one comes again after the one that follows
 *   at       method and path of the requests that `deaf`, `page`, `replay` and `late` count, as a regular expression
 *   offset   every offset that the hub tells is this much higher
 *   lacking  of what the hub lacks, the last of so many is not told
 */
final class Middle
{
	private const CHUNK = 1 << 14;
	/** Requests that were counted, by rule. */
	private array $counts = [];
	/** A piece that is to come once more: its head and body. */
	private ?array $held = null;
	/** When the request at hand began. */
	private float $begun = 0;
	private int $answered = 0;
	/** Bytes of bodies since there is a rule to hold. */
	private int $passed = 0;
	/** @var array<string, mixed> */
	private array $rules = [];

	public function __construct(private readonly string $hub, private readonly string $folder) {}

	public static function main(string $listen, string $hub, string $folder): void
	{
		$server = stream_socket_server("tcp://$listen", $code, $message) ?: exit("$message\n");
		$middle = new self($hub, $folder);
		while (true) {
			$client = @stream_socket_accept($server, 3600);
			if ($client) {
				$middle->pass($client);
				fclose($client);
			}
		}
	}

	/** @param resource $client */
	private function pass($client): void
	{
		stream_set_timeout($client, 10);
		$head = self::head($client);
		if ($head === '') {
			return;
		}
		$this->read();
		$line = substr($head, 0, (int) strpos($head, ' HTTP/'));
		$this->wait($line);
		[$this->begun, $this->answered] = [microtime(true), 0];
		$body = '';
		try {
			usleep($this->rules['slow'] ?? 0);
			$length = preg_match('/^Content-Length: (\d+)/mi', $head, $part) ? (int) $part[1] : null;
			$this->refuse($client, (string) strstr($line, ' ', true), $length);
			$answer = $this->exchange($client, $head, (int) $length, $body, $line);
			if (! $this->counts('deaf', $line)) {
				$this->send($client, $this->counts('page', $line) ? self::page() : $this->altered($answer));
			}
		} catch (Cut $cut) {
			// Nothing more of it.
			$cut->status && $this->write($client, self::short($cut->status));
		}
		$came = strlen($head) + strlen($body);
		file_put_contents("$this->folder/requests", "$line $came $this->answered\n", FILE_APPEND);
		@unlink("$this->folder/held");
	}

	private function read(): void
	{
		$this->rules = json_decode((string) @file_get_contents("$this->folder/rules"), true) ?? [];
		if (! isset($this->rules['hold'])) {
			$this->passed = 0;
		}
	}

	private function wait(string $line): void
	{
		while (isset($this->rules['wait']) && preg_match("#{$this->rules['wait']}#", $line)) {
			touch("$this->folder/held");
			usleep(2000);
			$this->read();
		}
	}

	/**
	 * Hands a request on while it comes; returns the answer.
	 *
	 * @param resource $client
	 */
	private function exchange($client, string $head, int $length, string &$body, string $line): string
	{
		foreach ($this->rules['strip'] ?? [] as $name) {
			$head = preg_replace('/^' . preg_quote($name, '/') . ':.*\r\n/mi', '', $head);
		}
		$head = preg_replace('/^Connection:.*\r\n/mi', '', substr($head, 0, -2)) . "Connection: close\r\n\r\n";
		$isReplayed = $this->counts('replay', $line);
		$isHeld = $this->held === null && $this->counts('late', $line);
		$hub = $this->reach($head);
		try {
			while (strlen($body) < $length && ($piece = fread($client, min(self::CHUNK, $length - strlen($body))))) {
				$body .= $piece;
				fwrite($hub, $piece);
				$this->delay($piece);
				$this->cutOff(strlen($body));
			}
			// Who sends is gone.
			$answer = strlen($body) < $length ? throw new Cut() : $this->listen($hub);
		} finally {
			fclose($hub);
		}
		if ($isReplayed) {
			$answer = $this->ask($head, $body);
		}
		if ($this->held !== null) {
			$this->ask(...$this->held);
			$this->held = null;
		}
		if ($isHeld) {
			$this->held = [$head, $body];
		}

		return preg_replace('/^(HTTP[^\n]*\n)/', "$1Connection: close\r\n", $answer, 1);
	}

	/** @return resource The hub, which has the head of a request. */
	private function reach(string $head)
	{
		$hub = @stream_socket_client("tcp://$this->hub", $code, $message, 5) ?: throw new Cut();
		fwrite($hub, $head);

		return $hub;
	}

	private function ask(string $head, string $body): string
	{
		$hub = $this->reach($head);
		fwrite($hub, $body);
		$answer = $this->listen($hub);
		fclose($hub);

		return $answer;
	}

	/**
	 * @param resource $hub
	 *
	 * @return string Its answer, which ends with the connection.
	 */
	private function listen($hub): string
	{
		stream_set_timeout($hub, (int) ceil($this->rules['patience'] ?? 3600));
		$answer = (string) stream_get_contents($hub);
		if (stream_get_meta_data($hub)['timed_out']) {
			throw new Cut(504);
		}

		return $answer === '' ? throw new Cut() : $answer;
	}

	/**
	 * Sends an answer.
	 *
	 * @param resource $client
	 */
	private function send($client, string $answer): void
	{
		// Nobody is late any more.
		unset($this->rules['patience']);
		$head = (int) strpos($answer, "\r\n\r\n");
		foreach (str_split($answer, self::CHUNK) as $piece) {
			if (! $this->write($client, $piece)) {
				return;
			}
			$this->delay($piece);
			$this->cutOff($this->answered - $head);
		}
	}

	/** @param resource $client */
	private function write($client, string $bytes): bool
	{
		for ($at = 0; $at < strlen($bytes); $at += $count) {
			$count = (int) @fwrite($client, substr($bytes, $at));
			if ($count === 0) {
				return false;
			}
			$this->answered += $count;
		}

		return true;
	}

	private function delay(string $bytes): void
	{
		if (isset($this->rules['rate'])) {
			usleep((int) ((1e6 * strlen($bytes)) / $this->rules['rate']));
		}
		$this->passed += strlen($bytes);
		while ($this->passed >= ($this->rules['hold'] ?? PHP_INT_MAX)) {
			touch("$this->folder/held");
			usleep(2000);
			$this->read();
		}
	}

	/** Ends a connection over which so many bytes of a body went, if it is time. */
	private function cutOff(int $bytes): void
	{
		$now = microtime(true);
		if (isset($this->rules['patience']) && $now > ($this->begun + $this->rules['patience'])) {
			throw new Cut(504);
		}
		$every = $this->rules['every'] ?? null;
		if ($every !== null && floor($now / $every) > floor($this->begun / $every)) {
			throw new Cut();
		}
		if ($bytes >= ($this->rules['cut'] ?? PHP_INT_MAX)) {
			throw new Cut();
		}
	}

	/** Counts a request; tells whether it is one of those that a rule is for. */
	private function counts(string $rule, string $line): bool
	{
		if (! isset($this->rules[$rule]) || ! preg_match("#{$this->rules['at']}#", $line)) {
			return false;
		}
		$this->counts[$rule] = ($this->counts[$rule] ?? 0) + 1;

		return ($this->counts[$rule] % $this->rules[$rule]) === 0;
	}

	/**
	 * Refuses without reading the body, and listens a while, as web servers do.
	 *
	 * @param resource $client
	 */
	private function refuse($client, string $method, ?int $length): void
	{
		$status = match (true) {
			($length ?? 0) > ($this->rules['limit'] ?? PHP_INT_MAX) => 413,
			isset($this->rules['lengths']) && $length === null && in_array($method, ['PUT', 'PATCH', 'POST'], true)
				=> 411,
			default => $this->rules['refuse'][$method] ?? 0,
		};
		if ($status === 0) {
			return;
		}
		$this->write($client, self::short($status));
		stream_socket_shutdown($client, STREAM_SHUT_WR);
		stream_set_timeout($client, 1);
		while (! feof($client) && fread($client, 1 << 16) && ! stream_get_meta_data($client)['timed_out']) {
		}
		throw new Cut();
	}

	private static function short(int $status): string
	{
		return "HTTP/1.1 $status No\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno.\n";
	}

	private static function page(): string
	{
		$page = '<html>Welcome to this network. Please accept our terms.</html>';
		$length = strlen($page);

		return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: $length\r\nConnection: close\r\n\r\n$page";
	}

	private function altered(string $answer): string
	{
		if (isset($this->rules['offset'])) {
			$answer = preg_replace_callback(
				'/^(Upload-Offset: )(\d+)/mi',
				fn ($part) => $part[1] . ((int) $part[2] + (int) $this->rules['offset']),
				$answer,
			);
		}
		if (! isset($this->rules['lacking'])) {
			return $answer;
		}
		[$head, $body] = [...explode("\r\n\r\n", $answer, 2), ''];
		$said = json_decode($body, true);
		if (! isset($said['lacking'])) {
			return $answer;
		}
		$said['lacking'] = array_values(array_filter(
			$said['lacking'],
			fn ($n) => (($n + 1) % (int) $this->rules['lacking']) !== 0,
			ARRAY_FILTER_USE_KEY,
		));
		$body = json_encode(['partial' => (object) $said['partial']] + $said);
		$head = preg_replace('/^Content-Length:.*\r\n/mi', '', $head . "\r\n") . 'Content-Length: ' . strlen($body);

		return "$head\r\n\r\n$body";
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
}

/** A connection ends; with a status, after an answer of that. */
final class Cut extends \RuntimeException
{
	public function __construct(public readonly int $status = 0)
	{
		parent::__construct();
	}
}

if (realpath($argv[0] ?? '') === __FILE__) {
	Middle::main($argv[1], $argv[2], $argv[3]);
}

<?php

namespace Cli;

require_once __DIR__ . '/../testhub/Pair.php';

use TestHub\Pair;

/** What stands on the way to a hub, in a process of its own: Middle. */
final class Way
{
	/** Address and port. */
	public readonly string $address;
	/** @var resource */
	private $process;

	/** Starts it before a hub; waits until it answers. */
	public function __construct(string $hubUrl, private readonly string $folder)
	{
		mkdir($folder);
		$socket = stream_socket_server('tcp://127.0.0.1:0');
		$this->address = (string) stream_socket_get_name($socket, false);
		fclose($socket);
		$this->rule([]);
		$log = ['file', "$folder/log", 'a'];
		$this->process = proc_open(
			[PHP_BINARY, __DIR__ . '/Middle.php', $this->address, substr((string) strstr($hubUrl, '//'), 2), $folder],
			[['file', '/dev/null', 'r'], $log, $log],
			$pipes,
		);
		for ($end = microtime(true) + Pair::PATIENCE; microtime(true) < $end; usleep(10000)) {
			$socket = @stream_socket_client("tcp://$this->address", $code, $message, 1);
			if ($socket) {
				fclose($socket);

				return;
			}
		}
		throw new \RuntimeException("nothing stands on the way: $message");
	}

	public function stop(): void
	{
		proc_terminate($this->process, SIGKILL);
		proc_close($this->process);
	}

	/**
	 * Says what it does to requests from now on.
	 *
	 * @param array<string, mixed> $rules As Middle has them.
	 */
	public function rule(array $rules): void
	{
		file_put_contents("$this->folder/rules.new", json_encode((object) $rules));
		rename("$this->folder/rules.new", "$this->folder/rules");
	}

	/** Tells whether a rule to hold has come to it. */
	public function isHeld(): bool
	{
		clearstatcache();

		return file_exists("$this->folder/held");
	}

	/** Ends a rule to hold; waits until the request that was held is over. */
	public function letGo(): void
	{
		$this->rule([]);
		for ($end = microtime(true) + Pair::PATIENCE; $this->isHeld() && microtime(true) < $end; usleep(2000));
	}

	/** Forgets the requests that came so far. */
	public function forget(): void
	{
		@unlink("$this->folder/requests");
	}

	/**
	 * Returns each request that came, with its bytes and those of its answer.
	 *
	 * @return list<array{method: string, path: string, sent: int, answered: int}>
	 */
	public function requests(): array
	{
		return array_map(
			function (string $line): array {
				[$method, $path, $sent, $answered] = explode(' ', trim($line));

				return ['method' => $method, 'path' => $path, 'sent' => (int) $sent, 'answered' => (int) $answered];
			},
			@file("$this->folder/requests") ?: [],
		);
	}
}

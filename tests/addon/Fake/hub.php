<?php

namespace Fake;

/** A server on loopback that gives every request the same answer, whatever it is, and notes what it was asked. */
final class Hub
{
	private function __construct(public readonly int $port, private readonly int $pid, private readonly string $log) {}

	/** Starts one; what is given as `$forever` follows the answer until the other side goes. */
	public static function answering(string $answer, string $forever = ''): self
	{
		$server = stream_socket_server('tcp://127.0.0.1:0');
		$port = (int) substr(strrchr(stream_socket_get_name($server, false), ':'), 1);
		$log = tempnam(sys_get_temp_dir(), 'fake-hub');
		$pid = pcntl_fork();
		if ($pid === 0) {
			while (true) {
				$connection = @stream_socket_accept($server, -1);
				$asked = '';
				while (
					$connection
					&& ! preg_match('/\r\n\r\n/', $asked)
					&& ($more = fread($connection, 65536)) !== false
					&& $more !== ''
				) {
					$asked .= $more;
				}
				$length = preg_match('/\r\nContent-Length: (\d+)/i', $asked, $found) ? (int) $found[1] : 0;
				while (
					$connection
					&& strlen($asked) < (strpos($asked, "\r\n\r\n") + 4 + $length)
					&& ($more = fread($connection, 65536)) !== false
					&& $more !== ''
				) {
					$asked .= $more;
				}
				file_put_contents($log, json_encode($asked) . "\n", FILE_APPEND);
				@fwrite($connection, $answer);
				while ($forever !== '' && @fwrite($connection, $forever));
				@fclose($connection);
			}
		}
		fclose($server);

		return new self($port, $pid, $log);
	}

	/** Returns the requests so far, or only their first lines. */
	public function asked(bool $onlyLines = true): array
	{
		$all = array_map('json_decode', file($this->log));

		return $onlyLines ? array_map(fn ($asked) => strtok($asked, "\r"), $all) : $all;
	}

	public function stop(): void
	{
		posix_kill($this->pid, SIGKILL);
		pcntl_waitpid($this->pid, $status);
		unlink($this->log);
	}
}

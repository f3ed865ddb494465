<?php

namespace TestHub;

/**
 * Sends answers, with whatever fault is asked for, and keeps a line about each in access.log (no headers, no secrets).
 */
final class Answer {

	private static $bytes = 0;

	/** Arranges for the log line of this request. */
	public static function log(): void {
		$file = getcwd() . '/access.log';
		$start = microtime(true);
		register_shutdown_function(function () use ($file, $start) {
			@file_put_contents($file, json_encode([
				'at' => round($start, 3),
				'seconds' => round(microtime(true) - $start, 3),
				'method' => $_SERVER['REQUEST_METHOD'],
				'path' => rawurldecode(strtok($_SERVER['REQUEST_URI'], '?')),
				'file' => $_POST['resource'] ?? $_GET['file_id'] ?? $_GET['photo_id'] ?? null,
				'scale' => $_POST['resolution'] ?? $_GET['scale'] ?? null,
				'range' => $_SERVER['HTTP_RANGE'] ?? null,
				'status' => http_response_code(),
				'bytes' => self::$bytes,
			], JSON_UNESCAPED_SLASHES) . "\n", FILE_APPEND | LOCK_EX);
		});
	}

	/** Ends the request with a page, as hubs do for whatever went wrong. */
	public static function page(int $status, string $title = 'The Hub'): void {
		http_response_code($status);
		header('Content-Type: text/html; charset=utf-8');
		self::body("<!DOCTYPE html >\n<html><head><title>$title</title></head><body>" . str_repeat('<p>This is a page of the hub and not a file.</p>', 350) . "</body></html>\n");
	}

	/** Ends the request with a body of known length. */
	public static function body(string $body): void {
		header('Content-Length: ' . strlen($body));
		self::$bytes = strlen($body);
		if ($_SERVER['REQUEST_METHOD'] !== 'HEAD') {
			echo $body;
		}
		killme();
	}

	/** Ends the request with one of the faults that take the place of any answer; returns if there is none. */
	public static function instead(array $effects): void {
		if (isset($effects['retry_after'])) {
			header('Retry-After: ' . $effects['retry_after']);
		}
		if (isset($effects['status'])) {
			self::page($effects['status'], 'Error');
		}
		if (isset($effects['redirect'])) {
			header('Location: ' . $effects['redirect']);
			http_response_code(302);
			self::body('moved');
		}
		if (!empty($effects['html_page'])) {
			self::page(200);
		}
		if (!empty($effects['empty_200'])) {
			header('Content-Type: text/html; charset=utf-8');
			self::body('');
		}
	}

	/** Sends a whole file without saying how long it is, as hubs do from getfile. */
	public static function chunkedFile(string $path, array $effects, string $hash): void {
		$gzip = empty($effects['gzip']) ? null : deflate_init(ZLIB_ENCODING_GZIP);
		if ($gzip) {
			header('Content-Encoding: gzip');
		}
		// A web server before PHP-FPM makes the chunks.
		$isFramed = PHP_SAPI === 'cli-server';
		if ($isFramed) {
			header('Transfer-Encoding: chunked');
		}
		$size = (int) @filesize($path);
		$frame = fn ($data) => $data === '' || !$isFramed ? $data : dechex(strlen($data)) . "\r\n" . $data . "\r\n";
		$write = fn ($data) => $frame($gzip ? deflate_add($gzip, $data, ZLIB_NO_FLUSH) : $data);
		self::stream($path, 0, $size, $effects, $hash, $write);
		if ($gzip) {
			echo $frame(deflate_add($gzip, '', ZLIB_FINISH));
		}
		echo $isFramed ? "0\r\n\r\n" : '';
		killme();
	}

	/** Sends `$length` bytes of a file from `$from` on, with Content-Length. */
	public static function fileRange(string $path, int $from, int $length, array $effects, string $hash): void {
		header('Content-Length: ' . $length);
		if ($_SERVER['REQUEST_METHOD'] !== 'HEAD') {
			self::stream($path, $from + ($effects['shift_range'] ?? 0), $length, $effects, $hash, function ($data) {
				return $data;
			});
		}
		killme();
	}

	/** Returns bytes of a file with the bit flipped that a fault flips. */
	public static function read(string $path, int $from, int $length, array $effects): string {
		$data = (string) file_get_contents($path, false, null, $from, $length);
		return self::flipped($data, $from, $effects);
	}

	private static function stream(string $path, int $from, int $length, array $effects, string $hash, callable $write): void {
		$in = fopen($path, 'rb');
		if (!$in) {
			return;
		}
		stream_set_read_buffer($in, 0);
		fseek($in, $from);
		$slow = $effects['trickle_bytes_per_second'] ?? 0;
		$block = $slow ? max(1, min(65536, intdiv($slow, 20))) : 131072;
		$cut = $effects['cut_after_bytes'] ?? PHP_INT_MAX;
		$stall = $effects['stall_after_bytes'] ?? PHP_INT_MAX;
		for ($sent = 0; $sent < $length && !feof($in);) {
			if ($sent >= $cut) {
				exit;
			}
			if ($sent >= $stall) {
				self::wait('stall_after_bytes');
				$stall = PHP_INT_MAX;
			}
			$data = fread($in, min($block, $length - $sent, $cut - $sent, $stall - $sent));
			if (isset($effects['hold_after_total']) && Faults::served($hash, strlen($data)) >= $effects['hold_after_total']) {
				touch('faults.holding');
				self::wait('hold_after_total');
			}
			echo $write(self::flipped($data, $from + $sent, $effects));
			flush();
			$sent += strlen($data);
			self::$bytes = $sent;
			if ($slow) {
				usleep((int) (strlen($data) / $slow * 1000000));
			}
		}
	}

	private static function flipped(string $data, int $from, array $effects): string {
		foreach ((array) ($effects['flip'] ?? []) as $offset) {
			if ($offset >= $from && $offset < $from + strlen($data)) {
				$data[$offset - $from] = $data[$offset - $from] ^ "\x01";
			}
		}
		return $data;
	}

	/** Sends nothing until no rule has the effect any more, for two minutes at most. */
	private static function wait(string $effect): void {
		for ($n = 0; $n < 6000 && Faults::has($effect); $n++) {
			usleep(20000);
		}
	}
}

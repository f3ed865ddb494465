<?php

namespace FileSync\Addon\Protocol;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/**
 * An answer to another hub or to an owner's program: JSON, or bytes of files. An error never looks like a file.
 */
final class Response
{
	/**
	 * @param array<string, string> $headers
	 * @param ?array{root: string, path: string, offset: int, length: int} $file Bytes of a file instead of a body.
	 * @param ?\Closure(): mixed $write Writes the body instead, once the headers are sent.
	 */
	public function __construct(
		public readonly int $status,
		public readonly array $headers,
		public readonly string $body = '',
		public readonly ?array $file = null,
		private readonly ?\Closure $write = null,
	) {}

	/**
	 * Returns a JSON answer.
	 *
	 * @param array<string, string> $headers
	 */
	public static function json(int $status, array $content, array $headers = []): self
	{
		$body = json_encode(
			$content,
			JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR,
		);

		return self::encoded($status, $body, $headers);
	}

	/**
	 * Returns an answer that is JSON already.
	 *
	 * @param array<string, string> $headers
	 */
	public static function encoded(int $status, string $body, array $headers = []): self
	{
		return new self(
			$status,
			$headers
			+ [
				'Content-Type' => 'application/json',
				'Content-Length' => (string) strlen($body),
				'Cache-Control' => 'no-store',
				'X-Content-Type-Options' => 'nosniff',
			],
			$body,
		);
	}

	/** Returns a longer JSON answer, compressed if the client accepts that. */
	public static function packed(array $content): self
	{
		$json = json_encode(
			$content,
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
		$body = gzencode($json, 6);
		if ($body === false) {
			throw new \RuntimeException('an answer cannot be compressed');
		}

		return new self(
			200,
			[
				'Content-Type' => 'application/octet-stream',
				'Content-Length' => (string) strlen($body),
				'Cache-Control' => 'no-store',
				'X-Content-Type-Options' => 'nosniff',
			],
			$body,
		);
	}

	/** Returns a refusal; its time shows the other hub a clock difference. */
	public static function error(int $status, string $error, ?int $retryAfter = null): self
	{
		return self::json(
			$status,
			['filesync' => Version::REQUEST, 'error' => $error, 'time' => Clock::now()],
			$retryAfter === null ? [] : ['Retry-After' => (string) $retryAfter],
		);
	}

	/**
	 * Returns an answer without a body.
	 *
	 * @param array<string, string> $headers
	 */
	public static function nothing(int $status, array $headers = []): self
	{
		return new self($status, $headers + ['Content-Length' => '0', 'Cache-Control' => 'no-store']);
	}

	/** Sends it, after dropping what the hub or PHP prepared for a page. */
	public function send(bool $isHead): void
	{
		Web::clear();
		http_response_code($this->status);
		foreach ($this->headers as $name => $value) {
			header($name . ': ' . $value);
		}
		if ($isHead) {
			return;
		}
		if ($this->file === null && $this->write === null) {
			echo $this->body;
			return;
		}
		if (function_exists('set_time_limit')) {
			set_time_limit(0);
		}
		if ($this->write !== null) {
			($this->write)();
			return;
		}
		\FileSync\send_file($this->file['root'], $this->file['path'], $this->file['offset'], $this->file['length']);
	}
}

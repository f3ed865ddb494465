<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The parts of a request that matter for serving files. */
final class Request
{
	/**
	 * @param list<string>          $arguments The path beneath the hub's root, split: `['getfile', 'ticket']`.
	 * @param array<string, string> $headers   Names in lower case.
	 * @param array<string, mixed>  $form      Fields of a form.
	 * @param ?string               $body      Null: too long, or a form.
	 */
	public function __construct(
		public readonly string $method,
		public readonly array $arguments,
		private readonly array $headers = [],
		public readonly array $form = [],
		public readonly ?string $body = '',
	) {}

	/** Returns the request that this process answers; reads a bounded number of bytes of its body. */
	public static function current(array $arguments, int $mostBytes): self
	{
		$headers = [];
		foreach ($_SERVER as $name => $value) {
			if (str_starts_with($name, 'HTTP_') && is_string($value)) {
				$headers[strtr(strtolower(substr($name, 5)), '_', '-')] = $value;
			}
		}
		$body = null;
		if (
			($_SERVER['REQUEST_METHOD'] ?? '') === 'POST'
			&& ! $_POST
			&& (int) ($_SERVER['CONTENT_LENGTH'] ?? 0) <= $mostBytes
		) {
			$body = (string) file_get_contents('php://input', false, null, 0, $mostBytes + 1);
		}

		return new self(
			$_SERVER['REQUEST_METHOD'] ?? '',
			$arguments,
			$headers,
			$_POST,
			strlen((string) $body) > $mostBytes ? null : $body,
		);
	}

	/** Returns a header, null if it was not sent. */
	public function header(string $name): ?string
	{
		return $this->headers[$name] ?? null;
	}
}

<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Request;

if (! class_exists('App', false)) {
	exit;
}

/** The body of a request, read piece by piece and compared with its length. */
final class Body
{
	private const PIECE_BYTES = 256 << 10;

	private function __construct(
		/** What the request says; null: nothing. */
		public readonly ?int $length,
		/** Whether there is one although nothing says how long it is. */
		private readonly bool $isWithoutLength,
		private readonly string $type,
	) {}

	/** Returns the body of the present request. */
	public static function of(Request $request): self
	{
		$said = $_SERVER['CONTENT_LENGTH'] ?? '';
		$length = preg_match('/^\d{1,18}$/D', $said) ? (int) $said : null;
		// HTTP/2 has no such header, and Caddy keeps that of HTTP/1.1 to itself.
		// A PATCH may be empty: the offset in its answer tells whether it was.
		$isMeant = $length === null && $request->method === 'PUT';

		return new self(
			$length,
			$isMeant || $request->header('transfer-encoding') !== null,
			strtolower(trim(explode(';', $_SERVER['CONTENT_TYPE'] ?? '')[0])),
		);
	}

	/** Tells whether its media type is this one. */
	public function isOfType(string $type): bool
	{
		return $this->type === $type;
	}

	/** Tells whether there may be one. */
	public function isThere(): bool
	{
		return $this->isWithoutLength || ($this->length ?? 0) > 0;
	}

	/**
	 * Reads it to its end.
	 *
	 * @param \Closure(string): void $take Called with each piece.
	 *
	 * @return int How many bytes came: fewer than its length if the connection was cut.
	 *
	 * @throws Refusal The web server did not pass it on.
	 */
	public function read(\Closure $take): int
	{
		if (function_exists('set_time_limit')) {
			set_time_limit(0);
		}
		$input = fopen('php://input', 'rb');
		[$piece, $count] = ['', 0];
		while ($input && ! feof($input)) {
			$some = fread($input, self::PIECE_BYTES);
			if ($some === false) {
				break;
			}
			$piece .= $some;
			$count += strlen($some);
			if (strlen($piece) >= self::PIECE_BYTES) {
				$take($piece);
				$piece = '';
			}
		}
		if ($piece !== '') {
			$take($piece);
		}
		if ($count === 0 && $this->isWithoutLength && ($this->length ?? 0) === 0) {
			throw new Refusal(
				411,
				'empty_body',
				'The body came without a length, and the web server dropped it. Send Content-Length.',
			);
		}

		return $count;
	}

	/**
	 * Reads it as JSON.
	 *
	 * @return array<array-key, mixed>
	 *
	 * @throws Refusal
	 */
	public function json(int $mostBytes): array
	{
		if ($_POST !== [] || $_FILES !== []) {
			throw new Refusal(
				415,
				'content_type',
				'This is the form of a browser. Send JSON, with Content-Type: application/json.',
			);
		}
		$tooLong = new Refusal(
			413,
			'body_too_long',
			"A body has at most $mostBytes bytes here. Ask in several requests.",
			['limit_bytes' => $mostBytes],
		);
		if (($this->length ?? 0) > $mostBytes) {
			throw $tooLong;
		}
		$text = '';
		$count = $this->read(function (string $piece) use (&$text, $mostBytes, $tooLong): void {
			$text .= $piece;
			if (strlen($text) > $mostBytes) {
				throw $tooLong;
			}
		});
		if ($this->length !== null && $count < $this->length) {
			throw self::cut($count, $this->length);
		}
		/** @var mixed $said */
		$said = $text === '' ? [] : json_decode($text, true, 16);

		return is_array($said)
			? $said
			: throw new Refusal(400, 'not_json', 'The body is no JSON object.');
	}

	/** Says that a body was cut. */
	public static function cut(int $count, int $length): Refusal
	{
		return new Refusal(
			503,
			'body_cut',
			"Only $count of $length bytes came: the connection was cut. Ask for the offset and go on from there.",
			['received_bytes' => $count, 'expected_bytes' => $length],
			['Retry-After' => '1'],
		);
	}
}

<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Protocol\Response;

if (! class_exists('App', false)) {
	exit;
}

/** A request at the door that is refused: which status, why in one word, and in a sentence that says what helps. */
final class Refusal extends \RuntimeException
{
	/** The header that says why, also where a web server replaces the status or a proxy the body. */
	public const HEADER = 'Filesync-Error';

	/**
	 * @param array<string, int|string|list<string>> $facts   Numbers for programs.
	 * @param array<string, string>                  $headers
	 */
	public function __construct(
		public readonly int $status,
		public readonly string $kind,
		string $words,
		private readonly array $facts = [],
		private readonly array $headers = [],
	) {
		parent::__construct($words);
	}

	/** Says that the disk is full. */
	public static function full(): self
	{
		return new self(
			507,
			'disk_short',
			"The hub's disk is full or fails. What was told to be here is kept; the same request goes on later.",
			[],
			['Retry-After' => '60'],
		);
	}

	/** Returns the answer that says so. */
	public function response(): Response
	{
		return Response::json(
			$this->status,
			['error' => $this->kind, 'message' => $this->getMessage()] + $this->facts,
			[self::HEADER => $this->kind] + $this->headers,
		);
	}
}

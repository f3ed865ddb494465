<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Places;
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

	/** Says that no more requests of a channel are answered at once. */
	public static function places(int $limit): self
	{
		return new self(
			429,
			'too_many_requests',
			'As many requests of this channel are being answered as may be at once. Ask again in a second.',
			['limit' => $limit],
			['Retry-After' => (string) Places::AGAIN_SECONDS],
		);
	}

	/**
	 * Says that an address takes other methods only.
	 *
	 * @param non-empty-list<string> $methods
	 */
	public static function method(array $methods): self
	{
		$all = implode(', ', $methods);

		return new self(405, 'method_wrong', "This address takes $all.", [], ['Allow' => $all]);
	}

	/** Says that nothing is at an address. */
	public static function path(): self
	{
		return new self(404, 'no_such_path', 'There is nothing at this address.');
	}

	/** @return array<string, string> What the answer says beside its words. */
	public function headers(): array
	{
		return $this->headers;
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

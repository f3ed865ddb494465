<?php

namespace FileSync\Addon\Hub;

use Sabre\DAV\Exception;
use Sabre\DAV\Server;

if (! class_exists('App', false)) {
	exit;
}

/** A fault of the tree, as the hub's WebDAV server answers it. */
final class DavFault extends Exception
{
	/** @param array<string, string> $headers */
	public function __construct(
		private readonly int $status,
		string $words,
		private readonly array $headers = [],
		?\Throwable $previous = null,
	) {
		parent::__construct($words, 0, $previous);
	}

	/**
	 * Does something with a tree, and makes its faults answers.
	 *
	 * @template T
	 *
	 * @param \Closure(): T $do
	 *
	 * @return T
	 */
	public static function of(DavTree $tree, \Closure $do): mixed
	{
		try {
			return $do();
		} catch (Exception $e) {
			throw $e;
		} catch (\Throwable $e) {
			$fault = $tree->fault($e);
			throw new self($fault['status'], $fault['words'], $fault['headers'], $e);
		}
	}

	public function getHTTPCode(): int
	{
		return $this->status;
	}

	/** @return array<string, string> */
	public function getHTTPHeaders(Server $server): array
	{
		return $this->headers;
	}
}

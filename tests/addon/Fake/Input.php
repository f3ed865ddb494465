<?php

namespace Fake;

/** The body of a request, in place of that of PHP. */
final class Input
{
	public static string $bytes = '';
	/** @var ?resource */
	public $context;
	private int $at = 0;

	/**
	 * Runs something that reads the body.
	 *
	 * @template T
	 *
	 * @param \Closure(): T $work
	 *
	 * @return T
	 */
	public static function give(\Closure $work): mixed
	{
		stream_wrapper_unregister('php');
		stream_wrapper_register('php', self::class);
		try {
			return $work();
		} finally {
			stream_wrapper_restore('php');
			unset($_SERVER['CONTENT_TYPE']);
		}
	}

	public function stream_open(string $path, string $mode): bool
	{
		return $path === 'php://input' && $mode === 'rb';
	}

	public function stream_read(int $count): string
	{
		$read = substr(self::$bytes, $this->at, $count);
		$this->at += strlen($read);

		return $read;
	}

	public function stream_eof(): bool
	{
		return $this->at >= strlen(self::$bytes);
	}

	public function stream_stat(): array
	{
		return [];
	}
}

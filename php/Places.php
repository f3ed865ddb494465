<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;

if (! class_exists('App', false)) {
	exit;
}

/**
 * At how many places at once this hub does work for the clones of one channel that takes long, so that they leave the web server's processes to
 * others. Whoever finds none free asks again in a second, and holds no process until then. What is answered at once needs none.
 */
final class Places
{
	/** When to ask again, in seconds. */
	public const AGAIN_SECONDS = 1;

	/** Who ends without giving its place back keeps it no longer than this. */
	private const LONGEST_SECONDS = 30;

	private function __construct(private readonly string $name, private readonly string $token)
	{
	}

	/** Takes a place; null if all are taken. */
	public static function take(string $kind, int $channelId, int $count): ?self
	{
		$token = Config::token();
		for ($n = 1; $n <= $count; $n++) {
			$name = "place-$kind-$channelId-$n";
			if (! Lease::isHeld($name) && Lease::take($name, $token, self::LONGEST_SECONDS)) {
				return new self($name, $token);
			}
		}

		return null;
	}

	/** Gives it back. */
	public function giveBack(): void
	{
		Lease::giveBack($this->name, $this->token);
	}
}

<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Limits how much slow work this hub does at once for the clones of one channel, so that they leave the web server's
 * processes to others. A clone that finds no free place asks again in a second, and holds no process until then. Quick
 * answers need no place.
 */
final class Places
{
	/** The wait before the next request, in seconds. */
	public const AGAIN_SECONDS = 1;

	/** A process that ends without releasing its place keeps it no longer than this. */
	private const LONGEST_SECONDS = 30;

	private function __construct(private readonly string $name, private readonly string $token) {}

	/** Takes a place; null if all are taken. */
	public static function take(string $kind, int $channelId, int $count): ?self
	{
		$token = Token::make();
		for ($n = 1; $n <= $count; $n++) {
			$name = "place-$kind-$channelId-$n";
			if (! Lease::isHeld($name) && Lease::take($name, $token, self::LONGEST_SECONDS)) {
				return new self($name, $token);
			}
		}

		return null;
	}

	/** Releases it. */
	public function giveBack(): void
	{
		Lease::giveBack($this->name, $this->token);
	}
}

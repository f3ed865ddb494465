<?php

namespace FileSync\Addon\Repair;

if (! class_exists('App', false)) {
	exit;
}

/** A row or file whose form differs from the hub's present one: left by an older hub, or by a loss. */
final class Fault
{
	/**
	 * @param string                  $shape One of the words that docs/troubleshooting.md lists.
	 * @param string                  $what  What is wrong, in words.
	 * @param ?\Closure(Journal): bool $mend  Mends it; false if that cannot be done now. Null if only a human can
	 *     decide.
	 * @param bool $isTransfer Whether mending it only requests a transfer: it changes no row, and calls core, which
	 *     must not run in a transaction of ours.
	 */
	public function __construct(
		public readonly string $shape,
		public readonly string $hash,
		public readonly string $name,
		public readonly string $what,
		public readonly ?\Closure $mend,
		public readonly bool $isTransfer = false,
	) {}
}

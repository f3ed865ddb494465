<?php

namespace FileSync\Addon\Repair;

if (! class_exists('App', false)) {
	exit;
}

/** Something that is in another shape here than the hub gives it today: left by an older hub, or by a loss. */
final class Fault
{
	/**
	 * @param string                  $shape One word of the ones that docs/troubleshooting.md lists.
	 * @param string                  $what  What is wrong, in words.
	 * @param ?\Closure(Journal): bool $mend  Mends it; false if it cannot be done now. Null where only a person can.
	 */
	public function __construct(
		public readonly string $shape,
		public readonly string $hash,
		public readonly string $name,
		public readonly string $what,
		public readonly ?\Closure $mend,
	) {
	}
}

<?php

namespace FileSync\Addon\Order;

if (! class_exists('App', false)) {
	exit;
}

/** Which of two values of one group stands: ours or another hub's (Judge). */
enum Verdict
{
	/** There is no difference, or none that counts: ours stands. */
	case Same;
	/** Theirs has seen ours and replaces it. */
	case Take;
	/** Ours has seen theirs and stands. */
	case Stay;
	/** Neither has seen the other, and theirs replaces ours by a rule that gives the same result on every clone. */
	case Lost;
	/** Neither has seen the other, and ours stands by that rule. */
	case Won;

	/** Tells whether theirs replaces ours. */
	public function isTheirs(): bool
	{
		return $this === self::Take || $this === self::Lost;
	}

	/** Tells whether ours has seen theirs. */
	public function isKnown(): bool
	{
		return $this === self::Same || $this === self::Stay;
	}

	/** Tells whether ours stands, and theirs is another. */
	public function isOurs(): bool
	{
		return $this === self::Stay || $this === self::Won;
	}
}

<?php

namespace FileSync\Addon\Reconcile;

if (! class_exists('App', false)) {
	exit;
}

/** How a comparison of two clones continues after one of its steps. */
enum Step
{
	/** With the next step, at once. */
	case GoesOn;
	/** Later: others have a turn first. */
	case Waits;
	case Over;
}

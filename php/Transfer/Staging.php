<?php

namespace FileSync\Addon\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/** What came of asking the queue for bytes. */
enum Staging
{
	/** They are wanted, or wait behind what is being published. */
	case Staged;
	/** Those that are arriving are newer. */
	case Older;
	/** Others were published just now: the caller checks again what is here. */
	case Overtaken;
}

<?php

namespace FileSync\Addon\Publish;

if (! class_exists('App', false)) {
	exit;
}

/** What became of the rows of a publish. Nothing is written unless they are `Published`. */
enum Outcome
{
	case Published;
	/** The transfer's row is no longer ours. */
	case Overtaken;
	/** The file was renamed or moved since the intent was written. */
	case Moved;
	/** The file was deleted since the intent was written. */
	case Deleted;
}

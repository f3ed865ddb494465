<?php

namespace FileSync\Addon\Reconcile;

if (! class_exists('App', false)) {
	exit;
}

/** What came of working at a run for a while. `backfill --json` prints the values. */
enum Outcome: string
{
	case Over = 'over';
	/** It is not done yet. */
	case On = 'on';
	/** Another process is running it. */
	case Busy = 'busy';
	case Failed = 'failed';
}

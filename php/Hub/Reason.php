<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Why filesync stands as it does. */
enum Reason: string
{
	/** We tested this version of the hub. */
	case Tested = 'tested';
	/** Its rehearsal passed. */
	case Rehearsed = 'rehearsed';
	/** An admin answers for it. */
	case Trusted = 'trusted';
	/** There was no rehearsal yet. */
	case Unrehearsed = 'unrehearsed';
	/** In its rehearsal files were not received as they should. */
	case Failed = 'failed';
	/** Its major version is unknown, and no admin has agreed to it. */
	case Unknown = 'unknown';
	/** An admin chose the hub's own receiver. */
	case Chosen = 'chosen';
	/** An admin chose that, and what is held goes there first. */
	case HandingOver = 'handing over';
}

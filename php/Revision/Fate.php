<?php

namespace FileSync\Addon\Revision;

if (! class_exists('App', false)) {
	exit;
}

/** What becomes of bytes that have arrived and are about to be shown. */
enum Fate
{
	/** They replace ours. */
	case Shown;
	/** They replace ours, which they have not seen and which become a conflict copy. */
	case ShownBesideOurs;
	/** Ours stand. */
	case Dropped;
	/** Ours already replaced these bytes: a hub without filesync gives a file a new date when it repairs access. */
	case DroppedAsOld;
}

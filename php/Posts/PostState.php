<?php

namespace FileSync\Addon\Posts;

if (! class_exists('App', false)) {
	exit;
}

/** What comes of a post of a backup set. */
enum PostState: string
{
	case Restored = 'restored';
	/** One with its id is here; it stays as it is. */
	case WasHere = 'was_here';
	/** Restored, and marked: it did not come with the channel's signature over its text. See Signing. */
	case Unsigned = 'restored_unsigned';
	case LeftOut = 'left_out';
}

<?php

namespace FileSync\Addon\Drill;

if (! class_exists('App', false)) {
	exit;
}

/** What a drill proves, in the order in which its certificate says it. */
enum Proof: string
{
	/** The channel's key signed the set's list, by PHP's own functions. */
	case Signature = 'signature';
	/** What the set says of the sample can be read, and has the digest that the list names. */
	case Metadata = 'metadata';
	/** The restore of the product puts it in place. */
	case Restored = 'restored';
	/** The web server gives its owner the bytes of each file. */
	case Bytes = 'bytes';
	/** And calls it by its name. */
	case Names = 'names';
	/** The web server gives its owner the bytes of each crop. */
	case Crops = 'crops';
	/** The web server gives strangers what everybody may see, and nothing else. */
	case Strangers = 'strangers';
	/** The rows in the hub's tables are those of the set. */
	case Rows = 'rows';
	/** Who may see something. */
	case Access = 'access';
	case Categories = 'categories';
	/** Posts have the signature of the set's channel. */
	case Posts = 'posts';
	/** The hub was about to send nothing. */
	case Silence = 'silence';
	/** Nothing is left of the scratch channel. */
	case Removed = 'removed';
}

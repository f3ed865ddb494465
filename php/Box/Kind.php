<?php

namespace FileSync\Addon\Box;

if (! class_exists('App', false)) {
	exit;
}

/** What a thing in the drop box is. */
enum Kind: string
{
	case Folder = 'folder';
	/** A file without a byte: a placeholder of a client, or an empty file of the set. */
	case Empty = 'empty';
	/** Bytes that a metadata file may name. */
	case Data = 'data';
	/** What a hub knew of a file, or of a folder. */
	case Metadata = 'metadata';
	/** `set.json`. */
	case Set = 'set';
	/** `manifest-sha256.txt`. */
	case Manifest = 'manifest';
	/** `tagmanifest-sha256.txt`. */
	case Tags = 'tags';
	/** `channel-signature.json`. */
	case Signature = 'signature';
}

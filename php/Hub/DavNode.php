<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** A file or folder that a WebDAV client sees. */
final class DavNode
{
	public function __construct(
		public readonly string $name,
		public readonly bool $isFolder,
		public readonly int $sizeBytes,
		/** Unix seconds. */
		public readonly int $modified,
		/** Another one whenever the bytes are others; empty: unknown. */
		public readonly string $tag,
		/** What it is for the tree; null: the folder of all. */
		public readonly ?object $of = null,
	) {}
}

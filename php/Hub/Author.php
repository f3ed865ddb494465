<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Somebody whom a post of a backup set names, as Authors found. */
final class Author
{
	/** Guid, signature and key do not belong together, or the name is that of somebody of another network. */
	public const FORGED = 'author_forged';
	/** Nothing says who it is. */
	public const UNKNOWN = 'author_unknown';

	public function __construct(
		/** The identity; empty if there is a problem. */
		public readonly string $hash = '',
		/** @var ?array<string, string> Columns of the row to make if a post of theirs is stored; null if none is. */
		public readonly ?array $row = null,
		/** Whether no row is here and none is made: their posts come without name and picture. */
		public readonly bool $isStranger = false,
		public readonly string $problem = '',
	) {}
}

<?php

namespace FileSync\Addon\Posts;

if (! class_exists('App', false)) {
	exit;
}

/** What came of one post of a backup set. */
final class PostOutcome
{
	/** It is not what an encoded post has to be. */
	public const MALFORMED = 'malformed';
	/** It belongs to no conversation about the file, or to one that somebody else owns. */
	public const NOT_ABOUT_FILE = 'not_about_file';
	/** It is a poll, or something else than a post. */
	public const NO_POST = 'no_post';
	/** It was deleted here, or what it answers; or when the set was made. */
	public const DELETED = 'deleted';
	/** It was to be shown up to a day that is over. */
	public const EXPIRED = 'expired';
	/** It holds code, and the channel may not run any. */
	public const CODE = 'code';
	/** The post that it answers is not here. */
	public const POST_MISSING = 'post_missing';
	/** The hub refused it; its log says why of the first ones. */
	public const HUB_REFUSED = 'hub_refused';

	public function __construct(
		/** Its id; empty if it has none. */
		public readonly string $mid,
		public readonly PostState $state,
		/** Why it was left out: one of the words above, or Author::FORGED or UNKNOWN. */
		public readonly string $why = '',
		/** The author, if the hub knows neither name nor picture and makes no row from a set. */
		public readonly string $stranger = '',
	) {}
}

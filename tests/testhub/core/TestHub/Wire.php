<?php

namespace TestHub;

/** Replaces the network and chance where hubs of one test run without servers. */
final class Wire {

	/** @var ?\Closure Takes a URL, fields and options, answers as z_post_url does. */
	public static $post = null;

	/** Whether ids are drawn by mt_rand, so that a seed gives the same again. */
	public static $is_seeded = false;
}

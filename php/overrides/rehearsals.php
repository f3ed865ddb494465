<?php

/*
 * Takes over what core sends to other hubs without its queue, as overrides/hubzilla.php does other calls: nothing goes
 * out for a scratch channel. Background jobs know nothing of the process that rehearses, so they have it wherever
 * filesync is installed, also where it is passive: the first rehearsal on a hub runs there.
 */

namespace {
	if (! class_exists('App', false)) {
		exit;
	}
}

namespace Zotlabs\Lib {
	if (\FileSync\Addon\Hub\Overrides::takes('Zotlabs\Lib\z_post_url')) {
		/** Sends a message to another hub, unless a scratch channel signs it. */
		function z_post_url(...$given)
		{
			return (
				\FileSync\Addon\Hub\Rehearsing::refusal($given[0] ?? $given['url'] ?? '') ?? call_user_func_array(
					'z_post_url',
					$given,
				)
			);
		}
	}
}

<?php

namespace Zotlabs\Daemon;

/** Would deliver a post to its readers; here it is only logged, so that tests see who was told what. */
class Notifier {

	public static function run($argc, $argv) {
		logger('notifier: ' . implode(' ', array_slice($argv, 1)));
		$is_post = $argv[1] !== 'refresh_all';
		$item = $is_post ? q('SELECT * FROM item WHERE id = %d', intval($argv[2]))[0] ?? null : null;
		$channel = $is_post ? channelx_by_n($item['uid'] ?? 0) : channelx_by_n($argv[2]);
		// A post is told to its readers, one for all also to the hub's own channel; the author's clones get it by sync.
		$readers = [$channel['channel_hash'] ?? ''];
		if ($item) {
			preg_match_all('/<(.*?)>/', $item['allow_cid'], $found);
			$readers = array_diff($item['item_hidden'] ? [] : ($found[1] ?: ['sys']), $readers);
		}
		if (!$channel || !$readers) {
			return;
		}
		$notice = ['channel' => $channel, 'recipients' => array_map(fn ($one) => "'$one'", $readers), 'env_recips' => [], 'cmd' => $argv[1], 'queued' => []];
		call_hooks('notifier_process', $notice);
		logger('notifier: tells ' . implode(' ', $notice['recipients']));
	}
}

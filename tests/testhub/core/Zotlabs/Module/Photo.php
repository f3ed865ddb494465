<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use Zotlabs\Web\Controller;

/** Shows a scale of a photo to whoever may see it, and profile photos and covers to everybody. */
class Photo extends Controller {

	public function init() {
		list($hash, $scale) = preg_match('/^(.*)-(\d)$/D', (string) argv(1), $part) ? [$part[1], (int) $part[2]] : [argv(1), 0];
		$rows = q("SELECT * FROM photo WHERE resource_id = '%s' AND imgscale = %d LIMIT 1", dbesc($hash), $scale);
		if (!$rows || (!intval($rows[0]['photo_usage']) && !self::isAllowed($rows[0]))) {
			Answer::page(404);
		}
		header('Content-Type: ' . $rows[0]['mimetype']);
		$content = dbunescbin($rows[0]['content']);
		Answer::body(intval($rows[0]['os_storage']) ? (string) @file_get_contents($content) : $content);
	}

	private static function isAllowed(array $row): bool {
		$owner = channelx_by_n($row['uid']);
		$isPrivate = $row['allow_cid'] . $row['allow_gid'] . $row['deny_cid'] . $row['deny_gid'] !== '';
		return !$isPrivate || ($owner && $owner['channel_hash'] === get_observer_hash());
	}
}

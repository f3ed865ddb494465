<?php

namespace Zotlabs\Daemon;

/**
 * Makes the preview of a file: hook thumbnail, else a sidecar `.thumb` for text. The row is found by hash alone.
 */
class Thumbnail {

	public static function run($argc, $argv) {
		$rows = q("SELECT * FROM attach WHERE hash = '%s'", dbesc($argv[1] ?? ''));
		if (!$rows) {
			return;
		}
		$attach = $rows[0];
		$data = ['attach' => $attach, 'preview_style' => 0, 'preview_width' => 300, 'preview_height' => 300, 'thumbnail' => null];
		call_hooks('thumbnail', $data);
		$file = dbunescbin($attach['content']);
		if (!$data['thumbnail'] && $attach['filetype'] === 'text/plain' && is_file($file)) {
			file_put_contents($file . '.thumb', file_get_contents($file, false, null, 0, 300));
		}
	}
}

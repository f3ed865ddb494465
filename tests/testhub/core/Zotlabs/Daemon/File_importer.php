<?php

namespace Zotlabs\Daemon;

/**
 * One file of a clone import: the entry that the origin's API exports goes through sync_files of this namespace.
 * The entry comes as a file, because the fixture has no import of whole channels.
 */
class File_importer {

	public static function run($argc, $argv) {
		cli_startup();
		require_once 'include/import.php';
		$channel = channelx_by_hash($argv[1]);
		$entry = json_decode((string) file_get_contents($argv[2]), true);
		if ($channel && $entry) {
			sync_files($channel, [$entry]);
		}
	}
}

<?php

/**
 * The addon is tested on the test hub, in this process, with a stand-in for the extension: what it fetches is told by
 * the test, and it can be killed at any instant. The real extension is tested in tests/ext, by the demo and on real
 * hubs.
 */

if (extension_loaded('filesync')) {
	fwrite(STDERR, "the addon tests bring a stand-in for the extension: run them without it\n");
	exit(1);
}
require_once __DIR__ . '/../testhub/in-process.php';
require_once __DIR__ . '/Fake/Instant.php';
require_once __DIR__ . '/Fake/FailingDatabase.php';
require_once __DIR__ . '/Fake/Input.php';
require_once __DIR__ . '/Fake/Inside.php';
require_once __DIR__ . '/Fake/extension.php';
require_once __DIR__ . '/Fake/api.php';
require_once __DIR__ . '/Fake/clock.php';
require_once __DIR__ . '/Fake/hub.php';
require_once __DIR__ . '/Fake/page.php';
require_once __DIR__ . '/Fake/versions.php';
require_once __DIR__ . '/AddonTestCase.php';

// Tables are made once. What else installing does is done for each test.
TestHub\InProcess::$tables = function (): void {
	symlink(realpath(__DIR__ . '/../../php'), 'addon/filesync');
	require_once 'addon/filesync/filesync.php';
	FileSync\Addon\Schema\Migrations::run();
};

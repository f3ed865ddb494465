<?php

/**
 * Preloads the classes of the addon of the hub in the working directory, as an admin may do with opcache.preload.
 */

$folder = getcwd() . '/addon/filesync';
foreach (is_dir($folder)
	? new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS))
	: [] as $path => $file) {
	// Not the files at its root, which the hub includes, nor a class whose parent is the hub's.
	if (
		preg_match('~^/[A-Z]\w+/.+\.php$~', substr($path, strlen($folder)))
		&& ! preg_match('/^(final )?class \w+ extends /m', file_get_contents($path))
	) {
		opcache_compile_file($path);
	}
}

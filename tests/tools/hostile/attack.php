<?php

/*
 * A hostile user of the hub, who may write a folder, puts links, other folders and other files there while root works:
 * attack.php FOLDER OUTSIDE SEED. Most of it is taken back after a moment, so that what root does gets further the next
 * time. Counts what was done, on a signal TERM.
 */

[, $folder, $outside, $seed] = $argv;
mt_srand((int) $seed);
chdir($folder);
@mkdir('trash');
$done = 0;
pcntl_async_signals(true);
pcntl_signal(SIGTERM, function () use (&$done) {
	echo $done, "\n";
	exit;
});

$pause = fn (int $most) => usleep(mt_rand(0, $most));
$away = function (string $path): void {
	static $n = 0;
	if (file_exists($path) || is_link($path)) {
		@rename($path, 'trash/' . getmypid() . '-' . ++$n);
	}
};
// Moves something away, puts another in its place for a moment, and puts it back.
$swap = function (string $path, Closure $other) use ($pause, $away, &$done): void {
	if (! @rename($path, 'trash/was')) {
		return;
	}
	$other($path);
	$done++;
	$pause(15000);
	$away($path);
	@rename('trash/was', $path);
};
$link = fn (string $path) => @symlink($outside . ['', '/folder', '/file'][mt_rand(0, 2)], $path);
$actions = [
	'addon' => fn () => $swap('addon', $link),
	'addon of links' => fn () => $swap('addon', function ($path) use ($outside) {
		@mkdir($path);
		foreach (['filesync', '.filesync.new', '.filesync.old'] as $name) {
			@symlink("$outside/folder", "$path/$name");
		}
	}),
	'what is being made' => function () use ($link, $away, &$done) {
		foreach (array_filter(@scandir('addon') ?: [], fn ($name) => str_starts_with($name, '.filesync')) as $name) {
			$away("addon/$name");
			$done += (int) $link("addon/$name");
		}
	},
	'files of it' => function () use ($outside, &$done) {
		foreach (array_filter(@scandir('addon') ?: [], fn ($name) => str_contains($name, 'filesync')) as $name) {
			foreach (['MANIFEST', '.MANIFEST.new', 'cli.php', 'run-as.php', 'Hub', 'lang'] as $file) {
				@rename("addon/$name/$file", "addon/$name/$file." . mt_rand());
				$done += (int) @symlink("$outside/file", "addon/$name/$file");
			}
		}
	},
	'filesync' => fn () => $swap('addon/filesync', $link),
	'to and fro' => function () use ($outside, &$done) {
		@symlink("$outside/folder", 'trash/link');
		for ($n = 0; $n < 200; $n++) {
			if (@rename('addon/filesync', 'addon/filesync.was')) {
				@rename('trash/link', 'addon/filesync');
				@rename('addon/filesync', 'trash/link');
				@rename('addon/filesync.was', 'addon/filesync');
				$done++;
			}
		}
	},
	'store' => fn () => $swap('store', $link),
	"root's folder as store" => function () use ($pause, &$done) {
		if (@rename('store', 'store.was')) {
			// Within its folder even one of root's can be renamed.
			$done += (int) @rename('of-root', 'store');
			$pause(15000);
			@rename('store', 'of-root');
			@rename('store.was', 'store');
		}
	},
	'store of another' => fn () => $swap('store', fn ($path) => @symlink('/root', $path)),
	'code' => fn () => $swap(['boot.php', 'include', 'util', 'Zotlabs', 'store/hub.sqlite'][mt_rand(0, 4)], $link),
	'modes' => function () use ($pause, &$done) {
		@chmod('addon', 0777);
		$done++;
		$pause(15000);
		@chmod('addon', 0755);
	},
	'data' => fn () => $swap('store/[data]', $link),
	'written by others' => function () use (&$done) {
		@file_put_contents(
			'addon/filesync/cli.php',
			"<?php file_put_contents('" . getcwd() . "/ran', posix_geteuid(), FILE_APPEND);",
		);
		$done++;
	},
];
// A folder with an extension that root is told to install: something else in its place, and a look at what root made of
// it.
if (is_file('build/filesync.so')) {
	$evil = fn (string $path) => @symlink(getcwd() . '/evil.so', $path);
	$actions = [
		'extension' => fn () => $swap(
			'build/filesync.so',
			[$evil, $link, fn ($path) => @copy('evil.so', $path)][mt_rand(0, 2)],
		),
		'its folder' => fn () => $swap('build', function ($path) use ($outside, $link) {
			mt_rand(0, 1)
				? $link($path)
				: @mkdir($path)
					&& @symlink(
						["$outside/folder/file", '/etc/shadow', getcwd() . '/evil.so'][mt_rand(0, 2)],
						"$path/filesync.so",
					);
		}),
		'folder and link to and fro' => function () use ($outside, &$done) {
			@symlink("$outside/folder", 'trash/link');
			for ($n = 0; $n < 200; $n++) {
				if (@rename('build', 'trash/was')) {
					@rename('trash/link', 'build');
					usleep(200);
					@rename('build', 'trash/link');
					@rename('trash/was', 'build');
					$done++;
				}
			}
		},
		'copies' => function () use (&$done) {
			for ($n = 0; $n < 200; $n++) {
				foreach (glob(getenv('ROOTS_TMP') . '/*/*.so') as $copy) {
					$head = @file_get_contents($copy, false, null, 0, 4);
					if ($head !== false && $head !== '' && $head !== "\x7fELF") {
						@file_put_contents(getenv('SAID') . '/copy', "read $copy of root's\n", FILE_APPEND);
					}
				}
				$done++;
				usleep(500);
			}
		},
	];
}
$names = array_keys($actions);
echo "ready\n";
for (;;) {
	$actions[$names[mt_rand(0, count($names) - 1)]]();
	($done % 50) || exec('rm -rf trash && mkdir trash');
	$pause(mt_rand(0, 3) ? 400000 : 5000);
}

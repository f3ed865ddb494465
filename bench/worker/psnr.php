<?php

/** Prints the peak signal-to-noise ratio of two images of one size in dB. */

declare(strict_types=1);

[$one, $other] = array_map(fn ($file) => imagecreatefromstring(file_get_contents($file)), [$argv[1], $argv[2]]);
[$width, $height] = [imagesx($one), imagesy($one)];
if ([$width, $height] !== [imagesx($other), imagesy($other)]) {
	fwrite(STDERR, "{$argv[1]} and {$argv[2]} are not of one size\n");
	exit(1);
}
$squares = 0;
for ($y = 0; $y < $height; $y++) {
	for ($x = 0; $x < $width; $x++) {
		[$a, $b] = [imagecolorat($one, $x, $y), imagecolorat($other, $x, $y)];
		$squares +=
			((($a >> 16) & 255) - (($b >> 16) & 255)) ** 2
			+ ((($a >> 8) & 255) - (($b >> 8) & 255)) ** 2
			+ (($a & 255) - ($b & 255)) ** 2;
	}
}
echo 10 * log10((255 ** 2) / max(1e-9, (($squares / $width) / $height) / 3)), "\n";

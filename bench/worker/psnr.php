<?php

/**
 * Prints the peak signal-to-noise ratio of two images of one size in dB, for each plane of a JPEG: brightness, blue,
 * red.
 */

declare(strict_types=1);

[$one, $other] = array_map(fn ($file) => imagecreatefromstring(file_get_contents($file)), [$argv[1], $argv[2]]);
[$width, $height] = [imagesx($one), imagesy($one)];
if ([$width, $height] !== [imagesx($other), imagesy($other)]) {
	fwrite(STDERR, "{$argv[1]} and {$argv[2]} are not of one size\n");
	exit(1);
}
$squares = [0, 0, 0];
for ($y = 0; $y < $height; $y++) {
	for ($x = 0; $x < $width; $x++) {
		[$a, $b] = [imagecolorat($one, $x, $y), imagecolorat($other, $x, $y)];
		$red = (($a >> 16) & 255) - (($b >> 16) & 255);
		$green = (($a >> 8) & 255) - (($b >> 8) & 255);
		$blue = ($a & 255) - ($b & 255);
		$squares[0] += ((0.299 * $red) + (0.587 * $green) + (0.114 * $blue)) ** 2;
		$squares[1] += ((-0.168736 * $red) - (0.331264 * $green) + (0.5 * $blue)) ** 2;
		$squares[2] += ((0.5 * $red) - (0.418688 * $green) - (0.081312 * $blue)) ** 2;
	}
}
foreach ($squares as $sum) {
	echo 10 * log10((255 ** 2) / max(1e-9, ($sum / $width) / $height)), "\n";
}

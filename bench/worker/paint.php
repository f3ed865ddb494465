<?php

/**
 * Paints a photo of a size: coarse clouds, shapes with hard edges, grain as of a sensor. The same each time. From a
 * quality of 90 on, colour is as fine as brightness; below, it is half as fine.
 */

declare(strict_types=1);

[, $path, $width, $height, $quality] = $argv;
[$width, $height, $quality] = [(int) $width, (int) $height, (int) $quality];
mt_srand(1);
$clouds = imagecreatetruecolor(160, 120);
$grain = imagecreatetruecolor(250, 250);
for ($n = 0; $n < (160 * 120); $n++) {
	imagesetpixel($clouds, $n % 160, intdiv($n, 160), mt_rand(0, 0xffffff));
}
for ($n = 0; $n < (250 * 250); $n++) {
	imagesetpixel($grain, $n % 250, intdiv($n, 250), mt_rand(0, 255) * 0x010101);
}
$photo = imagescale($clouds, $width, $height, IMG_BILINEAR_FIXED);
for ($n = 0; $n < 60; $n++) {
	$side = fn () => mt_rand(intdiv($width, 100), intdiv($width, 4));
	imagefilledellipse($photo, mt_rand(0, $width), mt_rand(0, $height), $side(), $side(), mt_rand(0, 0xffffff));
}
for ($y = 0; $y < $height; $y += 250) {
	for ($x = 0; $x < $width; $x += 250) {
		imagecopymerge($photo, $grain, $x, $y, 0, 0, 250, 250, 12);
	}
}
imagejpeg($photo, $path, $quality);

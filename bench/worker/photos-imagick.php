<?php

/**
 * Makes scales 1 to 3 of a photo with Imagick, each from the one before, as hubs do, but told the size before it
 * decodes.
 */

declare(strict_types=1);

[, $photo, $folder] = $argv;
$image = new Imagick();
$image->setOption('jpeg:size', '1024x1024');
$image->readImage($photo);
$image->stripImage();
$image->setImageCompressionQuality(100);
foreach ([1 => 1024, 2 => 640, 3 => 320] as $scale => $side) {
	$image->scaleImage($side, intdiv($image->getImageHeight() * $side, $image->getImageWidth()));
	$image->writeImage("$folder/$scale.jpg");
}

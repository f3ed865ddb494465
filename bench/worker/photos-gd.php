<?php

/** Makes scales 1 to 3 of a photo with GD, each from the one before, as hubs do. */

declare(strict_types=1);

[, $photo, $folder] = $argv;
$image = imagecreatefromstring(file_get_contents($photo));
foreach ([1 => 1024, 2 => 640, 3 => 320] as $scale => $side) {
	[$width, $height] = [imagesx($image), imagesy($image)];
	$smaller = imagecreatetruecolor($side, intdiv($height * $side, $width));
	imagecopyresampled($smaller, $image, 0, 0, 0, 0, imagesx($smaller), imagesy($smaller), $width, $height);
	$image = $smaller;
	imagejpeg($image, "$folder/$scale.jpg", 100);
}

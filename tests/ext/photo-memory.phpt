--TEST--
Photo: memory is flat from photo to photo, and bounded for one of 100 megapixels
--EXTENSIONS--
gd
--INI--
memory_limit=600M
--FILE--
<?php
require 'support.php';
$folder = newFolder();
$store = new FileSync\Store($folder);
// Painted in a process of its own, whose memory is not ours.
$paint = '$i = imagecreatetruecolor(%d, %d); imagefilledellipse($i, 300, 300, 500, 400, 0xffffff); imagejpeg($i, $argv[1]);';
foreach (['small' => [640, 480], 'large' => [11600, 8700]] as $name => $size) {
	exec(PHP_BINARY . ' -d memory_limit=-1 -r ' . escapeshellarg(vsprintf($paint, $size)) . ' ' . escapeshellarg("$folder/$name"));
}
for ($call = 1; $call <= 400; $call++) {
	FileSync\Photo::facts($store, 'small');
	FileSync\Photo::scale($store, 'small', $store, [3 => 'new'], ['jpeg_quality' => 80]);
	$store->remove('new');
	try {
		FileSync\Photo::scale($store, 'none', $store, [3 => 'new']);
	} catch (FileSync\Exception\NotFoundException $e) {
	}
	if ($call === 100) {
		unset($e);
		$before = residentKilobytes();
	}
}
unset($e);
$grown = residentKilobytes() - $before;
echo $grown < 2048 ? "flat\n" : "grew by $grown KiB\n";
$peak = function () {
	preg_match('/^VmHWM:\s+(\d+)/m', file_get_contents('/proc/self/status'), $found);
	return (int) $found[1];
};
// Two hundred megabytes in front of the picture, as pieces of a colour profile.
$small = file_get_contents("$folder/small");
$file = fopen("$folder/padded", 'w');
fwrite($file, substr($small, 0, 2));
for ($piece = 0; $piece < 3200; $piece++) {
	fwrite($file, "\xff\xe2\xff\xffICC_PROFILE\0" . chr(1 + $piece % 255) . "\xff" . str_repeat('x', 65519));
}
fwrite($file, substr($small, 2));
fclose($file);
$before = $peak();
FileSync\Photo::facts($store, 'padded');
echo FileSync\Photo::scale($store, 'padded', $store, [3 => 'padded-3'])[3]['profile_fault'], "\n";
$grown = $peak() - $before;
echo $grown < 16 << 10 ? "bounded\n" : "took $grown KiB\n";
$before = $peak();
FileSync\Photo::scale($store, 'large', $store, [1 => 'l-1', 2 => 'l-2', 3 => 'l-3']);
$grown = $peak() - $before;
echo $grown < 64 << 10 ? "bounded\n" : "took $grown KiB\n";
ini_set('memory_limit', '8M');
echo FileSync\Photo::scale($store, 'large', $store, [1 => 'again'])[1]['width'], "\n";
?>
--EXPECT--
flat
it is incomplete or too large
bounded
bounded
1024

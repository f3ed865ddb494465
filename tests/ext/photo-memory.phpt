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
$before = $peak();
FileSync\Photo::scale($store, 'large', $store, [1 => 'l-1', 2 => 'l-2', 3 => 'l-3']);
$grown = $peak() - $before;
echo $grown < 64 << 10 ? "bounded\n" : "took $grown KiB\n";
ini_set('memory_limit', '8M');
echo FileSync\Photo::scale($store, 'large', $store, [1 => 'again'])[1]['width'], "\n";
?>
--EXPECT--
flat
bounded
1024

--TEST--
Photo: no thread outlives a call, and a fork scales as its parent does
--EXTENSIONS--
gd
pcntl
--FILE--
<?php
require 'support.php';
$folder = newFolder();
$store = new FileSync\Store($folder);
$image = imagecreatetruecolor(2400, 1800);
imagefilledellipse($image, 900, 700, 1500, 900, 0xffaa33);
imagejpeg($image, "$folder/photo", 92);
file_put_contents("$folder/cut", substr(file_get_contents("$folder/photo"), 0, -9000));
$scaled = function (string $name) use ($store) {
	$scales = FileSync\Photo::scale($store, 'photo', $store, [1 => "$name-1", 2 => "$name-2", 3 => "$name-3"]);
	return array_column($scales, 'sha256');
};
$threads = fn () => count(scandir('/proc/self/task')) - 2;
$before = $threads();
// A thread that has ended is still listed for a moment.
$more = function () use ($threads, $before) {
	for ($turn = 0; $threads() > $before && $turn < 1000; $turn++) {
		usleep(5000);
	}
	return $threads() - $before;
};
$expected = $scaled('parent');
echo $more(), " more\n";
try {
	FileSync\Photo::scale($store, 'cut', $store, [1 => 'cut-1', 2 => 'cut-2']);
} catch (FileSync\Exception\CorruptException $e) {
	echo $more(), " more after a damaged one\n";
}
$children = [];
for ($number = 0; $number < 4; $number++) {
	if (($pid = pcntl_fork()) === 0) {
		$good = $scaled("child$number") === $expected && $more() === 0;
		posix_kill(getmypid(), $good ? SIGKILL : SIGTERM);
	}
	$children[] = $pid;
}
foreach ($children as $pid) {
	pcntl_waitpid($pid, $status);
	echo pcntl_wtermsig($status) === SIGKILL ? "child scaled it alike\n" : "child failed\n";
}
echo $scaled('again') === $expected ? "parent scaled it alike\n" : "parent failed\n";
?>
--EXPECT--
0 more
0 more after a damaged one
child scaled it alike
child scaled it alike
child scaled it alike
child scaled it alike
parent scaled it alike

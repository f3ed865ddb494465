--TEST--
Upload, Pack and PackWriter: what was kept stays, a wrong digest is thrown away, a pack is taken whole or not at all
--FILE--
<?php
require __DIR__ . '/support.php';

use FileSync\Pack;
use FileSync\PackWriter;
use FileSync\Store;
use FileSync\Upload;

$folder = sys_get_temp_dir() . '/upload-' . getmypid();
mkdir("$folder/partial", 0700, true);
$store = new Store($folder);
$bytes = "a \0 file \xFF";
$what = ['size_bytes' => strlen($bytes), 'sha256' => hash('sha256', $bytes), 'headroom_bytes' => 0];
function tried(Closure $work): string {
	try {
		return var_export($work(), true);
	} catch (FileSync\Exception\FileSyncException $e) {
		return get_class($e);
	}
}

$upload = new Upload($store, 'partial/a', $what);
echo tried(fn () => new Upload($store, 'partial/a', $what)), "\n";
$upload->write(substr($bytes, 0, 4));
var_dump($upload->keep(), Upload::offsetOf($store, 'partial/a', $what));
$upload->write('lost');
$upload->forget();
unset($upload);
$upload = new Upload($store, 'partial/a', $what);
var_dump($upload->lengthBytes());
echo tried(fn () => $upload->write($bytes)), "\n";
echo tried(fn () => $upload->place('whole')), "\n";
unset($upload);
$upload = new Upload($store, 'partial/a', $what);
$upload->write(substr($bytes, 4));
var_dump($upload->isWhole());
$upload->place('whole');
var_dump(file_get_contents("$folder/whole") === $bytes, scandir("$folder/partial"));
echo tried(fn () => $upload->write('x')), "\n";
$upload = new Upload($store, 'partial/b', $what);
$upload->write(strrev($bytes));
echo tried(fn () => $upload->place('other')), "\n";
var_dump(file_exists("$folder/other"));
echo tried(fn () => new Upload($store, '../a', $what)), "\n";
echo tried(fn () => new Upload($store, 'partial/a', ['size_bytes' => -1] + $what)), "\n";
echo tried(fn () => new Upload($store, 'partial/a', ['sha256' => 'x'] + $what)), "\n";

function tar(array $files): string {
	$tar = '';
	foreach ($files as $name => $text) {
		$header = str_pad(str_pad((string) $name, 100, "\0") . "0000600\0" . str_repeat("0000000\0", 2) . sprintf('%011o', strlen($text))
			. "\0" . "00000000000\0" . '        0' . str_repeat("\0", 100) . "ustar\0" . '00', 512, "\0");
		$tar .= substr_replace($header, sprintf('%06o', array_sum(array_map('ord', str_split($header)))) . "\0 ", 148, 8);
		$tar .= str_pad($text, 512 * (int) ceil(strlen($text) / 512), "\0");
	}
	return $tar . str_repeat("\0", 1024);
}
$pack = new Pack();
foreach (str_split(tar([hash('sha256', $bytes) => $bytes, hash('sha256', '') => '']), 700) as $piece) {
	$pack->write($piece);
}
echo tried(fn () => $pack->place($store, 'set', 'partial/p', 0)), "\n";
var_dump(array_column($pack->members(), 'size_bytes'));
$pack->place($store, 'set', 'partial/p', 0);
foreach ($pack->members() as $member) {
	$path = "$folder/set/" . substr($member['sha256'], 0, 2) . "/{$member['sha256']}";
	var_dump(hash_file('sha256', $path) === $member['sha256']);
}
foreach (['../x' => 'x', hash('sha256', 'y') => 'x'] as $name => $text) {
	$pack = new Pack();
	$pack->write(tar([$name => $text]));
	echo tried(fn () => $pack->members()), "\n";
}
echo tried(fn () => (new Pack())->write(str_repeat("\0", (8 << 20) + 1))), "\n";

$writer = new PackWriter();
var_dump($writer->hasRoom(8 << 20), $writer->hasRoom(1 << 20));
file_put_contents("$folder/one", 'first');
var_dump($writer->add($store, 'one', 5, hash('sha256', 'first')), $writer->add($store, 'one', 5, hash('sha256', 'other')));
echo tried(fn () => $writer->add($store, 'two', 5, hash('sha256', 'second'))), "\n";
echo tried(fn () => $writer->add($store, 'one', 8 << 20, hash('sha256', 'third'))), "\n";
echo tried(fn () => $writer->add($store, '../one', 5, hash('sha256', 'x'))), "\n";
echo $writer->count(), ' file, ', $writer->lengthBytes(), " bytes\n";
ob_start();
$sent = $writer->send();
$tar = ob_get_clean();
var_dump($sent === strlen($tar), $writer->count());
$pack = new Pack();
$pack->write($tar);
var_dump($pack->members() === [['sha256' => hash('sha256', 'first'), 'size_bytes' => 5]]);
exec('rm -rf ' . escapeshellarg($folder));
?>
--EXPECT--
FileSync\Exception\PeerBusyException
int(4)
int(4)
int(4)
FileSync\Exception\LimitException
FileSync\Exception\InvalidInputException
bool(true)
bool(true)
array(2) {
  [0]=>
  string(1) "."
  [1]=>
  string(2) ".."
}
FileSync\Exception\InvalidInputException
FileSync\Exception\CorruptException
bool(false)
FileSync\Exception\InvalidInputException
FileSync\Exception\InvalidInputException
FileSync\Exception\InvalidInputException
FileSync\Exception\InvalidInputException
array(2) {
  [0]=>
  int(10)
  [1]=>
  int(0)
}
bool(true)
bool(true)
FileSync\Exception\InvalidInputException
FileSync\Exception\CorruptException
FileSync\Exception\LimitException
bool(false)
bool(true)
bool(true)
bool(false)
FileSync\Exception\NotFoundException
FileSync\Exception\LimitException
FileSync\Exception\InvalidInputException
1 file, 2048 bytes
bool(true)
int(0)
bool(true)

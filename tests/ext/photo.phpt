--TEST--
Photo: facts, sizes, one photo, many, and every exception
--EXTENSIONS--
gd
--FILE--
<?php
require 'support.php';
$folder = newFolder();
mkdir("$folder/in");
mkdir("$folder/out");
[$in, $out] = [new FileSync\Store("$folder/in"), new FileSync\Store("$folder/out")];
$image = imagecreatetruecolor(1600, 1200);
imagefilledellipse($image, 800, 600, 900, 700, 0x3080e0);
imagejpeg($image, "$folder/in/photo", 90);
imagepng($image, "$folder/in/crop");
imagewebp($image, "$folder/in/webp");
imagegif(imagescale($image, 200, 100), "$folder/in/gif");

// As an addon does: make the scales beside, then put each in place.
$scales = FileSync\Photo::scale($in, 'photo', $out, [1 => 'photo-1.new', 2 => 'photo-2.new', 3 => 'photo-3.new'], ['jpeg_quality' => 85]);
foreach ($scales as $scale => $facts) {
	$out->exchange("photo-$scale.new", $in, "photo-$scale", $facts['sha256']);
	echo "$scale: {$facts['mimetype']} {$facts['width']} x {$facts['height']}\n";
}

foreach ($scales as $scale => $facts) {
	$file = "$folder/in/photo-$scale";
	$found = getimagesize($file);
	var_dump([$found[0], $found[1], $found['mime'], filesize($file), hash_file('sha256', $file)] === [$facts['width'], $facts['height'], $facts['mimetype'], $facts['size_bytes'], $facts['sha256']]);
}
var_dump(scandir("$folder/out"));
$blue = imagecolorat(imagecreatefromjpeg("$folder/in/photo-3"), 160, 120);
var_dump(abs(($blue >> 16) - 0x30) < 6 && abs(($blue >> 8 & 255) - 0x80) < 6 && abs(($blue & 255) - 0xe0) < 6);
echo json_encode(FileSync\Photo::facts($in, 'photo')), "\n";
echo json_encode(FileSync\Photo::sizes(4000, 2667, [1, 2, 3])), "\n";
echo json_encode(FileSync\Photo::sizes(4000, 2667, [3], ['max_thumbnail' => 1600])), json_encode(FileSync\Photo::sizes(1200, 675, [8, 9])), "\n";

file_put_contents("$folder/in/page", '<html>');
$results = FileSync\Photo::scaleAll($in, $out, [
	'webp' => ['source' => 'webp', 'targets' => [3 => 'webp-3']],
	7 => ['source' => 'gif', 'targets' => [1 => 'gif-1', 3 => 'gif-3']],
	'page' => ['source' => 'page', 'targets' => [1 => 'page-1']],
	'crop' => ['source' => 'crop', 'targets' => [5 => 'crop-5', 6 => 'crop-6']],
], ['png_quality' => 1, 'webp_quality' => 70, 'budget_ms' => 60000]);
foreach ($results as $key => ['scales' => $scales, 'error' => $error]) {
	echo "$key: ", $error['kind'] ?? implode(', ', array_map(fn ($facts) => "{$facts['mimetype']} {$facts['width']} x {$facts['height']}", $scales)), "\n";
}
echo implode(' ', array_diff(scandir("$folder/out"), ['.', '..'])), "\n";

symlink('/etc/passwd', "$folder/in/link");
$image = file_get_contents("$folder/in/photo");
file_put_contents("$folder/in/cut", substr($image, 0, 5000));
file_put_contents("$folder/in/bomb", substr_replace(file_get_contents("$folder/in/crop"), "\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0" . pack('N', crc32("IHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0")), 16, 17));
$one = fn (string $source, array $targets, ?array $options = null) => show(fn () => FileSync\Photo::scale($in, $source, $out, $targets, $options));
$one('none', [1 => 'x']);
$one('page', [1 => 'x']);
$one('cut', [1 => 'x']);
$one('bomb', [1 => 'x']);
$one('link', [1 => 'x']);
$one('../photo', [1 => 'x']);
$one('photo', [1 => '../x']);
$one('photo', [1 => 'none/x']);
$one('photo', [1 => 'gif-1']);
$one('photo', [4 => 'x']);
$one('photo', [1 => 'x', 5 => 'y']);
$one('photo', []);
$one('photo', ['one' => 'x']);
$one('photo', [1 => 5]);
$one('photo', [1 => 'x'], ['jpeg_quality' => 101]);
$one('photo', [1 => 'x'], ['quality' => 50]);
show(fn () => FileSync\Photo::sizes(0, 1, [1]));
show(fn () => FileSync\Photo::sizes(1, 1, ['1']));
show(fn () => FileSync\Photo::scaleAll($in, $out, ['photo']));
show(fn () => FileSync\Photo::scaleAll($in, $out, [['source' => 'photo']]));
try {
	FileSync\Photo::facts($in, 5);
	FileSync\Photo::facts('store', 'photo');
} catch (TypeError $e) {
	echo get_class($e), "\n";
}
try {
	new FileSync\Photo();
} catch (Exception $e) {
	echo get_class($e), ': ', $e->getMessage(), "\n";
}
var_dump(count(scandir("$folder/out")));
?>
--EXPECTF--
1: image/jpeg 1024 x 768
2: image/jpeg 640 x 480
3: image/jpeg 320 x 240
bool(true)
bool(true)
bool(true)
array(2) {
  [0]=>
  string(1) "."
  [1]=>
  string(2) ".."
}
bool(true)
{"mimetype":"image\/jpeg","width":1600,"height":1200,"stored_width":1600,"stored_height":1200,"orientation":1}
{"1":{"width":1024,"height":682},"2":{"width":640,"height":426},"3":{"width":320,"height":213}}
{"3":{"width":320,"height":213}}{"8":{"width":850,"height":478},"9":{"width":425,"height":239}}
webp: image/webp 320 x 240
7: image/gif 200 x 100, image/gif 200 x 100
page: Unsupported
crop: image/png 80 x 60, image/png 48 x 36
crop-5 crop-6 gif-1 gif-3 webp-3
NotFoundException: not found while opening a file {path: none}: %s
UnsupportedException: unsupported while recognizing an image {format: an unknown format, path: page}
CorruptException: wrong bytes while decoding an image {format: image/jpeg, path: cut}: %s
LimitException: limit exceeded while reading an image's header {format: image/png, width: 60000, height: 60000, limit_pixels: 268435456, path: bomb}
InvalidInputException: invalid input while opening a file {path: link}: %s
InvalidInputException: invalid input while checking a path {path: ../photo, fault: it climbs}
InvalidInputException: invalid input while checking a path {path: ../x, fault: it climbs}
NotFoundException: not found while opening a folder {name: none, path: none/x}: %s
InvalidInputException: invalid input while writing a new file {path: gif-1}: File exists (os error 17)
InvalidInputException: invalid input while choosing a scale {scale: 4, expected: 1, 2, 3, 5, 6, 8 or 9; 0 is the original, 4 and 7 are cropped by hand}
InvalidInputException: invalid input while choosing scales {fault: scales of different sources, path: photo}
InvalidInputException: invalid input while choosing scales {fault: no scale was requested, path: photo}
InvalidInputException: invalid input while reading a parameter {parameter: targets, expected: scale => path}
InvalidInputException: invalid input while reading a parameter {parameter: targets, expected: scale => path}
InvalidInputException: invalid input while reading a parameter {parameter: options, key: jpeg_quality, expected: an integer, 1 to 100}
InvalidInputException: invalid input while reading a parameter {parameter: options, unknown_key: quality, known_keys: jpeg_quality png_quality webp_quality max_thumbnail budget_ms}
InvalidInputException: invalid input while reading a parameter {parameter: width, value: 0, expected: 1 to 4294967295}
InvalidInputException: invalid input while reading a parameter {parameter: scales, expected: a list of integers}
InvalidInputException: invalid input while reading a parameter {parameter: jobs, expected: a list of arrays}
InvalidInputException: invalid input while reading a parameter {parameter: jobs, key: targets, expected: scale => path}
TypeError
Exception: You cannot instantiate this class from PHP.
int(7)

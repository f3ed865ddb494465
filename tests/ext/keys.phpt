--TEST--
Arrays with keys that are not UTF-8: an error names the key, or its value counts as any other
--EXTENSIONS--
gd
--FILE--
<?php
require 'support.php';
$folder = newFolder();
$store = new FileSync\Store($folder);
imagejpeg(imagecreatetruecolor(400, 300), "$folder/photo");
$odd = "\xff\xfe";
$transfer = ['name' => 'one', 'hash' => 'abc', 'size_bytes' => 1, 'origins' => []];
$origin = ['url' => 'https://a.example', 'nick' => 'anna', 'path' => ['x']];

show(fn () => new FileSync\TransferBatch([$odd => 1]));
show(fn () => newBatch($folder)->add([$odd => 1] + $transfer));
show(fn () => newBatch($folder)->add(['origins' => [$odd => $origin]] + $transfer));
show(fn () => newBatch($folder)->add(['origins' => [[$odd => 1] + $origin]] + $transfer));
show(fn () => newBatch($folder)->add(['origins' => [['path' => [$odd => 'x']] + $origin]] + $transfer));
show(fn () => new FileSync\Relocator([$odd => 1]));
show(fn () => new FileSync\Upload($store, 'up', [$odd => 1]));
show(fn () => new FileSync\Set($folder, [$odd => 1]));
show(fn () => FileSync\Photo::scale($store, 'photo', $store, [$odd => 'photo-3']));
show(fn () => FileSync\Photo::scaleAll($store, $store, [[$odd => 1, 'source' => 'photo', 'targets' => [3 => 'photo-3']]]));
var_dump(array_keys(FileSync\Photo::sizes(400, 300, [$odd => 2, 'x' => 3])));
$scaled = FileSync\Photo::scaleAll($store, $store, [$odd => ['source' => 'photo', 'targets' => [3 => 'photo-3']], 7 => ['source' => 'none', 'targets' => [3 => 'none-3']]]);
var_dump(array_keys($scaled) === [$odd, 7], $scaled[$odd]['error'], $scaled[7]['error']['kind']);
$store->syncNames([$odd => 'photo']);
var_dump(count((new FileSync\Signer(channelKey()))->signAll([$odd => 'text'])));
?>
--EXPECT--
InvalidInputException: invalid input while reading a parameter {parameter: options, unknown_key: ��, known_keys: root store_root channel_hash key_id private_key ca_file allow_http allow_private_addresses parallel ranges bytes_per_second}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, unknown_key: ��, known_keys: name hash scale size_bytes most_bytes edited sha256 mimetype have_sha256 copies origins}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: origins, expected: a list}
InvalidInputException: invalid input while reading a parameter {parameter: transfer.origins, unknown_key: ��, known_keys: url announced nick path dav filesync piece_bytes}
InvalidInputException: invalid input while reading a parameter {parameter: transfer.origins, key: path, expected: a list}
InvalidInputException: invalid input while reading a parameter {parameter: options, unknown_key: ��, known_keys: from from_nick to to_nick own_media}
InvalidInputException: invalid input while reading a parameter {parameter: what, unknown_key: ��, known_keys: size_bytes sha256 headroom_bytes}
InvalidInputException: invalid input while reading a parameter {parameter: options, unknown_key: ��, known_keys: headroom_bytes bytes_per_second reflink}
InvalidInputException: invalid input while reading a parameter {parameter: targets, expected: scale => path}
InvalidInputException: invalid input while reading a parameter {parameter: jobs, unknown_key: ��, known_keys: source targets}
array(2) {
  [0]=>
  int(2)
  [1]=>
  int(3)
}
bool(true)
NULL
string(8) "NotFound"
int(1)

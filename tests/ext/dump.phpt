--TEST--
Dump: sections and elements of an export file, slices, cursors, and what is refused
--FILE--
<?php
require 'support.php';

use FileSync\Dump;
use FileSync\Store;

$folder = newFolder();
$store = new Store($folder);
$export = '{"relocate":{"url":"https:\/\/a.example"},"group":[],"item":[{"mid":"a"},{"mid":"b"},{"mid":"\u00fc"}],"photo":null}';
file_put_contents("$folder/export.json", $export);
file_put_contents("$folder/export.json.gz", gzencode($export));

foreach (['export.json', 'export.json.gz'] as $name) {
	$dump = new Dump($store, $name);
	echo $dump->format(), "\n";
	while ($slice = $dump->next(2)) {
		echo json_encode($slice, JSON_UNESCAPED_SLASHES), "\n";
		// Another process.
		$dump = new Dump($store, $name, $dump->cursor());
	}
}
var_dump($dump->next(), $dump->sections());

while (! $dump->step(1000));
$dump = new Dump($store, 'export.json.gz');
while (! $dump->step(1000));
foreach ($dump->sections() as $section) {
	$cursor = $section['cursor'];
	unset($section['cursor']);
	echo json_encode($section), "\n";
	$section['section'] === 'item' && $dump->seek($cursor);
}
echo json_encode($dump->next(10)['elements']), "\n";

$dump = new Dump($store, 'export.json');
show(fn () => $dump->next(0));
show(fn () => $dump->next(1, -1));
show(fn () => $dump->step(0));
show(fn () => $dump->seek('x'));
show(fn () => new Dump($store, '../export.json'));
show(fn () => new Dump($store, 'none.json'));
$cursor = $dump->cursor();
file_put_contents("$folder/export.json", '{"item":[{"mid":"a"},{"mid":b}]}');
show(fn () => new Dump($store, 'export.json', $cursor));
$dump = new Dump($store, 'export.json');
echo json_encode($dump->next()['elements']), "\n";
show(fn () => $dump->next());
show(fn () => $dump->next());
file_put_contents("$folder/long.json", '{"item":["' . str_repeat('x', 16 << 20) . '"]}');
show(fn () => (new Dump($store, 'long.json'))->next());
file_put_contents("$folder/deep.json", '{"item":[' . str_repeat('[', 501) . str_repeat(']', 501) . ']}');
show(fn () => (new Dump($store, 'deep.json'))->next());
$bomb = gzopen("$folder/bomb.gz", 'wb9');
gzwrite($bomb, '{"item":[');
for ($n = 0; $n < 80; $n++) {
	gzwrite($bomb, '"' . str_repeat('x', 1 << 20) . '",');
}
gzwrite($bomb, '0]}');
gzclose($bomb);
show(fn () => (new Dump($store, 'bomb.gz'))->step(60000));
file_put_contents("$folder/cut.gz", substr(gzencode($export), 0, 40));
show(fn () => (new Dump($store, 'cut.gz'))->step(60000));
?>
--EXPECTF--
json
{"document":null,"section":"relocate","first":null,"elements":["{\"url\":\"https:\\/\\/a.example\"}"]}
{"document":null,"section":"item","first":0,"elements":["{\"mid\":\"a\"}","{\"mid\":\"b\"}"]}
{"document":null,"section":"item","first":2,"elements":["{\"mid\":\"\\u00fc\"}"]}
{"document":null,"section":"photo","first":null,"elements":["null"]}
gzip
{"document":null,"section":"relocate","first":null,"elements":["{\"url\":\"https:\\/\\/a.example\"}"]}
{"document":null,"section":"item","first":0,"elements":["{\"mid\":\"a\"}","{\"mid\":\"b\"}"]}
{"document":null,"section":"item","first":2,"elements":["{\"mid\":\"\\u00fc\"}"]}
{"document":null,"section":"photo","first":null,"elements":["null"]}
NULL
array(0) {
}
{"document":null,"section":"relocate","is_list":false,"elements":1,"bytes":29}
{"document":null,"section":"group","is_list":true,"elements":0,"bytes":0}
{"document":null,"section":"item","is_list":true,"elements":3,"bytes":38}
{"document":null,"section":"photo","is_list":false,"elements":1,"bytes":4}
["{\"mid\":\"a\"}","{\"mid\":\"b\"}","{\"mid\":\"\\u00fc\"}"]
InvalidInputException: invalid input while reading a parameter {parameter: most_elements, value: 0, expected: 1 or more}
InvalidInputException: invalid input while reading a parameter {parameter: most_bytes, value: -1, expected: 1 or more}
InvalidInputException: invalid input while reading a parameter {parameter: budget_ms, value: 0, expected: 1 to 60000}
InvalidInputException: invalid input while reading the cursor of an export file: expected value at line 1 column 1
InvalidInputException: invalid input while checking a path {path: ../export.json, fault: it climbs}
NotFoundException: not found while opening a file {path: none.json}: No such file or directory (os error 2)
InvalidInputException: invalid input while going on in an export file {fault: the cursor is of another file, expected_bytes: 116, size_bytes: 32}
["{\"mid\":\"a\"}"]
InvalidInputException: invalid input while reading an export file {section: item, element: 1, offset: 28, fault: expected value}
InvalidInputException: invalid input while reading an export file {section: item, element: 1, offset: 28, fault: expected value}
LimitException: limit exceeded while reading an export file {section: item, element: 0, offset: 9, limit_bytes: 16777216, remedy: remove this element from the file; what else is in it can be read}
LimitException: limit exceeded while reading an export file {section: item, element: 0, offset: 9, limit_depth: 500, remedy: remove this element from the file; what else is in it can be read}
LimitException: limit exceeded while reading an export file {fault: it unpacks to far more than its size, limit_bytes: 67108864, remedy: unpack it yourself, and give the plain file}
InvalidInputException: invalid input while reading an export file {fault: the compressed file is damaged or cut off, remedy: download it again}: %s

--TEST--
Relocator: text, JSON, arrays and items, one and many
--FILE--
<?php
require 'support.php';
$h = '9c0d1e2f-1111-4222-8333-444455556666';
$there = ['from' => 'https://a.example', 'from_nick' => 'alice', 'to' => 'https://b.example/hub', 'to_nick' => 'alicia', 'own_media' => [$h]];
$r = new FileSync\Relocator($there);
echo $r->text("[zmg=640x480]https://a.example/photo/$h-2.jpg[/zmg] https://a.example/channel/alice? https://a.example/item/1"), "\n";
echo $r->json('{"u":"https:\/\/a.example\/cloud\/alice\/\u00fc","n":1.0}'), "\n";
echo json_encode($r->value(['https://a.example/channel/alice' => [1, 2.5, null, true, 'https://a.example/channel/alice']])), "\n";
$item = ['mid' => 'https://a.example/channel/alice', 'uid' => 7, 'body' => 'https://a.example/channel/alice', 'obj' => ['url' => "https://a.example/photo/$h"],
	'attach' => '[{"href":"https:\/\/a.example\/attach\/' . $h . '"}]', 'target' => 'Array', 'sig' => 'x',
	'term' => [['term' => 'https://a.example/channel/alice', 'url' => 'https://a.example/cloud/alice/?cat=x'], 'odd']];
echo json_encode($moved = $r->item($item), JSON_UNESCAPED_SLASHES), "\n";
$back = new FileSync\Relocator(['from' => $there['to'], 'from_nick' => 'alicia', 'to' => $there['from'], 'to_nick' => 'alice', 'own_media' => [$h]]);
var_dump($back->item($moved) === $item, $r->items(['k' => $item, 3 => $item]) === ['k' => $moved, 3 => $moved], $r->item($moved) === $moved);
// References stay the caller's; a key or a text that is not UTF-8 stays as it is.
$url = 'https://a.example/channel/alice';
$other = 'x';
$odd = ['body' => &$url, 'summary' => &$other, 'plink' => "\xff$url", "\xff" => $url, 5 => $url];
$held = $r->item($odd);
$held['summary'] .= 'y';
var_dump($held === ['body' => 'https://b.example/hub/channel/alicia', 'summary' => 'xy'] + $odd, $url, $other);
echo json_encode(FileSync\Relocator::mediaHashes('https://a.example', $moved['attach'] . $item['attach'] . "https://a.example/photo/$h-3.png")), "\n";
show(fn () => new FileSync\Relocator([]));
show(fn () => new FileSync\Relocator(['from_nick' => 'a/b'] + $there));
show(fn () => new FileSync\Relocator(['own_media' => [1]] + $there));
show(fn () => new FileSync\Relocator(['to' => 'ftp://b.example'] + $there));
show(fn () => $r->json('{'));
show(fn () => $r->items([1]));
$deep = [];
for ($level = 0; $level < 80; $level++) {
	$deep = [$deep];
}
show(fn () => $r->value($deep));
?>
--EXPECTF--
[zmg=640x480]https://b.example/hub/photo/9c0d1e2f-1111-4222-8333-444455556666-2.jpg[/zmg] https://b.example/hub/channel/alicia? https://a.example/item/1
{"u":"https:\/\/b.example\/hub\/cloud\/alicia\/\u00fc","n":1.0}
{"https:\/\/a.example\/channel\/alice":[1,2.5,null,true,"https:\/\/b.example\/hub\/channel\/alicia"]}
{"mid":"https://a.example/channel/alice","uid":7,"body":"https://b.example/hub/channel/alicia","obj":{"url":"https://b.example/hub/photo/9c0d1e2f-1111-4222-8333-444455556666"},"attach":"[{\"href\":\"https:\\/\\/b.example\\/hub\\/attach\\/9c0d1e2f-1111-4222-8333-444455556666\"}]","target":"Array","sig":"x","term":[{"term":"https://a.example/channel/alice","url":"https://b.example/hub/cloud/alicia/?cat=x"},"odd"]}
bool(true)
bool(true)
bool(true)
bool(true)
string(31) "https://a.example/channel/alice"
string(1) "x"
["9c0d1e2f-1111-4222-8333-444455556666","9c0d1e2f-1111-4222-8333-444455556666-3"]
InvalidInputException: invalid input while reading a parameter {parameter: options, key: from, expected: a string, UTF-8}
InvalidInputException: invalid input while naming a channel at a hub {hub: https://a.example, nick: a/b, expected: letters, digits, - and _}
InvalidInputException: invalid input while reading a parameter {parameter: options.own_media, expected: a list of strings, UTF-8}
UnsupportedException: unsupported while reading a hub's URL {url: ftp://b.example, fault: neither https nor http}
InvalidInputException: invalid input while reading JSON {bytes: 1, fault_at: 1}
InvalidInputException: invalid input while relocating items {key: 0, expected: an array}
LimitException: limit exceeded while relocating an array {limit_depth: 64}

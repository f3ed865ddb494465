--TEST--
Inventory: two are compared message by message and saved in between, and PHP's memory stays flat
--FILE--
<?php
require 'support.php';
$folder = newFolder();
$store = new FileSync\Store($folder);
function filled(int $count, array $changes): FileSync\Inventory
{
	$inventory = new FileSync\Inventory();
	for ($n = 0; $n < $count; $n++) {
		[$content, $metadata] = $changes[$n] ?? ["content $n \xff", "name $n"];
		$content === null || $inventory->add("hash-$n", $content, $metadata);
	}
	$inventory->seal();
	return $inventory;
}
$before = memory_get_usage();
// PHP 8.1 cannot; until here nothing has peaked.
$count = 100000;
$there = filled($count, [7 => ['other', 'name 7'], 8 => ["content 8 \xff", 'other'], 9 => [null, null]]);
$here = filled($count, [10 => [null, null]]);
$message = $here->begin();
for ($bytes = 0; $message !== null; ) {
	$answer = $there->answer($message);
	$bytes += strlen($message) + strlen($answer);
	$here->save($store, 'snapshot');
	unset($here);
	$here = FileSync\Inventory::load($store, 'snapshot');
	$message = $here->advance($answer);
}
echo $here->count(), ' and ', $there->count(), ' entries, ', $here->differenceCount(), ' differ, ', $here->rounds() < 6 ? 'few' : $here->rounds(), " rounds\n";
echo $bytes < 20000 ? "few bytes\n" : "$bytes bytes\n";
$lines = [];
foreach ($here->differences(0, 100) as $one) {
	$hash = $one['hash'] ?? $there->find($one['key']);
	$lines[] = "$hash: " . ($one['here'] === null ? 'missing here' : ($one['there'] === null ? 'missing there' : ($one['content'] ? 'content' : '') . ($one['metadata'] ? 'metadata' : '')));
}
sort($lines);
echo implode("\n", $lines), "\n";
var_dump(count($here->differences(1, 2)), $here->differences(4, 9));
echo $here->find(substr(FileSync\Inventory::id('hash-7', '', ''), 0, 16)), ' ', json_encode($here->find('0000000000000000')), "\n";
$versions = array_values(array_filter($here->differences(0, 100), fn ($one) => $one['hash'] === 'hash-7'))[0];
var_dump($versions['here'] === FileSync\Inventory::id('hash-7', "content 7 \xff", 'name 7'), $versions['there'] === FileSync\Inventory::id('hash-7', 'other', 'name 7'));
$grown = memory_get_peak_usage() - $before;
echo $grown < 4 << 20 ? "flat\n" : "grew by $grown bytes\n";
show(fn () => $here->add('h', '', ''));
show(fn () => $here->find('x'));
show(fn () => $there->answer("\x61\x01\x00\x09"));
show(fn () => $there->answer(str_repeat('x', 262145)));
show(fn () => $there->differences(0, 1));
show(fn () => $here->differences(-1, 1));
show(fn () => FileSync\Inventory::load($store, 'none'));
file_put_contents("$folder/none", 'nothing');
show(fn () => FileSync\Inventory::load($store, 'none'));
?>
--EXPECTF--
99999 and 99999 entries, 4 differ, few rounds
few bytes
hash-10: missing here
hash-7: content
hash-8: metadata
hash-9: missing there
int(2)
array(0) {
}
hash-7 null
bool(true)
bool(true)
flat
InvalidInputException: invalid input while adding to an inventory {expected: open for entries, inventory: compared}
InvalidInputException: invalid input while reading a parameter {parameter: key, expected: 16 hex digits}
InvalidInputException: invalid input while reading a message of another inventory: %s
LimitException: limit exceeded while reading a message of another inventory {bytes: 262145, limit_bytes: 262144}
InvalidInputException: invalid input while reading the differences of two inventories {expected: compared, inventory: sealed}
InvalidInputException: invalid input while reading a parameter {parameter: offset, value: -1, expected: 0 or more}
NotFoundException: not found while opening a file %s
CorruptException: wrong bytes while reading a saved inventory {%s

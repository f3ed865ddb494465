--TEST--
SetRestore reads a set for a restore: proven by the key it is given, bytes only as they were saved, and never over a file
--FILE--
<?php
require 'support.php';

use FileSync\SetRestore;
use FileSync\Store;

$show = function (callable $call): void {
	try {
		echo json_encode($call(), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\n";
	} catch (FileSync\Exception\FileSyncException $e) {
		echo (new ReflectionClass($e))->getShortName(), ': ', strtok($e->getMessage(), '{'), "\n";
	}
};
$folder = newFolder();
foreach (['/store', '/set', '/target'] as $name) {
	mkdir("$folder$name");
}
$key = channelKey();
$pem = openssl_pkey_get_details(openssl_pkey_get_private($key))['key'];
$store = new Store("$folder/store");
file_put_contents("$folder/store/h1", 'one');
file_put_contents("$folder/store/h2", str_repeat('two ', 5 << 20));
file_put_contents("$folder/store/h2-4", 'crop');
$metadata = fn (string $hash, array $more = []) => json_encode([
	'kind' => 'file',
	'hash' => $hash,
	'attach' => [['hash' => $hash, 'filename' => "$hash.txt", 'edited' => '2024-05-03 09:00:00']],
] + $more);
$set = new FileSync\Set("$folder/set");
$set->begin(['from' => 'https://hub.example', 'by' => 'hub', 'channel_hash' => 'channelhash']);
foreach ([
	[$metadata('h1', ['item' => [['body' => 'ä']]]), ['original' => 'h1']],
	[$metadata('h2'), ['original' => 'h2', 'crops' => [['scale' => 4, 'mimetype' => 'image/png', 'path' => 'h2-4']]]],
] as [$text, $bytes]) {
	$added = $set->add($text, $store, $bytes);
	while ($added === null) {
		$added = $set->step(1000);
	}
}
$prepared = $set->prepare(json_encode([
	'channel' => ['nick' => 'alice', 'hash' => 'channelhash', 'url' => 'https://hub.example/channel/alice', 'key' => $pem],
	'contents' => ['files'],
	'made_with' => 'a test',
	'lacks' => [],
]), true);
openssl_sign($prepared['message'], $signature, $key, OPENSSL_ALGO_SHA512);
$set->commit($signature);
$set->close();

$facts = fn (array $options) => array_diff_key((new SetRestore("$folder/set", $options))->facts(), ['set' => 1, 'list_sha256' => 1, 'run' => 1, 'first_run' => 1]);
$show(fn () => $facts(['public_key' => $pem]));
$show(fn () => $facts([]));
$restore = new SetRestore("$folder/set", ['public_key' => $pem]);
$run = $prepared['run'];
$at = fn (string $at) => new SetRestore("$folder/set", ['at' => $at]);
$show(fn () => [$restore->facts()['run'] === $run, $restore->facts()['first_run'] === $run]);
$show(fn () => $at('2020-01-01T00:00:00Z')->facts()['run']);
$show(fn () => $at('2020-01-01T00:00:00Z')->next(1));
$show(fn () => [$at('2100-01-01T00:00:00Z')->facts()['run'] === $run, count($at('2100-01-01T00:00:00Z')->next(10))]);
$show(fn () => $at('2100-01-01'));
echo strlen($restore->facts()['list_sha256']), ' ', json_decode($restore->facts()['set'], true)['channel']['nick'], "\n";
$target = new Store("$folder/target");
foreach ($restore->next(10) as $entry) {
	unset($entry['parts'][0]['sha256'], $entry['parts'][1]['sha256']);
	$show(fn () => $entry);
}
$show(fn () => array_diff_key($restore->stage('h1', 0, $target, 'one'), ['is_clone' => 1]));
$show(fn () => $restore->stage('h1', 0, $target, 'one'));
$show(fn () => $restore->stage('h1', 0, $target, '../one'));
$show(fn () => $restore->stage('h1', 4, $target, 'crop'));
$show(fn () => array_diff_key($restore->stage('h2', 4, $target, 'crop'), ['is_clone' => 1]));
$staged = $restore->stage('h2', 0, $target, 'two');
$show(fn () => [$staged, $restore->stagedBytes()]);
$show(fn () => $restore->next(1));
while ($staged === null) {
	$staged = $restore->step(1000);
}
SetRestore::sync($target);
$show(fn () => [$staged['size_bytes'], hash_file('sha256', "$folder/target/two") === $staged['sha256']]);
$show(fn () => $restore->step(10));
$show(fn () => $restore->next(10));
$show(fn () => $restore->next(0));

file_put_contents("$folder/set/data/files/h1.txt", 'onf');
$damaged = new SetRestore("$folder/set");
$damaged->next(10);
$show(fn () => $damaged->stage('h1', 0, $target, 'damaged'));
unlink("$folder/set/data/files/h1.txt");
$show(fn () => $damaged->stage('h1', 0, $target, 'damaged'));
$show(fn () => $damaged->stage('h2', 0, $target, 'given up'));
$damaged->abandon();
$show(fn () => [file_exists("$folder/target/damaged"), file_exists("$folder/target/given up")]);
file_put_contents("$folder/set/fetch.txt", '');
$show(fn () => (new SetRestore("$folder/set"))->facts()['refused']);
$show(fn () => (new SetRestore("$folder/set"))->next(1));
$show(fn () => new SetRestore("$folder/store"));
$show(fn () => new SetRestore('set'));
$show(fn () => new SetRestore("$folder/set", ['later' => 1]));
?>
--EXPECT--
{"signed_by":"channel","is_list_whole":true,"is_cut_off":false,"refused":null,"findings":[]}
{"signed_by":"other","is_list_whole":true,"is_cut_off":false,"refused":null,"findings":[]}
[true,true]
null
InvalidInputException: invalid input while reading a backup set for a restore 
[true,2]
InvalidInputException: invalid input while reading a time 
64 alice
{"hash":"h1","proof":"listed","kind":"file","metadata":"{\"kind\":\"file\",\"hash\":\"h1\",\"attach\":[{\"hash\":\"h1\",\"filename\":\"h1.txt\",\"edited\":\"2024-05-03 09:00:00\"}],\"item\":[{\"body\":\"\\u00e4\"}]}","parts":[{"scale":0,"mimetype":"","size_bytes":3,"is_there":true,"is_found":true}],"posts":1,"why":null}
{"hash":"h2","proof":"listed","kind":"file","metadata":"{\"kind\":\"file\",\"hash\":\"h2\",\"attach\":[{\"hash\":\"h2\",\"filename\":\"h2.txt\",\"edited\":\"2024-05-03 09:00:00\"}]}","parts":[{"scale":0,"mimetype":"","size_bytes":20971520,"is_there":true,"is_found":true},{"scale":4,"mimetype":"image/png","size_bytes":4,"is_there":true,"is_found":true}],"posts":0,"why":null}
{"size_bytes":3,"sha256":"7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"}
InvalidInputException: invalid input while writing a new file 
InvalidInputException: invalid input while checking a path 
InvalidInputException: invalid input while copying bytes out of a backup set 
{"size_bytes":4,"sha256":"375676bd26868505668fce072799a6e029a37fbbe67b70b89f7b68def282344c"}
[null,0]
InvalidInputException: invalid input while reading a backup set for a restore 
[20971520,true]
InvalidInputException: invalid input while copying bytes out of a backup set 
[]
InvalidInputException: invalid input while reading a parameter 
CorruptException: wrong bytes while copying bytes out of a backup set 
NotFoundException: not found while copying bytes out of a backup set 
null
[false,false]
{"code":"set_refused","path":"fetch.txt","why":"a set never names what is elsewhere"}
RefusedException: refused by the origin hub while reading a backup set for a restore 
NotFoundException: not found while checking a backup set 
InvalidInputException: invalid input while opening a store root 
InvalidInputException: invalid input while reading a parameter 

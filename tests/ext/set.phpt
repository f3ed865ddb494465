--TEST--
Set: a signed run, a later one, damage, an older state, prune; checked by sha256sum and openssl
--FILE--
<?php
require 'support.php';
$folder = newFolder();
foreach (['store', 'set'] as $name) {
	mkdir("$folder/$name");
}
$store = new FileSync\Store("$folder/store");
$key = channelKey();
$public = openssl_pkey_get_details(openssl_pkey_get_private($key))['key'];
$channel = ['nick' => 'alice', 'hash' => 'channelhash', 'url' => 'https://hub.example/channel/alice', 'key' => $public];
$about = json_encode(['channel' => $channel, 'contents' => ['files'], 'made_with' => 'filesync test', 'lacks' => []]);
$run = ['from' => 'https://hub.example', 'by' => 'hub', 'channel_hash' => 'channelhash'];
function metadata(string $hash, string $name, string $kind = 'file', array $more = []): string
{
	return json_encode($more + ['kind' => $kind, 'hash' => $hash, 'attach' => [['hash' => 'top', 'filename' => 'Ordner: ä'], ['hash' => $hash, 'filename' => $name, 'filetype' => 'text/plain']]]);
}
function addAll(FileSync\Set $set, FileSync\Store $store, array $files): array
{
	$words = [];
	foreach ($files as $hash => $name) {
		$added = $set->add(metadata($hash, $name), $store, ['original' => $hash]);
		while ($added === null) {
			$added = $set->step(50);
		}
		$words[] = $added['what'];
	}
	return $words;
}
function check(string $folder, array $options = []): array
{
	$check = new FileSync\SetCheck($folder, $options);
	$lines = [];
	while (! $check->isDone()) {
		foreach ($check->step(1000) as $one) {
			$lines[] = implode(' ', array_filter([$one['code'], $one['path'], $one['hash'], $one['found_at']]));
		}
	}
	sort($lines);
	return [...$lines, $check->result()['is_verified'] ? 'verified' : 'not verified'];
}
function witness(string $folder): void
{
	exec('cd ' . escapeshellarg($folder) . ' && sha256sum --check --strict --quiet manifest-sha256.txt tagmanifest-sha256.txt 2>&1', $lines, $code);
	echo $code === 0 ? "sha256sum: all well\n" : implode("\n", $lines) . "\n";
	$signature = json_decode(file_get_contents("$folder/channel-signature.json"), true);
	$key = json_decode(file_get_contents("$folder/set.json"), true)['channel']['key'];
	$message = "\xfffilesync-set-1\nchannelhash\n" . hash_file('sha256', "$folder/tagmanifest-sha256.txt") . "\n";
	echo 'openssl: ', openssl_verify($message, base64_decode($signature['signature']), $key, OPENSSL_ALGO_SHA512), "\n";
}

echo FileSync\Set::look("$folder/none")['state'], ' ', FileSync\Set::look("$folder/set")['state'], "\n";
file_put_contents("$folder/store/h1", 'one');
file_put_contents("$folder/store/h2", str_repeat('two', 5000000));
$set = new FileSync\Set("$folder/set", ['headroom_bytes' => 0, 'reflink' => false]);
$begun = $set->begin($run);
echo json_encode([$begun['continued'], $begun['cursor'], $begun['completed']]), "\n";
echo implode(' ', addAll($set, $store, ['h1' => 'a.txt', 'h2' => 'A.TXT'])), "\n";
$set->checkpoint('h2');
$set->close();
$looked = FileSync\Set::look("$folder/set");
echo $looked['state'], ' ', $looked['unfinished'] === $begun['run'] ? 'unfinished' : 'none', "\n";

$set = new FileSync\Set("$folder/set", ['headroom_bytes' => 0]);
show(fn () => new FileSync\Set("$folder/set"));
echo FileSync\Set::look("$folder/set")['busy']['pid'] === getmypid() ? "busy\n" : "free\n";
echo $set->begin($run)['cursor'], "\n";
var_dump($set->add(metadata('h3', 'in the database', more: ['item' => [['body' => 'a post']]]), $store, ['original_bytes' => "bytes\0of a row"])['sha256'] === hash('sha256', "bytes\0of a row"));
var_dump($set->keep('h4', 'no_bytes'), $set->progress());
$prepared = $set->prepare($about, true);
echo json_encode(array_intersect_key($prepared, array_flip(['listed', 'new', 'moved', 'failed', 'files', 'posts', 'bytes', 'before', 'key_id'])), JSON_UNESCAPED_SLASHES), "\n";
show(fn () => $set->commit('no signature'));
openssl_sign($prepared['message'], $signature, $key, OPENSSL_ALGO_SHA512);
$set->commit($signature);
$set->close();
witness("$folder/set");
echo implode("\n", check("$folder/set", ['public_key' => $public])), "\n";
foreach ((new FileSync\SetList("$folder/set"))->next(10) as $one) {
	echo implode(' | ', [$one['hash'], $one['kind'], implode('/', $one['names']), $one['size_bytes'], $one['path'], $one['posts']]), "\n";
}

file_put_contents("$folder/store/h1", 'other');
$set = new FileSync\Set("$folder/set", ['headroom_bytes' => 0]);
$set->begin($run);
echo implode(' ', addAll($set, $store, ['h1' => 'a.txt', 'h2' => 'A.TXT'])), "\n";
$prepared = $set->prepare($about, true);
openssl_sign($prepared['message'], $signature, $key, OPENSSL_ALGO_SHA512);
$set->commit($signature);
echo "removed {$prepared['removed']}, older {$prepared['older_files']}\n";
witness("$folder/set");
$list = new FileSync\SetList("$folder/set", ['older' => true]);
for ($lines = 0; $list->next(1) !== []; $lines++);
echo "$lines versions\n";

file_put_contents("$folder/set/data/files/Ordner_ ä/a.txt", 'damag');
rename("$folder/set/data/files/Ordner_ ä/A (h2).TXT", "$folder/set/data/files/moved");
echo implode("\n", check("$folder/set")), "\n";
rename("$folder/set/data/files/moved", "$folder/set/data/files/Ordner_ ä/A (h2).TXT");
$set->begin($run);
echo $set->add(metadata('h1', 'a.txt'), $store, ['original' => 'h1', 'again' => true])['what'], "\n";
addAll($set, $store, ['h2' => 'A.TXT']);
$set->prepare($about, true);
$set->commit(null);
echo implode("\n", check("$folder/set")), "\n";
$pruned = $set->prune(['older_than' => '2100-01-01T00:00:00Z']);
echo "pruned {$pruned['removed_runs']} runs, {$pruned['older_files']} older files stay\n";
openssl_sign($pruned['message'], $signature, $key, OPENSSL_ALGO_SHA512);
$set->commit($signature);
witness("$folder/set");
show(fn () => $set->prune([]));
show(fn () => $set->prune(['forget' => 'h9']));
show(fn () => $set->step(10));
show(fn () => $set->begin(['from' => '']));
show(fn () => $set->begin(['channel_hash' => 'other'] + $run));
show(fn () => new FileSync\Set("$folder/store"));
show(fn () => new FileSync\Set("$folder/none"));
show(fn () => new FileSync\SetCheck("$folder/store"));
show(fn () => new FileSync\SetList("$folder/store"));
show(fn () => new FileSync\SetList("$folder/set", ['at' => 'soon']));
show(fn () => (new FileSync\SetList("$folder/set"))->next(0));
?>
--EXPECTF--
missing empty
[false,null,false]
new new
begun unfinished
PeerBusyException: not ready while locking a backup set {code: set_busy, host: %s, pid: %d, since: %s, remedy: wait until that run is over}
busy
h2
bool(true)
bool(false)
NULL
{"key_id":"https://hub.example/channel/alice","listed":4,"new":3,"moved":0,"failed":1,"files":3,"posts":1,"bytes":15000017,"before":0}
SignatureException: signature not valid while checking the signature of a backup set {code: signature_wrong, key_id: https://hub.example/channel/alice}
sha256sum: all well
openssl: 1
verified
h1 | file | Ordner: ä/a.txt | 3 | data/files/Ordner_ ä/a.txt | 0
h2 | file | Ordner: ä/A.TXT | 15000000 | data/files/Ordner_ ä/A (h2).TXT | 0
h3 | file | Ordner: ä/in the database | 14 | data/files/Ordner_ ä/in the database | 1
replaced unchanged
removed 1, older 4
sha256sum: all well
openssl: 1
4 versions
file_damaged data/files/Ordner_ ä/a.txt
file_moved data/files/Ordner_ ä/A (h2).TXT data/files/moved
verified
replaced
unsigned channel-signature.json
not verified
pruned 2 runs, 0 older files stay
sha256sum: all well
openssl: 1
InvalidInputException: invalid input while reading a parameter {parameter: what, key: older_than, expected: this, or `forget`}
NotFoundException: not found while pruning a backup set {hash: h9, fault: the set has no such hash}
InvalidInputException: invalid input while adding to a backup set {fault: nothing is being copied}
InvalidInputException: invalid input while reading a parameter {parameter: run, key: by, expected: a string, UTF-8}
InvalidInputException: invalid input while beginning a run of a backup set {code: set_other_channel, channel_of_the_set: channelhash, channel: other, remedy: choose another folder}
InvalidInputException: invalid input while opening a backup set {folder: %s, fault: it holds something that is not a backup set, remedy: choose an empty folder or a set}
StorageException: storage failure while opening a store root {path: %s}: %s
NotFoundException: not found while checking a backup set {folder: %s, fault: it holds no backup set}
NotFoundException: not found while listing a backup set {folder: %s, fault: it holds no backup set}
InvalidInputException: invalid input while reading a time {at: soon, expected: a time such as 2026-11-28T03:17:09Z}
InvalidInputException: invalid input while reading a parameter {parameter: limit, value: 0, expected: 1 to 10000}

--TEST--
send_file: exactly the range, in flat memory, and no further than the client listens
--FILE--
<?php
require 'support.php';
$folder = newFolder();
$piece = random_bytes(1 << 20);
for ($i = 0; $i < 256; $i++) {
	file_put_contents("$folder/f", $piece, FILE_APPEND);
}
symlink("$folder/f", "$folder/link");
ob_start();
$sent = FileSync\send_file($folder, 'f', 1048000, 3000);
var_dump($sent, ob_get_clean() === substr($piece . $piece, 1048000, 3000));
show(fn () => FileSync\send_file($folder, 'f', 0, (256 << 20) + 1));
show(fn () => FileSync\send_file($folder, 'f', -1, 1));
show(fn () => FileSync\send_file($folder, 'none', 0, 0));
show(fn () => FileSync\send_file($folder, 'link', 0, 1));
show(fn () => FileSync\send_file($folder, '../f', 0, 1));

// A web server in PHP, one that reads it all and one that leaves.
file_put_contents("$folder/page.php", '<?php
	while (ob_get_level()) { ob_end_clean(); }
	header("Content-Length: " . (256 << 20));
	$sent = FileSync\send_file(__DIR__, "f", 0, 256 << 20);
	file_put_contents(__DIR__ . "/new", json_encode([$sent, memory_get_peak_usage(true) >> 20, connection_status()]));
	rename(__DIR__ . "/new", __DIR__ . "/sent");');
$free = stream_socket_server('tcp://127.0.0.1:0');
$address = stream_socket_get_name($free, false);
fclose($free);
$server = proc_open([PHP_BINARY, '-n', '-d', 'extension=' . getenv('EXTENSION'), '-S', $address, '-t', $folder], [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], ['file', '/dev/null', 'w']], $pipes);
function ask(string $address)
{
	for ($try = 0; $try < 2000 && ! ($socket = @stream_socket_client("tcp://$address")); $try++) {
		usleep(50000);
	}
	fwrite($socket, "GET /page.php HTTP/1.0\r\n\r\n");
	return $socket;
}
function sent(string $folder): array
{
	for ($try = 0; $try < 2000 && ! ($sent = @file_get_contents("$folder/sent")); $try++) {
		usleep(50000);
	}
	unlink("$folder/sent");
	return json_decode($sent);
}
$socket = ask($address);
$head = explode("\r\n\r\n", fread($socket, 1024), 2);
$hash = hash_init('sha256');
hash_update($hash, $head[1] ?? '');
hash_update_stream($hash, $socket);
var_dump(hash_final($hash) === hash_file('sha256', "$folder/f"));
[$bytes, $mib, $status] = sent($folder);
var_dump($bytes === 256 << 20, $mib <= 4, $status);

$socket = ask($address);
fread($socket, 1024);
fclose($socket);
[$bytes, $mib, $status] = sent($folder);
var_dump($bytes < 64 << 20, $status === CONNECTION_ABORTED);
proc_terminate($server);
proc_close($server);
?>
--EXPECTF--
int(3000)
bool(true)
InvalidInputException: invalid input while reading a range of a file {path: f, offset: 0, length: 268435457, size_bytes: 268435456}
InvalidInputException: invalid input while reading a parameter {parameter: offset, value: -1, expected: 0 or more}
NotFoundException: not found while opening a file {path: none}: %s
%s {path: link%s
InvalidInputException: invalid input while checking a path {path: ../f, fault: it climbs}
bool(true)
bool(true)
bool(true)
int(0)
bool(true)
bool(true)

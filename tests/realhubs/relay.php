<?php

// Stands on the wire in front of hub A: passes TCP through, counts the bytes that A sends, slows them down or holds
// them back.
//
//   php relay.php <listen address:port> <target address:port> <folder>
//
// In the folder: `count` is written with the bytes sent so far; `rate` (bytes per second, 0 = unlimited) and `hold`
// (stop passing on once `count` has reached this number; empty = never) are read.
[, $listen, $target, $folder] = $argv;

const PIECE = 262144;

$server = stream_socket_server("tcp://$listen", $code, $message) ?: exit("relay: $message\n");
stream_set_blocking($server, false);
$pairs = []; // number → [client, upstream, bytes for the client, bytes for upstream, no more from upstream]
$count = 0;
$tokens = 0.0;
$rate = 0;
$hold = null;
$last = microtime(true);
$lookedAt = 0.0;

while (true) {
	$now = microtime(true);
	if (($now - $lookedAt) > 0.02) {
		$lookedAt = $now;
		$rate = (int) @file_get_contents("$folder/rate");
		$limit = trim((string) @file_get_contents("$folder/hold"));
		$hold = $limit === '' ? null : (int) $limit;
		file_put_contents("$folder/count.new", (string) $count);
		rename("$folder/count.new", "$folder/count");
	}
	$tokens = $rate ? min($rate / 10, $tokens + ($rate * ($now - $last))) : PIECE;
	$last = $now;
	$isHeld = $hold !== null && $count >= $hold;
	$isDry = $rate && $tokens < 1;

	$read = [$server];
	$write = [];
	foreach ($pairs as [$client, $upstream, $down, $up, $ended]) {
		if ($up === '') {
			$read[] = $client;
		} else {
			$write[] = $upstream;
		}
		if ($down === '' && ! $ended && ! $isHeld && ! $isDry) {
			$read[] = $upstream;
		} elseif ($down !== '') {
			$write[] = $client;
		}
	}
	$none = null;
	if (@stream_select($read, $write, $none, 0, $isHeld || $isDry ? 5000 : 20000) === false) {
		continue;
	}
	if (in_array($server, $read, true) && ($client = @stream_socket_accept($server, 0))) {
		// A refused connection shows as one that is closed at once, which is near enough to a server that is down.
		if ($upstream = @stream_socket_client("tcp://$target", $code, $message, 2)) {
			stream_set_blocking($client, false);
			stream_set_blocking($upstream, false);
			$pairs[(int) $client] = [$client, $upstream, '', '', false];
		} else {
			fclose($client);
		}
	}
	foreach ($pairs as $number => &$pair) {
		[$client, $upstream] = $pair;
		$isOver = false;
		if (in_array($client, $read, true)) {
			$bytes = (string) @fread($client, PIECE);
			$pair[3] .= $bytes;
			$isOver = $bytes === '' && feof($client);
		}
		if (in_array($upstream, $read, true)) {
			$most = PIECE;
			if ($rate) {
				$most = min($most, (int) $tokens);
			}
			if ($hold !== null) {
				$most = min($most, $hold - $count);
			}
			if ($most > 0) {
				$bytes = (string) @fread($upstream, $most);
				$pair[2] .= $bytes;
				$count += strlen($bytes);
				$tokens -= strlen($bytes);
				$pair[4] = $bytes === '' && feof($upstream);
			}
		}
		foreach ([[2, $client], [3, $upstream]] as [$which, $to]) {
			if ($pair[$which] !== '') {
				$sent = @fwrite($to, $pair[$which]);
				if ($sent === false) {
					$isOver = true;
				} else {
					$pair[$which] = substr($pair[$which], $sent);
				}
			}
		}
		if ($isOver || ($pair[4] && $pair[2] === '')) {
			fclose($client);
			fclose($upstream);
			unset($pairs[$number]);
		}
	}
	unset($pair);
}

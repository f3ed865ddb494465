<?php

/**
 * A wire: passes TCP through, every byte so many milliseconds late. Connecting costs nothing, which favours who
 * connects often. Addresses are a port of 127.0.0.1, or address:port.
 */

declare(strict_types=1);

[, $port, $target, $ms] = $argv;
const MOST_ON_THE_WIRE = 8 << 20;

$address = fn (string $one) => 'tcp://' . (str_contains($one, ':') ? $one : "127.0.0.1:$one");
$server = stream_socket_server($address($port)) ?: exit(1);
/**
 * @var array<int, array{from: resource, to: resource, wire: list<array{float, string}>, bytes: int, ended: bool}>
 *     $ways
 */
$ways = [];
while (true) {
	$now = microtime(true);
	$read = [$server];
	$write = [];
	$wait = 0.2;
	foreach ($ways as $way) {
		if (! $way['ended'] && $way['bytes'] < MOST_ON_THE_WIRE) {
			$read[] = $way['from'];
		}
		if ($way['wire']) {
			$due = $way['wire'][0][0];
			$due <= $now ? ($write[] = $way['to']) : ($wait = min($wait, $due - $now));
		}
	}
	$none = null;
	if (stream_select($read, $write, $none, 0, (int) ($wait * 1e6)) === false) {
		continue;
	}
	if (in_array($server, $read, true) && ($client = @stream_socket_accept($server, 0))) {
		$upstream = stream_socket_client($address($target));
		foreach ([[$client, $upstream], [$upstream, $client]] as [$from, $to]) {
			stream_set_blocking($from, false);
			// Else PHP reads 8 KiB at a time, and the wire takes a processor.
			stream_set_chunk_size($from, 262144);
			$ways[(int) $from] = ['from' => $from, 'to' => $to, 'wire' => [], 'bytes' => 0, 'ended' => false];
		}
	}
	$now = microtime(true);
	foreach ($ways as &$way) {
		if (in_array($way['from'], $read, true)) {
			$bytes = @fread($way['from'], 262144);
			if ($bytes === '' || $bytes === false) {
				$way['ended'] = feof($way['from']);
			} else {
				$way['wire'][] = [$now + ($ms / 1000), $bytes];
				$way['bytes'] += strlen($bytes);
			}
		}
		while ($way['wire'] && $way['wire'][0][0] <= $now) {
			$sent = (int) @fwrite($way['to'], $way['wire'][0][1]);
			$way['bytes'] -= $sent;
			if ($sent < strlen($way['wire'][0][1])) {
				$way['wire'][0][1] = substr($way['wire'][0][1], $sent);
				break;
			}
			array_shift($way['wire']);
		}
		if ($way['ended'] && ! $way['wire']) {
			@stream_socket_shutdown($way['to'], STREAM_SHUT_WR);
			$way['done'] = true;
		}
	}
	unset($way);
	// Both directions over: the sockets close with their last reference.
	foreach (array_keys($ways) as $id) {
		$back = isset($ways[$id]) ? (int) $ways[$id]['to'] : 0;
		if (isset($ways[$id]['done'], $ways[$back]['done'])) {
			unset($ways[$id], $ways[$back]);
		}
	}
	unset($client, $upstream, $from, $to);
}

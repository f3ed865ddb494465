<?php

// Asks another hub for a ticket as this clone, then misuses request and ticket in every way that must be refused;
// prints a line each. Arguments: root URL of that hub and of a third one, hashes of two files and a photo there, hash
// of a file of another channel there, an expired ticket, hash of that other channel. Status 0 if the honest ways work
// and all others do not.
require __DIR__ . '/boot.php';
require __DIR__ . '/ticket-request.php';

[, $root, $third, $file, $other, $photo, $foreign, $expired, $foreignChannel] = $argv;
$channel = the_channel();
$failed = 0;

$request = function (array $files, array $change = []) use ($channel, $root): array {
	$body = ticket_body($channel, $files, $change);

	return [ticket_headers($channel, $root, $body), $body];
};
$expect = function (string $what, array $wanted, array $got) use (&$failed): void {
	[$status, $body] = $got;
	$error = json_decode($body, true)['error'] ?? '';
	$isRight = in_array($status, $wanted, true) && ($status < 300 || ($error !== '' && strlen($body) < 200));
	$failed += $isRight ? 0 : 1;
	printf("%-44s %d %s%s\n", $what, $status, $error, $isRight ? '' : '   NOT AS WANTED: ' . implode(' or ', $wanted));
};
$read = fn (string $hash, string $ticket, string $at = '') => exchange(($at ?: $root) . "/getfile/$hash", [
	CURLOPT_HTTPHEADER => ["Filesync-Ticket: $ticket", 'Range: bytes=0-99'],
]);
$ask = fn (array $signed, string $at = '') => exchange(($at ?: $root) . '/getfile/ticket', [
	CURLOPT_HTTPHEADER => $signed[0],
	CURLOPT_POST => true,
	CURLOPT_POSTFIELDS => $signed[1],
]);

$signed = $request([['hash' => $file, 'scale' => 0], ['hash' => $photo, 'scale' => 1]]);
$answer = $ask($signed);
$expect('a signed request', [200], $answer);
[$ticket, $small] = array_column(json_decode($answer[1], true)['files'], 'ticket');
$expect('its ticket', [206], $read($file, $ticket));
$expect('its ticket again, within its time', [206], $read($file, $ticket));
$expect('the ticket of a thumbnail', [206], $read($photo, $small));

$expect('the same signed request again', [401], $ask($signed));
$expect('the same signed request to another host', [401], $ask($signed, $third));
$expect('a request with another body', [401], $ask([$signed[0], str_replace($file, $other, $signed[1])]));
$expect(
	'a request of an hour ago',
	[401],
	$ask($request([['hash' => $file, 'scale' => 0]], ['time' => time() - 3600])),
);
$expect(
	'a request in the name of another channel',
	[403],
	$ask($request([['hash' => $foreign, 'scale' => 0]], ['channel' => $foreignChannel])),
);
$missing = $ask($request([['hash' => $foreign, 'scale' => 0]]));
$state = json_decode($missing[1], true)['files'][0]['state'] ?? '';
$failed += $state === 'missing' ? 0 : 1;
printf("%-44s %d %s\n", "a request for another channel's file", $missing[0], $state);

$expect('a ticket for another file', [401], $read($other, $ticket));
$expect("a ticket for another channel's file", [401], $read($foreign, $ticket));
[$payload, $mac] = explode('.', $ticket);
$claims = json_decode(base64_decode(strtr($payload, '-_', '+/')), true);
$forged = fn (array $change) => (
	rtrim(strtr(base64_encode(json_encode($change + $claims, JSON_UNESCAPED_SLASHES)), '+/', '-_'), '=') . ".$mac"
);
$expect('a ticket altered to another scale', [401], $read($file, $forged(['s' => 1])));
$expect('a ticket altered to another file', [401], $read($other, $forged(['h' => $other])));
$expect('a ticket altered to last longer', [401], $read($file, $forged(['x' => time() + 86400])));
$expect('a ticket at another host', [401], $read($file, $ticket, $third));
$expect('a ticket after its ten minutes', [401], $read($file, $expired));
$expect('no ticket that we gave', [401], $read($file, 'abc.' . str_repeat('A', 43)));
exit($failed ? 1 : 0);

<?php

// Makes of an export one in which some posts are not as a hub writes them: an answer that comes before its post, one
// whose post is not there, and a post of the channel whose text somebody changed; and has the picture of the first
// connection at an address. Needs no hub. Arguments: the export, the other one, that address. Prints the three ids.

[, $from, $to, $picture] = $argv;
$export = json_decode(file_get_contents($from), true);
$isTop = fn ($item) => $item['message_id'] === $item['message_top'];
$tops = array_values(array_filter($export['item'], $isTop));
$answers = array_values(array_filter($export['item'], fn ($item) => ! $isTop($item)));
$early = $answers[0];
$orphan =
	[
		'message_id' => 'https://gone.invalid/item/orphan',
		'message_top' => 'https://gone.invalid/item/none',
		'uuid' => 'orphan',
	] + $answers[1];
$changed = $tops[3]['message_id'];
foreach ($export['item'] as $n => $item) {
	if ($item['message_id'] === $changed) {
		$export['item'][$n]['body'] .= ' and more';
	}
}
$export['item'] = array_values(array_filter(
	$export['item'],
	fn ($item) => $item['message_id'] !== $early['message_id'],
));
array_unshift($export['item'], $early, $orphan);
$known = array_filter($export['xchan'], fn ($row) => str_contains($row['xchan_addr'], 'gone.invalid'));
$export['xchan'][array_key_first($known)]['xchan_photo_l'] = $picture;
file_put_contents($to, json_encode($export));
echo "$early[message_id] $orphan[message_id] $changed\n";

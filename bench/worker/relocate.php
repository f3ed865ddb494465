<?php

/**
 * Relocates items: structurally, by replacing text as hubs do, by strtr. One by one, for the addon and the hub have one
 * at a time, and nobody keeps them; also all in one call, which keeps all results.
 */

declare(strict_types=1);

require __DIR__ . '/turns.php';

const OLD = 'https://a.example';
const NEW_ROOT = 'https://b.example';

$items = [];
$own = [];
for ($number = 0; $number < 2000; $number++) {
	$hash = sprintf('9c0d1e2f-1111-4222-8333-%012d', $number);
	$own[] = $hash;
	$body = '';
	for ($url = 0; $url < 28; $url++) {
		$body .=
			'[zrl='
			. OLD
			. "/photos/alice/image/$hash][zmg=640x480]"
			. ($url % 4 ? OLD : 'https://other.example')
			. "/photo/$hash-2.jpg[/zmg][/zrl] "
			. substr(str_repeat('Lorem ipsum dolor sit amet, consetetur. ', 4), 0, 110)
			. "\n";
	}
	$links = [];
	for ($scale = 0; $scale < 10; $scale++) {
		$links[] = [
			'type' => 'Link',
			'mediaType' => 'image/jpeg',
			'href' => OLD . "/photo/$hash-$scale.jpg",
			'width' => 640,
			'height' => 480,
		];
	}
	$items[] = [
		'mid' => OLD . "/item/$hash",
		'body' => $body,
		'plink' => OLD . "/channel/alice/?mid=$hash",
		'obj' => json_encode(['type' => 'Image', 'id' => OLD . "/item/$hash", 'url' => $links]),
		'attach' => json_encode([['href' => OLD . "/attach/$hash", 'length' => 3300000, 'type' => 'image/jpeg']]),
	];
}
$relocator = new FileSync\Relocator([
	'from' => OLD,
	'from_nick' => 'alice',
	'to' => NEW_ROOT,
	'to_nick' => 'alicia',
	'own_media' => $own,
]);
$fields = ['body', 'plink', 'obj', 'attach'];

turns((int) $argv[1], count($items), [
	'ours' => function () use ($relocator, $items) {
		foreach ($items as $item) {
			$relocator->item($item);
		}
	},
	'at_once' => fn () => $relocator->items($items),
	'hub' => function () use ($items, $fields) {
		foreach ($items as $item) {
			foreach (['obj', 'attach'] as $field) {
				// Decoded by the receiver, encoded and replaced twice here, decoded again.
				$text = json_encode(json_decode($item[$field], true));
				$text = str_replace(str_replace('/', '\/', OLD), str_replace('/', '\/', NEW_ROOT), $text);
				$item[$field] = json_decode(str_replace('\/alice\/', '\/alicia\/', $text), true);
			}
			foreach (['body', 'plink'] as $field) {
				$item[$field] = str_replace('/alice/', '/alicia/', str_replace(OLD, NEW_ROOT, $item[$field]));
			}
		}
	},
	'strtr' => function () use ($items, $fields) {
		foreach ($items as $item) {
			foreach ($fields as $field) {
				$item[$field] = strtr($item[$field], [
					OLD => NEW_ROOT,
					'/alice/' => '/alicia/',
					'https:\/\/a.example' => 'https:\/\/b.example',
					'\/alice\/' => '\/alicia\/',
				]);
			}
		}
	},
]);

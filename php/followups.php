<?php

/*
 * The follow-ups, calls to make after a change, by the kind of the outbox row: each gets the channel, and the name and
 * body of the row. It returns null once it is done, or the body for continuing later. A call that throws is tried
 * again. docs/developing.md says what a new kind needs.
 */

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Import\Pictures;
use FileSync\Addon\Posts\ItemRelocation;
use FileSync\Addon\Posts\LinkedPosts;
use FileSync\Addon\Receive\BrakeAnswer;
use FileSync\Addon\Receive\ConflictCopy;
use FileSync\Addon\Receive\Deletion;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Send\Bulk;
use FileSync\Addon\Send\FolderMove;

if (! class_exists('App', false)) {
	exit;
}

return [
	'access' => fn (Channel $channel, string $name, string $body) => Items::repairAccess($channel, $name),
	'announce' => fn (Channel $channel, string $name, string $body) => Announcement::send($channel, $name, false),
	'brake' => fn (Channel $channel, string $name, string $body) => BrakeAnswer::work(
		$channel,
		$name,
		json_decode($body, true),
	),
	'bulk' => Bulk::send(...),
	'conflict' => fn (Channel $channel, string $name, string $body) => ConflictCopy::make($channel, $body),
	'deleted' => fn (Channel $channel, string $name, string $body) => Announcement::send(
		$channel,
		$name,
		true,
		json_decode($body, true)['beneath'] ?? [],
	),
	'drop' => fn (Channel $channel, string $name, string $body) => Deletion::dropLeft($channel, $name),
	'items' => fn (
		Channel $channel,
		string $name,
		string $body,
	) => Reception::quietly($channel->id, fn () => Items::store(
		$channel,
		json_decode($body, true)['items'],
	)),
	'move' => function (Channel $channel, string $name, string $body): void {
		$move = json_decode($body, true);
		Turn::take($channel->id, fn () => FolderMove::finish(
			$channel,
			$name,
			(string) $move['folder'],
			(string) $move['name'],
		));
	},
	'pictures' => fn (Channel $channel, string $name, string $body) => Pictures::fetch($channel->id, $body),
	'posts' => function (Channel $channel, string $name, string $body): ?string {
		$rest = LinkedPosts::fetch($channel, $name, json_decode($body, true));

		return $rest ? (string) json_encode($rest) : null;
	},
	'preview' => fn (Channel $channel, string $name, string $body) => Items::makePreview($name),
	'relocate' => fn (Channel $channel, string $name, string $body) => ItemRelocation::mend($channel, $body ?: $name),
];

<?php

// Posts around a photo as people do, and syncs it to the clones: the owner's comment and like, a post that shows and
// attaches the photo, and a post of another author on the owner's wall. Arguments: hash of a photo. Prints their mids.
require __DIR__ . '/boot.php';
require_once 'include/items.php';
require_once 'include/channel.php';

use Zotlabs\Lib\Libzot;

$channel = the_channel();
log_in($channel);
$hash = $argv[1];
$root = z_root();
$nick = $channel['channel_address'];

$photo = q(
	"select * from item where resource_id = '%s' and resource_type = 'photo' and uid = %d",
	dbesc($hash),
	intval($channel['channel_id']),
)[0];
$thread = [
	'parent_mid' => $photo['mid'],
	'thr_parent' => $photo['mid'],
	'item_wall' => 1,
	'owner_xchan' => $channel['channel_hash'],
	'allow_cid' => '',
	'allow_gid' => '',
	'deny_cid' => '',
	'deny_gid' => '',
];
$public = ['item_wall' => 1, 'allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];
$posts = [
	'comment' => send_post(
		$channel,
		post_activity_item($thread + ['body' => "taken from $root/photos/$nick/image/$hash"]),
	),
	'like' => send_post(
		$channel,
		post_activity_item(
			$thread
			+ [
				'verb' => 'Like',
				'obj_type' => 'Image',
				'body' => "likes [zrl=$root/photos/$nick/image/$hash]this[/zrl]",
				'obj' => json_encode([
					'type' => 'Image',
					'id' => $photo['mid'],
					'url' => [['type' => 'Link', 'href' => "$root/photo/$hash-1.jpg"]],
				]),
			],
		),
	),
	'post' => send_post(
		$channel,
		post_activity_item(
			$public
			+ [
				'body' =>
					"[zrl=$root/photos/$nick/image/$hash][zmg=320x240]$root/photo/$hash-2.jpg[/zmg][/zrl] and [url]$root/cloud/$nick/[/url], me: [zrl=$root/channel/$nick]me[/zrl]"
						. " [share author='x' profile='$root/channel/bob' link='$root/item/1']$root/photo/ffff-2.jpg[/share]",
				'attach' => json_encode([[
					'href' => "$root/attach/$hash",
					'length' => 1,
					'type' => 'image/jpeg',
					'title' => 'photo',
					'revision' => 0,
				]]),
				'term' => [[
					'uid' => $channel['channel_id'],
					'ttype' => 3,
					'otype' => 1,
					'term' => 'summer',
					'url' => "$root/channel/$nick?f=&cat=summer",
				]],
			],
		),
	),
];
// Another author of this very hub: the clone looks him up and finds him.
$bob = channelx_by_nick('bob');
if (! $bob) {
	$made = create_identity([
		'account_id' => $channel['channel_account_id'],
		'name' => 'Bob',
		'nickname' => 'bob',
		'permissions_role' => 'personal',
	]);
	$bob = channelx_by_nick('bob');
}
$body = "Hello [zrl=$root/channel/$nick]you[/zrl], your photo [zrl=$root/photo/$hash-2.jpg]there[/zrl], [zrl=$root/channel/bob]me[/zrl]";
$uuid = item_message_id();
$mid = $root . '/item/' . $uuid;
$posts['foreign'] = send_post($channel, item_store([
	'aid' => $channel['channel_account_id'],
	'uid' => $channel['channel_id'],
	'uuid' => $uuid,
	'mid' => $mid,
	'parent_mid' => $mid,
	'thr_parent' => $mid,
	'owner_xchan' => $channel['channel_hash'],
	'author_xchan' => $bob['channel_hash'],
	'mimetype' => 'text/bbcode',
	'verb' => 'Create',
	'obj_type' => 'Note',
	'item_wall' => 1,
	'item_origin' => 1,
	'item_thread_top' => 1,
	'body' => $body,
	'sig' => Libzot::sign($body, $bob['channel_prvkey']),
	'item_verified' => 1,
	'plink' => $mid,
] + $public));
answer(['ok' => true] + array_map(fn ($post) => $post['mid'], $posts));

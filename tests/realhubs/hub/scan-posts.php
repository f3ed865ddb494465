<?php
// Looks through all posts of the channel on this hub for what still points at another hub. Arguments: that hub's root URL.
// Prints what was checked, own URLs that are left (ids may be: they are what other sites hold), own posts whose signature does not
// verify by the hub's own verifier, and each post's mid, signature and body, to be compared.
require __DIR__ . '/boot.php';

use Zotlabs\Lib\Libzot;

$channel = the_channel();
$other = rtrim($argv[1], '/');
$left = $invalid = $posts = [];
$ids = '~^/(item|activity|conversation|followers|display)/~';
foreach (q('select * from item where uid = %d and item_deleted = 0', intval($channel['channel_id'])) as $item) {
	$own = $item['author_xchan'] === $channel['channel_hash'];
	$posts[$item['mid']] = ['own' => $own, 'sig' => $item['sig'], 'body' => $item['body']];
	if (!$own) {
		continue;
	}
	if (!Libzot::verify($item['body'], $item['sig'], $channel['channel_pubkey'])) {
		$invalid[] = $item['mid'];
	}
	$urls = array_column(q('select url from term where oid = %d and otype = 1', intval($item['id'])) ?: [], 'url');
	$texts = array_intersect_key($item, array_flip(['body', 'plink', 'obj', 'target', 'attach'])) + ['term' => implode(' ', $urls)];
	$texts['body'] = preg_replace('~\[share.*?\[/share\]~s', '', $texts['body']);
	foreach ($texts as $column => $text) {
		foreach (array_slice(explode($other, str_replace('\/', '/', $text)), 1) as $rest) {
			if (!preg_match($ids, $rest)) {
				$left[] = $item['mid'] . ' ' . $column . ' ' . substr($rest, 0, 60);
			}
		}
	}
}
answer(['checked' => count($posts), 'left' => $left, 'invalid' => $invalid, 'posts' => $posts]);

<?php

// Lists all posts of the channel on this hub, and in its own ones every URL of another hub, with the reason why it may
// be there. Arguments: that hub's root URL, the channel's nickname there. Reasons: `id` (what other sites hold),
// `share` (somebody's post that is quoted), `person` (another one of that hub), `meta` (an iconfig value, which core
// sends on as it is); `own` is none: it should name this hub.
require __DIR__ . '/boot.php';

use Zotlabs\Lib\Libzot;

$channel = the_channel();
[$other, $nick] = [rtrim($argv[1], '/'), preg_quote($argv[2], '~')];
$why = fn (string $path) => match (true) {
	(bool) preg_match('~^/(item|activity|conversation|followers|lists|display)/~', $path) => 'id',
	(bool) preg_match("~^/(channel|profile|photos|album|cloud|dav|page)/(?!$nick(?![\w-]))~", $path) => 'person',
	default => 'own',
};

$posts = [];
foreach (q(
	'select * from item where uid = %d and item_deleted = 0 order by id',
	intval($channel['channel_id']),
) as $item) {
	$post = array_intersect_key($item, array_flip([
		'uuid',
		'parent_mid',
		'thr_parent',
		'verb',
		'resource_type',
		'resource_id',
		'sig',
		'body',
		'plink',
		'obj',
		'target',
		'attach',
	]));
	$parent = q('select mid from item where id = %d', intval($item['parent']));
	$post += [
		'own' => $item['author_xchan'] === $channel['channel_hash'],
		'under' => $parent[0]['mid'] ?? null,
		'left' => [],
	];
	if ($post['own']) {
		$post['valid'] = (bool) Libzot::verify($item['body'], $item['sig'], $channel['channel_pubkey']);
		$texts = array_intersect_key($item, array_flip([
			'title',
			'summary',
			'body',
			'plink',
			'llink',
			'obj',
			'target',
			'attach',
		]));
		$texts['term'] = implode(' ', array_column(
			q('select url from term where oid = %d and otype = 1', intval($item['id'])) ?: [],
			'url',
		));
		foreach (q('select cat, k, v from iconfig where iid = %d', intval($item['id'])) ?: [] as $meta) {
			$texts['iconfig ' . $meta['cat'] . '.' . $meta['k']] = $meta['v'];
		}
		foreach ($texts as $column => $text) {
			$text = str_replace('\/', '/', (string) $text);
			$unquoted = preg_replace('~\[share.*?\[/share\]~s', '', $text);
			for ($n = substr_count($text, $other) - substr_count($unquoted, $other); $n > 0; $n--) {
				$post['left'][] = ['share', $column, ''];
			}
			foreach (array_slice(explode($other, $unquoted), 1) as $rest) {
				$path = substr($rest, 0, 60);
				$post['left'][] = [str_starts_with($column, 'iconfig') ? 'meta' : $why($path), $column, $path];
			}
		}
	}
	$posts[$item['mid']] = $post;
}
answer($posts);

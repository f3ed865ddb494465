<?php

namespace Set;

/** Says how a backup set, as its reader sees it, differs from what the hub's tables and store say. */
final class Comparison
{
	/** @return list<string> */
	public static function wrong(Reading $set, Rows $rows): array
	{
		$wrong = $set->faults;
		$hub = $rows->entries();
		foreach (array_diff_key($hub, $set->entries) as $hash => $entry) {
			$wrong[] = "$hash is not in the set";
		}
		foreach (array_diff_key($set->entries, $hub) as $hash => $entry) {
			$wrong[] = "$hash is in the set, and not on the hub";
		}
		foreach (array_intersect_key($set->entries, $hub) as $hash => $entry) {
			$inSet = self::facts($entry);
			foreach ($hub[$hash] as $what => $value) {
				if ($inSet[$what] !== $value) {
					$wrong[] =
						"$hash: $what is "
						. json_encode($inSet[$what])
						. ' in the set, '
						. json_encode($value)
						. ' on the hub';
				}
			}
		}
		foreach ($rows->counts() as $what => $number) {
			if (($set->about['counts'][$what] ?? null) !== $number) {
				$wrong[] = "set.json does not count $number $what, as the hub has";
			}
		}
		if (trim($set->about['channel']['key'] ?? '') !== trim($rows->channel()['channel_pubkey'])) {
			$wrong[] = "set.json has another key than the channel's";
		}

		return $wrong;
	}

	/** Returns what a set says of a file, as Rows says it of the hub. */
	private static function facts(array $entry): array
	{
		$lists = [];
		foreach (['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'] as $list) {
			$lists[] = implode('', array_map(fn ($one) => "<$one>", $entry['access'][$list]));
		}
		ksort($entry['crops']);
		$posts = [];
		foreach ($entry['posts'] as $post) {
			$posts[$post['id']] = array_diff_key($post, ['id' => 1]);
		}
		ksort($posts);

		return ['access' => $lists, 'posts' => $posts] + $entry;
	}
}

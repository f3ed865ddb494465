<?php

namespace Set;

/** Says how a backup set differs from what the hub's tables and store say. */
final class Comparison
{
	/** @return list<string> */
	public static function wrong(Bag $bag, Rows $rows): array
	{
		$wrong = $bag->faults();
		$hub = $rows->entries();
		foreach (array_diff_key($hub, $bag->entries) as $hash => $entry) {
			$wrong[] = "$hash is not in the set";
		}
		foreach (array_diff_key($bag->entries, $hub) as $hash => $entry) {
			$wrong[] = "$hash is in the set, and not on the hub";
		}
		foreach (array_intersect_key($bag->entries, $hub) as $hash => $entry) {
			try {
				$inSet = self::facts($bag, $entry);
			} catch (\Throwable $e) {
				$wrong[] = "$hash: " . $e->getMessage();
				continue;
			}
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
		$counts = $bag->about['counts'];
		$files = array_filter($hub, fn ($entry) => $entry['kind'] === 'file');
		foreach ([
			'files' => count($files),
			'folders' => count($hub) - count($files),
			'posts' => array_sum(array_map(fn ($entry) => count($entry['posts']), $hub)),
			'crops' => array_sum(array_map(fn ($entry) => count($entry['crops']), $hub)),
		] as $what => $number) {
			if ($counts[$what] !== $number) {
				$wrong[] = "set.json counts {$counts[$what]} $what, the hub has $number";
			}
		}
		if (trim($bag->about['channel']['key']) !== trim($rows->channel()['channel_pubkey'])) {
			$wrong[] = "set.json has another key than the channel's";
		}

		return $wrong;
	}

	/** Returns what a set says of a file, as Rows says it of the hub. */
	private static function facts(Bag $bag, array $entry): array
	{
		$own = $entry['attach'][count($entry['attach']) - 1];
		$sha256 = null;
		$crops = [];
		foreach ($entry['parts'] ?? [] as $part) {
			$digest = $bag->sha256($part);
			if ($part['role'] === 'original') {
				$sha256 = $digest;
				if (($bag->manifest[$part['path']] ?? '') !== $sha256) {
					throw new \RuntimeException("the list names no {$part['path']} with these bytes");
				}
			} else {
				$crops[$part['scale']] = $digest;
			}
		}
		ksort($crops);
		$posts = [];
		foreach ($entry['item'] ?? [] as $item) {
			$posts[$item['message_id']] = [
				$item['body'],
				$item['signature'],
				$item['message_top'],
				$item['author']['name'] ?? '',
			];
		}
		ksort($posts);

		return [
			'kind' => $entry['kind'],
			'names' => array_column($entry['attach'], 'filename'),
			'sha256' => $sha256,
			'access' => [$own['allow_cid'], $own['allow_gid'], $own['deny_cid'], $own['deny_gid']],
			'edited' => $own['edited'],
			'type' => $own['filetype'],
			'categories' => array_column($own['term'], 'term'),
			'crops' => $crops,
			'posts' => $posts,
		];
	}
}

<?php

namespace Set;

/**
 * Says how a channel on one hub differs from the same channel on another hub, to which a set of it was restored: by
 * both hubs' rows and stores.
 */
final class RoundTrip
{
	public int $files = 0;
	public int $posts = 0;
	public int $crops = 0;
	/** Files whose bytes the first hub had lost. */
	public int $withoutBytes = 0;
	/** Files and folders whose access lists had links of posts that are not on the second hub. */
	public int $withoutLinks = 0;
	/** Files whose names end with blanks, which the second hub's database does not keep. */
	public int $withoutBlanks = 0;
	/** Posts of people of whom nothing is known. */
	public int $ofNobody = 0;
	/** Posts with a character that not every database takes. */
	public int $withNul = 0;

	/** @var list<string> */
	private array $wrong = [];
	/** @var array<string, int> How many files of the first hub have a name, with its folders, in whatever case. */
	private array $names = [];

	/** @param array<string, string> $addresses What the channel's own posts name on the second hub instead. */
	private function __construct(
		private readonly Rows|Recorded $first,
		private readonly Rows $second,
		private readonly array $addresses,
		private readonly string $key,
	) {}

	/** Compares; `$from` and `$to` are the hubs' addresses. */
	public static function compare(Rows|Recorded $first, Rows $second, string $from, string $to): self
	{
		[$nick, $here] = [$first->channel()['channel_address'], $second->channel()['channel_address']];
		$addresses = [$from => $to];
		foreach (['channel', 'cloud', 'photos', 'album', 'profile', 'page'] as $page) {
			$addresses["$from/$page/$nick"] = "$to/$page/$here";
		}
		$trip = new self($first, $second, $addresses, $second->channel()['channel_pubkey']);
		$there = $second->entries();
		$entries = $first->entries();
		$trip->names = array_count_values(array_map(fn ($entry) => self::name($entry['path']), $entries));
		foreach ($entries as $hash => $entry) {
			if ($entry['kind'] === 'file' && $entry['sha256'] === null) {
				$trip->withoutBytes++;
			} elseif (! isset($there[$hash])) {
				$trip->wrong[] = "$hash, " . implode('/', $entry['path']) . ', was not restored';
			} else {
				$trip->compareEntry((string) $hash, $entry, $there[$hash]);
			}
			unset($there[$hash]);
		}
		foreach (array_keys($there) as $hash) {
			$trip->wrong[] = "$hash is here and was not on the first hub";
		}
		array_push($trip->wrong, ...$second->withoutBytes());

		return $trip;
	}

	/** @return list<string> */
	public function wrong(): array
	{
		return $this->wrong;
	}

	private function compareEntry(string $hash, array $entry, array $here): void
	{
		// Hubs escape the names of categories.
		$entry['categories'] = array_map(
			fn ($name) => htmlspecialchars($name, ENT_COMPAT, 'UTF-8', false),
			$entry['categories'],
		);
		if ($this->names[self::name($entry['path'])] > 1) {
			// Two of one name in one folder: hubs add a number to one of them. Some databases do not tell cases apart.
			$entry['path'] = self::unnumbered($entry['path']);
			$here['path'] = self::unnumbered($here['path']);
		}
		if ($this->second->cutsBlanks()) {
			$path = array_map(fn ($name) => rtrim($name, ' '), $entry['path']);
			$this->withoutBlanks += (int) ($entry['kind'] === 'file' && $path !== $entry['path']);
			$entry['path'] = $path;
		}
		$access = $this->withoutLinks($entry['access']);
		$this->withoutLinks += (int) ($access !== $entry['access']);
		$entry['access'] = $access;
		foreach (['kind', 'path', 'sha256', 'access', 'edited', 'type', 'categories', 'crops'] as $what) {
			if ($entry[$what] !== $here[$what]) {
				$this->wrong[] =
					"$hash: $what is " . json_encode($here[$what]) . ', and was ' . json_encode($entry[$what]);
			}
		}
		$this->files += (int) ($entry['kind'] === 'file');
		$this->crops += count($here['crops']);
		foreach ($entry['posts'] as $mid => $post) {
			$isNul = str_contains($this->first->body($mid), "\0");
			if ($post['author'] === '' || $isNul) {
				$isNul ? $this->withNul++ : $this->ofNobody++;
				isset($here['posts'][$mid]) && ($this->wrong[] = "$mid should have been left out");
				continue;
			}
			$this->posts++;
			$this->comparePost($mid, $post, $here['posts'][$mid] ?? null);
		}
		foreach (array_diff_key($here['posts'], $entry['posts']) as $mid => $post) {
			$this->wrong[] = "$mid is here and was not on the first hub";
		}
	}

	/** @param list<string> $path */
	private static function name(array $path): string
	{
		return mb_strtolower(implode("\n", $path));
	}

	/**
	 * Returns access lists without links of posts: none of those is on the second hub. A list that had nothing else is
	 * the owner's.
	 *
	 * @param array{string, string, string, string} $lists
	 *
	 * @return array{string, string, string, string}
	 */
	private function withoutLinks(array $lists): array
	{
		foreach ([0, 1] as $n) {
			$kept = preg_replace('/<token:[^>]*>/', '', $lists[$n]);
			$lists[$n] =
				$kept === '' && $lists[$n] !== ''
					? '<' . $this->second->channel()['channel_hash'] . '>'
					: $kept;
		}

		return $lists;
	}

	/**
	 * @param list<string> $names
	 *
	 * @return list<string>
	 */
	private static function unnumbered(array $names): array
	{
		return preg_replace('/\(\d+\)(?=(\.[^.]*)?$)/D', '', $names);
	}

	private function comparePost(string $mid, array $post, ?array $here): void
	{
		if ($here === null) {
			$this->wrong[] = "the post $mid was not restored";
			return;
		}
		$body = $this->second->body($mid);
		$expected = $this->first->body($mid);
		$expected = $this->first->isOwn($mid) ? strtr($expected, $this->addresses) : $expected;
		if (
			[$body, $here['conversation'], $here['author']] !== [$expected, $post['conversation'], $post['author']]
		) {
			$this->wrong[] = "the post $mid is " . json_encode([$body, $here]) . ', and was ' . json_encode($post);
		}
		if (! $this->first->isOwn($mid)) {
			$here['signature'] === $post['signature'] || ($this->wrong[] = "the post $mid of somebody else has another signature");
		} elseif ($post['signature'] !== '' && ! self::isSigned($this->key, $body, $here['signature'])) {
			$this->wrong[] = "the post $mid is not signed by the channel";
		} elseif ($post['signature'] === '' && $here['signature'] !== '') {
			$this->wrong[] = "the post $mid got a signature that it never had";
		}
	}

	/** Tells whether a key signed a text, as hubs write signatures. */
	public static function isSigned(string $key, string $text, string $signature): bool
	{
		$encoded = str_starts_with($signature, 'sha256.') ? substr($signature, 7) : '';
		$bytes = base64_decode(strtr($encoded, '-_', '+/'));

		return $encoded !== '' && openssl_verify($text, $bytes, $key, OPENSSL_ALGO_SHA256) === 1;
	}
}

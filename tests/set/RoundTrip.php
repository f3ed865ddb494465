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
	/** Files whose bytes the first hub had lost, and posts of people of whom nothing is known. */
	public int $named = 0;

	/** @var list<string> */
	private array $wrong = [];
	/** @var array<string, int> How many files of the first hub have a name, with its folders. */
	private array $names = [];

	private function __construct(
		private readonly Rows $first,
		private readonly Rows $second,
		private readonly string $from,
		private readonly string $to,
		private readonly string $key,
	) {}

	/** Compares; `$from` and `$to` are the hubs' addresses. */
	public static function compare(Rows $first, Rows $second, string $from, string $to): self
	{
		$trip = new self($first, $second, $from, $to, $second->channel()['channel_pubkey']);
		$there = $second->entries();
		$entries = $first->entries();
		$trip->names = array_count_values(array_map(fn ($entry) => implode("\n", $entry['path']), $entries));
		foreach ($entries as $hash => $entry) {
			if ($entry['kind'] === 'file' && $entry['sha256'] === null) {
				$trip->named++;
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
		// Links of posts that are not on the second hub would let in whoever still has one.
		$entry['access'] = preg_replace('/<token:[^<>]*>/', '', $entry['access']);
		if ($this->names[implode("\n", $entry['path'])] > 1) {
			// Two of one name in one folder: hubs add a number to one of them.
			$entry['path'] = self::unnumbered($entry['path']);
			$here['path'] = self::unnumbered($here['path']);
		}
		foreach (['kind', 'path', 'sha256', 'access', 'edited', 'type', 'categories', 'crops'] as $what) {
			if ($entry[$what] !== $here[$what]) {
				$this->wrong[] =
					"$hash: $what is " . json_encode($here[$what]) . ', and was ' . json_encode($entry[$what]);
			}
		}
		$this->files += (int) ($entry['kind'] === 'file');
		$this->crops += count($here['crops']);
		foreach ($entry['posts'] as $mid => $post) {
			if ($post['author'] === '') {
				$this->named++;
				continue;
			}
			$this->posts++;
			$this->comparePost($mid, $post, $here['posts'][$mid] ?? null);
		}
		foreach (array_diff_key($here['posts'], $entry['posts']) as $mid => $post) {
			$this->wrong[] = "$mid is here and was not on the first hub";
		}
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
		$expected = str_replace($this->from, $this->to, $this->first->body($mid));
		if (
			[$body, $here['conversation'], $here['author']] !== [$expected, $post['conversation'], $post['author']]
		) {
			$this->wrong[] = "the post $mid is " . json_encode([$body, $here]) . ', and was ' . json_encode($post);
		}
		if ($post['signature'] !== '' && ! self::isSigned($this->key, $body, $here['signature'])) {
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

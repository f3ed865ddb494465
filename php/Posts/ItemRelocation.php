<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Relocator;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Rewrites the channel's own posts from another clone to this hub's URLs; Signing says which are signed again.
 *
 * Only the channel's own: posts of other authors are neither rewritten nor signed. A post was written on another clone
 * if its `mid` is there; so a post made here that names the other hub stays as it was written, even if another clone
 * sends it back with that clone's URLs. What is signed as a whole stays as it came or is signed again (SealedDocument),
 * and so does all of an item that adds a post to its container, or removes it.
 */
final class ItemRelocation
{
	/** The fields to rewrite; never `mid` or another id. */
	private const FIELDS = ['body', 'summary', 'plink', 'obj', 'target', 'attach', 'term'];

	/** Those among them that are JSON. */
	private const JSON = ['obj', 'target', 'attach'];

	/** Verbs of items about a container, which hold a signed document. */
	private const OF_CONTAINERS = ['Add', 'Remove'];

	/** A UUID or the longer hex of older hubs; `/photo/` and `/attach/` may be followed by other names too. */
	private const FILE_HASH = '/^[A-Za-z0-9-]{32,64}$/D';

	/** The maximum of files that one post waits for. */
	private const MOST_AWAITED = 200;

	/** How often, and with what pause, a post is looked for that core may be storing. */
	private const LOOKS = 4;
	private const LOOK_MICROSECONDS = 100000;

	/** Replaces core's sync_items. */
	public static function sync(mixed $given, mixed $items, mixed $relocate = null, mixed ...$rest): mixed
	{
		return Items::sync($given, $items, self::forCore($given, $relocate), ...$rest);
	}

	/** Replaces core's import_items. */
	public static function import(
		mixed $given,
		mixed $items,
		mixed $sync = false,
		mixed $relocate = null,
		mixed ...$rest,
	): mixed {
		return Items::import($given, $items, $sync, self::forCore($given, $relocate), ...$rest);
	}

	/**
	 * Returns the origin to pass to core's import: none if we relocate. Core would replace text everywhere, in
	 * shared posts too, and sign whoever the author is.
	 */
	public static function forCore(mixed $given, mixed $relocate): mixed
	{
		return Clones::given($given, Parts::POSTS) ? null : $relocate;
	}

	/**
	 * Relocates an item that core is about to store, and has it signed or marked; the data of hooks `item_store_before`
	 * and `item_store_update_before`.
	 */
	public static function beforeStore(array &$data): void
	{
		$item = $data['item'] ?? null;
		$channel = is_array($item) ? self::authorHere($item) : null;
		if ($channel) {
			$data['item'] = Reception::isImporting()
				? self::imported($channel, $item, ! empty($data['allow_exec']))
				: self::written($channel, $item, ! empty($data['allow_exec']));
		}
	}

	/** Returns an item that a packet, an import or a set brings as it is to be stored. */
	public static function imported(Channel $channel, array $item, bool $allowCode): array
	{
		$isFromHere = self::isFromHere($item);
		$own = $isFromHere ? Items::own($channel, $item['mid']) : null;
		if ($own && substr($own['edited'], 0, 19) === substr((string) ($item['edited'] ?? ''), 0, 19)) {
			return Signing::arrived($channel, $own, self::asItIsHere($item, $own), $allowCode);
		}

		return $isFromHere || self::homes($channel, $item) !== []
			? self::moved($channel, $item, fn ($moved) => Signing::arrived($channel, $item, $moved, $allowCode))
			: Signing::arrived($channel, $item, $item, $allowCode);
	}

	/**
	 * Returns an item that the hub itself stores: what the owner writes, and what another hub delivers, whose author
	 * the hub has verified in its own way. The hub signs it, unless it is the very text that is marked here.
	 */
	private static function written(Channel $channel, array $item, bool $allowCode): array
	{
		if (! self::isFromHere($item) && self::homes($channel, $item) !== []) {
			$item = self::moved($channel, $item, function ($moved) use ($channel, $item, $allowCode) {
				if (! empty($item['sig'])) {
					return Signing::arrived($channel, $item, $moved, $allowCode);
				}

				return strval($moved['body'] ?? '') === strval($item['body'] ?? '') ? $moved : ['sig' => ''] + $moved;
			});
		}

		return empty($item['sig']) && self::isMarkedText($channel, $item, $allowCode) ? Signing::marked($item) : $item;
	}

	/**
	 * Relocates an item, or lets it wait for that, and has it signed or marked.
	 *
	 * @param \Closure(array): array $sign
	 */
	private static function moved(Channel $channel, array $item, \Closure $sign): array
	{
		if (Runtime::extensionProblem() !== null) {
			Outbox::add($channel->id, 'relocate', (string) $item['mid'], '');
			return $sign($item);
		}
		$own = Items::ownMedia($channel->id, self::mediaElsewhere($channel, $item));
		$moved = $sign(self::relocate($channel, $item));
		self::awaitMedia($channel, $moved, $own);

		return $moved;
	}

	/** Tells whether an item that is stored and marked here is about to be stored again with the same text. */
	private static function isMarkedText(Channel $channel, array $item, bool $allowCode): bool
	{
		$stored = (int) ($item['id'] ?? 0) ? Items::own($channel, $item['mid']) : null;

		return (
			$stored !== null
			&& Signing::isMarked($channel, $stored)
			&& in_array($stored['body'], [$item['body'] ?? '', Items::filteredBody($item, $allowCode)], true)
		);
	}

	/**
	 * Relocates a stored item, and has it signed as Signing says; returns the changed columns, or none if it is already
	 * right. A clone may have overwritten a post from this hub by sending it back with its own URLs.
	 *
	 * @param array $item The row, with its terms.
	 */
	public static function mended(Channel $channel, array $item): array
	{
		$moved = self::isFromHere($item) || self::homes($channel, $item) ? self::relocate($channel, $item) : $item;
		$changes = [];
		foreach (self::FIELDS as $field) {
			if (($moved[$field] ?? null) !== ($item[$field] ?? null)) {
				$changes[$field] = $moved[$field];
			}
		}

		return isset($changes['body']) ? $changes + Signing::changes($channel, $item, $changes['body']) : $changes;
	}

	/** Mends a stored item that arrived while the extension was missing. */
	public static function mend(Channel $channel, string $mid): void
	{
		if (Runtime::extensionProblem() !== null) {
			throw new \RuntimeException(Runtime::extensionProblem());
		}
		$item = Items::own($channel, $mid);
		for ($look = 1; ! $item && $look < self::LOOKS; $look++) {
			// Its file arrived just now: core may be storing it.
			usleep(self::LOOK_MICROSECONDS);
			$item = Items::own($channel, $mid);
		}
		if (! $item) {
			return;
		}
		$own = Items::ownMedia($channel->id, self::mediaElsewhere($channel, $item));
		if ($changes = self::mended($channel, $item)) {
			Items::change($item, $changes);
		}
		if (self::homes($channel, $item)) {
			self::awaitMedia($channel, $changes + $item, $own);
		}
	}

	/**
	 * Returns the channel if the item is its own, and the channel is served. Core calls this for every item: cheap
	 * checks first.
	 */
	private static function authorHere(array $item): ?Channel
	{
		$uid = (int) ($item['uid'] ?? 0);
		if ($uid < 1 || ! is_string($item['mid'] ?? null)) {
			return null;
		}
		$channel = Clones::channel($uid);

		return $channel && ($item['author_xchan'] ?? '') === $channel->hash && Config::serves($uid, Parts::POSTS)
			? $channel
			: null;
	}

	/** Returns one of our items that a clone sent back, with our text and signature. */
	private static function asItIsHere(array $item, array $own): array
	{
		return array_replace($item, array_intersect_key($own, array_flip(array_diff(self::FIELDS, ['term'])), $item), [
			'sig' => $own['sig'],
			'item_verified' => $own['item_verified'],
		]);
	}

	private static function isFromHere(array $item): bool
	{
		return str_starts_with($item['mid'], Web::root() . '/');
	}

	/** Returns the other homes of the channel, if the item was written at one of them. */
	private static function homes(Channel $channel, array $item): array
	{
		$homes = Clones::everywhere($channel);
		$writtenAt = array_filter($homes, fn ($home) => str_starts_with($item['mid'], $home['url'] . '/'));

		return $writtenAt ? $homes : [];
	}

	/**
	 * Remembers a post that shows files missing here: once one arrives, its URL is rewritten too.
	 *
	 * Posts arrive before their files when a channel is cloned. Until then the URL points to the hub that has the file,
	 * and we cannot know whether the file is the channel's own.
	 *
	 * @param list<string> $own Those that were known before the item was rewritten: what became known since was left
	 *     as it came.
	 */
	private static function awaitMedia(Channel $channel, array $item, array $own): void
	{
		// A post waits for this many files; when the first of the others arrives, the whole post is checked again.
		$missing = array_slice(
			array_values(array_diff(self::mediaElsewhere($channel, $item), $own)),
			0,
			self::MOST_AWAITED,
		);
		if ($missing) {
			Outbox::addHeld($channel->id, 'relocate', $missing, (string) $item['mid']);
			// One may have arrived meanwhile.
			Outbox::releaseAll($channel->id, Items::ownMedia($channel->id, $missing));
		}
	}

	/**
	 * Returns the hashes of files and photos to which an item's URLs at other homes of the channel point.
	 *
	 * @return list<string>
	 */
	private static function mediaElsewhere(Channel $channel, array $item): array
	{
		[, $text] = self::fieldsAndText($item);
		$hashes = [];
		foreach (Clones::everywhere($channel) as $home) {
			$hashes = array_merge($hashes, Relocator::mediaHashes($home['url'], $text));
		}

		return array_values(array_unique(preg_grep(self::FILE_HASH, preg_replace('/-\d$/D', '', $hashes))));
	}

	/**
	 * Returns the fields to rewrite, and all their texts as one.
	 *
	 * @return array{array<array-key, mixed>, string}
	 */
	private static function fieldsAndText(array $item): array
	{
		$fields = array_intersect_key($item, array_flip(self::FIELDS));
		$text = '';
		$values = $fields;
		array_walk_recursive($values, function ($value) use (&$text) {
			$text .= is_string($value) ? $value . "\n" : '';
		});

		return [$fields, $text];
	}

	/** Tells whether an item adds a post to a container or removes it. */
	private static function isOfContainer(array $item): bool
	{
		return in_array($item['verb'] ?? '', self::OF_CONTAINERS, true);
	}

	/** Rewrites URLs that point to any other home of the channel; all that can be, or nothing of the item. */
	private static function relocate(Channel $channel, array $item): array
	{
		$moved = self::rewritten($channel, $item);
		foreach (array_intersect(self::JSON, array_keys($item)) as $field) {
			$moved[$field] = SealedDocument::withCollectionsOf($item[$field], $moved[$field]);
			if (SealedDocument::isIn($item[$field])) {
				$moved[$field] = SealedDocument::renew($channel, $item[$field], $moved[$field]) ?? $item[$field];
			}
		}
		$isWhole = SealedDocument::isIn($moved['obj'] ?? null) && $moved['obj'] !== $item['obj'];

		return ! self::isOfContainer($item) || $isWhole ? $moved : $item;
	}

	private static function rewritten(Channel $channel, array $item): array
	{
		[$fields, $text] = self::fieldsAndText($item);
		foreach (Clones::everywhere($channel) as $home) {
			if (stripos($text, parse_url($home['url'], PHP_URL_HOST)) === false) {
				continue;
			}
			$fields = (new Relocator([
				'from' => $home['url'],
				'from_nick' => $home['nick'],
				'to' => Web::root(),
				'to_nick' => $channel->nick,
				'own_media' => Items::ownMedia($channel->id, Relocator::mediaHashes(
					$home['url'],
					$text,
				)),
			]))->item($fields);
		}

		return array_replace($item, $fields);
	}
}

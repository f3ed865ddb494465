<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Puts single posts of a backup set into the hub's table with core's own functions: no other hub is told, nobody is
 * notified, nothing is fetched, and no post that is here is changed.
 */
final class Insertion
{
	/** Core fetches what a stored text embeds, in a job of its own. */
	private const EMBED = '[embed]';
	private const NO_EMBED = '[ embed]';

	/** Core reads bodies of this type in another form than the one that is stored and signed. */
	private const UNESCAPED = 'text/markdown';

	/** What core calls the parameters that we give item_store(), in order; hubs before 10 have no fourth one. */
	private const PARAMETERS = ['arr', 'allow_exec', 'deliver', 'addAndSync'];

	/** Tells whether posts of a channel may run code. */
	public static function allowsCode(Channel $channel): bool
	{
		return \channel_codeallowed($channel->id);
	}

	/**
	 * Returns the columns of an encoded post, as core reads it; null if it does not, or not all of its text.
	 *
	 * @param array<string, mixed> $post Complete: core looks at every key.
	 */
	public static function read(Channel $channel, array $post, string $author, string $owner): ?array
	{
		Core::load('include/items.php');
		$post = ['author' => Authors::asFound($author), 'owner' => Authors::asFound($owner)] + $post;
		/** @var mixed */
		$item = Authors::answering(fn () => \get_item_elements($post, self::allowsCode($channel)));
		if (
			! is_array($item)
			|| ($item['author_xchan'] ?? '') !== $author
			|| ($item['owner_xchan'] ?? '') !== $owner
			|| ($item['mid'] ?? '') !== $post['message_id']
			|| ($item['body'] ?? '') !== $post['body']
			&& $post['mimetype'] !== self::UNESCAPED
		) {
			return null;
		}

		// It is nothing new: not at the top of a stream, and not for those who ask what changed.
		return [
			'uid' => $channel->id,
			'aid' => $channel->accountId,
			'item_unseen' => 0,
			'received' => $post['created'],
			'changed' => $post['edited'],
		] + $item;
	}

	/**
	 * Stores a post.
	 *
	 * @param array $item With text and signature as they are to be stored.
	 *
	 * @return string Why the hub did not, in its own words; empty if it did.
	 *
	 * @throws Postponed This hub's function takes other parameters than we know.
	 */
	public static function store(Channel $channel, array $item): string
	{
		Core::load('include/items.php');
		$names = array_map(
			fn (\ReflectionParameter $parameter): string => $parameter->getName(),
			(new \ReflectionFunction('\item_store'))->getParameters(),
		);
		if (count($names) < 3 || $names !== array_slice(self::PARAMETERS, 0, count($names))) {
			throw new Postponed("posts of a backup set wait: this hub's item_store is unknown", true, true);
		}
		$allowsCode = self::allowsCode($channel);
		$text = Items::filteredBody($item, $allowsCode);
		$embeds = str_contains($text, self::EMBED);
		/** @var array{success?: mixed, message?: mixed, item_id?: mixed} */
		$result = Reception::quietly($channel->id, fn () => Reception::importing(fn () => \item_store(
			$embeds ? ['body' => str_replace(self::EMBED, self::NO_EMBED, $text)] + $item : $item,
			$allowsCode,
			false,
			false,
		)));
		if (! ($result['success'] ?? false)) {
			return strval($result['message'] ?? '') ?: 'no reason given';
		}
		if ($embeds) {
			$columns = ['body' => $text, 'html' => ''] + array_intersect_key($item, ['sig' => 1, 'item_verified' => 1]);
			Table::update('item', $columns, ['id' => (int) ($result['item_id'] ?? 0), 'uid' => $channel->id]);
		}

		return '';
	}
}

<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Posts linked to files: stores and drops them, and repairs the access of their attachments, with core's own functions.
 */
final class Items
{
	/**
	 * Stores items from another clone. It does not tell core their origin: ItemRelocation rewrites them, while core
	 * would replace plain text.
	 */
	public static function store(Channel $channel, array $items): void
	{
		Family::loadImport();
		self::sync($channel->row(), $items, null);
	}

	/** Has core take in the posts of a sync packet. */
	public static function sync(mixed $channel, mixed $items, mixed ...$rest): mixed
	{
		return Reception::importing(fn () => \sync_items($channel, self::postsFirst($items), ...$rest));
	}

	/** Has core take in posts of an export. */
	public static function import(mixed $channel, mixed $items, mixed ...$rest): mixed
	{
		return Reception::importing(fn () => \import_items($channel, self::postsFirst($items), ...$rest));
	}

	/**
	 * Returns items with the posts before the comments: core drops a comment whose post is missing, and PostgreSQL
	 * sends them in any order.
	 */
	private static function postsFirst(mixed $items): mixed
	{
		if (is_array($items)) {
			$isComment = fn ($item) => (int) (
				is_array($item)
				&& ($item['message_top'] ?? null) !== ($item['message_id'] ?? null)
			);
			usort($items, fn ($a, $b) => $isComment($a) <=> $isComment($b));
		}

		return $items;
	}

	/**
	 * Returns those hashes that are the channel's files or photos, present or arriving.
	 *
	 * @param array<string> $hashes
	 *
	 * @return list<string>
	 */
	public static function ownMedia(int $channelId, array $hashes): array
	{
		$own = [];
		foreach ($hashes
			? ['attach' => 'hash', 'photo' => 'resource_id', 'filesync_transfer' => 'hash']
			: [] as $table => $column) {
			$own = array_merge($own, array_column(
				Table::rows($table, ['uid' => $channelId, $column => $hashes], '', 0, "DISTINCT $column"),
				$column,
			));
		}

		return array_values(array_unique(array_map(strval(...), $own)));
	}

	/** Returns a body as core would store it. */
	public static function filteredBody(array $item, bool $allowCode): string
	{
		$type = trim((string) ($item['mimetype'] ?? '')) ?: 'text/bbcode';

		return trim(z_input_filter(trim((string) ($item['body'] ?? '')), $type, $allowCode));
	}

	/** Returns the channel's own item with its terms, or null. */
	public static function own(Channel $channel, string $mid): ?array
	{
		$item = Table::first('item', [
			'uid' => $channel->id,
			'mid' => $mid,
			'author_xchan' => $channel->hash,
			'item_deleted' => 0,
		]);

		return $item ? self::withTerms($item) : null;
	}

	/**
	 * Returns the channel's own items, read a page at a time.
	 *
	 * @return \Generator<array>
	 */
	public static function each(Channel $channel, int $page): \Generator
	{
		foreach (Table::each(
			'item',
			['uid' => $channel->id, 'author_xchan' => $channel->hash, 'item_deleted' => 0],
			$page,
		) as $item) {
			yield self::withTerms($item);
		}
	}

	/** Stores changed columns of an item; its edit time stays. */
	public static function change(array $item, array $changes): void
	{
		$terms = $changes['term'] ?? [];
		unset($changes['term']);
		Table::transaction(function () use ($item, $changes, $terms) {
			if ($changes) {
				Table::update('item', $changes + ['html' => ''], ['id' => (int) $item['id']]);
			}
			foreach ($terms as $term) {
				Table::update('term', ['url' => $term['url']], ['tid' => (int) $term['tid']]);
			}
		});
	}

	private static function withTerms(array $item): array
	{
		$item['term'] = Table::select(
			'term',
			['uid' => (int) $item['uid'], 'oid' => (int) $item['id'], 'otype' => TERM_OBJ_POST],
			'tid',
			0,
			'tid, url',
		);

		return $item;
	}

	/** Tells whether any of some files has a post. */
	public static function areLinked(int $channelId, array $hashes): bool
	{
		foreach (array_chunk($hashes, 200) as $some) {
			$where = ['uid' => $channelId, 'resource_id' => $some, 'resource_type' => ['photo', 'attach']];
			if (Table::first('item', $where + ['item_deleted' => 0], '', 'id')) {
				return true;
			}
		}

		return false;
	}

	/**
	 * Drops the posts linked to a file that a clone deleted, as core does when it deletes the file. Returns whether all
	 * are gone; those that are not stay linked.
	 *
	 * It detaches each from the file first: core sends a delete packet for any that is attached.
	 */
	public static function dropLinked(int $channelId, string $hash): bool
	{
		$areGone = true;
		$where = ['uid' => $channelId, 'resource_id' => $hash, 'resource_type' => ['photo', 'attach']];
		foreach (Table::select(
			'item',
			$where,
			'id',
			0,
			'id, resource_id, resource_type, item_hidden, item_deleted',
		) as $item) {
			$id = (int) $item['id'];
			$isDeleted = (bool) (int) $item['item_deleted'];
			$stage = (int) $item['item_hidden'] ? DROPITEM_NORMAL : DROPITEM_PHASE1;
			$arguments = self::dropArguments($channelId, $id, $stage);
			if (! $isDeleted && $arguments === null) {
				Log::write(
					"a post of channel $channelId about the deleted file $hash stays: this hub's drop_item is unknown",
				);
				$areGone = false;
				continue;
			}
			Table::update('item', ['resource_id' => '', 'resource_type' => ''], ['id' => $id]);
			if ($isDeleted) {
				continue;
			}
			try {
				call_user_func_array(drop_item(...), $arguments);
			} catch (\Throwable $e) {
				Log::failure("dropping a post about the deleted file $hash", $e);
			}
			// Core may refuse without a word.
			if (Table::first('item', ['id' => $id, 'item_deleted' => 0], '', 'id')) {
				$link = array_intersect_key($item, ['resource_id' => '', 'resource_type' => '']);
				Table::update('item', $link, ['id' => $id]);
				Log::write("the hub did not drop a post of channel $channelId about the deleted file $hash");
				$areGone = false;
			}
		}

		return $areGone;
	}

	/**
	 * Returns the arguments with which core drops an item though nobody is logged in, or null if it takes others than
	 * we know. Up to 9 it is told that it acts for the system; from 10 on, whose channel the item is in.
	 */
	private static function dropArguments(int $channelId, int $id, int $stage): ?array
	{
		Core::load('include/items.php');
		$parameters = (new \ReflectionFunction('\drop_item'))->getParameters();
		$names = array_map(fn ($parameter) => $parameter->getName(), $parameters);
		$arguments = match (true) {
			array_slice($names, 0, 3) === ['id', 'interactive', 'stage'] => [
				'id' => $id,
				'interactive' => false,
				'stage' => $stage,
			],
			array_slice($names, 0, 2) === ['id', 'stage'] && in_array('uid', $names, true) => [
				'id' => $id,
				'stage' => $stage,
				'uid' => $channelId,
			],
			default => null,
		};
		foreach ($arguments === null ? [] : $parameters as $parameter) {
			if (! $parameter->isOptional() && ! isset($arguments[$parameter->getName()])) {
				return null;
			}
		}

		return $arguments;
	}

	/**
	 * Gives a file that was uploaded into a post the post's access, if the post arrived before the file.
	 */
	public static function repairAccess(Channel $channel, string $hash): void
	{
		Family::loadImport();
		$where = [
			'uid' => $channel->id,
			'author_xchan' => $channel->hash,
			'item_deleted' => 0,
			'body like' => '%' . $hash . '%',
		];
		foreach (Table::select('item', $where, 'id', 20, 'body, allow_cid, allow_gid, deny_cid, deny_gid') as $item) {
			$acl = [$item['allow_cid'], $item['allow_gid'], $item['deny_cid'], $item['deny_gid']];
			if (function_exists('fix_attached_photo_permissions')) {
				fix_attached_photo_permissions(
					$channel->id,
					$channel->hash,
					$item['body'],
					...$acl,
				);
			}
		}
	}

	/** Returns the posts of a photo, with their comments, in the form sent between clones. */
	public static function linked(Channel $channel, string $hash): array
	{
		return \attach_export_data($channel->row(), $hash)['item'] ?? [];
	}

	/** Forgets that posts were deleted, because their file returns: core would not accept them again. */
	public static function forgetDropped(int $channelId, array $items): void
	{
		$mids = array_values(array_filter(array_map(fn ($item) => $item['message_id'] ?? null, $items), 'is_string'));
		foreach (array_chunk($mids, 200) as $some) {
			Table::delete('item', ['uid' => $channelId, 'mid' => $some, 'item_deleted' => 1]);
		}
	}

	/** Returns the hashes of this hub's files that a post shows or attaches, as found by core. */
	public static function filesIn(string $body): array
	{
		return (
			function_exists('list_attached_local_files')
				? array_filter(list_attached_local_files($body) ?: [], 'is_string')
				: []
		);
	}

	/** Has core make the preview of a file, in this process. */
	public static function makePreview(string $hash): void
	{
		\Zotlabs\Daemon\Thumbnail::run(2, ['Thumbnail', $hash]);
	}
}

<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\OriginApi;
use FileSync\Addon\Hub\OriginPosts;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Protocol\Packet;
use FileSync\Relocator;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Fetches posts about files that a stock hub sends to no clone: a file that was shared when it was uploaded, a new
 * profile or cover photo.
 *
 * The request is one outbox row for each hub, so that many files need only one query.
 */
final class LinkedPosts
{
	/** A hub gives a packet up after three days, so its news is never older. */
	private const PACKET_SECONDS = 3 * 86400;
	private const CLOCKS_DIFFER_SECONDS = 900;
	private const IN_USE = [Core::PHOTO_PROFILE => 4, Core::PHOTO_COVER => 7];

	/**
	 * Requests the posts of a file that arrives for the first time or with a new use. Called before the packet is
	 * applied.
	 */
	public static function want(Channel $channel, Packet $packet, string $root): void
	{
		if (! self::mayBePosted($channel, $packet) || ! OriginApi::isAllowed($root)) {
			return;
		}
		$since =
			max(Clock::now() - self::PACKET_SECONDS, (int) strtotime($packet->last['edited'] . ' UTC'))
			- self::CLOCKS_DIFFER_SECONDS;
		$wish = Table::first(
			'filesync_outbox',
			['uid' => $channel->id, 'kind' => 'posts', 'name' => $root],
			'',
			'body, state, attempts, next_at',
		);
		$since = min($since, json_decode($wish['body'] ?? '', true)['since'] ?? $since);
		$wanted = ['body' => json_encode(['since' => $since]), 'state' => 'due', 'attempts' => 0, 'next_at' => 0];
		if (($wish ?? []) != $wanted) {
			Outbox::add($channel->id, 'posts', $root, $wanted['body']);
		}
	}

	/**
	 * Fetches and stores them, one page after the other, until a share of time is over.
	 *
	 * @param array $wish Since when; for continuing, the page and the posts that were already stored.
	 *
	 * @return ?array The rest of the request, null if it is done.
	 */
	public static function fetch(Channel $channel, string $root, array $wish): ?array
	{
		$tops = array_fill_keys($wish['tops'] ?? [], true);
		$until = Clock::now() + ServedLast::TURN_SECONDS;
		for ($page = (int) ($wish['page'] ?? 0); OriginApi::isAllowed($root); $page++) {
			$items = OriginPosts::page($channel, $root, (int) $wish['since'], $page);
			self::take($channel, $root, $items, $tops);
			if (OriginPosts::isLast($page, count($items))) {
				return null;
			}
			if (Clock::now() >= $until) {
				return [
					'since' => (int) $wish['since'],
					'page' => $page + 1,
					'tops' => array_map('strval', array_keys($tops)),
				];
			}
		}

		return null;
	}

	/** Stores those posts that are about our files, and comments under them; `$tops` are the posts stored so far. */
	private static function take(Channel $channel, string $root, array $items, array &$tops): void
	{
		$items = array_filter(
			$items,
			fn ($item) => (
				is_string($item['message_id'] ?? null)
				&& is_string($item['message_top'] ?? null)
				&& is_array($item['owner'] ?? null)
			),
		);
		$present = array_column(
			Table::select(
				'item',
				['uid' => $channel->id, 'mid' => array_column($items, 'message_id')],
				'',
				0,
				'mid',
			),
			'mid',
		);
		$wanted = [];
		foreach (array_filter($items, fn ($item) => ! in_array($item['message_id'], $present, true)) as $item) {
			$isTop = $item['message_top'] === $item['message_id'];
			if ($isTop ? self::isAboutOurFile($channel, $root, $item) : isset($tops[$item['message_top']])) {
				$tops[$item['message_top']] = true;
				$wanted[] = $item;
			}
		}
		if ($wanted) {
			Reception::quietly($channel->id, fn () => Items::store($channel, $wanted));
		}
	}

	private static function mayBePosted(Channel $channel, Packet $packet): bool
	{
		if (! Store::attach($channel->id, $packet->last['hash'])) {
			return true;
		}
		foreach (self::IN_USE as $usage => $scale) {
			if (
				($packet->photos[$scale]['photo_usage'] ?? null) === $usage
				&& ! Table::first(
					'photo',
					[
						'uid' => $channel->id,
						'resource_id' => $packet->last['hash'],
						'imgscale' => $scale,
						'photo_usage' => $usage,
					],
					'',
					'id',
				)
			) {
				return true;
			}
		}

		return false;
	}

	private static function isAboutOurFile(Channel $channel, string $root, array $item): bool
	{
		if (($item['author']['id'] ?? '') !== $channel->guid) {
			return false;
		}
		$hashes = Relocator::mediaHashes($root, json_encode(
			[$item['body'] ?? '', $item['attach'] ?? ''],
			JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE,
		));
		if (is_string($item['resource_id'] ?? null) && preg_match(Bounds::HASH, $item['resource_id'])) {
			$hashes[] = $item['resource_id'];
		}

		return $hashes && Items::ownMedia($channel->id, $hashes);
	}
}

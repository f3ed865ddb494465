<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/** What `set.json` says beside the counts: whose set it is, from which hub, and what it lacks. */
final class Description
{
	/** How many lacks are listed one by one. */
	private const MOST_LACKS = 10000;
	/** Bytes of them: `set.json` has 4 MiB at most, with names, indents and escapes. */
	private const MOST_BYTES = 3 << 19;
	/** What the lines of one take besides, one key a line. */
	private const INDENTS = 64;
	/** How many different access lists are read for names. */
	private const MOST_LISTS = 10000;

	/**
	 * Returns it as JSON.
	 *
	 * @param iterable<int, Lack> $lacks
	 */
	public static function of(Channel $channel, iterable $lacks): string
	{
		return json_encode(
			['made_with' => self::madeWith()] + self::facts($channel, $lacks),
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
	}

	/**
	 * Returns what of it does not depend on who writes the set.
	 *
	 * @param iterable<int, Lack> $lacks
	 *
	 * @return array<string, mixed>
	 */
	public static function facts(Channel $channel, iterable $lacks): array
	{
		return [
			'channel' => [
				'nick' => $channel->nick,
				'name' => $channel->name(),
				'hash' => $channel->hash,
				'guid' => $channel->guid,
				'key' => $channel->publicKey,
				'url' => Clones::ownUrl($channel),
			],
			'origin' => [
				'url' => Web::root(),
				'software' => 'hubzilla ' . Runtime::hubVersion(),
				'filesync' => Runtime::version(),
			],
			'homes' => Clones::everywhere($channel),
			'contents' => ['files', 'photos', 'posts of files', 'access', 'categories'],
			'access_names' => (object) self::names($channel),
			'lacks' => self::listed($lacks),
		];
	}

	/** Names the program that writes a set. */
	public static function madeWith(): string
	{
		return 'filesync ' . Runtime::version() . ', on the hub';
	}

	/** @return array<string, string> */
	private static function names(Channel $channel): array
	{
		$names = new AccessNames($channel);
		$lists = 'allow_cid, allow_gid, deny_cid, deny_gid';
		foreach (Table::select('attach', ['uid' => $channel->id], '', self::MOST_LISTS, "DISTINCT $lists") as $row) {
			$names->add(...Entries::access([$row]));
		}

		return $names->all();
	}

	/**
	 * @param iterable<int, Lack> $lacks
	 *
	 * @return list<array<string, string>>
	 */
	private static function listed(iterable $lacks): array
	{
		$listed = [];
		$more = $bytes = 0;
		foreach ($lacks as $lack) {
			$one = $lack->listed();
			$bytes += strlen(json_encode($one, Json::FLAGS | JSON_THROW_ON_ERROR)) + self::INDENTS;
			count($listed) < self::MOST_LACKS && $bytes <= self::MOST_BYTES ? ($listed[] = $one) : $more++;
		}

		return $more ? [...$listed, (new Lack('others', 'too_many', "$more more are not listed."))->listed()] : $listed;
	}
}

<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What access lists of a set mean on this hub. They are taken as they are, but for links (`<token:…>`) of posts that
 * are not here: those would let in whoever still has such a link, and are dropped. Groups that are not here admit
 * nobody; they stay in the lists, and are named.
 *
 * @import-type Row from \FileSync\Addon\Order\Access
 */
final class Admittance
{
	private const LINK = '/<token:([^<>]*)>/';
	/** Groups that hubs make of profiles. */
	private const OF_PROFILE = 'vp.';

	/** @var array<string, bool> Whether links and groups are here. */
	private array $links = [];
	/** @var array<string, bool> */
	private array $groups = [];

	/** @var array<string> What the set calls groups and people, by `<hash>`. */
	private readonly array $names;

	public function __construct(
		private readonly Channel $channel,
		mixed $names,
	) {
		$this->names = is_array($names) ? array_filter($names, is_string(...)) : [];
	}

	/**
	 * Returns a row without links of posts that are not here. A list of those admitted that would be empty without
	 * them names the owner: empty lists mean everybody. Links in the lists of those kept out stay, because they admit
	 * nobody.
	 *
	 * @template T of array{allow_cid: string, allow_gid: string, ...}
	 *
	 * @param T $row
	 *
	 * @return T
	 */
	public function withoutLostLinks(array $row): array
	{
		$cid = $this->withoutLost($row['allow_cid']);
		$gid = $this->withoutLost($row['allow_gid']);

		return $cid === $row['allow_cid'] && $gid === $row['allow_gid']
			? $row
			: ['allow_cid' => $cid, 'allow_gid' => $gid] + $row;
	}

	/**
	 * Returns the groups in a row's lists that are not here.
	 *
	 * @param Row $row
	 *
	 * @return array<string, string> Their names in the set, by hash; empty if it has none.
	 */
	public function unknownGroups(array $row): array
	{
		$named = [];
		preg_match_all('/<([^<>]+)>/', $row['allow_gid'] . $row['deny_gid'], $named);
		$unknown = [];
		foreach ($named[1] as $hash) {
			if (! str_starts_with($hash, self::OF_PROFILE) && ! $this->hasGroup($hash)) {
				$unknown[$hash] = $this->names["<$hash>"] ?? '';
			}
		}

		return $unknown;
	}

	private function withoutLost(string $list): string
	{
		$kept = (string) preg_replace_callback(
			self::LINK,
			fn (array $link): string => $this->hasLink($link[1]) ? $link[0] : '',
			$list,
		);

		return $kept === '' && $list !== '' ? "<{$this->channel->hash}>" : $kept;
	}

	private function hasLink(string $token): bool
	{
		return $this->links[$token] ??= $this->findsLink($token);
	}

	/** Tells whether a post of the channel that is not deleted has a link. */
	private function findsLink(string $token): bool
	{
		$ids = [];
		foreach (Table::rows(
			'iconfig',
			['cat' => 'ocap', 'k' => 'relay', 'v' => $token],
			'',
			0,
			'iid',
		) as $row) {
			$ids[] = (int) $row['iid'];
		}
		$where = ['uid' => $this->channel->id, 'item_deleted' => 0, 'item_pending_remove' => 0];

		return $ids !== [] && Table::first('item', ['id' => $ids] + $where, '', 'id') !== null;
	}

	private function hasGroup(string $hash): bool
	{
		return $this->groups[$hash] ??=
			Table::first('pgrp', ['uid' => $this->channel->id, 'hash' => $hash, 'deleted' => 0], '', 'hash') !== null;
	}
}

<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Revision\Revisions;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The categories of a file or folder that is here: those that the set has and that are missing are added. None is taken
 * away, access stays as it is, and what is known to have been changed after the set was made keeps the categories that
 * it has.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Known from \FileSync\Addon\Order\Judge
 * @import-type Term from \FileSync\Addon\Protocol\Packet
 */
final class Categories
{
	public function __construct(private readonly Channel $channel) {}

	/**
	 * Returns the categories that the set has of a file or folder and that are missing here.
	 *
	 * @param AttachRow $own
	 *
	 * @return list<Term>
	 */
	public function missing(Saved $saved, array $own): array
	{
		if ($saved->row['term'] === []) {
			return [];
		}
		$missing = Store::missingTerms($this->channel->id, (int) $own['id'], $saved->row['term']);
		$here = $missing ? Revisions::find($this->channel->id, $saved->hash) : null;
		$isNewer =
			$here !== null
			&& $saved->revision !== null
			&& Vector::compare($here['access']['vector'], $saved->revision['access']['vector']) === 'after';

		return $isNewer ? [] : $missing;
	}

	/** Adds them; returns how many. Callers hold the channel's Turn. */
	public function add(Saved $saved, Values $values): int
	{
		$own = Store::attach($this->channel->id, $saved->hash);
		$missing = $own ? $this->missing($saved, $own) : [];
		if (! $own || $missing === []) {
			return 0;
		}
		/** @var Known $file */
		$file = Revisions::notice($this->channel, $saved->hash);
		Store::addTerms($this->channel->id, (int) $own['id'], $missing);
		$values->merged($saved, $file, $own);

		return count($missing);
	}
}

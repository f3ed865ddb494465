<?php

namespace FileSync\Addon\Hub;

use Sabre\DAV\Locks\Backend\File;
use Sabre\DAV\Locks\LockInfo;

if (! class_exists('App', false)) {
	exit;
}

/** Locks of WebDAV clients, in a file of ours: for half an hour each, and so many at once. */
final class DavLocks extends File
{
	/** What clients write into a lock, such as their owner's name. */
	private const MOST_BYTES = 2048;

	public function __construct(string $path, private readonly int $most)
	{
		parent::__construct($path);
	}

	/** @return list<LockInfo> */
	public function getLocks($uri, $returnChildLocks): array
	{
		return array_values(parent::getLocks($uri, $returnChildLocks));
	}

	public function lock($uri, LockInfo $lockInfo): bool
	{
		$others = array_filter(
			$this->getData(),
			fn (LockInfo $lock): bool => (
				$lock->token !== $lockInfo->token
				&& Clock::now() <= ($lock->timeout + $lock->created)
			),
		);
		if (count($others) >= $this->most) {
			throw new DavFault(
				507,
				"$this->most names are locked, as many as may be at once. A lock ends after half an hour.",
			);
		}
		if (strlen((string) $lockInfo->owner) > self::MOST_BYTES) {
			throw new DavFault(507, 'A lock has at most ' . self::MOST_BYTES . ' bytes that say whose it is.');
		}

		return parent::lock($uri, $lockInfo);
	}
}

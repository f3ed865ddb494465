<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Send\BulkQueue;

if (! class_exists('App', false)) {
	exit;
}

/** Which clone sent a packet, and what it says of itself there. */
final class Sender
{
	/** What Peers::hear() reads. */
	private const SAID = ['v' => 1, 'version' => 1, 'features' => 1, 'endpoint' => 1];

	/**
	 * Returns the root URL of the clone that sent a packet, and notes that it was heard of. A failure of that must not
	 * delay the packet.
	 *
	 * @throws Refused No clone of the channel sent it.
	 */
	public static function hear(Channel $channel, Packet $packet): string
	{
		$root = Clones::originOf($channel, $packet->fetchUrl);
		try {
			Peers::hear($root, $packet->sibling);
			BulkQueue::heard($channel, $root);
		} catch (\Throwable $e) {
			Log::failure('hearing of ' . $root, $e);
		}

		return $root;
	}

	/**
	 * Does what hear() does for many packets, and once for those that say the same.
	 *
	 * @param array<string, Packet> $packets
	 *
	 * @return array<string, string> By their keys, without those that no clone of the channel sent.
	 */
	public static function hearAll(Channel $channel, array $packets): array
	{
		$heard = $roots = [];
		foreach ($packets as $key => $packet) {
			$said = is_array($packet->sibling) ? array_intersect_key($packet->sibling, self::SAID) : null;
			$words = serialize([$packet->fetchUrl, $said]);
			try {
				$roots[$key] = $heard[$words] ??= self::hear($channel, $packet);
			} catch (Refused) {
				// It is logged where that packet is taken alone.
				continue;
			}
		}

		return $roots;
	}
}

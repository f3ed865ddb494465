<?php

namespace FileSync\Addon\Protocol;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Requests with a wrong credential: one counted row for each address, for a day, and at most one line a minute in the
 * log.
 *
 * A request without a credential leaves neither a row nor a line.
 */
final class Refusals
{
	private const KEPT_SECONDS = 86400;
	private const LINE_SECONDS = 60;
	/** Beyond this many addresses, all others share a row. */
	private const MOST_ADDRESSES = 1000;
	private const ALL = 'all';
	private const OTHERS = 'others';

	/** Counts one, for the address of this request. */
	public static function count(string $credential): void
	{
		try {
			$address = self::network(Web::address());
			$isNew = ! self::addTo($address);
			if ($isNew && Table::count('filesync_refusal', []) < self::MOST_ADDRESSES) {
				self::insert($address);
			} elseif ($isNew) {
				if (! self::addTo(self::OTHERS)) {
					self::insert(self::OTHERS);
				}
			}
			self::line($credential, $address);
		} catch (\Throwable) {
			// The refusal stands even if it cannot be counted; a log line for each is what this class prevents.
		}
	}

	/** Tells whether so many with a wrong credential came from the address of this request within so many seconds. */
	public static function areMany(string $credential, int $most, int $seconds): bool
	{
		$row = Table::first('filesync_refusal', ['id' => self::ofLate($credential)], '', 'number, updated');

		return $row && (int) $row['number'] >= $most && (int) $row['updated'] > (Clock::now() - $seconds);
	}

	/** Counts one from the address of this request for `areMany`, which begins again at 0 after so many seconds. */
	public static function add(string $credential, int $seconds): void
	{
		$id = self::ofLate($credential);
		$row = Table::first('filesync_refusal', ['id' => $id], '', 'number, updated');
		if ($row && (int) $row['updated'] > (Clock::now() - $seconds)) {
			Table::update('filesync_refusal', ['number' => (int) $row['number'] + 1], ['id' => $id]);
		} elseif ($row || Table::count('filesync_refusal', []) < (2 * self::MOST_ADDRESSES)) {
			Table::tryUpsert(
				'filesync_refusal',
				['id' => $id],
				['number' => 1, 'updated' => Clock::now()],
				['address' => self::network(Web::address())],
			);
		}
	}

	/** Forgets old ones. */
	public static function prune(): void
	{
		Table::delete('filesync_refusal', ['updated <' => Clock::now() - self::KEPT_SECONDS]);
	}

	/** Adds one to a row; false if there is none. */
	private static function addTo(string $address): bool
	{
		$row = Table::first('filesync_refusal', ['id' => self::id($address)], '', 'number');
		if ($row) {
			Table::update(
				'filesync_refusal',
				['number' => (int) $row['number'] + 1, 'updated' => Clock::now()],
				['id' => self::id($address)],
			);
		}

		return $row !== null;
	}

	private static function insert(string $address): void
	{
		Table::tryInsert('filesync_refusal', [
			'id' => self::id($address),
			'address' => $address,
			'number' => 1,
			'updated' => Clock::now(),
		]);
	}

	/** Writes a line with the number since the last one, unless that was less than a minute ago. */
	private static function line(string $credential, string $address): void
	{
		$row = Table::first('filesync_refusal', ['id' => self::id(self::ALL)], '', 'number, updated');
		if ($row && (int) $row['updated'] > (Clock::now() - self::LINE_SECONDS)) {
			Table::update('filesync_refusal', ['number' => (int) $row['number'] + 1], ['id' => self::id(self::ALL)]);
			return;
		}
		$number = (int) ($row['number'] ?? 0) + 1;
		Table::tryUpsert(
			'filesync_refusal',
			['id' => self::id(self::ALL)],
			['number' => 0, 'updated' => Clock::now()],
			['address' => self::ALL],
		);
		Log::write(
			"refused $number "
			. ($number === 1 ? 'request' : 'requests')
			. " with a wrong credential; the last came from $address with a wrong $credential",
		);
	}

	/** Returns an IPv4 address, or the 64-bit network of one IPv6 user. */
	private static function network(string $address): string
	{
		$bytes = @inet_pton($address);
		if ($bytes === false) {
			return 'unknown';
		}
		if (strlen($bytes) === 4) {
			return $address;
		}
		$network = inet_ntop(substr($bytes, 0, 8) . str_repeat("\0", 8));

		return $network === false ? 'unknown' : "$network/64";
	}

	private static function ofLate(string $credential): string
	{
		return self::id("late $credential\n" . self::network(Web::address()));
	}

	private static function id(string $address): string
	{
		return hash('sha256', $address);
	}
}

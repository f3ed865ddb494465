<?php

namespace FileSync\Addon\Hub;

use Sabre\CalDAV\Backend\PDO as Calendars;
use Sabre\CalDAV\Xml\Property\ScheduleCalendarTransp;
use Sabre\CalDAV\Xml\Property\SupportedCalendarComponentSet;
use Sabre\CardDAV\Backend\PDO as AddressBooks;
use Sabre\DAV\Exception as Fault;
use Sabre\VObject\ParseException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Calendars and address books of a set of the whole channel, which no export of core has. The library that hubs bring
 * for them stores them; each can come again at any time.
 */
final class ImportedCalendars
{
	private const CALENDAR = [
		'displayname' => '{DAV:}displayname',
		'description' => '{urn:ietf:params:xml:ns:caldav}calendar-description',
		'timezone' => '{urn:ietf:params:xml:ns:caldav}calendar-timezone',
		'calendarorder' => '{http://apple.com/ns/ical/}calendar-order',
		'calendarcolor' => '{http://apple.com/ns/ical/}calendar-color',
	];
	private const COMPONENTS = '{urn:ietf:params:xml:ns:caldav}supported-calendar-component-set';
	private const TRANSPARENT = '{urn:ietf:params:xml:ns:caldav}schedule-calendar-transp';
	private const ADDRESS_BOOK = [
		'displayname' => '{DAV:}displayname',
		'description' => '{urn:ietf:params:xml:ns:carddav}addressbook-description',
	];

	/**
	 * Stores rows of a section.
	 *
	 * @param list<array> $rows
	 *
	 * @return int How many of them are not here after that.
	 */
	public static function store(Channel $channel, string $section, array $rows): int
	{
		if (! DavServer::isThere()) {
			return count($rows);
		}
		$missing = 0;
		foreach ($rows as $row) {
			try {
				$isHere = self::text($row, 'uri') !== ''
				&& match ($section) {
					'calendar' => self::calendar($channel, $row),
					'calendarobject' => self::calendarObject($channel, $row),
					'addressbook' => self::addressBook($channel, $row),
					'card' => self::card($channel, $row),
					default => false,
				};
			} catch (Fault|ParseException $e) {
				Log::failure("an entry of a $section that was imported", $e);
				$isHere = false;
			}
			$missing += $isHere ? 0 : 1;
		}

		return $missing;
	}

	private static function calendar(Channel $channel, array $row): bool
	{
		if (self::calendarId($channel, self::text($row, 'uri')) === null) {
			$components = explode(',', self::text($row, 'components') ?: 'VEVENT,VTODO');
			(new Calendars(self::database()))->createCalendar(
				self::principal($channel),
				self::text($row, 'uri'),
				self::properties($row, self::CALENDAR)
				+ [
					self::COMPONENTS => new SupportedCalendarComponentSet($components),
					self::TRANSPARENT => new ScheduleCalendarTransp(
						self::text($row, 'transparent') === '1' ? 'transparent' : 'opaque',
					),
				],
			);
		}

		return true;
	}

	private static function calendarObject(Channel $channel, array $row): bool
	{
		$calendars = new Calendars(self::database());
		$id = self::calendarId($channel, self::text($row, 'of'));
		if ($id && ! $calendars->getCalendarObject($id, self::text($row, 'uri'))) {
			$calendars->createCalendarObject($id, self::text($row, 'uri'), self::text($row, 'calendardata'));
		}

		return $id !== null;
	}

	private static function addressBook(Channel $channel, array $row): bool
	{
		if (self::addressBookId($channel, self::text($row, 'uri')) === null) {
			(new AddressBooks(self::database()))->createAddressBook(
				self::principal($channel),
				self::text($row, 'uri'),
				self::properties($row, self::ADDRESS_BOOK),
			);
		}

		return true;
	}

	private static function card(Channel $channel, array $row): bool
	{
		$books = new AddressBooks(self::database());
		$id = self::addressBookId($channel, self::text($row, 'of'));
		if ($id !== null && ! $books->getCard($id, self::text($row, 'uri'))) {
			$books->createCard($id, self::text($row, 'uri'), self::text($row, 'carddata'));
		}

		return $id !== null;
	}

	/** @return ?array{int, int} As the library names a calendar. */
	private static function calendarId(Channel $channel, string $uri): ?array
	{
		$where = ['principaluri' => self::principal($channel), 'uri' => $uri];
		$row = Table::first('calendarinstances', $where, '', 'calendarid, id');

		return $row === null ? null : [(int) $row['calendarid'], (int) $row['id']];
	}

	private static function addressBookId(Channel $channel, string $uri): ?int
	{
		$row = Table::first('addressbooks', ['principaluri' => self::principal($channel), 'uri' => $uri], '', 'id');

		return $row === null ? null : (int) $row['id'];
	}

	/**
	 * @param array<string, string> $names
	 *
	 * @return array<string, string>
	 */
	private static function properties(array $row, array $names): array
	{
		$properties = [];
		foreach ($names as $column => $name) {
			if (self::text($row, $column) !== '') {
				$properties[$name] = self::text($row, $column);
			}
		}

		return $properties;
	}

	/** Returns the name by which the hub's own calendars know the channel. */
	private static function principal(Channel $channel): string
	{
		return 'principals/' . $channel->nick;
	}

	private static function database(): \PDO
	{
		/** @var mixed */
		$connection = \DBA::$dba->db ?? null;

		return $connection instanceof \PDO ? $connection : throw new Refused('the hub has no database');
	}

	private static function text(array $row, string $key): string
	{
		return is_scalar($row[$key] ?? null) ? (string) $row[$key] : '';
	}
}

<?php

namespace FileSync\Addon\Import;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The sections that hubs write into an export and read from one, in the order in which they are imported. Calendars and
 * address books are in no hub's export, but in sets of a whole channel.
 */
enum Section: string
{
	case Channel = 'channel';
	case Config = 'config';
	case Xchan = 'xchan';
	case Hubloc = 'hubloc';
	case Abook = 'abook';
	case Atoken = 'atoken';
	case Group = 'group';
	case GroupMember = 'group_member';
	case Obj = 'obj';
	case Likes = 'likes';
	case App = 'app';
	case Sysapp = 'sysapp';
	case Chatroom = 'chatroom';
	case Event = 'event';
	case EventItem = 'event_item';
	case Calendar = 'calendar';
	case CalendarObject = 'calendarobject';
	case AddressBook = 'addressbook';
	case Card = 'card';
	case Menu = 'menu';
	case Wiki = 'wiki';
	case Webpages = 'webpages';
	case Item = 'item';

	/** What says what an export is, or comes with the channel itself; each is one value or short. */
	public const HEAD = ['compatibility', 'relocate', 'channel', 'profile', 'photo'];

	/** What hubs write and none reads. */
	public const UNREAD = ['term', 'items_total', 'items_page', 'success'];

	/** Tells whether its elements are posts. */
	public function hasPosts(): bool
	{
		return in_array($this, [self::EventItem, self::Wiki, self::Webpages, self::Item], true);
	}

	/** Tells whether no function of core's takes its elements alone, but only its import of all. */
	public function isForWholeImport(): bool
	{
		return in_array($this, [self::Channel, self::Xchan, self::Abook], true);
	}

	/** Returns how many elements are imported in one step at most. */
	public function most(): int
	{
		return $this->hasPosts() || $this->isForWholeImport() ? 200 : 1000;
	}

	/** Returns how many elements of it there are, in words. */
	public function counted(int $count): string
	{
		$words = $this->words();

		return number_format($count) . ' ' . ($count === 1 ? rtrim($words, 's') : $words);
	}

	/** Returns what its elements are, for people. */
	public function words(): string
	{
		return match ($this) {
			self::Channel => 'the channel',
			self::Config => 'settings',
			self::Xchan, self::Hubloc => 'people',
			self::Abook => 'connections',
			self::Atoken => 'access tokens',
			self::Group, self::GroupMember => 'groups',
			self::Obj => 'things',
			self::Likes => 'likes',
			self::App, self::Sysapp => 'apps',
			self::Chatroom => 'chat rooms',
			self::Event, self::EventItem => 'events',
			self::Calendar, self::CalendarObject => 'calendars',
			self::AddressBook, self::Card => 'address books',
			self::Menu => 'menus',
			self::Wiki => 'wikis',
			self::Webpages => 'web pages',
			self::Item => 'posts',
		};
	}
}

<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Module\Import;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Core's own import of a channel, given a part of an export at a time, for a process that does nothing else.
 *
 * Core's import ends the process, having told other hubs. Here the process ends before it tells anybody, unless it is
 * the last part. Core also fetches a picture of each contact meanwhile; here they are only listed.
 */
final class CoreImport
{
	/** What core's import starts with: the rest of it is for exports of other software. */
	public const KEYS = ['compatibility', 'relocate'];

	/** The flags that core reads of a post in an export: columns whose names begin with `item_`. */
	private const FLAGS =
		'origin unseen starred uplink consensus wall thread_top notshown nsfw mentionsme nocomment obscured retained'
			. ' rss deleted type hidden unpublished delayed pending_remove blocked';

	/** @var ?\Closure(Channel): void */
	private static ?\Closure $stored = null;
	private static int $channelId = 0;

	/**
	 * Makes this process one that imports: logged in as an account, and silent in the log, where core would write rows
	 * of channels. It does not guess which language texts are in: that takes more memory than all the rest.
	 *
	 * @throws Refused There is no such account.
	 */
	public static function begin(int $accountId): void
	{
		foreach (['include/import.php', 'include/menu.php', 'include/security.php', 'include/items.php'] as $path) {
			Core::load($path);
		}
		HubSettings::override('debugging', '0');
		HubSettings::override('language_detect_min_length', (string) PHP_INT_MAX);
		\App::$account = Table::first('account', ['account_id' => $accountId]) ?? throw new Refused(
				"this hub has no account $accountId",
			);
		if (session_id() === '') {
			session_id('filesync-import-' . Token::make());
		}
		$_SESSION = ['account_id' => $accountId, 'authenticated' => 1];
		Overrides::importing();
	}

	/** Has core act for a channel, like after a login of its owner. */
	public static function actFor(Channel $channel): void
	{
		$_SESSION['uid'] = $channel->id;
		\App::set_channel($channel->row());
		\App::set_observer(Table::first('xchan', ['xchan_hash' => $channel->hash]));
	}

	/**
	 * Gives core a part of an export, calls `$stored` when core has stored all of it, and ends the process.
	 *
	 * @param string                  $json   An object with KEYS and sections.
	 * @param array{nick: string, primary: bool, ...} $choice How a channel that is not here is made.
	 * @param bool                    $isLast Whether core then tells others, and addons look for what is theirs.
	 * @param \Closure(Channel): void $stored
	 *
	 * @throws Refused Core stored nothing, or not all.
	 */
	public static function take(int $accountId, string $json, array $choice, bool $isLast, \Closure $stored): never
	{
		$_REQUEST = ['make_primary' => (int) $choice['primary'], 'import_posts' => 0, 'newname' => $choice['nick']];
		$_FILES['filename'] = [
			'tmp_name' => GivenFile::of($json),
			'name' => 'export.json',
			'size' => strlen($json),
			'type' => 'application/json',
		];
		unset($json);
		self::$stored = $stored;
		/** @var array<string, list<array{string, string, int, int}>> */
		$hooks = \App::$hooks;
		$others = $isLast ? $hooks['import_channel'] ?? [] : [];
		$ours = ['', self::class . '::' . ($isLast ? 'note' : 'end'), 0, 1];
		\App::$hooks = ['import_channel' => [...$others, $ours]] + $hooks;
		if ($isLast) {
			register_shutdown_function(self::finish(...));
		}
		(new Import())->import_account($accountId);
		throw new Refused(self::told() ?: "the hub's own import refused it; its log (system.debugging) may say why");
	}

	/** Returns what core told whom it takes for the reader of a page, and forgets it. */
	private static function told(): string
	{
		$reader = 'sse_id.' . (string) session_id();
		/** @var mixed */
		$told = \get_xconfig($reader, 'sse', 'notifications');
		Table::delete('xconfig', ['xchan' => $reader]);
		/** @var mixed */
		$lines = is_array($told) ? $told['notice']['notifications'] ?? [] : [];

		return trim(strip_tags(implode(' ', array_filter(is_array($lines) ? $lines : [], is_string(...)))));
	}

	/**
	 * Returns an export's people as this hub's table can hold them.
	 *
	 * @param string $json An object with KEYS and the section.
	 */
	public static function withWholePeople(string $json): string
	{
		/** @var array{xchan: list<array>} */
		$export = Json::read($json);
		$export['xchan'] = array_map(fn ($row) => ImportedRows::completed('xchan', $row), $export['xchan']);

		return json_encode($export, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
	}

	/** Core has stored all sections of a part, and would now tell others; the data of hook `import_channel`. */
	public static function end(array &$data): void
	{
		self::note($data);
		self::finish();
		exit;
	}

	/** Core has stored all sections of the last part. */
	public static function note(array &$data): void
	{
		self::$channelId = Channel::idOf($data['channel'] ?? null);
	}

	/**
	 * Tells whether a channel may have more connections, by the plan of its account: core counts those that it gets at
	 * once.
	 */
	public static function mayConnectMore(Channel $channel): bool
	{
		Core::load('include/account.php');
		$most = \account_service_class_fetch($channel->accountId, 'total_channels');

		return ! is_numeric($most) || Table::count('abook', ['abook_channel' => $channel->id]) <= (int) $most;
	}

	/** Keeps the hub's cron from listing a channel in a directory, as it does with those that were not for long. */
	public static function withhold(Channel $channel): void
	{
		Table::update(
			'channel',
			['channel_dirdate' => gmdate('Y-m-d H:i:s', Clock::now())],
			['channel_id' => $channel->id],
		);
	}

	/** Leaves one row that says that a channel lives here: core adds one each time that it gets the channel. */
	public static function settle(Channel $channel): void
	{
		$rows = Table::select(
			'hubloc',
			['hubloc_hash' => $channel->hash, 'hubloc_url' => z_root()],
			'hubloc_id',
			0,
			'hubloc_id',
		);
		foreach (array_slice($rows, 1) as $row) {
			Table::delete('hubloc', ['hubloc_id' => (int) $row['hubloc_id']]);
		}
	}

	private static function finish(): void
	{
		$error = error_get_last()['type'] ?? 0;
		$channel = self::$channelId > 0 ? Clones::channel(self::$channelId) : null;
		if ($channel && self::$stored && ! in_array($error, [E_ERROR, E_PARSE, E_CORE_ERROR, E_COMPILE_ERROR], true)) {
			(self::$stored)($channel);
			self::$stored = null;
		}
	}

	/**
	 * Has core take in posts of an export.
	 *
	 * @param list<array> $items    As encoded in it.
	 * @param ?array      $relocate Where they were.
	 * @param \Closure    $import   What takes the place of core's import_items.
	 *
	 * @return list<string> The ids of those that are not here after that.
	 */
	public static function items(Channel $channel, array $items, ?array $relocate, \Closure $import): array
	{
		$items = array_map(
			fn ($item) => self::withKnown(self::withFlags(self::withLink($channel, $item, $relocate))),
			$items,
		);
		self::removeHalf($channel, $items);
		Reception::quietly($channel->id, fn () => Authors::answering(fn () => $import(
			$channel->row(),
			$items,
			false,
			$relocate,
		)));
		$missing = [];
		foreach (array_chunk($items, 100) as $some) {
			$mids = array_map(self::mid(...), $some);
			$here = array_column(Table::rows('item', ['uid' => $channel->id, 'mid' => $mids], '', 0, 'mid'), 'mid');
			array_push($missing, ...array_diff($mids, array_map(strval(...), $here)));
		}

		return array_values(array_unique($missing));
	}

	/** Returns the id under which core stores a post. */
	public static function mid(array $item): string
	{
		return htmlspecialchars(self::text($item, 'message_id'), ENT_COMPAT, 'UTF-8', false);
	}

	/**
	 * Returns a post of the channel's own with a link to this hub, if it has one to the hub where it was written: ours
	 * change what links show, not what names a post, and core does only those that begin a conversation.
	 */
	private static function withLink(Channel $channel, array $item, ?array $relocate): array
	{
		$link = self::text($item, 'permalink');
		$from = self::text($relocate ?? [], 'url');
		if (
			$from !== ''
			&& ($item['author']['id'] ?? '') === $channel->guid
			&& preg_match('#^' . preg_quote($from, '#') . '(?=/(item|activity|display)/)#D', $link) === 1
		) {
			$item['permalink'] = z_root() . substr($link, strlen($from));
		}

		return $item;
	}

	/**
	 * Removes posts whose process was killed before they had their place in a conversation: core finds such a row, and
	 * leaves it so.
	 *
	 * @param list<array> $items
	 */
	private static function removeHalf(Channel $channel, array $items): void
	{
		foreach (array_chunk(array_map(self::mid(...), $items), 100) as $mids) {
			Table::delete('item', ['uid' => $channel->id, 'mid' => $mids, 'parent' => 0]);
		}
	}

	/** Returns a post with all flags: what lacks one, a hub of another version or a set, makes the row no number. */
	private static function withFlags(array $item): array
	{
		$flags = array_map(fn (string $flag): string => "item_$flag", explode(' ', self::FLAGS));

		return array_key_exists('revision', $item) ? $item + array_fill_keys($flags, 0) : $item;
	}

	/**
	 * Returns a post with those of its people whom this hub knows, or who prove themselves, as such: core would ask
	 * other hubs about each whom it has not heard of for a week, every time.
	 */
	private static function withKnown(array $item): array
	{
		static $people = [];
		foreach (['author', 'owner'] as $role) {
			$key = hash('sha256', (string) json_encode($item[$role] ?? null, JSON_INVALID_UTF8_SUBSTITUTE));
			$person = $people[$key] ??= Authors::find($item[$role] ?? null);
			if ($person->hash !== '' && Authors::keep($person)) {
				$item[$role] = Authors::asFound($person->hash);
			}
		}

		return $item;
	}

	private static function text(array $row, string $key): string
	{
		return is_string($row[$key] ?? null) ? $row[$key] : '';
	}
}

<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Login;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\Refusals;
use FileSync\Addon\Schema\Migrations;

if (! class_exists('App', false)) {
	exit;
}

/** Who is let in: the key of a request, what it is for, and whether an admin has closed that door. */
final class Admission
{
	/** The form of the page whose token lets its owner in, and the header that has the token. */
	public const PAGE_FORM = 'filesync_send';
	private const PAGE_HEADER = 'filesync-token';
	private const PASSWORD = 'password of an account';
	private const MOST_WRONG = 5;
	private const WITHIN_SECONDS = 600;
	private const SCOPES = [
		Key::RESTORE => 'This key may only restore. The page for backups makes a backup key.',
		Key::BACKUP => 'This key may only read files. The page for backups makes a restore key; a pass reads the whole channel.',
		Key::PASS => 'This pass only reads what a channel has beside its files. The page for backups makes keys.',
		Key::CREATE => 'This pass only brings a channel to this hub. The page for backups makes keys.',
	];

	/**
	 * Tells whether keys of a kind open something for a channel.
	 *
	 * @param Key::RESTORE|Key::BACKUP|Key::PASS $kind
	 */
	public static function isOpen(int $channelId, string $kind): bool
	{
		return (
			self::isOpenForSome($kind)
			&& self::isSwitchedOn($kind, "channel:$channelId")
			&& Config::serves($channelId, Parts::SETS)
		);
	}

	/**
	 * Tells whether keys of a kind open something for any channel of this hub.
	 *
	 * @param Key::RESTORE|Key::BACKUP|Key::PASS|Key::CREATE $kind
	 */
	public static function isOpenForSome(string $kind): bool
	{
		return (
			Migrations::ready()
			&& self::isSwitchedOn($kind, 'site')
			&& Parts::has(Parts::SETS)
			&& (! in_array($kind, [Key::PASS, Key::CREATE], true) || Parts::has(Parts::CHANNELS))
			&& Runtime::extensionProblem() === null
		);
	}

	/**
	 * Returns the key of a request, and its channel.
	 *
	 * @param Key::RESTORE|Key::BACKUP|Key::PASS $kind What the key must be for.
	 *
	 * @return array{Key, Channel}
	 *
	 * @throws Refusal
	 */
	public static function of(Request $request, string $kind): array
	{
		$key = self::known($request, $kind);
		$channel = Clones::channel($key->channelId) ?? throw self::wrongKey();
		if (! self::isOpen($channel->id, $kind)) {
			throw self::closed($kind);
		}

		return [$key, $channel];
	}

	/**
	 * Returns the pass of a request by which an account brings a channel.
	 *
	 * @throws Refusal
	 */
	public static function creator(Request $request): Key
	{
		$key = self::known($request, Key::CREATE);
		self::needCreation();

		return $key;
	}

	/**
	 * Returns the key of a request, which must be of a kind, and counts its use.
	 *
	 * @throws Refusal
	 */
	private static function known(Request $request, string $kind): Key
	{
		$text = trim((string) $request->header('filesync-key'));
		$part = [];
		if ($text === '' && preg_match('/^Bearer\s+(\S+)\s*$/Di', Web::authorization(), $part)) {
			$text = $part[1];
		}
		if ($text === '') {
			throw self::keyless('key_missing', 'Send a key: Authorization: Bearer KEY, or Filesync-Key: KEY.');
		}
		$key = Migrations::ready() ? Key::find($text) : null;
		if (! $key) {
			throw self::wrongKey();
		}
		$key->use(Web::address());
		if ($key->kind !== $kind) {
			throw new Refusal(403, 'key_scope', self::SCOPES[$key->kind] ?? 'This key is for something else.');
		}

		return $key;
	}

	/**
	 * Returns who sends a set: whoever has a restore key, or the owner on the page for it.
	 *
	 * @throws Refusal
	 */
	public static function sender(Request $request): Sender
	{
		$token = $request->header(self::PAGE_HEADER);
		if ($token === null) {
			[$key, $channel] = self::of($request, Key::RESTORE);

			return new Sender($channel, $key);
		}
		$channelId = Page::owner();
		$channel = $channelId ? Clones::channel($channelId) : null;
		if (! $channel) {
			throw new Refusal(401, 'logged_out', 'You are not logged in with a channel of this hub any more.');
		}
		// The hub's cookie comes with requests of other sites too; the token does not.
		if (! Page::isGenuine(self::PAGE_FORM, $token)) {
			throw new Refusal(403, 'token_wrong', 'The token of the page is not that of its form, or is too old.');
		}
		if (! self::isOpen($channel->id, Key::RESTORE)) {
			throw self::closed(Key::RESTORE);
		}

		return new Sender($channel);
	}

	/**
	 * Returns the channel of an owner who is logged in with its account, and says that account's password now.
	 *
	 * @throws Refusal
	 */
	public static function owner(string $nick, #[\SensitiveParameter] string $password): Channel
	{
		if (! Page::owner()) {
			throw new Refusal(
				401,
				'logged_out',
				'You are not logged in with a channel of this hub: log in on its page first.',
			);
		}
		self::needFewWrong();
		$channel = Login::confirmed($nick, $password) ?? throw self::wrongPassword();
		if (! self::isOpen($channel->id, Key::PASS)) {
			throw self::closed(Key::PASS);
		}

		return $channel;
	}

	/**
	 * Returns the account of somebody who is logged in with it, and says its password now.
	 *
	 * @throws Refusal
	 */
	public static function account(string $login, #[\SensitiveParameter] string $password): int
	{
		if (! Page::account()) {
			throw new Refusal(401, 'logged_out', 'You are not logged in on this hub: log in on its page first.');
		}
		self::needFewWrong();
		$accountId = Login::confirmedAccount($login, $password) ?? throw self::wrongPassword();
		self::needCreation();

		return $accountId;
	}

	/** @throws Refusal The door for sets of a channel is closed. */
	public static function needOpen(int $channelId): void
	{
		if (! self::isOpen($channelId, Key::RESTORE)) {
			throw self::closed(Key::RESTORE);
		}
	}

	/** @throws Refusal Channels are not brought to this hub. */
	private static function needCreation(): void
	{
		if (! self::isOpenForSome(Key::CREATE)) {
			throw self::closed(Key::CREATE);
		}
	}

	/** @throws Refusal Too many wrong passwords came from the address of this request. */
	private static function needFewWrong(): void
	{
		if (Refusals::areMany(self::PASSWORD, self::MOST_WRONG, self::WITHIN_SECONDS)) {
			throw new Refusal(
				429,
				'too_many_wrong',
				'Too many wrong passwords came from your address. Wait ten minutes.',
				[],
				['Retry-After' => (string) self::WITHIN_SECONDS],
			);
		}
	}

	private static function wrongPassword(): Refusal
	{
		Refusals::count(self::PASSWORD);
		Refusals::add(self::PASSWORD, self::WITHIN_SECONDS);

		return new Refusal(
			403,
			'password_wrong',
			'This is not the password of the account that is logged in, or the channel is not one of its own.',
		);
	}

	private static function wrongKey(): Refusal
	{
		Refusals::count('key');

		return self::keyless(
			'key_wrong',
			'This key opens nothing: it is wrong, was revoked, or is over. The page for backups makes another.',
		);
	}

	/** @throws Refusal Others on the way could read the request. */
	public static function needPrivate(): void
	{
		if (! Web::isPrivate()) {
			throw new Refusal(
				403,
				'not_private',
				'This opens by https only: it could be read on the way. A proxy that ends https must send X-Forwarded-Proto.',
			);
		}
	}

	private static function closed(string $kind): Refusal
	{
		return new Refusal(
			403,
			'door_closed',
			match ($kind) {
				Key::RESTORE => 'This hub takes no sets of this channel now. Its admin can say why.',
				Key::CREATE => 'No program brings a channel to this hub now. Its admin can say why.',
				default => 'This hub lets no program read this channel now. Its admin can say why.',
			},
		);
	}

	private static function isSwitchedOn(string $kind, string $scope): bool
	{
		$value = in_array($kind, [Key::RESTORE, Key::CREATE], true)
			? Config::get('restore_door', $scope)
			: Config::get('backup_door', $scope);

		return $value !== '0';
	}

	private static function keyless(string $kind, string $words): Refusal
	{
		return new Refusal(401, $kind, $words, [], ['WWW-Authenticate' => 'Bearer realm="filesync"']);
	}
}

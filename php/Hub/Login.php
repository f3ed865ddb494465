<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The log-in of the request, and the password of its account as core checks it, addons included. */
final class Login
{
	/**
	 * Returns the channel of a nick if the account that is logged in is its own, and this is the password of that;
	 * null otherwise. Whatever guards a log-in besides, such as a second factor, was asked for before this request.
	 */
	public static function confirmed(string $nick, #[\SensitiveParameter] string $password): ?Channel
	{
		$channel = self::own($nick);

		return $channel && self::accountOf($nick, $password) === $channel->accountId ? $channel : null;
	}

	/** Returns the account that is logged in if this is its password, and nobody acts for its owner; else null. */
	public static function confirmedAccount(string $login, #[\SensitiveParameter] string $password): ?int
	{
		$accountId = Page::account();

		return $accountId > 0 && empty($_SESSION['delegate']) && self::accountOf($login, $password) === $accountId
			? $accountId
			: null;
	}

	/** Returns the account of which this is the password, 0 if there is none. */
	private static function accountOf(string $login, #[\SensitiveParameter] string $password): int
	{
		if ($login === '' || $password === '' || ! function_exists('account_verify_password')) {
			return 0;
		}
		/** @var mixed $verified */
		$verified = \account_verify_password($login, $password);
		/** @var mixed $account Missing where the hub refuses for another reason than the password. */
		$account = is_array($verified) ? $verified['account'] ?? null : null;

		return is_array($account) ? (int) ($account['account_id'] ?? 0) : 0;
	}

	/** Returns the channel of a nick if it is one of the account that is logged in, and nobody acts for its owner. */
	private static function own(string $nick): ?Channel
	{
		$reader = Page::owner() ? Clones::channel(Page::owner()) : null;
		$channel = $nick === '' ? null : Clones::byNick($nick);
		$isOwn = $channel && $reader && $channel->accountId === $reader->accountId;

		return $isOwn && empty($_SESSION['delegate']) ? $channel : null;
	}
}

<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The accounts of this hub's people. */
final class Accounts
{
	/** Returns how many channels an account may have, by its plan; null: any number. */
	public static function mostChannels(int $accountId): ?int
	{
		Core::load('include/account.php');
		/** @var mixed $most */
		$most = \account_service_class_fetch($accountId, 'total_identities');

		return is_numeric($most) ? (int) $most : null;
	}

	/** Returns how many channels an account has. */
	public static function countChannels(int $accountId): int
	{
		return Table::count('channel', ['channel_account_id' => $accountId, 'channel_removed' => 0]);
	}

	/** Tells whether a new channel can have a nick. */
	public static function isFreeNick(string $nick): bool
	{
		Core::load('include/text.php');

		return $nick !== '' && \check_webbie([$nick]) === $nick;
	}

	/** Returns the number of the account with an e-mail address, null if there is none. */
	public static function byEmail(string $address): ?int
	{
		$row = Table::first('account', ['account_email' => $address], 'account_id', 'account_id');

		return $row === null ? null : (int) $row['account_id'];
	}
}

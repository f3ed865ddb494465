<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The accounts of this hub's people. */
final class Accounts
{
	/** Returns the number of the account with an e-mail address, null if there is none. */
	public static function byEmail(string $address): ?int
	{
		$row = Table::first('account', ['account_email' => $address], 'account_id', 'account_id');

		return $row === null ? null : (int) $row['account_id'];
	}
}

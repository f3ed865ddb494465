<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Reason;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Standing;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Tested;

if (! class_exists('App', false)) {
	exit;
}

/** In words, whether filesync works on this hub, holds packets or leaves them to the hub, and since when. */
final class StandingWords
{
	/** The command that rehearses. */
	public const REHEARSE = self::COMMAND . 'rehearse';

	private const COMMAND = 'php addon/filesync/cli.php ';

	/** Returns why filesync is not active, and since when, for an admin; null if it is. */
	public static function problem(): ?string
	{
		$version = Runtime::hubVersion();
		$standing = Activation::standing();
		if ($standing === Standing::Active) {
			return self::withoutReceiver();
		}
		$why = match (Activation::reason()) {
			Reason::Unrehearsed => sprintf(
				t('filesync was not tested with Hubzilla %s, and no rehearsal has passed on it yet'),
				$version,
			),
			Reason::Failed => sprintf(t('the rehearsal on Hubzilla %s failed'), $version),
			Reason::Unknown => sprintf(
				t('filesync does not know Hubzilla %s, and nobody has agreed to this major version'),
				$version,
			),
			default => t('an admin chose that the hub itself receives files (setting passive)'),
		};

		return $standing === Standing::Holding
			? self::withoutReceiver() ?? sprintf(
				t('Since %1$s UTC filesync only holds changes from other hubs (%2$s): %3$s.'),
				self::date(Activation::since()),
				number_format(self::held()),
				$why,
			)
			: sprintf(
				t("Since %1\$s UTC filesync does nothing here, and the hub's own code receives files: %2\$s."),
				self::date(Activation::since()),
				$why,
			);
	}

	/** Returns in a few words how filesync stands. */
	public static function standing(): string
	{
		$since = self::date(Activation::since());

		return match (Activation::standing()) {
			Standing::Active => match (Activation::reason()) {
				Reason::Rehearsed => t('active; the rehearsal passed'),
				Reason::Trusted => t('active; an admin answers for this version'),
				default => t('active; this version was tested'),
			},
			Standing::Holding => sprintf(t('holds changes since %s UTC'), $since),
			Standing::Passive => sprintf(t('passive since %s UTC'), $since),
		};
	}

	/** Returns what an admin can do about it; empty if nothing has to be done. */
	public static function remedy(): string
	{
		if (Activation::isActive()) {
			return Parts::isOff(Parts::RECEIVER) ? t('update filesync') : '';
		}
		$rehearse = self::REHEARSE;
		$orCore = sprintf(
			t("or let the hub's own code receive files: %s"),
			self::COMMAND . 'config set passive 1',
		);
		$isHolding = Activation::isHolding();
		$major = Tested::major(Runtime::hubVersion());
		$remedy = match (Activation::reason()) {
			Reason::Unrehearsed => $isHolding
				? sprintf(t('the rehearsal begins on its own; if it does not: %s'), $rehearse)
				: $rehearse,
			Reason::Failed => sprintf(
				t('mend what it found, then %1$s; or update filesync; or answer for it: %2$s'),
				$rehearse,
				self::COMMAND . 'config set trusted_version ' . Runtime::hubVersion(),
			),
			Reason::Unknown => $major === null
				? sprintf(
					t('update filesync; or answer for it: %s'),
					self::COMMAND . 'config set trusted_version ' . Runtime::hubVersion(),
				)
				: sprintf(
					t('agree to it: %s; or update filesync'),
					self::COMMAND . "config set agreed_major $major" . ($isHolding ? '' : "; $rehearse"),
				),
			Reason::HandingOver => t('what is held is given to the hub now; later changes follow'),
			default => sprintf(t('to let filesync work again: %s'), self::COMMAND . 'config clear passive'),
		};

		return $isHolding && Activation::reason() !== Reason::HandingOver ? "$remedy; $orCore" : $remedy;
	}

	/** Returns the same for an owner of files; null if filesync is active. */
	public static function forOwner(): ?string
	{
		return match (true) {
			Activation::isHolding() => sprintf(
				t(
					'Since %s UTC changes from your other clones wait here: this hub has a new version, and filesync first tries itself on it. Its admin can see more.',
				),
				self::date(Activation::since()),
			),
			! Activation::isActive() => sprintf(
				t('filesync does nothing here since %s UTC: the hub handles files on its own. Its admin can see why.'),
				self::date(Activation::since()),
			),
			default => self::withoutReceiver(),
		};
	}

	private static function withoutReceiver(): ?string
	{
		$since = Look::withoutReceiverSince();

		return $since !== null && Parts::isOff(Parts::RECEIVER)
			? sprintf(
				t("Since %s UTC the hub's own code receives files: filesync cannot on this hub."),
				self::date($since),
			)
			: null;
	}

	private static function held(): int
	{
		return Table::count('filesync_packet', ['state' => Activation::QUEUED]);
	}

	private static function date(int $time): string
	{
		return gmdate('Y-m-d H:i', $time);
	}
}

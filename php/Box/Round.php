<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\BoxSession;
use FileSync\Addon\Door\Finish;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Underway;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What becomes of a drop box: a whole set is restored at once, what is not whole when nothing more came for an hour.
 * What was restored stays in sight, because programs look for what they sent: until nobody looked for a while.
 */
final class Round
{
	/** After so long without a byte, what is there is restored; without a request, what was restored leaves. */
	public const IDLE_SECONDS = 3600;
	/** After so long a box is over whose whole set was restored. */
	public const QUIET_SECONDS = 600;
	private const BEGIN_SECONDS = 60;

	/** Restores what is there if it is a whole set. After each change. */
	public static function look(Channel $channel, BoxSession $session): void
	{
		$now = BoxSession::find($session->id)?->settled();
		if (! $now || $now->state !== Session::OPEN || $now->isAsRestored()) {
			return;
		}
		$lists = Lists::of($channel, $now);
		if ($lists && $lists->mayBeWhole() && $lists->isWhole()) {
			self::begin($channel, $now, true);
		}
	}

	/** Restores what is there now, as its owner wants; returns why not, in words. */
	public static function now(Channel $channel, BoxSession $session): ?string
	{
		$now = $session->settled();
		if ($now->state !== Session::OPEN) {
			return 'It is being restored already.';
		}
		$lists = Lists::of($channel, $now);

		return self::begin($channel, $now, $lists?->isWhole() ?? false);
	}

	/**
	 * Begins what waits for another hub again if other hubs are left out by now, and what failed if anything is other.
	 */
	public static function again(Channel $channel, BoxSession $session): void
	{
		$now = $session->settled();
		if ($now->isWaiting() && $now->job()?->choice->without !== LeftOut::of($now)) {
			Underway::cancel($channel->id);
			$isWhole = $now->wasWhole();
			$now = $now->settled();
			if ($now->state === Session::OPEN) {
				self::begin($channel, $now, $isWhole);
			}
		} else {
			self::look($channel, $now);
		}
	}

	/** Goes on with all boxes. Every cron run. */
	public static function tend(): void
	{
		foreach (Session::live() as $session) {
			$channel = $session->door === Session::BOX ? Clones::channel($session->channelId) : null;
			if (! $channel) {
				continue;
			}
			try {
				self::go($channel, BoxSession::from($session->settled()));
			} catch (\Throwable $e) {
				Log::failure("the drop box of channel $session->channelId", $e);
			}
		}
	}

	private static function go(Channel $channel, BoxSession $session): void
	{
		Arrival::sweep($session);
		$isRestored = $session->isAsRestored() && $session->wasRestored();
		if ($session->state !== Session::OPEN) {
			self::again($channel, $session);
			return;
		}
		if (Key::ofBox($channel->id)?->session !== $session->id) {
			$session->end('revoked', 'The password was revoked on the page of the channel.');
		} elseif (! $isRestored) {
			self::look($channel, $session);
			if ($session->touched <= (Clock::now() - self::IDLE_SECONDS) && Name::count($session, Kind::Metadata) > 0) {
				$why = self::now($channel, $session);
				if ($why !== null) {
					Remarks::add($session, 'restoring', $why);
				}
			}
		} elseif ($session->code !== '') {
			return;
		} elseif ($session->wasWhole() && $session->asked <= (Clock::now() - self::QUIET_SECONDS)) {
			$session->finish();
		} elseif (! $session->wasWhole() && $session->asked <= (Clock::now() - self::IDLE_SECONDS)) {
			self::clear($session);
		}
	}

	/** Restores what is there; returns why not, in words. */
	private static function begin(Channel $channel, BoxSession $session, bool $isWhole): ?string
	{
		$lease = Token::make();
		if (! Lease::take("box $session->id", $lease, self::BEGIN_SECONDS)) {
			return 'It is being begun already.';
		}
		try {
			$lists = Lists::of($channel, $session);
			$gathered = $session->gather($lists?->digests() ?? [], $isWhole);
			if ($lists) {
				Finish::take($channel, $gathered, ['without' => LeftOut::of($session)]);
			} else {
				LooseFiles::list($channel, $gathered);
				Finish::start($channel, $gathered, new Choice(without: LeftOut::of($session)));
			}
		} catch (Refusal $e) {
			$session->ungather();

			return $e->getMessage();
		} finally {
			Lease::giveBack("box $session->id", $lease);
		}

		return null;
	}

	/** Has what was restored leave: metadata of which everything came, and the bytes that only it names. */
	private static function clear(BoxSession $session): void
	{
		$waiting = Parts::waiting($session);
		foreach (Name::ofKind($session, Kind::Metadata) as $one) {
			if (isset($waiting[$one->sha256])) {
				continue;
			}
			$digests = Parts::of($session, $one->sha256);
			Parts::forget($session, $one->sha256);
			$one->remove();
			foreach ($digests as $sha256) {
				if (! Parts::isNamed($session, $sha256)) {
					Name::drop($session, $sha256);
				}
			}
		}
	}
}

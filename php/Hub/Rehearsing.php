<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Scratch channels, seen from all that meets them: which channel is one, which of them is this process's, and that
 * nothing is ever sent for one.
 *
 * A process of the hub that would send something for one is refused by the channel's name alone: it knows nothing of
 * the process that made the channel.
 */
final class Rehearsing
{
	/** The names of scratch channels. Nobody else gets one: Scratch is the only maker. */
	private const NICK = '/^filesync-scratch-[0-9a-f]{16}$/D';

	/** The hub from which a scratch channel's packets say that they come: nobody is at this address of the machine. */
	public const ORIGIN = 'http://127.0.0.1:1';
	/** How that hub calls the channel. */
	public const NICK_THERE = 'scratch';

	/** A job by which a rehearsal tries whether jobs reach filesync; it does nothing. */
	public const JOB = 'rehearsed';
	/** Held while there is a scratch channel. */
	public const LEASE = 'scratch';

	private static ?Channel $channel = null;
	private static bool $hasOrigin = false;
	/** The scratch channel of another process that asks this one for its files, 0 if none does. */
	private static int $asks = 0;
	private static string $heard = '';
	/** @var list<array> */
	private static array $caught = [];

	/** Notes the word of such a job. */
	public static function hear(string $word): void
	{
		self::$heard = $word;
	}

	/** Returns the word of the last such job in this process. */
	public static function heard(): string
	{
		return self::$heard;
	}

	/**
	 * Makes a scratch channel that of this process; null ends it.
	 *
	 * @param bool $hasOrigin Whether its packets come from another hub.
	 */
	public static function with(?Channel $channel, bool $hasOrigin = true): void
	{
		self::$channel = $channel;
		self::$hasOrigin = $hasOrigin;
		self::$caught = [];
	}

	/** Tells whether this process rehearses. */
	public static function isOn(): bool
	{
		return self::$channel !== null;
	}

	/** Tells whether a channel is the scratch channel of this process. */
	public static function isOwn(int $channelId): bool
	{
		return self::$channel?->id === $channelId;
	}

	/**
	 * Tells whether a request is one by which a rehearsal tries how this hub serves files, and remembers of which
	 * channel: filesync may be about to serve nothing else here.
	 */
	public static function isAsked(Request $request): bool
	{
		self::$asks = 0;
		$isTicket = $request->method === 'POST' && $request->arguments === ['getfile', 'ticket'];
		[$column, $value] = $isTicket
			? ['hash', self::word(self::decoded((string) $request->body)['channel'] ?? '')]
			: ['nick', strstr($request->arguments[1] ?? '', 'x', true)];
		if (
			! $isTicket
			&& $request->header('filesync-ticket') === null
			|| ! is_string($value)
			|| $value === ''
			|| Table::missing(['filesync_scratch']) !== []
			|| ! Lease::isHeld(self::LEASE)
		) {
			return false;
		}
		$note = Table::first('filesync_scratch', [$column => $value], '', 'uid, nick');
		self::$asks = $note !== null && self::isNick($note['nick']) ? (int) $note['uid'] : 0;

		return self::$asks !== 0;
	}

	/** Returns a JSON array or object; an empty one for anything else. */
	public static function decoded(string $json): array
	{
		/** @var mixed $said */
		$said = json_decode($json, true);

		return is_array($said) ? $said : [];
	}

	/** Tells whether this process is asked by a rehearsal for files of a channel, which is its scratch channel. */
	public static function serves(int $channelId): bool
	{
		return $channelId > 0 && self::$asks === $channelId && self::isScratch($channelId);
	}

	/** Tells whether a name is that of a scratch channel. */
	public static function isNick(string $nick): bool
	{
		return preg_match(self::NICK, $nick) === 1;
	}

	/** Tells whether a channel is anybody's scratch channel. */
	private static function isScratch(int $channelId): bool
	{
		return (
			self::isOwn($channelId)
			|| $channelId > 0
			&& self::nickIn(Table::first('channel', ['channel_id' => $channelId], '', 'channel_address')) !== null
		);
	}

	/**
	 * Returns the hub from which packets of this process's scratch channel come, beside those where a channel lives.
	 *
	 * @return list<array{url: string, nick: string}>
	 */
	public static function clones(Channel $channel): array
	{
		return (
			self::$hasOrigin && self::isOwn($channel->id) ? [['url' => self::ORIGIN, 'nick' => self::NICK_THERE]] : []
		);
	}

	/**
	 * Keeps a packet that was to go to the clones of a scratch channel. False if the channel is not one: then it may
	 * go.
	 */
	public static function catches(int $channelId, array $packet): bool
	{
		if (self::isOwn($channelId)) {
			self::$caught[] = $packet;

			return true;
		}

		return self::isScratch($channelId);
	}

	/**
	 * Returns the packets that were caught since the last call.
	 *
	 * @return list<array>
	 */
	public static function caught(): array
	{
		$caught = self::$caught;
		self::$caught = [];

		return $caught;
	}

	/** Refuses what core's notifier is about to do for a scratch channel, before it looks for hubs. */
	public static function refuseNotice(array $notice): array
	{
		$nick = self::nickIn($notice['channel'] ?? null);
		if ($nick !== null) {
			self::attempt($nick, 'the notifier was to tell others: ' . self::word($notice['cmd'] ?? ''));
			// Whoever looks for these finds nobody; an empty list would be a fault in core's statement.
			$notice['recipients'] = ["''"];
			$notice['env_recips'] = $notice['queued'] = [];
		}

		return $notice;
	}

	/**
	 * Refuses to deliver what core has queued for another hub in the name of a scratch channel. What is for the hub of
	 * its packets is what a rehearsal looks for, and no attempt.
	 */
	public static function refuseDelivery(array $delivery): array
	{
		/** @var array{outq_channel?: scalar|null, outq_posturl?: mixed} $row */
		$row = is_array($delivery['outq'] ?? null) ? $delivery['outq'] : [];
		$channelId = is_numeric($row['outq_channel'] ?? null) ? (int) $row['outq_channel'] : 0;
		$nick = self::nickOf($channelId);
		if ($nick !== null) {
			$url = self::word($row['outq_posturl'] ?? '');
			if (! str_starts_with($url, self::ORIGIN . '/')) {
				self::attempt($nick, "a delivery to $url");
			}
			$delivery['handled'] = true;
		}

		return $delivery;
	}

	/**
	 * Refuses a message to another hub that a scratch channel signs, such as to a directory. Null if it may go.
	 *
	 * @return ?array{success: false, header: string, body: string, return_code: int, error: string, debug: string}
	 */
	public static function refusal(mixed $url): ?array
	{
		/** @var list<array{function: string, class?: class-string, args?: list<mixed>}> $trace */
		$trace = debug_backtrace(0, 12);
		foreach ($trace as $frame) {
			$nick = $frame['function'] === 'zot' ? self::nickIn($frame['args'][2] ?? null) : null;
			if ($nick !== null) {
				self::attempt($nick, 'a message to ' . self::word($url));

				return [
					'success' => false,
					'header' => '',
					'body' => '',
					'return_code' => 0,
					'error' => 'filesync sends nothing for a scratch channel',
					'debug' => '',
				];
			}
		}

		return null;
	}

	/**
	 * Tells whether a channel that the hub is about to list in its own directory is a scratch channel; then the job
	 * that would list it is not to be tried again.
	 */
	public static function refusesListing(int $channelId): bool
	{
		$nick = self::nickOf($channelId);
		if ($nick === null) {
			return false;
		}
		self::attempt($nick, 'the hub was to list it in its directory');
		self::forgetListing($channelId);

		return true;
	}

	/** Removes the jobs of the hub that would list a channel in a directory. */
	public static function forgetListing(int $channelId): void
	{
		foreach (Table::missing(['workerq']) === [] ? ["\"$channelId\"", "$channelId"] : [] as $number) {
			foreach ([',', ']'] as $end) {
				Table::delete('workerq', ['workerq_data like' => "%\"Directory\",$number$end%"]);
			}
		}
	}

	/** Returns the name of a channel whose row core gives us if it is a scratch channel, or null. */
	private static function nickIn(mixed $row): ?string
	{
		return is_array($row)
		&& isset($row['channel_address'])
		&& is_string($row['channel_address'])
		&& self::isNick($row['channel_address'])
			? $row['channel_address']
			: null;
	}

	/** Returns a channel's name if it is a scratch channel. */
	private static function nickOf(int $channelId): ?string
	{
		return (
			$channelId > 0
				? self::nickIn(Table::first('channel', ['channel_id' => $channelId], '', 'channel_address'))
				: null
		);
	}

	/** Records that something was to be sent for a scratch channel; the rehearsal fails by it. */
	private static function attempt(string $nick, string $what): void
	{
		try {
			Log::write("refused for $nick: $what");
			Table::update('filesync_scratch', ['attempt' => $what], ['nick' => $nick, 'attempt' => '']);
		} catch (\Throwable $e) {
			// It is refused all the same.
			Log::failure('recording a refusal', $e);
		}
	}

	/**
	 * Calls something if this process ends before its time: the hub ended it, or a fatal error. It is told the error;
	 * if it returns true, the process ends with status 1.
	 *
	 * @param \Closure(?string): bool $work
	 */
	public static function ifEnded(\Closure $work): void
	{
		$root = (string) getcwd();
		register_shutdown_function(function () use ($work, $root): void {
			if (is_dir($root)) {
				chdir($root);
			}
			$error = error_get_last();
			$isFatal =
				$error !== null && in_array($error['type'], [E_ERROR, E_PARSE, E_CORE_ERROR, E_COMPILE_ERROR], true);
			while (self::isOn() && ob_get_level() > 0 && ob_end_clean());
			if ($work($isFatal ? (strtok($error['message'], "\n") ?: null) : null)) {
				exit(1);
			}
		});
	}

	private static function word(mixed $value): string
	{
		return is_string($value) ? mb_substr(mb_scrub($value), 0, 100) : '';
	}
}

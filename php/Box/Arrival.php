<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Body;
use FileSync\Addon\Door\Entry;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Door\Room;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Door\Spool;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The body of a request on its way to disk, under a name that nobody knows, and then under its digest. Who is killed
 * leaves a file and an entry that are swept an hour later.
 */
final class Arrival
{
	/** Of a body without a length, so much is accounted for at a time. */
	private const STEP_BYTES = 16 << 20;
	private const STALE_SECONDS = 3600;
	private const MARK = 'drop box';

	private int $count = 0;
	private int $counted = 0;
	/** @var resource */
	private $file;

	private function __construct(
		private readonly Body $body,
		private readonly Channel $channel,
		private readonly Session $session,
		private readonly Entry $entry,
		private readonly string $path,
		private readonly \HashContext $hash,
	) {
		$file = fopen($path, 'xb');
		$this->file = $file ?: throw Refusal::full();
	}

	/**
	 * Takes a body.
	 *
	 * @param ?int $expected How many bytes the client says otherwise than by its length.
	 *
	 * @throws Refusal It is cut, there is no room for it, or too many are on their way.
	 */
	public static function take(Body $body, Channel $channel, Session $session, ?int $expected): Arrived
	{
		$length = $body->length ?? 0;
		$most = Config::number('upload_open_entries');
		if (Entry::open($session) >= $most) {
			throw self::tooMany($most);
		}
		Room::of($channel, $session)->need($length, $length);
		self::needTemp($length);
		$token = hash('sha256', Token::make());
		Entry::add($session, $token, $length, self::MARK);
		$entry = Entry::find($session, $token) ?? throw new \RuntimeException('an entry vanished');
		$path = Intake::folder($channel->id, $session->id) . '/' . Intake::arriving($token);
		try {
			$arrival = new self($body, $channel, $session, $entry, $path, hash_init('sha256'));

			return $arrival->receive($expected);
		} finally {
			$entry->remove();
			@unlink($path);
		}
	}

	/** Says that so many have begun and are not whole. */
	public static function tooMany(int $most): Refusal
	{
		return new Refusal(
			507,
			'too_many_open',
			"$most files are empty or on their way, as many as may be at once. Send their bytes, or delete some.",
			['limit' => $most],
		);
	}

	/** Removes what killed requests left. */
	public static function sweep(Session $session): void
	{
		foreach (Entry::abandoned($session, self::MARK, self::STALE_SECONDS) as $entry) {
			$path = Intake::folder($session->channelId, $session->id) . '/' . Intake::arriving($entry->sha256);
			if ((int) @filemtime($path) <= (Clock::now() - self::STALE_SECONDS)) {
				@unlink($path);
				$entry->remove();
			}
		}
	}

	private function receive(?int $expected): Arrived
	{
		$spool = new Spool(dirname($this->path, 2));
		try {
			$this->body->read(function (string $piece) use ($spool): void {
				$spool->look();
				$this->write($piece);
			});
		} finally {
			$spool->end();
		}
		foreach (array_filter([$this->body->length, $expected], is_int(...)) as $length) {
			if ($this->count !== $length) {
				throw new Refusal(
					400,
					'body_cut',
					"Only $this->count of $length bytes came: the connection was cut. Send the file again.",
					['received_bytes' => $this->count, 'expected_bytes' => $length],
				);
			}
		}
		if (! fflush($this->file) || ! fsync($this->file)) {
			throw Refusal::full();
		}
		fclose($this->file);

		return $this->place(hash_final($this->hash));
	}

	private function write(string $piece): void
	{
		if (fwrite($this->file, $piece) !== strlen($piece)) {
			throw Refusal::full();
		}
		hash_update($this->hash, $piece);
		$this->count += strlen($piece);
		if (($this->count - $this->counted) < self::STEP_BYTES) {
			return;
		}
		$this->counted = $this->count;
		$this->session->touch();
		$this->session->ask();
		// What was stated is accounted for already.
		if ($this->count > ($this->body->length ?? 0)) {
			$this->entry->resize($this->count);
			Room::of($this->channel, $this->session)->need(self::STEP_BYTES, $this->count);
			self::needTemp(self::STEP_BYTES);
		}
	}

	private function place(string $sha256): Arrived
	{
		$path = Intake::folder($this->channel->id, $this->session->id) . '/' . Intake::place($sha256);
		if (! is_dir(dirname($path)) && ! @mkdir(dirname($path), 0700) && ! is_dir(dirname($path))) {
			throw Refusal::full();
		}
		if (! rename($this->path, $path)) {
			throw Refusal::full();
		}
		if (! Entry::find($this->session, $sha256)) {
			Entry::add($this->session, $sha256, $this->count, '');
		}
		Entry::completeAll($this->session, [$sha256]);

		return new Arrived($sha256, $this->count, $path);
	}

	/** PHP keeps a copy of the body in its temporary folder while it is read: what does not fit there would be cut. */
	private static function needTemp(int $bytes): void
	{
		$folder = sys_get_temp_dir();
		$free = @disk_free_space($folder);
		[$there, $here] = [@stat($folder), @stat('store')];
		$isSame = $there && $here && $there['dev'] === $here['dev'];
		$needed = $isSame ? 2 * $bytes : $bytes;
		if ($free !== false && $free < $needed) {
			throw new Refusal(
				507,
				'temp_short',
				sprintf(
					"The web server's folder for temporary files, %s, has room for %s, and this file needs %s there. Send it through the page for restoring or with the command, or ask the admin for more room.",
					$folder,
					Words::size((int) $free),
					Words::size($needed),
				),
			);
		}
	}
}

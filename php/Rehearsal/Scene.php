<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Stage;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Publish\Publish;
use FileSync\Addon\Publish\Scales;
use FileSync\Addon\Publish\Slice;
use FileSync\Addon\Send\Intentions;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The scratch channel of a rehearsal and its other hub: packets as that hub would send them, its bytes as they would
 * have arrived, and what would be sent to it.
 *
 * @type Row = array{hash: string, filename: string, folder: string, edited: string, ...<string, mixed>}
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 */
final class Scene implements Slice
{
	/** Follow-ups that ask no other hub, and the parts that need them. */
	private const FOLLOW_UPS = [
		'access' => Parts::POSTS,
		'announce' => Parts::SENDER,
		'brake' => Parts::RECEIVER,
		'conflict' => Parts::RECEIVER,
		'deleted' => Parts::SENDER,
		'drop' => Parts::POSTS,
		'items' => Parts::POSTS,
		'move' => Parts::RECEIVER,
		'relocate' => Parts::POSTS,
	];
	private const MOST_ROUNDS = 2;
	private const MOST_TRIES = 20;
	private const TRY_MICROSECONDS = 50000;

	public readonly Channel $channel;
	public readonly Stage $stage;
	/** @var array<string, string> What the other hub has, by hash and scale. */
	private array $bytes = [];
	/** @var array<string, true> What was taken of it. */
	private array $fetched = [];
	private int $files = 0;
	private int $seconds = 0;

	public function __construct(private readonly Scratch $scratch)
	{
		$this->channel = $scratch->channel;
		$this->stage = new Stage($this->channel);
	}

	/** Returns the hash of a new file. It begins with the channel's name, so that all that names it can be found. */
	public function hash(): string
	{
		// No hyphen and number at its end: that is how hubs write the scales of a photo.
		return "{$this->channel->nick}x" . ++$this->files;
	}

	/** Returns a date later than all before, and in the past. */
	public function date(): string
	{
		return gmdate('Y-m-d H:i:s', Clock::now() - 7200 + (5 * ++$this->seconds));
	}

	/** Returns the list of people in which only the channel is. */
	public function onlyMe(): string
	{
		return "<{$this->channel->hash}>";
	}

	/**
	 * Returns a row of a file or folder as the other hub has it.
	 *
	 * @param array<string, mixed> $columns
	 *
	 * @return Row
	 */
	public function row(string $hash, array $columns = []): array
	{
		$date = $this->date();

		/** @var Row */
		return $columns
		+ [
			'id' => 11,
			'aid' => 12,
			'uid' => 13,
			'hash' => $hash,
			'creator' => $this->channel->hash,
			'filename' => "$hash.txt",
			'filetype' => 'text/plain',
			'filesize' => 0,
			'revision' => 0,
			'folder' => '',
			'flags' => 0,
			'is_dir' => 0,
			'is_photo' => 0,
			'os_storage' => 1,
			'os_path' => $hash,
			'display_path' => 'elsewhere',
			'content' => "store/elsewhere/$hash",
			'created' => $date,
			'edited' => $date,
			'allow_cid' => $this->onlyMe(),
			'allow_gid' => '',
			'deny_cid' => '',
			'deny_gid' => '',
			'term' => [],
		];
	}

	/**
	 * Returns the row of a folder as the other hub has it.
	 *
	 * @return Row
	 */
	public function folder(string $hash, string $name, string $parent = ''): array
	{
		return $this->row($hash, [
			'filename' => $name,
			'folder' => $parent,
			'is_dir' => 1,
			'filetype' => 'multipart/mixed',
		]);
	}

	/**
	 * Returns what a packet says of a file, or of the last of some folders.
	 *
	 * @param list<array> $rows From the root down.
	 */
	public function entry(array ...$rows): array
	{
		return [
			'fetch_url' => Rehearsing::ORIGIN . '/getfile',
			'original_channel' => Rehearsing::NICK_THERE,
			'attach' => $rows,
		];
	}

	/** Returns what a packet says of a delete. */
	public function deleteOf(string $hash): array
	{
		return $this->entry(['hash' => $hash, 'deleted' => 1]);
	}

	/** Lets the other hub have the bytes of a file or of a scale, and returns their number. */
	public function has(string $hash, string $bytes, int $scale = 0): int
	{
		$this->bytes["$hash-$scale"] = $bytes;

		return strlen($bytes);
	}

	/** Hands packets to the hub. */
	public function receive(array ...$entries): void
	{
		$this->stage->receive($entries);
		$refused = Table::first('filesync_packet', ['uid' => $this->channel->id], '', 'reason');
		Seen::unless($refused === null, 'the packet was held: ' . ($refused['reason'] ?? ''));
	}

	/**
	 * Hands the packet of a new file to the hub, and looks whether it reached filesync: nothing is shown yet.
	 *
	 * @throws Seen
	 */
	public function receiveNew(string $hash, array $entry): void
	{
		$this->receive($entry);
		if ($this->attach($hash)) {
			throw new Seen(
				"the file was shown before its bytes were here: the hub's own receiver took the packet",
				[Parts::RECEIVER],
			);
		}
		Queue::find($this->channel->id, $hash, 0) ?? throw new Seen('the packet did not reach filesync', [
			Parts::RECEIVER,
		]);
	}

	/** Does what a worker does once all bytes have arrived: puts them in place, and makes the calls that follow. */
	public function publish(): void
	{
		$publish = new Publish($this->channel, $this->scratch->token(), fn () => $this->beat($this->channel->id));
		// A scale that cannot be made here is fetched after all.
		for ($round = 1; $round <= self::MOST_ROUNDS; $round++) {
			foreach (Queue::claim($this->channel->id, $this->scratch->token(), 64) as $transfer) {
				$this->arrived($transfer, $publish);
			}
			(new Scales($this->channel, $this->scratch->token(), $publish, $this))->run();
			$publish->publishVerified();
		}
		$this->follow();
	}

	/** Lets the bytes of a transfer be here, as if they had been fetched. */
	private function arrived(Transfer $transfer, Publish $publish): void
	{
		$bytes = $this->bytes["$transfer->hash-$transfer->scale"] ?? throw new Seen(
				"scale $transfer->scale of a file is wanted, and was not announced",
			);
		$this->fetched["$transfer->hash-$transfer->scale"] = true;
		$path = Store::dataRoot($this->channel->id, true) . "/{$transfer->partialName()}.partial";
		file_put_contents($path, $bytes);
		$verified = Queue::advance($transfer, TransferState::LEASED, TransferState::VERIFIED, [
			'sha256' => hash('sha256', $bytes),
			'size_bytes' => strlen($bytes),
			'result' => (string) json_encode([
				'origin' => Rehearsing::ORIGIN,
				'rung' => 'rehearsal',
				'proof' => ['bytes'],
			]),
			'attempts' => 0,
			'kind' => '',
			'reason' => '',
		]);
		$publish->publish($verified ?? throw new Seen('the queue lost a transfer'));
	}

	/** Tells whether the bytes of a scale came from the other hub. */
	public function hasFetched(string $hash, int $scale): bool
	{
		return isset($this->fetched["$hash-$scale"]);
	}

	/** Tells whether a file with bytes is there; a job of the hub may just be writing it again. */
	public function isThere(string $path): bool
	{
		clearstatcache();
		for ($try = 1; $try < self::MOST_TRIES && is_file($path) && (int) filesize($path) === 0; $try++) {
			usleep(self::TRY_MICROSECONDS);
			clearstatcache();
		}

		return is_file($path) && (int) filesize($path) > 0;
	}

	/** Makes the calls that follow a change. */
	public function follow(): void
	{
		$kinds = array_keys(self::FOLLOW_UPS);
		Outbox::run($this->channel->id, $kinds);
		$failed = Table::first(
			'filesync_outbox',
			['uid' => $this->channel->id, 'state' => 'due', 'kind' => $kinds, 'attempts >' => 0],
			'',
			'kind, reason',
		);
		if ($failed) {
			throw new Seen(
				"a call after the change failed: {$failed['kind']}: {$failed['reason']}",
				[
					self::FOLLOW_UPS[$failed['kind']] ?? Parts::RECEIVER,
				],
			);
		}
	}

	/**
	 * Has the hub receive a file with these bytes, and put it in place.
	 *
	 * @param array<string, mixed> $columns
	 *
	 * @return Row Its row as the other hub has it.
	 */
	public function arrive(string $bytes, array $columns = [], array ...$folders): array
	{
		$row = $this->row($this->hash(), ['filesize' => strlen($bytes)] + $columns);
		$this->has($row['hash'], $bytes);
		$this->receive($this->entry(...[...$folders, $row]));
		$this->publish();
		$this->expect($row, $bytes);
		Rehearsing::caught();

		return $row;
	}

	/**
	 * Has the owner upload a file, and returns its row. Steps that are not about packets begin with one, so that
	 * they do not fail with those.
	 *
	 * @return AttachRow
	 */
	public function own(string $bytes, string $ending = 'txt'): array
	{
		$hash = $this->hash();
		$this->stage->upload($hash, "$hash.$ending", $bytes);
		$this->sent();

		return $this->attach($hash) ?? throw new Seen('the file for this step could not be uploaded');
	}

	/**
	 * Returns the row of a file here, or null.
	 *
	 * @return ?AttachRow
	 */
	public function attach(string $hash): ?array
	{
		return Store::attach($this->channel->id, $hash);
	}

	/**
	 * Looks whether a file is here as the other hub said.
	 *
	 * @throws Seen
	 */
	public function expect(array $row, string $bytes): void
	{
		$own = $this->attach((string) $row['hash']);
		$state = Queue::find($this->channel->id, (string) $row['hash'], 0);
		$why = $state && $state->reason !== '' ? ": $state->reason" : '';
		$own ?? throw new Seen("the file has no row$why");
		$own['edited'] = substr($own['edited'], 0, 19);
		foreach ([
			'filename',
			'folder',
			'filetype',
			'filesize',
			'is_dir',
			'is_photo',
			'creator',
			'edited',
			'allow_cid',
			'allow_gid',
			'deny_cid',
			'deny_gid',
		] as $column) {
			Seen::same($row[$column], $own[$column], "attach.$column");
		}
		$path = $own['content'];
		Seen::same("store/{$this->channel->nick}/{$own['os_path']}", $path, 'attach.content');
		clearstatcache();
		Seen::unless(is_file($path), "the file's bytes are not where its row says");
		Seen::unless((string) @file_get_contents($path) === $bytes, "the file's bytes are others than those sent");
	}

	/**
	 * Ends what an owner's request began, and returns what would now be sent to other hubs, by filesync and by core.
	 *
	 * @return list<array> Entries of packets.
	 */
	public function sent(): array
	{
		Intentions::flush();
		$this->follow();

		return self::entries([...Rehearsing::caught(), ...$this->scratch->queued()]);
	}

	/**
	 * Returns what packets say of files.
	 *
	 * @param list<array> $packets
	 *
	 * @return list<array>
	 *
	 * @throws Seen
	 */
	private static function entries(array $packets): array
	{
		$entries = [];
		foreach ($packets as $packet) {
			Seen::unless($packet !== [], 'the hub sends something on its own that cannot be read', [Parts::SENDER]);
			$files = is_array($packet['file'] ?? null) ? $packet['file'] : [];
			array_push($entries, ...array_values(array_filter($files, is_array(...))));
		}

		return $entries;
	}

	/**
	 * Looks whether a file's present state is sent, once and whole.
	 *
	 * @throws Seen
	 */
	public function expectSent(string $hash): array
	{
		$entries = array_values(array_filter($this->sent(), fn ($entry) => self::isOf($entry, $hash)));
		Seen::unless($entries !== [], 'nothing would be sent to other hubs');
		Seen::unless(count($entries) === 1, count($entries) . ' packets would be sent to other hubs, in place of one');
		$entry = $entries[0];
		$last = self::last($entry);
		$own = $this->attach($hash) ?? throw new Seen('the file has no row');
		foreach (['filename', 'folder', 'filesize', 'filetype', 'allow_cid', 'is_photo'] as $column) {
			Seen::same(
				$own[$column],
				(string) ($last[$column] ?? '') === (string) $own[$column]
					? $own[$column]
					: $last[$column] ?? null,
				"$column in the packet",
			);
		}
		Seen::unless(
			is_string($entry['fetch_url'] ?? null) && str_ends_with($entry['fetch_url'], '/getfile'),
			'the packet has no fetch_url',
		);
		Seen::unless(isset($entry['filesync']['revision']), 'the packet says nothing of the order of changes');
		foreach (self::rows($entry['photo'] ?? null) as $photo) {
			$content = is_string($photo['content'] ?? null) ? $photo['content'] : '';
			Seen::unless(
				(string) ($photo['imgscale'] ?? '') === '0' || strlen($content) < 1024,
				'the packet has the bytes of thumbnails in it',
			);
		}

		return $entry;
	}

	/**
	 * Looks whether a delete is sent, once.
	 *
	 * @throws Seen
	 */
	public function expectDeleteSent(string $hash): void
	{
		$entries = array_values(array_filter($this->sent(), fn ($entry) => self::isOf($entry, $hash)));
		Seen::unless($entries !== [], 'the delete would not be sent to other hubs');
		Seen::unless(count($entries) === 1, count($entries) . ' packets would be sent to other hubs, in place of one');
		Seen::unless(! empty(self::last($entries[0])['deleted']), 'the packet does not say that the file was deleted');
		Seen::unless(
			isset($entries[0]['filesync']['gone']),
			'the packet does not say which versions the delete has seen',
		);
	}

	/**
	 * Does something, and looks whether core sends files on its own meanwhile, beside those that were looked at.
	 *
	 * @throws Seen
	 */
	public function watch(\Closure $work): void
	{
		$this->scratch->elsewhere(function () use ($work): void {
			$work();
			$sent = count(self::entries($this->scratch->queued()));
			Seen::unless($sent === 0, "the hub sends on what it received: $sent entries of packets", [Parts::SENDER]);
		});
	}

	/** Ends what a step that went wrong may have begun, so that the next one finds nothing of it. */
	public function clear(): void
	{
		Intentions::flush();
		Rehearsing::caught();
		$this->scratch->queued();
		$of = ['uid' => $this->channel->id];
		Table::delete('filesync_outbox', $of + ['attempts >' => 0]);
		Table::delete('filesync_packet', $of);
		Table::delete('filesync_transfer', $of + ['state' => Queue::LIVE]);
	}

	public function isOver(): bool
	{
		return false;
	}

	public function isTurnOver(): bool
	{
		return false;
	}

	public function doOthersWait(): bool
	{
		return false;
	}

	public function beat(int $channelId): void
	{
		$this->scratch->goOn();
	}

	private static function isOf(mixed $entry, string $hash): bool
	{
		return is_array($entry) && (self::last($entry)['hash'] ?? '') === $hash;
	}

	/** @return array<string, scalar|null> The row that an entry is about; empty if it has none. */
	public static function last(array $entry): array
	{
		$rows = self::rows($entry['attach'] ?? null);

		return $rows === [] ? [] : $rows[count($rows) - 1];
	}

	/** @return list<array<string, scalar|null>> */
	public static function rows(mixed $given): array
	{
		/** @var list<array<string, scalar|null>> */
		return is_array($given) ? array_values(array_filter($given, is_array(...))) : [];
	}
}

<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Restore\Intake;
use FileSync\Exception\CorruptException;
use FileSync\Exception\LimitException;
use FileSync\Exception\PeerBusyException;
use FileSync\Exception\StorageException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The files of a session as uploads of tus 1.0: core, creation, creation-with-upload, checksum, expiration,
 * termination. An upload is named by the digest of its bytes, so that whoever has the file can go on with it.
 */
final class Tus
{
	public const VERSION = '1.0.0';
	public const EXTENSIONS = ['creation', 'creation-with-upload', 'checksum', 'expiration', 'termination'];
	public const CHECKSUMS = ['sha256', 'sha1'];
	private const CONTENT_TYPE = 'application/offset+octet-stream';
	/** A status of tus itself. Some web servers make 500 of it: the header `Refusal::HEADER` says it too. */
	private const CHECKSUM_WRONG = 460;
	/** Without a checksum of the piece, so much is forced to disk at once. */
	private const KEEP_BYTES = 16 << 20;
	private const MOST_METADATA = 4096;

	public function __construct(
		private readonly Request $request,
		private readonly Channel $channel,
		private readonly Session $session,
	) {}

	/** Answers OPTIONS: what this server can. */
	public static function options(): Response
	{
		$largest = Config::number('file_max_bytes');

		return new Response(204, [
			'Tus-Resumable' => self::VERSION,
			'Tus-Version' => self::VERSION,
			'Tus-Extension' => implode(',', self::EXTENSIONS),
			'Tus-Checksum-Algorithm' => implode(',', self::CHECKSUMS),
			'Cache-Control' => 'no-store',
		] + ($largest > 0 ? ['Tus-Max-Size' => (string) $largest] : []));
	}

	/**
	 * Fails unless the client speaks this version.
	 *
	 * @throws Refusal
	 */
	public static function needVersion(Request $request): void
	{
		if ($request->header('tus-resumable') !== self::VERSION) {
			throw new Refusal(
				412,
				'tus_version',
				'This is tus ' . self::VERSION . ': send Tus-Resumable: ' . self::VERSION . '.',
				[],
				['Tus-Version' => self::VERSION],
			);
		}
	}

	/** Begins an upload, and takes its first bytes if they come with it. */
	public function create(): Response
	{
		$sizeBytes = $this->number('upload-length');
		if ($this->request->header('upload-defer-length') !== null || $sizeBytes === null) {
			throw new Refusal(400, 'length_missing', 'Upload-Length must say how many bytes the file has.');
		}
		$metadata = (string) $this->request->header('upload-metadata');
		$sha256 = self::sha256($metadata);
		$body = Body::of($this->request);
		$brings = $body->isThere() && $body->isOfType(self::CONTENT_TYPE);
		$known = Entry::find($this->session, $sha256);
		if (! $known) {
			$this->need($sizeBytes);
			Entry::add($this->session, $sha256, $sizeBytes, $metadata);
			$known = Entry::find($this->session, $sha256);
			$this->needWithin($known, $sizeBytes);
		}
		if (! $known || $known->sizeBytes !== $sizeBytes) {
			throw new Refusal(
				409,
				'size_differs',
				sprintf('A file with this digest was begun with %d bytes.', $known->sizeBytes ?? 0),
			);
		}
		$known = $this->current($known);
		$offset = $this->offset($known);
		if (! $known->isWhole && ($sizeBytes === 0 || ($brings && $offset === 0))) {
			$offset = $this->receive($known, 0, $body);
		}

		return new Response(
			201,
			['Location' => $this->location($sha256), 'Upload-Offset' => (string) $offset] + $this->headers(),
		);
	}

	/** Says how much of an upload is here. */
	public function head(string $sha256): Response
	{
		$entry = $this->find($sha256);

		return new Response(200, [
			'Upload-Offset' => (string) $this->offset($entry),
			'Upload-Length' => (string) $entry->sizeBytes,
			'Upload-Metadata' => $entry->metadata,
		] + $this->headers());
	}

	/** Takes bytes at the offset. */
	public function patch(string $sha256): Response
	{
		$body = Body::of($this->request);
		if (! $body->isOfType(self::CONTENT_TYPE)) {
			throw new Refusal(415, 'content_type', 'Send the bytes with Content-Type: ' . self::CONTENT_TYPE . '.');
		}
		$offset = $this->number('upload-offset');
		if ($offset === null) {
			throw new Refusal(400, 'offset_missing', 'Upload-Offset must say where the bytes belong.');
		}
		$entry = $this->find($sha256);
		if ($entry->isWhole && ($offset !== $entry->sizeBytes || $body->isThere())) {
			throw $this->elsewhere($entry->sizeBytes);
		}

		return new Response(
			204,
			['Upload-Offset' => (string) ($entry->isWhole ? $offset : $this->receive($entry, $offset, $body))]
			+ $this->headers(),
		);
	}

	/** Ends an upload, and frees its bytes. */
	public function delete(string $sha256): Response
	{
		$lock = Intake::lock($this->channel->id, $this->session->id);
		$lock->wait();
		try {
			$entry = $this->find($sha256);
			$store = $this->store();
			// Whoever writes it keeps it, and nobody begins to before its row is gone.
			$upload = $entry->isWhole ? null : $this->open($store, $entry);
			$store->remove(Intake::place($sha256));
			\FileSync\Upload::remove($store, Intake::arriving($sha256));
			$entry->remove();
			unset($upload);
		} finally {
			$lock->release();
		}

		return new Response(204, ['Tus-Resumable' => self::VERSION, 'Cache-Control' => 'no-store']);
	}

	/** @return int The offset afterwards. */
	private function receive(Entry $entry, int $offset, Body $body): int
	{
		$checksum = $this->checksum();
		$store = $this->store();
		$store->makeFolder(dirname(Intake::place($entry->sha256)));
		$upload = $this->open($store, $entry);
		if ($upload->lengthBytes() !== $offset) {
			throw $this->elsewhere($upload->lengthBytes());
		}
		if ($body->length !== null && $body->length > ($entry->sizeBytes - $offset)) {
			throw self::beyond($entry);
		}
		$spool = new Spool(Intake::folder($this->channel->id, $this->session->id));
		$hash = $checksum ? hash_init($checksum[0]) : null;
		$keptAt = $offset;
		$take = function (string $piece) use ($upload, $spool, $hash, &$keptAt): void {
			$spool->look();
			$upload->write($piece);
			if ($hash) {
				hash_update($hash, $piece);
			} elseif (($upload->lengthBytes() - $keptAt) >= self::KEEP_BYTES) {
				$keptAt = $upload->keep();
			}
		};
		try {
			$count = $body->read($take);
			if ($hash && $checksum && ! hash_equals($checksum[1], hash_final($hash, true))) {
				throw new Refusal(
					self::CHECKSUM_WRONG,
					'checksum_wrong',
					"The bytes do not have the $checksum[0] that Upload-Checksum states. They were thrown away: send them again.",
					[],
					$this->headers(),
				);
			}
			$length = $upload->lengthBytes();
			if ($upload->isWhole()) {
				$this->place($entry, $upload);
			} else {
				$upload->keep();
			}
			$this->session->touch();
			if ($body->length !== null && $count < $body->length) {
				throw Body::cut($count, $body->length);
			}

			return $length;
		} catch (LimitException) {
			throw self::beyond($entry);
		} catch (StorageException $e) {
			Log::failure('the upload door', $e);
			throw Refusal::full();
		} finally {
			$spool->end();
		}
	}

	private function place(Entry $entry, \FileSync\Upload $upload): void
	{
		try {
			$upload->place(Intake::place($entry->sha256));
		} catch (CorruptException) {
			throw new Refusal(
				self::CHECKSUM_WRONG,
				'digest_wrong',
				'All bytes are here and are not those of this digest. They were thrown away: send the file again.',
				[],
				$this->headers(),
			);
		}
		$entry->complete();
	}

	private function open(\FileSync\Store $store, Entry $entry): \FileSync\Upload
	{
		try {
			return new \FileSync\Upload(
				$store,
				Intake::arriving($entry->sha256),
				$entry->spec() + ['headroom_bytes' => Config::number('headroom_bytes')],
			);
		} catch (PeerBusyException) {
			throw new Refusal(
				423,
				'upload_busy',
				'Another request writes this upload. Ask for the offset when it is over.',
				[],
				['Retry-After' => '1'],
			);
		}
	}

	/** Returns an upload that was begun. */
	private function find(string $sha256): Entry
	{
		$entry = preg_match(Bounds::DIGEST, $sha256) ? Entry::find($this->session, $sha256) : null;

		return $entry
			? $this->current($entry)
			: throw new Refusal(404, 'no_upload', 'There is no such upload. Begin it by POST.');
	}

	/** What was killed between the bytes and the table: the bytes count. */
	private function current(Entry $entry): Entry
	{
		$size = $this->store()->stat(Intake::place($entry->sha256))['size_bytes'] ?? null;
		if (! $entry->isWhole && $size === $entry->sizeBytes) {
			$entry->complete();
		} else {
			return $entry;
		}

		return Entry::find($this->session, $entry->sha256) ?? $entry;
	}

	private function offset(Entry $entry): int
	{
		return $entry->isWhole
			? $entry->sizeBytes
			: \FileSync\Upload::offsetOf($this->store(), Intake::arriving($entry->sha256), $entry->spec());
	}

	private function need(int $sizeBytes): void
	{
		$most = Config::number('upload_open_entries');
		if (Entry::open($this->session) >= $most) {
			throw self::tooMany($most);
		}
		Room::of($this->channel, $this->session)->need($sizeBytes, $sizeBytes);
	}

	/** Several that begin at the same moment do not exceed the bounds together. */
	private function needWithin(?Entry $entry, int $sizeBytes): void
	{
		$most = Config::number('upload_open_entries');
		try {
			if (Entry::open($this->session) > $most) {
				throw self::tooMany($most);
			}
			$room = Room::of($this->channel, $this->session);
			if (min($room->account, $room->disk) < 0) {
				$room->need($sizeBytes, $sizeBytes);
			}
		} catch (Refusal $e) {
			$entry?->remove();
			throw $e;
		}
	}

	private static function tooMany(int $most): Refusal
	{
		return new Refusal(
			409,
			'too_many_open',
			"$most files have begun to arrive and are not whole, as many as may be at once. Finish some of them first.",
			['limit' => $most],
		);
	}

	private static function beyond(Entry $entry): Refusal
	{
		return new Refusal(
			400,
			'beyond_length',
			"The bytes reach beyond the $entry->sizeBytes that Upload-Length stated. None of them was kept.",
		);
	}

	private function elsewhere(int $offset): Refusal
	{
		return new Refusal(
			409,
			'offset_differs',
			"The upload is at $offset. Go on from there.",
			['offset' => $offset],
			['Upload-Offset' => (string) $offset] + $this->headers(),
		);
	}

	/** @return ?array{string, string} The algorithm and the value that the bytes of this request have. */
	private function checksum(): ?array
	{
		$said = $this->request->header('upload-checksum');
		if ($said === null) {
			return null;
		}
		[$algorithm, $value] = [...explode(' ', $said, 2), ''];
		$bytes = base64_decode(trim($value), true);
		if (! in_array($algorithm, self::CHECKSUMS, true) || $bytes === false || $bytes === '') {
			throw new Refusal(
				400,
				'checksum_unknown',
				'Upload-Checksum is one of ' . implode(', ', self::CHECKSUMS) . ', a blank, and the value in base64.',
			);
		}

		return [$algorithm, $bytes];
	}

	/** Returns the digest that Upload-Metadata names. */
	private static function sha256(string $metadata): string
	{
		$missing = new Refusal(
			400,
			'metadata_wrong',
			'Upload-Metadata must have the key sha256: the digest of the whole file, 64 hex digits, in base64.',
		);
		if (strlen($metadata) > self::MOST_METADATA) {
			throw $missing;
		}
		$values = [];
		foreach ($metadata === '' ? [] : explode(',', $metadata) as $pair) {
			[$key, $value] = [...explode(' ', trim($pair), 2), ''];
			$text = base64_decode($value, true);
			if (! preg_match('/^[\x21-\x2b\x2d-\x7e]+$/D', $key) || isset($values[$key]) || $text === false) {
				throw $missing;
			}
			$values[$key] = $text;
		}
		$sha256 = $values['sha256'] ?? '';

		return preg_match(Bounds::DIGEST, $sha256) ? $sha256 : throw $missing;
	}

	private function number(string $header): ?int
	{
		$said = $this->request->header($header);
		if ($said === null) {
			return null;
		}

		return preg_match('/^\d{1,18}$/D', $said)
			? (int) $said
			: throw new Refusal(400, 'number_wrong', "$header must be a whole number, 0 or more.");
	}

	private function location(string $sha256): string
	{
		return $this->session->url() . "/upload/$sha256";
	}

	private function store(): \FileSync\Store
	{
		return new \FileSync\Store((string) realpath(Intake::folder($this->channel->id, $this->session->id)));
	}

	/** @return array<string, string> */
	private function headers(): array
	{
		return [
			'Tus-Resumable' => self::VERSION,
			'Upload-Expires' => gmdate('D, d M Y H:i:s', $this->session->expires()) . ' GMT',
			'Cache-Control' => 'no-store',
		];
	}
}

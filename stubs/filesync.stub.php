<?php

/**
 * The extension `filesync` as an IDE sees it. Compared with Reflection of the loaded extension by `make test`,
 * so it cannot drift. Sizes are bytes, times are UTC, paths are relative to a store root and separated by `/`.
 */

namespace FileSync {

	/**
	 * Moves many files from the clones of one channel into one folder, a bounded step at a time.
	 *
	 * Bytes arrive in `<name>.partial` beside a `<name>.index` that survives a crash, so the next batch goes on
	 * from the byte that was reached. A batch belongs to the process that made it.
	 */
	final class TransferBatch
	{
		/**
		 * Prepares a batch. Opens no connection.
		 *
		 * @param array{
		 *   root: string,
		 *   channel_hash: string,
		 *   key_id: string,
		 *   private_key: string,
		 *   ca_file?: string,
		 *   allow_http?: bool,
		 *   allow_private_addresses?: bool,
		 *   parallel?: int,
		 *   ranges?: int,
		 *   bytes_per_second?: int,
		 *   store_root?: string
		 * } $options `root`: absolute path of an existing folder for the partial files. `key_id`: this clone's own
		 *   channel URL. `private_key`: the channel's RSA key, PEM. `ca_file`: PEM bundle to trust instead of the
		 *   system's. `parallel`: transfers under way at once, 1–16, default 4; where more wait, they take turns. `ranges`:
		 *   ranges of one large file under way at once where one alone would take long, 1–8, default 4, for
		 *   all files of a hub together. `bytes_per_second`:
		 *   most that the whole batch receives, 65536 or more, default no limit. `store_root`: absolute path of the folder
		 *   that `copies` of transfers are beneath.
		 *
		 * @throws Exception\InvalidInputException An option is missing, unknown or malformed; the message names it.
		 * @throws Exception\StorageException The root folder cannot be opened.
		 */
		public function __construct(array $options) {}

		/**
		 * Adds one transfer; it starts with the next step.
		 *
		 * @param array{
		 *   name: string,
		 *   hash: string,
		 *   scale: int,
		 *   size_bytes: int,
		 *   most_bytes?: int,
		 *   edited?: string,
		 *   sha256?: string,
		 *   mimetype?: string,
		 *   have_sha256?: string,
		 *   copies?: list<string>,
		 *   origins: list<array{url: string, nick: string, path: list<string>, dav?: bool, filesync?: bool, piece_bytes?: int}>
		 * } $transfer `name`: base name of the partial file, `[A-Za-z0-9._-]{1,128}`. `scale`: 0 (the file itself) to 9.
		 *   `size_bytes`: as the sync packet gave it. `most_bytes`: most that come, whatever a hub states; where one states more and
		 *   no other gives the file, the transfer fails with the kind `Limit` and the fact `stated_bytes`, before any byte came.
		 *   `edited`: `Y-m-d H:i:s` as the sync packet gave it. `sha256`: 64 hex digits if a clone gave them.
		 *   `origins`: hubs to ask, best first: root URL, the channel's nick there, the names of the folders and of
		 *   the file, whether the `/dav` rung may be used (default true), and whether the hub may be asked for tickets as one
		 *   that speaks filesync (default false); one that does not is read the stock way in the same run. `piece_bytes`: most
		 *   bytes that one request may ask of the hub, as `origins()` of an earlier batch told. `have_sha256`: digest of the
		 *   bytes that you show now; if the hub states the same, none come. `copies`: paths beneath `store_root` of files that
		 *   may have the same bytes; where a clone told the digest they are shared or copied and checked, never linked.
		 *
		 * @return int The number by which reports name this transfer.
		 *
		 * @throws Exception\InvalidInputException A key is missing, unknown or malformed; the message names it.
		 * @throws Exception\LimitException The size exceeds `filesync.max_file_bytes` or `most_bytes`.
		 */
		public function add(array $transfer): int {}

		/**
		 * Works for about `$budget_ms` milliseconds, or until a transfer ends.
		 *
		 * @param int $budget_ms 1 to 60000.
		 *
		 * @return list<array{
		 *   id: int,
		 *   name: string,
		 *   state: 'complete'|'failed'|'cancelled',
		 *   size_bytes: int,
		 *   received_bytes: int,
		 *   resumed_at_byte: int,
		 *   sha256: ?string,
		 *   edited: ?string,
		 *   origin: ?string,
		 *   rung: ?string,
		 *   proof: list<string>,
		 *   seconds: float,
		 *   error: ?array{kind: string, temporary: bool, message: string, retry_after_seconds: ?int, facts: array<string, string>}
		 * }> Transfers that ended. When `complete`, the partial file is whole, its size exact and on disk. `received_bytes`
		 *   counts the bytes of this run, `resumed_at_byte` where it began. `edited` and `size_bytes` are the origin's
		 *   own, which may be newer than the packet's. `rung` is the last way that brought bytes: `none`, `getfile`, `dav`,
		 *   `filedata`, `filesync`, `copy`, or `unchanged`, where there is no partial file. `proof` lists what was checked: `size`, `sha256`, `facts`, `filemeta`, `spot`, `twice`, `image`; `ticket` among them says that `sha256` is that of the origin's own ticket, and not the one that was given. `error.kind` is a class name of `FileSync\Exception` without `Exception`;
		 *   `error.facts` has what `message` names: `hub`, `status`, `path` and the like; `older_edited`, where the hub's row is older than `edited` asked for.
		 *
		 * @throws Exception\InvalidInputException The budget is out of range, or the batch belongs to another process.
		 */
		public function step(int $budget_ms): array {}

		/**
		 * Returns where each transfer stands that has not been reported yet.
		 *
		 * @return list<array{id: int, name: string, state: 'queued'|'active', size_bytes: int, offset_bytes: int, bytes_per_second: int, rung: ?string}>
		 */
		public function progress(): array {}

		/**
		 * Returns what the batch learnt about each origin hub.
		 *
		 * @return list<array{
		 *   url: string,
		 *   dav: 'untried'|'open'|'refused',
		 *   reason: ?string,
		 *   filesync: 'untried'|'open'|'refused',
		 *   filesync_reason: ?string,
		 *   version: ?string,
		 *   features: list<string>,
		 *   skew_seconds: ?int,
		 *   piece_bytes: ?int,
		 *   received_bytes: int,
		 *   failures: int
		 * }> `reason`: why `/dav` was dropped for this batch, `filesync_reason`: why tickets were. `version` and `features`: the
		 *   hub's filesync. `skew_seconds`: how far its clock is ahead of ours. `piece_bytes`: the length that it
		 *   gives in one request where longer ones die, else null, also where longer ones came through meanwhile. `failures`: transfers for which it was out of reach.
		 */
		public function origins(): array {}

		/**
		 * Returns the number of transfers that have not been reported yet.
		 */
		public function pending(): int {}

		/**
		 * Cancels one transfer; its partial file stays and can be resumed.
		 *
		 * @return bool False if it is unknown or was reported already.
		 */
		public function cancel(int $id): bool {}

		/**
		 * Stops every transfer, saves how far each came, and logs out of every origin. Called by the destructor too.
		 */
		public function close(): void {}
	}

	/**
	 * One folder and everything beneath it. No operation leaves it: `..`, absolute paths, NUL and symbolic links
	 * beneath the root are refused.
	 */
	final class Store
	{
		/**
		 * Opens a folder.
		 *
		 * @throws Exception\InvalidInputException The path is not absolute.
		 * @throws Exception\StorageException The folder cannot be opened.
		 */
		public function __construct(string $root) {}

		/**
		 * Returns the facts that identify a file's present content, or null if there is no such file.
		 *
		 * @return ?array{device: int, inode: int, size_bytes: int, mtime_ns: int, ctime_ns: int}
		 *
		 * @throws Exception\InvalidInputException The path leaves the root or is not a regular file.
		 * @throws Exception\StorageException The path cannot be read.
		 */
		public function stat(string $path): ?array {}

		/**
		 * Creates a folder and those above it beneath the root, mode 0770. One that exists is left alone.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root, or something else has its name.
		 * @throws Exception\StorageException The folder cannot be created.
		 */
		public function makeFolder(string $path): void {}

		/**
		 * Puts `$from` at `$to` beneath another store in one step and syncs both folders. A reader of `$to` sees the old
		 * file or the new one, never none. What stood at `$to` stands at `$from` afterwards.
		 *
		 * @param ?string $sha256 The digest that `$from` must have; checked when the two are on different devices,
		 *   where the bytes are copied.
		 *
		 * @return ?array{device: int, inode: int, size_bytes: int, mtime_ns: int, ctime_ns: int} Facts of the displaced
		 *   file, or null if there was none.
		 *
		 * @throws Exception\InvalidInputException A path leaves its root.
		 * @throws Exception\NotFoundException `$from` does not exist.
		 * @throws Exception\CorruptException The copied bytes do not have the digest.
		 * @throws Exception\StorageException The exchange failed; both files are where they were.
		 */
		public function exchange(string $from, Store $target, string $to, ?string $sha256 = null): ?array {}

		/**
		 * Moves a file within this store to a name that is free, and syncs both folders.
		 *
		 * @throws Exception\InvalidInputException A path leaves the root, or `$to` is taken.
		 * @throws Exception\NotFoundException `$from` does not exist.
		 * @throws Exception\StorageException The move failed.
		 */
		public function move(string $from, string $to): void {}

		/**
		 * Removes a file.
		 *
		 * @return bool False if there was none.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root or is a folder.
		 * @throws Exception\StorageException The file cannot be removed.
		 */
		public function remove(string $path): bool {}

		/**
		 * Returns the bytes that an unprivileged process may still write on this folder's device.
		 *
		 * @throws Exception\StorageException The device does not answer.
		 */
		public function freeBytes(): int {}
	}

	/**
	 * The SHA-256 of a file, computed a bounded step at a time.
	 */
	final class FileDigest
	{
		/**
		 * Opens the file.
		 *
		 * @throws Exception\InvalidInputException The path leaves the store's root or is not a regular file.
		 * @throws Exception\NotFoundException There is no such file.
		 * @throws Exception\StorageException The file cannot be opened.
		 */
		public function __construct(Store $store, string $path) {}

		/**
		 * Reads for about `$budget_ms` milliseconds.
		 *
		 * @param int $budget_ms 1 to 60000.
		 *
		 * @return bool True once the end was reached.
		 *
		 * @throws Exception\InvalidInputException The budget is out of range.
		 * @throws Exception\StorageException The file cannot be read.
		 */
		public function step(int $budget_ms): bool {}

		/**
		 * Returns the digest as 64 lower-case hex digits.
		 *
		 * @throws Exception\InvalidInputException The end has not been reached yet.
		 */
		public function sha256(): string {}

		/**
		 * Returns the number of bytes read so far.
		 */
		public function sizeBytes(): int {}
	}

	/**
	 * Rewrites what points at the origin hub so that it points at this hub: URLs of the channel's media (`/photo/`, `/attach/`)
	 * and pages (`/photos/`, `/album/`, `/cloud/`, `/channel/`, `/profile/` of its nick), matched as URLs. Ids, `[share]`
	 * blocks, other people and other hosts stay. Twice is once; there and back is the identity, unless the new home was named before.
	 */
	final class Relocator
	{
		/**
		 * Describes a move from one hub to another.
		 *
		 * @param array{from: string, from_nick: string, to: string, to_nick: string, own_media?: list<string>} $options Root
		 *   URLs and the channel's nick at both. `own_media`: hashes of the channel's files and photos; media of other hashes
		 *   belong to other people and stay. Without it all media of the origin hub are taken for the channel's.
		 *
		 * @throws Exception\InvalidInputException An option is missing, unknown or malformed; the message names it.
		 * @throws Exception\UnsupportedException A URL is neither http nor https.
		 */
		public function __construct(array $options) {}

		/**
		 * Rewrites bbcode, Markdown, HTML or a single URL.
		 */
		public function text(string $text): string {}

		/**
		 * Rewrites the string values of a JSON text; every other byte stays, also each string's way of escaping.
		 *
		 * @throws Exception\InvalidInputException It is no JSON.
		 */
		public function json(string $json): string {}

		/**
		 * Rewrites the strings of an array; keys and other values are copied.
		 *
		 * @throws Exception\LimitException It is nested deeper than 64.
		 */
		public function value(array $value): array {}

		/**
		 * Rewrites the fields of an item that may point at a hub: `body`, `summary`, `plink`, `obj`, `target`, `attach` (arrays
		 * or JSON text) and the `url` of each `term`; a packet's `permalink`, `object` and `tags` too. All others are copied.
		 * A changed `body` needs a new `sig`.
		 *
		 * @throws Exception\LimitException A field is nested deeper than 64.
		 */
		public function item(array $item): array {}

		/**
		 * Does the same for many items; keys and order stay.
		 *
		 * @param array<array> $items
		 *
		 * @throws Exception\InvalidInputException One is no array.
		 * @throws Exception\LimitException A field is nested deeper than 64.
		 */
		public function items(array $items): array {}

		/**
		 * Returns the hashes that URLs of files and photos at a hub name in a text or JSON text: what to look up for `own_media`.
		 *
		 * @return list<string> Sorted. A photo's name is there with and without `-scale`.
		 *
		 * @throws Exception\InvalidInputException The hub is no root URL.
		 */
		public static function mediaHashes(string $hub, string $text): array {}
	}

	/**
	 * Signs the bodies of items as hubs store it: `sha256.` and base64url of RSASSA-PKCS1-v1_5 with SHA-256.
	 */
	final class Signer
	{
		/**
		 * Parses the key once.
		 *
		 * @param string $private_key A channel's RSA key, PEM.
		 *
		 * @throws Exception\InvalidInputException It is none. The message never quotes it.
		 */
		public function __construct(string $private_key) {}

		/**
		 * Signs one body, exactly the bytes that are stored.
		 */
		public function sign(string $body): string {}

		/**
		 * Signs many bodies, on all cores.
		 *
		 * @param list<string> $bodies
		 *
		 * @return list<string> In the same order.
		 *
		 * @throws Exception\InvalidInputException One is no string.
		 */
		public function signAll(array $bodies): array {}

		/**
		 * Tells whether a signature belongs to a body; the older form without prefix is understood too.
		 *
		 * @param string $public_key The author's RSA key, PEM.
		 *
		 * @throws Exception\InvalidInputException The key is none.
		 */
		public static function verify(string $body, string $sig, string $public_key): bool {}
	}

	/**
	 * Signs whole documents with a channel's Ed25519 key: `eddsa-jcs-2022` of FEP-8b32.
	 */
	final class ProofSigner
	{
		/**
		 * Reads the key.
		 *
		 * @param string $private_key Base64 as hubs keep it (32 or 64 bytes), or multibase.
		 *
		 * @throws Exception\InvalidInputException It is neither. The message never quotes it.
		 */
		public function __construct(string $private_key) {}

		/**
		 * Returns a document with its proof.
		 *
		 * @param string $document A JSON object.
		 * @param string $method The key's URL: `<channel url>#<public key>`.
		 * @param string $created `Y-m-dTH:i:sZ`.
		 * @param bool $with_context Whether the document's `@context` becomes part of the proof.
		 *
		 * @throws Exception\InvalidInputException It is no JSON object.
		 */
		public function sign(string $document, string $method, string $created, bool $with_context = false): string {}

		/**
		 * Returns the public half as multibase text.
		 */
		public function publicKey(): string {}

		/**
		 * Checks the proof of a document.
		 *
		 * @param string $public_key Multibase, or base64 of 32 bytes.
		 *
		 * @throws Exception\SignatureException The proof is missing or does not hold.
		 * @throws Exception\UnsupportedException It is of another cryptosuite.
		 * @throws Exception\InvalidInputException It is no JSON object, or the key is none.
		 */
		public static function verify(string $document, string $public_key): void {}

		/**
		 * Returns a hub's public key, 32 bytes in base64, as multibase text.
		 *
		 * @throws Exception\InvalidInputException It is none.
		 */
		public static function multibase(string $public_key): string {}
	}

	/**
	 * What a channel holds, and in what two inventories differ, without either being sent: each file's hash with a fingerprint of
	 * its content and one of its metadata. The side that begins exchanges messages with the other until it knows all that only
	 * one of them has. Lives in native memory, about 80 bytes an entry; PHP's does not grow.
	 */
	final class Inventory
	{
		/**
		 * Makes an inventory that has no entries yet.
		 *
		 * @throws Exception\InvalidInputException A `filesync.*` setting of php.ini is malformed; the message names it.
		 */
		public function __construct() {}

		/**
		 * Adds a file.
		 *
		 * @param string $hash 1 to 64 bytes.
		 * @param string $content Any bytes that are equal where the content is.
		 * @param string $metadata Any bytes that are equal where the metadata is.
		 *
		 * @throws Exception\InvalidInputException The hash has another length, or the inventory is sealed.
		 * @throws Exception\LimitException The inventory holds 2,000,000 entries.
		 */
		public function add(string $hash, string $content, string $metadata): void {}

		/**
		 * Ends adding. Doing it twice is harmless.
		 */
		public function seal(): void {}

		/**
		 * Returns the number of entries.
		 */
		public function count(): int {}

		/**
		 * Returns the hash of the file that a key stands for, null if it is not here.
		 *
		 * @param string $key 16 hex digits, as `differences()` gives them.
		 *
		 * @throws Exception\InvalidInputException It is no key.
		 */
		public function find(string $key): ?string {}

		/**
		 * Begins a comparison.
		 *
		 * @return string The first message to the other side, binary, at most 256 KiB like all of them.
		 *
		 * @throws Exception\InvalidInputException The inventory is not sealed, or began already.
		 */
		public function begin(): string {}

		/**
		 * Answers a message of a side that began. Keeps nothing of it: a message may come twice, or never.
		 *
		 * @return string The answer, binary.
		 *
		 * @throws Exception\InvalidInputException It is no message, or the inventory is not sealed, or began itself.
		 * @throws Exception\LimitException It is longer than 256 KiB.
		 */
		public function answer(string $message): string {}

		/**
		 * Takes an answer.
		 *
		 * @return ?string The next message, binary; null once every difference is known.
		 *
		 * @throws Exception\InvalidInputException It is no message, or nothing was begun.
		 * @throws Exception\LimitException It is longer than 256 KiB, or there were too many of them, or too many differences.
		 */
		public function advance(string $message): ?string {}

		/**
		 * Returns how many answers were taken.
		 */
		public function rounds(): int {}

		/**
		 * Returns how many files differ.
		 *
		 * @throws Exception\InvalidInputException Not all are known yet.
		 */
		public function differenceCount(): int {}

		/**
		 * Returns some of the files that differ, in the order of their keys.
		 *
		 * @return list<array{key: string, hash: ?string, here: ?string, there: ?string, content: bool, metadata: bool}> `key`: 16 hex
		 *   digits that stand for the hash. `hash`: null of a file that only the other side has. `here`, `there`: the ids of the two
		 *   versions, null where it is missing. `content`, `metadata`: whether both have the file, with another.
		 *
		 * @throws Exception\InvalidInputException Not all are known yet, or a number is negative.
		 */
		public function differences(int $offset, int $limit): array {}

		/**
		 * Saves the inventory, with how far its comparison came, as a file that readers find whole or not at all.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root.
		 * @throws Exception\StorageException It cannot be written.
		 */
		public function save(Store $store, string $path): void {}

		/**
		 * Reads an inventory that was saved.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root or is not a regular file.
		 * @throws Exception\NotFoundException There is no such file.
		 * @throws Exception\CorruptException It is cut off, or none at all.
		 * @throws Exception\StorageException It cannot be read.
		 */
		public static function load(Store $store, string $path): Inventory {}

		/**
		 * Returns the id of a file's version, 64 hex digits, as `differences()` gives it.
		 */
		public static function id(string $hash, string $content, string $metadata): string {}
	}

	/**
	 * Scales photos as a hub does: one decode for all scales, upright, in sRGB, without metadata of the original, in its format.
	 * JPEG, PNG, GIF (first frame) and WebP (first frame). Scales 4 and 7 are cropped by a person and never made here.
	 *
	 * Decoding and scaling take native memory, at most `filesync.photo_memory_bytes` of php.ini; a photo takes at most
	 * `filesync.photo_seconds`, to which `max_execution_time` does not apply.
	 */
	final class Photo
	{
		/**
		 * There is nothing to construct: all methods are static.
		 *
		 * @throws \Exception Always.
		 */
		public function __construct() {}

		/**
		 * Returns what a photo's header says; decodes no pixels.
		 *
		 * @return array{mimetype: string, width: int, height: int, stored_width: int, stored_height: int, orientation: int} Pixels.
		 *   `width` and `height`: as shown, after turning by `orientation` (EXIF, 1 to 8).
		 *
		 * @throws Exception\NotFoundException There is no such file.
		 * @throws Exception\UnsupportedException Its format is not decoded here (SVG, AVIF, HEIC …); the message names it.
		 * @throws Exception\CorruptException Its header is broken.
		 * @throws Exception\LimitException It is larger than 256 MiB or claims more pixels than `filesync.max_photo_pixels`.
		 * @throws Exception\InvalidInputException The path leaves the store's root or is not a regular file.
		 * @throws Exception\StorageException It cannot be read.
		 */
		public static function facts(Store $store, string $path): array {}

		/**
		 * Returns the sizes that a hub gives scales.
		 *
		 * @param int $width As shown: of the original for scales 1 to 3, of scale 4 for 5 and 6, of scale 7 for 8 and 9.
		 * @param list<int> $scales 1, 2, 3, 5, 6, 8 or 9.
		 * @param ?array{max_thumbnail?: int} $options Those of `scale`.
		 *
		 * @return array<int, array{width: int, height: int}> By scale.
		 *
		 * @throws Exception\InvalidInputException A side or a scale is out of range.
		 */
		public static function sizes(int $width, int $height, array $scales, ?array $options = null): array {}

		/**
		 * Makes scales of one photo. Each is a new file, whole and on disk on return; after an exception none is there. Put them in place
		 * with `Store::exchange`.
		 *
		 * @param string $source The original for scales 1 to 3, scale 4 for 5 and 6, scale 7 for 8 and 9.
		 * @param array<int, string> $targets Scale to path beneath `$to`; the names must be free.
		 * @param ?array{jpeg_quality?: int, png_quality?: int, webp_quality?: int, max_thumbnail?: int, budget_ms?: int} $options
		 *   `jpeg_quality`: 1 to 100, default 100. `png_quality`: effort 0 to 9, default 8. `webp_quality`: 1 to 100, default 80.
		 *   `max_thumbnail`: longest side to which the hub's own external program shrinks originals first, if it has one; it
		 *   decides sizes by a pixel. `budget_ms`: see `scaleAll`.
		 *
		 * @return array<int, array{mimetype: string, width: int, height: int, size_bytes: int, sha256: string, profile_fault: ?string}> By
		 *   scale. `profile_fault` says why the original's colour profile was not used, if it has one that cannot be.
		 *
		 * @throws Exception\NotFoundException There is no such photo, or no folder for a target.
		 * @throws Exception\UnsupportedException Its format is not decoded here, or cannot hold a scale.
		 * @throws Exception\CorruptException It is damaged or ends early.
		 * @throws Exception\LimitException Too many bytes, pixels or seconds, more memory than allowed, or a scale with a side above
		 *   32,767 pixels or above 16 MiB; the message names the limit.
		 * @throws Exception\InvalidInputException A path leaves its root, a target's name is taken, scales of different sources are
		 *   asked for, or an option is unknown or out of range.
		 * @throws Exception\StorageException A file cannot be read or written.
		 */
		public static function scale(Store $from, string $source, Store $to, array $targets, ?array $options = null): array {}

		/**
		 * Does the same for many photos, on all cores; those at work together stay within `filesync.photo_memory_bytes`.
		 *
		 * @param array<array{source: string, targets: array<int, string>}> $jobs
		 * @param ?array{jpeg_quality?: int, png_quality?: int, webp_quality?: int, max_thumbnail?: int, budget_ms?: int} $options
		 *   `budget_ms`: no photo is begun after so many milliseconds, 1 to 3600000; default no limit.
		 *
		 * @return array<array{
		 *   scales: ?array<int, array{mimetype: string, width: int, height: int, size_bytes: int, sha256: string, profile_fault: ?string}>,
		 *   error: ?array{kind: string, temporary: bool, message: string, retry_after_seconds: ?int, facts: array<string, string>}
		 * }> By the keys of `$jobs`; photos that were not begun are left out. Either of the two is null.
		 *
		 * @throws Exception\InvalidInputException A job or an option is malformed; then nothing was begun.
		 */
		public static function scaleAll(Store $from, Store $to, array $jobs, ?array $options = null): array {}
	}

	/**
	 * Sends a range of a file as the response's body, in pieces of at most 256 KiB, and stops when the client is gone. Headers
	 * are the caller's, before the call; so is ending output buffers, which would collect the file in memory.
	 *
	 * @param string $root Absolute path of a folder; `$path` lies beneath it, with no symbolic link on the way.
	 * @param int $offset 0 to the file's size.
	 * @param int $length Ends at the file's end at the latest.
	 *
	 * @return int The bytes handed over. Fewer than `$length`: the client is gone.
	 *
	 * @throws Exception\InvalidInputException The path leaves the root or is not a regular file, or the range leaves the file.
	 * @throws Exception\NotFoundException There is no such file.
	 * @throws Exception\StorageException It cannot be read, or became shorter meanwhile.
	 */
	function send_file(string $root, string $path, int $offset, int $length): int {}
}

namespace FileSync\Exception {

	/** Everything that this extension throws. */
	class FileSyncException extends \Exception {}

	/** Worth retrying later. */
	class TemporaryException extends FileSyncException {}

	/** Retrying would not help. */
	class PermanentException extends FileSyncException {}

	/** Connecting, TLS, a time-out, a stall, or a connection that broke off. */
	final class NetworkException extends TemporaryException {}

	/** The origin hub answered 429 or 5xx, or sent nothing where there should be bytes; or another process is at work on the file. */
	final class PeerBusyException extends TemporaryException {}

	/** Disk full, permission denied, read-only. */
	final class StorageException extends TemporaryException {}

	/** A size or digest differs, ranges lie, a page came instead of a file. */
	final class CorruptException extends TemporaryException {}

	/** The origin hub said 401 or 403, or refused the signature. */
	final class RefusedException extends PermanentException {}

	/** The origin hub no longer has it, or there is no such file here. */
	final class NotFoundException extends PermanentException {}

	/** Too many bytes, pixels, redirects or seconds; the message names the limit. */
	final class LimitException extends PermanentException {}

	/** A scheme or format that is not handled. */
	final class UnsupportedException extends PermanentException {}

	/** A bad argument, key, URL or path; the message names it. */
	final class InvalidInputException extends PermanentException {}

	/** A signature did not verify. */
	final class SignatureException extends PermanentException {}
}

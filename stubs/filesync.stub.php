<?php

/**
 * The interface of the extension `filesync`, for IDEs. `make test` compares it with Reflection of the loaded extension,
 * so it cannot drift. Sizes are bytes, times are UTC, paths are relative to a store root and separated by `/`.
 */

namespace FileSync {

	/**
	 * Moves many files from the clones of one channel into one folder, a bounded step at a time.
	 *
	 * Bytes arrive in `<name>.partial` beside a `<name>.index` that survives a crash, so the next batch resumes
	 * where the last one stopped. A batch belongs to the process that made it.
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
		 *   system's. `parallel`: active transfers at once, 1–16, default 4, four small files counted as one, and two
		 *   of up to 8 MiB; if more wait, they take turns. `ranges`: active ranges of one large file at once if a
		 *   single one would take long, 1–8, default 4, for all files of a hub together. `bytes_per_second`: the
		 *   maximum rate of the whole batch, 65536 or more, default no limit. `store_root`: absolute path of the folder
		 *   above the `copies` of transfers.
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
		 *   origins: list<array{url: string, announced?: bool, nick: string, path: list<string>, dav?: bool, filesync?: bool, piece_bytes?: int}>
		 * } $transfer `name`: base name of the partial file, `[A-Za-z0-9._-]{1,128}`. `scale`: 0 (the file itself) to
		 *   9. `size_bytes`: as the sync packet gave it. `most_bytes`: most that come, whatever a hub states; where one
		 *   states more and no other gives the file, the transfer fails with the kind `Limit` and the fact
		 *   `stated_bytes` (the fewest that any of them states), before any byte came, unless the hub that announced
		 *   the file may answer later: then it fails with that. `edited`: `Y-m-d H:i:s` from the sync packet. `sha256`:
		 *   64 hex digits if a clone stated them. `origins`: hubs to ask, best first: root URL, whether the packet came
		 *   from it (default false), the channel's nick there, the names of the folders and of the file, whether the
		 *   `/dav` rung may be used (default true), and whether the hub may be asked for tickets because it speaks
		 *   filesync (default false); if it does not, it is read the stock way in the same run. `piece_bytes`: most
		 *   bytes in one request to the hub, from `origins()` of an earlier batch. `have_sha256`: digest of the bytes
		 *   that you show now; if the hub states the same, nothing is fetched. `copies`: paths beneath `store_root` of
		 *   files that may have the same bytes; if a clone stated the digest, they are shared or copied and checked,
		 *   never linked.
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
		 * }> Transfers that ended. When `complete`, the partial file is whole, its size exact and on disk.
		 *   `received_bytes` counts the bytes of this run, `resumed_at_byte` is its start. `edited` and `size_bytes`
		 *   are the origin's own, which may be newer than the packet's. `rung` is the last way that delivered bytes:
		 *   `none`, `getfile`, `dav`, `filedata`, `filesync`, `copy`, or `unchanged`, without a partial file. `proof`
		 *   lists the checks: `size`, `sha256`, `facts`, `filemeta`, `spot`, `twice`, `image`; `ticket` among them says
		 *   that `sha256` is that of the origin's own ticket, and not the one that was given. `error.kind` is a class
		 *   name of `FileSync\Exception` without `Exception`; `error.facts` holds the facts in `message`: `hub`,
		 *   `status`, `path` and others; `older_edited` if the hub's row is older than the requested `edited`.
		 *
		 * @throws Exception\InvalidInputException The budget is out of range, or the batch belongs to another process.
		 */
		public function step(int $budget_ms): array {}

		/**
		 * Returns the progress of each transfer that has not been reported yet.
		 *
		 * @return list<array{id: int, name: string, state: 'queued'|'active', size_bytes: int, offset_bytes: int,
		 *     bytes_per_second: int, rung: ?string}>
		 */
		public function progress(): array {}

		/**
		 * Returns what the batch has learnt about each origin hub.
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
		 * }> `reason`: why `/dav` was dropped for this batch, `filesync_reason`: why tickets were. `version` and
		 *   `features`: the hub's filesync. `skew_seconds`: by how much its clock is ahead of ours. `piece_bytes`: the
		 *   longest request that it answers if longer ones die; null if none die, or longer ones have succeeded since.
		 *   `failures`: transfers for which it was unreachable.
		 */
		public function origins(): array {}

		/**
		 * Returns the number of transfers that have not been reported yet.
		 */
		public function pending(): int {}

		/**
		 * Cancels one transfer; its partial file stays and can be resumed.
		 *
		 * @return bool False if it is unknown or already reported.
		 */
		public function cancel(int $id): bool {}

		/**
		 * Stops every transfer, saves its progress, and logs out of every origin. The destructor calls it too.
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
		 * Returns the facts that identify a file's present content, or null if it does not exist.
		 *
		 * @return ?array{device: int, inode: int, size_bytes: int, mtime_ns: int, ctime_ns: int}
		 *
		 * @throws Exception\InvalidInputException The path leaves the root or is not a regular file.
		 * @throws Exception\StorageException The path cannot be read.
		 */
		public function stat(string $path): ?array {}

		/**
		 * Creates a folder and those above it beneath the root, mode 0770. Existing ones are left alone.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root, or its name is taken by something else.
		 * @throws Exception\StorageException The folder cannot be created.
		 */
		public function makeFolder(string $path): void {}

		/**
		 * Puts `$from` at `$to` beneath another store in one step and syncs both folders. A reader of `$to` sees the
		 * old file or the new one, never none. The displaced file is at `$from` afterwards.
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
		 * Moves a file within this store to an unused name, and syncs both folders.
		 *
		 * @throws Exception\InvalidInputException A path leaves the root, or `$to` is taken.
		 * @throws Exception\NotFoundException `$from` does not exist.
		 * @throws Exception\StorageException The move failed.
		 */
		public function move(string $from, string $to): void {}

		/**
		 * Gives a file an unused name beneath another store. Nothing is forced to disk: `syncNames` does that for the
		 * names of many, `SetRestore::sync` for their bytes too.
		 *
		 * @return bool False if something has that name, or if the two are on different devices: nothing was done.
		 *
		 * @throws Exception\InvalidInputException A path leaves its root.
		 * @throws Exception\NotFoundException `$from` does not exist, or the folder of `$to`.
		 * @throws Exception\StorageException It failed.
		 */
		public function place(string $from, Store $target, string $to): bool {}

		/**
		 * Forces the names of files to disk, each folder once. Whether there are such files is not asked.
		 *
		 * @param list<string> $paths
		 *
		 * @throws Exception\InvalidInputException A path leaves the root.
		 * @throws Exception\NotFoundException A folder does not exist.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function syncNames(array $paths): void {}

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
		 * Returns the free bytes for an unprivileged process on this folder's device.
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
		 * @return bool True at the end of the file.
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
	 * Rewrites URLs of the origin hub to this hub: URLs of the channel's media (`/photo/`, `/attach/`) and pages
	 * (`/photos/`, `/album/`, `/cloud/`, `/channel/`, `/profile/` of its nick), matched as URLs. Ids, `[share]` blocks,
	 * other people and other hosts stay. A second run changes nothing; the reverse move restores the original, unless
	 * it already named the new home.
	 */
	final class Relocator
	{
		/**
		 * Describes a move from one hub to another.
		 *
		 * @param array{from: string, from_nick: string, to: string, to_nick: string, own_media?: list<string>}
		 *     $options Root URLs and the channel's nick at both. `own_media`: hashes of the channel's files and photos;
		 *     media of other hashes belong to other people and stay. Without it all media of the origin hub count as
		 *     the channel's.
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
		 * Rewrites the string values of a JSON text; every other byte stays, and so does the escaping of each string.
		 *
		 * @throws Exception\InvalidInputException It is not JSON.
		 */
		public function json(string $json): string {}

		/**
		 * Rewrites the strings of an array; keys and other values are copied.
		 *
		 * @throws Exception\LimitException It is nested deeper than 64.
		 */
		public function value(array $value): array {}

		/**
		 * Rewrites the fields of an item that may point at a hub: `body`, `summary`, `plink`, `obj`, `target`, `attach`
		 * (arrays or JSON text) and the `url` of each `term`; a packet's `permalink`, `object` and `tags` too. All
		 * others are copied. A changed `body` needs a new `sig`.
		 *
		 * @throws Exception\LimitException A field is nested deeper than 64.
		 */
		public function item(array $item): array {}

		/**
		 * Does the same for many items; keys and order stay.
		 *
		 * @param array<array> $items
		 *
		 * @throws Exception\InvalidInputException One is not an array.
		 * @throws Exception\LimitException A field is nested deeper than 64.
		 */
		public function items(array $items): array {}

		/**
		 * Returns the hashes in URLs of files and photos at a hub, in a text or JSON text: candidates for `own_media`.
		 *
		 * @return list<string> Sorted. It contains a photo's name with and without `-scale`.
		 *
		 * @throws Exception\InvalidInputException The hub is not a root URL.
		 */
		public static function mediaHashes(string $hub, string $text): array {}
	}

	/**
	 * Signs the bodies of items in the form that hubs store: `sha256.` and base64url of RSASSA-PKCS1-v1_5 with SHA-256.
	 */
	final class Signer
	{
		/**
		 * Parses the key once.
		 *
		 * @param string $private_key A channel's RSA key, PEM.
		 *
		 * @throws Exception\InvalidInputException It is not such a key. The message never quotes it.
		 */
		public function __construct(string $private_key) {}

		/**
		 * Signs one body, exactly the stored bytes.
		 */
		public function sign(string $body): string {}

		/**
		 * Signs many bodies, on all cores.
		 *
		 * @param list<string> $bodies
		 *
		 * @return list<string> In the same order.
		 *
		 * @throws Exception\InvalidInputException One is not a string.
		 */
		public function signAll(array $bodies): array {}

		/**
		 * Tells whether a signature matches a body; it also understands the older form without prefix.
		 *
		 * @param string $public_key The author's RSA key, PEM.
		 *
		 * @throws Exception\InvalidInputException The key is invalid.
		 */
		public static function verify(string $body, string $sig, string $public_key): bool {}
	}

	/**
	 * Signs whole documents with a channel's Ed25519 key: `eddsa-jcs-2022` of FEP-8b32, in the canonical form of hubs.
	 */
	final class ProofSigner
	{
		/**
		 * Reads the key.
		 *
		 * @param string $private_key Base64 in the form that hubs keep (32 or 64 bytes), or multibase.
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
		 * @throws Exception\InvalidInputException It is not a JSON object, or has a number that hubs round differently.
		 */
		public function sign(string $document, string $method, string $created, bool $with_context = false): string {}

		/**
		 * Returns the public half as multibase text.
		 */
		public function publicKey(): string {}

		/**
		 * Checks the proof of a document, over what RFC 8785 or what a hub makes of it.
		 *
		 * @param string $public_key Multibase, or base64 of 32 bytes.
		 *
		 * @throws Exception\SignatureException The proof is missing or invalid.
		 * @throws Exception\UnsupportedException It uses another cryptosuite.
		 * @throws Exception\InvalidInputException It is not a JSON object, or the key is invalid.
		 */
		public static function verify(string $document, string $public_key): void {}

		/**
		 * Returns a hub's public key, 32 bytes in base64, as multibase text.
		 *
		 * @throws Exception\InvalidInputException It is not such a key.
		 */
		public static function multibase(string $public_key): string {}
	}

	/**
	 * The files of a channel, and the differences between two inventories without sending either: each file's hash with
	 * a fingerprint of its content and one of its metadata. The side that begins exchanges messages with the other
	 * until it knows everything that only one of them has. It uses native memory, about 80 bytes for each entry, and
	 * none of PHP's.
	 */
	final class Inventory
	{
		/**
		 * Makes an empty inventory.
		 *
		 * @throws Exception\InvalidInputException A `filesync.*` setting of php.ini is malformed; the message names it.
		 */
		public function __construct() {}

		/**
		 * Adds a file.
		 *
		 * @param string $hash 1 to 64 bytes.
		 * @param string $content Any bytes that are equal if the content is equal.
		 * @param string $metadata Any bytes that are equal if the metadata is equal.
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
		 * Returns the hash of a key's file, null if it is not here.
		 *
		 * @param string $key 16 hex digits, from `differences()`.
		 *
		 * @throws Exception\InvalidInputException It is not a key.
		 */
		public function find(string $key): ?string {}

		/**
		 * Begins a comparison.
		 *
		 * @return string The first message to the other side, binary, at most 256 KiB like all of them.
		 *
		 * @throws Exception\InvalidInputException The inventory is not sealed, or has already begun.
		 */
		public function begin(): string {}

		/**
		 * Answers a message from a side that began. Keeps no state: a message may come twice, or never.
		 *
		 * @return string The answer, binary.
		 *
		 * @throws Exception\InvalidInputException It is not a message, or the inventory is not sealed, or has begun
		 *     itself.
		 * @throws Exception\LimitException It is longer than 256 KiB.
		 */
		public function answer(string $message): string {}

		/**
		 * Processes an answer.
		 *
		 * @return ?string The next message, binary; null once every difference is known.
		 *
		 * @throws Exception\InvalidInputException It is not a message, or nothing was begun.
		 * @throws Exception\LimitException It is longer than 256 KiB, or there were too many of them, or too many
		 *     differences.
		 */
		public function advance(string $message): ?string {}

		/**
		 * Returns the number of processed answers.
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
		 * @return list<array{
		 *   key: string,
		 *   hash: ?string,
		 *   here: ?string,
		 *   there: ?string,
		 *   content: bool,
		 *   metadata: bool
		 * }> `key`: 16 hex digits, the key of the hash. `hash`: null for a file that only the other side has. `here`,
		 *   `there`: the ids of the two versions, null if it is missing. `content`, `metadata`: whether both have the
		 *   file, but this part differs.
		 *
		 * @throws Exception\InvalidInputException Not all are known yet, or a number is negative.
		 */
		public function differences(int $offset, int $limit): array {}

		/**
		 * Saves the inventory with the progress of its comparison, as a file that readers find whole or not at all.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root.
		 * @throws Exception\StorageException It cannot be written.
		 */
		public function save(Store $store, string $path): void {}

		/**
		 * Reads a saved inventory.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root or is not a regular file.
		 * @throws Exception\NotFoundException There is no such file.
		 * @throws Exception\CorruptException It is truncated, or not an inventory.
		 * @throws Exception\StorageException It cannot be read.
		 */
		public static function load(Store $store, string $path): Inventory {}

		/**
		 * Returns the id of a file's version, 64 hex digits, as `differences()` gives it.
		 */
		public static function id(string $hash, string $content, string $metadata): string {}
	}

	/**
	 * Scales photos as a hub does: one decode for all scales, upright, in sRGB, without metadata of the original, in
	 * its format. JPEG, PNG, GIF (first frame) and WebP (first frame). A person crops scales 4 and 7; they are never
	 * made here.
	 *
	 * Decoding and scaling take native memory, at most `filesync.photo_memory_bytes` of php.ini; a photo takes at most
	 * `filesync.photo_seconds`, to which `max_execution_time` does not apply.
	 */
	final class Photo
	{
		/**
		 * All methods are static.
		 *
		 * @throws \Exception Always.
		 */
		public function __construct() {}

		/**
		 * Reads a photo's header; decodes no pixels.
		 *
		 * @return array{mimetype: string, width: int, height: int, stored_width: int, stored_height: int,
		 *     orientation: int} Pixels. `width` and `height`: as shown, after turning by `orientation` (EXIF, 1 to 8).
		 *
		 * @throws Exception\NotFoundException There is no such file.
		 * @throws Exception\UnsupportedException Its format cannot be decoded (SVG, AVIF, HEIC …); the message
		 *     names it.
		 * @throws Exception\CorruptException Its header is broken.
		 * @throws Exception\LimitException It is larger than 256 MiB or claims more pixels than
		 *     `filesync.max_photo_pixels`.
		 * @throws Exception\InvalidInputException The path leaves the store's root or is not a regular file.
		 * @throws Exception\StorageException It cannot be read.
		 */
		public static function facts(Store $store, string $path): array {}

		/**
		 * Returns the sizes that a hub gives scales.
		 *
		 * @param int $width As shown: of the original for scales 1 to 3, of scale 4 for 5 and 6, of scale 7 for 8
		 *     and 9.
		 * @param list<int> $scales 1, 2, 3, 5, 6, 8 or 9.
		 * @param ?array{max_thumbnail?: int} $options Those of `scale`.
		 *
		 * @return array<int, array{width: int, height: int}> By scale.
		 *
		 * @throws Exception\InvalidInputException A side or a scale is out of range.
		 */
		public static function sizes(int $width, int $height, array $scales, ?array $options = null): array {}

		/**
		 * Makes scales of one photo. Each is a new file, whole and on disk on return; after an exception none exists.
		 * Put them in place with `Store::exchange`.
		 *
		 * @param string $source The original for scales 1 to 3, scale 4 for 5 and 6, scale 7 for 8 and 9.
		 * @param array<int, string> $targets Scale to path beneath `$to`; the names must be unused.
		 * @param ?array{jpeg_quality?: int, png_quality?: int, webp_quality?: int, max_thumbnail?: int, budget_ms?:
		 *     int} $options `jpeg_quality`: 1 to 100, default 100. `png_quality`: effort 0 to 9, default 8.
		 *     `webp_quality`: 1 to 100, default 80. `max_thumbnail`: longest side to which the hub's own external
		 *     program shrinks originals first, if it has one; it decides sizes by a pixel. `budget_ms`: see `scaleAll`.
		 *
		 * @return array<int, array{mimetype: string, width: int, height: int, size_bytes: int, sha256: string,
		 *     profile_fault: ?string}> By scale. `profile_fault` says why the original's colour profile could not be
		 *     used, if it has one.
		 *
		 * @throws Exception\NotFoundException There is no such photo, or no folder for a target.
		 * @throws Exception\UnsupportedException Its format cannot be decoded, or cannot hold a scale.
		 * @throws Exception\CorruptException It is damaged or ends early.
		 * @throws Exception\LimitException Too many bytes, pixels or seconds, more memory than allowed, or a scale
		 *     with a side above 32,767 pixels or above 16 MiB; the message names the limit.
		 * @throws Exception\InvalidInputException A path leaves its root, a target's name is taken, scales of
		 *     different sources are asked for, or an option is unknown or out of range.
		 * @throws Exception\StorageException A file cannot be read or written.
		 */
		public static function scale(Store $from, string $source, Store $to, array $targets, ?array $options = null): array {}

		/**
		 * Does the same for many photos, on all cores; those processed at once stay within
		 * `filesync.photo_memory_bytes`.
		 *
		 * @param array<array{source: string, targets: array<int, string>}> $jobs
		 * @param ?array{jpeg_quality?: int, png_quality?: int, webp_quality?: int, max_thumbnail?: int, budget_ms?:
		 *     int} $options `budget_ms`: no photo is started after this many milliseconds, 1 to 3600000; default no
		 *     limit.
		 *
		 * @return array<array{
		 *   scales: ?array<int, array{mimetype: string, width: int, height: int, size_bytes: int, sha256: string, profile_fault: ?string}>,
		 *   error: ?array{kind: string, temporary: bool, message: string, retry_after_seconds: ?int, facts: array<string, string>}
		 * }> By the keys of `$jobs`; photos that were not started are left out. One of the two is null.
		 *
		 * @throws Exception\InvalidInputException A job or an option is malformed; then nothing was started.
		 */
		public static function scaleAll(Store $from, Store $to, array $jobs, ?array $options = null): array {}
	}

	/**
	 * Writes a backup set: the folder that docs/backup-set.md describes. One writer at a time.
	 *
	 * A run: `begin`, then for each file and folder `add` (and `step` while it returns null) or `keep`, now and then
	 * `checkpoint`, then `prepare`, and `commit` with a signature of the message that `prepare` returned. Until
	 * `commit` the set stays what the last run left; an abandoned run goes on with the next `begin`. The private key
	 * never comes here. Memory does not grow with the number of files.
	 */
	final class Set
	{
		/**
		 * Looks at a folder without opening it for writing, and never throws because of what is in it.
		 *
		 * @return array{
		 *   state: 'missing'|'empty'|'begun'|'whole'|'cut_off'|'newer'|'damaged'|'other',
		 *   format: ?int,
		 *   set: ?string,
		 *   unfinished: ?string,
		 *   busy: ?array{host: string, pid: int, since: string}
		 * } `state`: `missing`: no such folder; `begun`: a first run is under way or was interrupted; `cut_off`: a run
		 *   was cut off while it was put in place, `complete` finishes it; `newer`: its `format` is higher; `damaged`:
		 *   `set.json` cannot be read; `other`: the folder holds something else. `set`: the text of `set.json`.
		 *   `unfinished`: the run that `begin` would continue. `busy`: who writes now.
		 *
		 * @throws Exception\InvalidInputException The path is not absolute.
		 * @throws Exception\StorageException The folder cannot be read.
		 */
		public static function look(string $folder): array {}

		/**
		 * Opens an existing folder for writing and locks it.
		 *
		 * @param ?array{headroom_bytes?: int, bytes_per_second?: int, reflink?: bool} $options `headroom_bytes`: stay
		 *     free on the device, default `filesync.disk_headroom_bytes`. `bytes_per_second`: most bytes that are
		 *     copied, 65536 or more, default no limit. `reflink`: whether files may share their blocks with the source,
		 *     default true; bytes are read and checked either way.
		 *
		 * @throws Exception\InvalidInputException The path is not absolute, an option is wrong, or the folder holds
		 *     something that is not a set.
		 * @throws Exception\UnsupportedException The set's format is newer.
		 * @throws Exception\PeerBusyException Somebody else writes; the message says `code: set_busy`, host, pid and
		 *     since when.
		 * @throws Exception\StorageException The folder cannot be opened or written.
		 */
		public function __construct(string $folder, ?array $options = null) {}

		/**
		 * Puts in place what a run left half-way when it was cut off; needs nothing but the set.
		 *
		 * @return bool False if there was nothing to complete.
		 *
		 * @throws Exception\CorruptException The journal is damaged, or a file that it names is missing.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function complete(): bool {}

		/**
		 * Begins a run, or continues the one that was interrupted. Completes a run that was cut off before.
		 *
		 * @param array{from: string, by: string, channel_hash: string} $run `from`: the hub's root URL. `by`: `hub` or
		 *     `api`, for `runs/`.
		 *
		 * @return array{run: string, continued: bool, cursor: ?string, completed: bool} `cursor`: the one of the last
		 *     `checkpoint` of the run that is continued; entries added until then need not be added again. `completed`:
		 *     a run that was cut off was put in place before.
		 *
		 * @throws Exception\InvalidInputException The set belongs to another channel, or a run has begun.
		 * @throws Exception\CorruptException The set's lists are damaged: no run can be built on them. The message
		 *     names the file.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function begin(array $run): array {}

		/**
		 * Adds a file or folder to the run: what is the same as in the set is recognised, other bytes are copied. If a
		 * hash is added twice, the last time counts.
		 *
		 * Bytes in the set are taken for the same if size and modification time are those of the source, as rsync does
		 * it; a source that changed within the last two seconds is read again next time.
		 *
		 * @param string $metadata The metadata file without `filesync_set`, `seen` and `parts`: a JSON object with
		 *     `kind`, `hash`, `attach` and the others, at most 4 MiB.
		 * @param Store $store The folder above the paths in `$bytes`.
		 * @param array{original?: string, original_bytes?: string, crops?: list<array{scale: int, mimetype: string,
		 *     path: string}>, again?: bool} $bytes `original`: path of the file; or `original_bytes`: the bytes
		 *     themselves, for rows that hold them; neither for a folder, or for a file without bytes. `crops`: scales
		 *     made by hand, at most 16 MiB each. `again`: distrusts the copy in the set, reads it, and replaces it if
		 *     it is damaged or missing; for files that a check found so.
		 *
		 * @return ?array{hash: string, what: 'unchanged'|'new'|'replaced'|'changed'|'moved'|'kept', why: ?string,
		 *     copied_bytes: int, cloned_bytes: int, size_bytes: int, sha256: ?string} Null: bytes are being copied,
		 *     call `step`. `changed`: other metadata. `kept`: the source changed whenever it was read; the last version
		 *     stays in the set, if there is one, and `why` is `changed_while_read`. `sha256`, `size_bytes`: of the
		 *     original. Twins may still be told apart by `prepare`, which then counts them as moved.
		 *
		 * @throws Exception\InvalidInputException The metadata is not of this form, a path leaves the store, or no run
		 *     has begun.
		 * @throws Exception\NotFoundException A source is missing.
		 * @throws Exception\LimitException The metadata exceeds 4 MiB, 64 levels or 10,000 posts, or a crop 16 MiB;
		 *     leave posts out, and say so in `lacks`.
		 * @throws Exception\StorageException A file cannot be read or written, or the headroom would be used up. The
		 *     run can be continued.
		 */
		public function add(string $metadata, Store $store, array $bytes): ?array {}

		/**
		 * Copies for about `$budget_ms` milliseconds.
		 *
		 * @param int $budget_ms 1 to 60000.
		 *
		 * @return ?array{hash: string, what: 'unchanged'|'new'|'replaced'|'changed'|'moved'|'kept', why: ?string,
		 *     copied_bytes: int, cloned_bytes: int, size_bytes: int, sha256: ?string} As `add`.
		 *
		 * @throws Exception\InvalidInputException Nothing is being copied, or the budget is out of range.
		 * @throws Exception\StorageException A file cannot be read or written, or the headroom would be used up. The
		 *     run can be continued.
		 */
		public function step(int $budget_ms): ?array {}

		/**
		 * Returns the progress of the file that is being copied, or null.
		 *
		 * @return ?array{hash: string, offset_bytes: int, size_bytes: int}
		 */
		public function progress(): ?array {}

		/**
		 * Says that a file is on the hub, but cannot be read now: its last version stays, and the run lists a failure.
		 *
		 * @param string $why One word of `a-z 0-9 _`, such as `no_bytes`.
		 *
		 * @return bool False if the set has no bytes of it.
		 *
		 * @throws Exception\InvalidInputException The hash or the reason is malformed, or no run has begun.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function keep(string $hash, string $why): bool {}

		/**
		 * Forces everything that was added to disk, and notes where to go on.
		 *
		 * @param string $cursor Whatever `begin` shall return, at most 4096 bytes of UTF-8.
		 *
		 * @throws Exception\InvalidInputException The cursor is too long, or no run has begun.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function checkpoint(string $cursor): void {}

		/**
		 * Ends adding: finds what was removed, decides names, and writes the new lists. The set is still as the last
		 * run left it.
		 *
		 * @param string $about JSON object for `set.json`: `channel`, `origin`, `contents`, `access_names`, `lacks`,
		 *     `made_with`; at most 4 MiB.
		 * @param bool $complete Whether every file of the channel was added or kept: only then what was not is removed
		 *     (to `data/older/`).
		 *
		 * @return array{
		 *   run: string, message: string, key_id: string, listed: int, unchanged: int, new: int, replaced: int,
		 *   changed: int, moved: int, removed: int, failed: int, copied_bytes: int, folders: int, files: int,
		 *   photos: int, crops: int, posts: int, bytes: int, older_files: int, older_bytes: int, before: int
		 * } `message`: the bytes to sign, RSASSA-PKCS1-v1_5 with SHA-512. `before`: entries (files and folders) of the
		 *   last run.
		 *
		 * @throws Exception\InvalidInputException `$about` is not of this form, a file is being copied, or no run has
		 *     begun.
		 * @throws Exception\CorruptException The set's list does not fit; the message names the file.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function prepare(string $about, bool $complete): array {}

		/**
		 * Removes from `data/older/`: prepares a run of its own, which `commit` puts in place.
		 *
		 * @param array{older_than?: string, forget?: string, made_with?: string} $what `older_than`: `Y-m-d\TH:i:s\Z`;
		 *     runs before it go. `forget`: a hash that goes from everything, also what is not older.
		 *
		 * @return array{run: string, message: string, key_id: string, removed_runs: int, removed_files: int,
		 *     removed_bytes: int, older_files: int, older_bytes: int} All but `run` count what will be gone, and what
		 *     stays. `message` as of `prepare`.
		 *
		 * @throws Exception\InvalidInputException `$what` is not of this form, or a run has begun or was interrupted.
		 * @throws Exception\NotFoundException The folder holds no set, or it has no such hash.
		 * @throws Exception\CorruptException The set's lists are damaged.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function prune(array $what): array {}

		/**
		 * Puts the prepared run in place.
		 *
		 * @param ?string $signature Of `message`, bytes; null leaves the set unsigned.
		 *
		 * @throws Exception\InvalidInputException Nothing is prepared.
		 * @throws Exception\SignatureException It is not the signature of the message by the channel's key in `$about`;
		 *     nothing changed.
		 * @throws Exception\StorageException The disk fails. `complete` goes on.
		 */
		public function commit(?string $signature = null): void {}

		/**
		 * Forgets the run: what arrived is removed, and the set is what the last run left. Not possible once `commit`
		 * has begun.
		 *
		 * @throws Exception\StorageException The disk fails.
		 */
		public function abandon(): void {}

		/**
		 * Gives the lock back; the run can be continued. The destructor calls it too.
		 */
		public function close(): void {}
	}

	/**
	 * Checks a backup set, a bounded step at a time, and writes nothing in it. A set that was cut off is read through
	 * its journal.
	 */
	final class SetCheck
	{
		/**
		 * Opens a set.
		 *
		 * @param ?array{sample_of?: int, sample_part?: int, public_key?: string, bytes_per_second?: int, scratch?:
		 *     string} $options `sample_of`, `sample_part`: read only the part 0 to `sample_of` − 1 of the files beneath
		 *     `data/`; after `sample_of` checks with each part, all have been read. Names and lists are checked in any
		 *     case. `public_key`: the channel's key, PEM, if it is known; else the one in the set is taken. `scratch`:
		 *     absolute path of a folder for temporary files, default the system's.
		 *
		 * @throws Exception\InvalidInputException The path is not absolute, or an option is wrong.
		 * @throws Exception\NotFoundException There is no set: no `set.json`.
		 * @throws Exception\UnsupportedException The set's format is newer.
		 * @throws Exception\StorageException The folder cannot be read.
		 */
		public function __construct(string $folder, ?array $options = null) {}

		/**
		 * Works for about `$budget_ms` milliseconds.
		 *
		 * @param int $budget_ms 1 to 60000.
		 *
		 * @return list<array{code: string, path: string, hash: ?string, found_at: ?string, why: ?string}> What is
		 *     wrong, as it is found; most is known only at the end. `code`: `file_damaged` (other bytes),
		 *     `file_missing`, `file_moved` (its bytes are whole, at `found_at`), `file_extra` (no list names it; of no
		 *     harm), `list_damaged` (a list, `set.json`, `bag-info.txt` …), `metadata_wrong` (a metadata file as it was
		 *     saved breaks the format; `why`), `signature_wrong`, `unsigned` (it was never signed; of no harm),
		 *     `path_refused`, `set_refused` (`why`). After the last two nothing else is checked. `hash`: of the attach
		 *     row, if the path shows it.
		 *
		 * @throws Exception\InvalidInputException The budget is out of range.
		 * @throws Exception\PeerBusyException A run is being put in place meanwhile (`set_busy`): check again later.
		 * @throws Exception\StorageException A file cannot be read.
		 */
		public function step(int $budget_ms): array {}

		/**
		 * Tells whether the check is over.
		 */
		public function isDone(): bool {}

		/**
		 * Returns how far it is.
		 *
		 * @return array{files: int, files_total: int, bytes: int, bytes_total: int, read_files: int, read_bytes: int,
		 *     path: ?string} `files`, `bytes`: looked at so far; `read_files`, `read_bytes`: read so far, fewer in a
		 *     sample.
		 */
		public function progress(): array {}

		/**
		 * Returns facts about the set that was checked.
		 *
		 * @return array{set: string, is_cut_off: bool, is_signed: bool, is_verified: bool, counts: array<string, int>}
		 *     `set`: the text of `set.json`. `is_verified`: the check is over and the signature fits. `counts`:
		 *     findings by code.
		 */
		public function result(): array {}
	}

	/**
	 * Lists what is in a backup set, in the order of hashes. A set that was cut off is read through its journal.
	 */
	final class SetList
	{
		/**
		 * Opens a set.
		 *
		 * @param ?array{at?: string, older?: bool, scratch?: string} $options `at`: `Y-m-d\TH:i:s\Z`, lists what was
		 *     true then; default what is true in the last run. `older`: lists every version, also replaced and removed
		 *     ones. `scratch`: as of `SetCheck`.
		 *
		 * @throws Exception\InvalidInputException The path is not absolute, or an option is wrong.
		 * @throws Exception\NotFoundException There is no set: no `set.json`.
		 * @throws Exception\UnsupportedException The set's format is newer.
		 * @throws Exception\CorruptException The list is damaged.
		 * @throws Exception\StorageException The folder cannot be read.
		 */
		public function __construct(string $folder, ?array $options = null) {}

		/**
		 * Returns the next entries.
		 *
		 * @param int $limit 1 to 10000.
		 *
		 * @return list<array{hash: string, kind: string, names: list<string>, size_bytes: int, sha256: ?string,
		 *     mimetype: string, edited: string, path: ?string, metadata: string, crops: int, posts: int, seen: string,
		 *     until: ?string, why: ?string}> Empty at the end. `names`: the true names, of folders and of the file.
		 *     `path`: where the original is in the set, also of an older version. `metadata`: path of the metadata
		 *     file. `until`: the run that replaced or removed this version. `why`: what is wrong with the metadata
		 *     file; then the other facts are empty.
		 *
		 * @throws Exception\StorageException A file cannot be read.
		 */
		public function next(int $limit): array {}
	}

	/**
	 * Reads a backup set for a restore: what is known of each file, how far that is proven, and its bytes. Writes
	 * nothing in the set.
	 *
	 * A set that breaks the rules of docs/backup-set.md gives nothing: look at `facts`, and read all entries, before
	 * anything is done with one. Memory holds the entries of one call.
	 */
	final class SetRestore
	{
		/**
		 * Opens a set, and looks at all of its lists.
		 *
		 * @param ?array{
		 *   public_key?: string, reflink?: bool, bytes_per_second?: int, at?: string, by_digest?: string,
		 *   scratch?: string
		 * } $options
		 *     `public_key`: PEM, of the channel that the set is restored to. `reflink`: whether files may share their
		 *     blocks with the set, default true; bytes are read and checked either way. `bytes_per_second`: most bytes
		 *     that are copied, 65536 or more, default no limit. `at`: `Y-m-d\TH:i:s\Z`, what the last run at or before
		 *     this time left; default what the last run left. `by_digest`: folder of the set in which all files beneath
		 *     `data` are, each named by its digest beneath the first two digits of it; default: they are at their
		 *     paths. `scratch`: as of `SetCheck`.
		 *
		 * @throws Exception\InvalidInputException The path is not absolute, or an option is wrong.
		 * @throws Exception\NotFoundException There is no set.
		 * @throws Exception\UnsupportedException The set's format is newer.
		 * @throws Exception\RefusedException The plan of a run that was cut off breaks the rules; as of `next`.
		 * @throws Exception\StorageException The folder cannot be read.
		 */
		public function __construct(string $folder, ?array $options = null) {}

		/**
		 * Returns facts about the set as a whole.
		 *
		 * @return array{
		 *   set: string, signed_by: 'channel'|'nobody'|'other', is_list_whole: bool, is_cut_off: bool,
		 *   run: ?string, first_run: ?string,
		 *   refused: ?array{code: string, path: string, why: ?string},
		 *   findings: list<array{code: string, path: string, why: ?string}>, list_sha256: ?string
		 * } `set`: the text of `set.json`. `signed_by`: `channel`: by `public_key`, and the list of files is the signed
		 *   one; `nobody`: there is no signature; `other`: there is one that does not fit. `is_cut_off`: a run was cut
		 *   off while it was put in place; the set is read through its journal, as that run would leave it. `run`: the
		 *   run that left what is read; null if none is as old as `at`. `first_run`: the oldest that can be read.
		 *   `refused`: `path_refused` or `set_refused`. `findings`:
		 *   what is wrong with lists, as `SetCheck` says it. `list_sha256`: another one means that the set has changed.
		 */
		public function facts(): array {}

		/**
		 * Returns the next files and folders, in the order of their hashes. Parts of earlier ones can no longer
		 * be staged.
		 *
		 * @param int $limit 1 to 10000; fewer come if their metadata is long.
		 *
		 * @return list<array{
		 *   hash: string, proof: 'listed'|'unlisted'|'missing'|'damaged'|'extra', kind: string, metadata: ?string,
		 *   parts: list<array{
		 *     scale: int, mimetype: string, size_bytes: int, sha256: string, is_there: bool, is_found: bool
		 *   }>,
		 *   posts: int, why: ?string
		 * }> Empty at the end. `proof`: `listed`: the metadata is what the list names, and the list is as it was
		 *   written; `unlisted`: it is another one, or the list is damaged; `missing`, `damaged`: it cannot be read or
		 *   breaks the format, `why` says how; `extra`: no list names it. `metadata`: JSON as `Set::add` took it; null
		 *   unless `listed` or `unlisted`. `parts`: scale 0 is the file itself, the others are crops. `is_there`:
		 *   something of this size is there; whether it is right is known when it is staged. `is_found`: something is
		 *   there.
		 *
		 * @throws Exception\RefusedException The set breaks the rules; the message has `code`: `path_refused` or
		 *     `set_refused`.
		 * @throws Exception\InvalidInputException Bytes are being copied, no run is as old as `at`, or the limit is out
		 *     of range.
		 * @throws Exception\StorageException A file cannot be read.
		 */
		public function next(int $limit): array {}

		/**
		 * Copies bytes of an entry of the last call to a new file, and proves them meanwhile: they must have the digest
		 * that the metadata states, or, where the metadata is not proven, the one that the list states. Bytes that are
		 * not at their place are found by this digest elsewhere in the set.
		 *
		 * @param int $scale As in `parts`.
		 *
		 * @return ?array{size_bytes: int, sha256: string, is_clone: bool} Null: it takes more than one step, call
		 *     `step`.
		 *
		 * @throws Exception\InvalidInputException There is no such part, the new file exists, or bytes are being
		 *     copied.
		 * @throws Exception\NotFoundException The bytes are missing.
		 * @throws Exception\CorruptException They are not those that were saved; there is no new file.
		 * @throws Exception\StorageException The disk fails; there is no new file.
		 */
		public function stage(string $hash, int $scale, Store $store, string $path): ?array {}

		/**
		 * Copies for about `$budget_ms` milliseconds.
		 *
		 * @param int $budget_ms 1 to 60000.
		 *
		 * @return ?array{size_bytes: int, sha256: string, is_clone: bool} As `stage`.
		 *
		 * @throws Exception\InvalidInputException Nothing is being copied, or the budget is out of range.
		 * @throws Exception\CorruptException As `stage`.
		 * @throws Exception\StorageException As `stage`.
		 */
		public function step(int $budget_ms): ?array {}

		/**
		 * Returns how many bytes of the part under way were copied.
		 */
		public function stagedBytes(): int {}

		/**
		 * Gives up the bytes that are being copied; the new file is removed.
		 */
		public function abandon(): void {}

		/**
		 * Forces everything that was written beneath a store to disk.
		 *
		 * @throws Exception\StorageException The disk fails.
		 */
		public static function sync(Store $store): void {}
	}

	/**
	 * A file that its owner sends in pieces: it grows only at its end, and its digest is known beforehand.
	 *
	 * Bytes arrive in `<path>.partial` beside a `<path>.index` that survives a crash. One process writes it at a time;
	 * the object holds it until it is freed.
	 */
	final class Upload
	{
		/**
		 * Opens or creates it, and goes on where it was kept; what came after that is forgotten.
		 *
		 * @param array{size_bytes: int, sha256: string, headroom_bytes?: int} $what Of the whole file.
		 *     `headroom_bytes`: bytes that stay free on the disk, default `filesync.disk_headroom_bytes`.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root, or a key is missing, unknown or malformed.
		 * @throws Exception\LimitException The size exceeds `filesync.max_file_bytes`.
		 * @throws Exception\NotFoundException Its folder is missing.
		 * @throws Exception\PeerBusyException Another process writes it.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function __construct(Store $store, string $path, array $what) {}

		/**
		 * Returns how many bytes were written, of which the last may not be kept yet.
		 *
		 * @throws Exception\InvalidInputException It has its final name, or was thrown away.
		 */
		public function lengthBytes(): int {}

		/**
		 * Tells whether all bytes were written.
		 *
		 * @throws Exception\InvalidInputException It has its final name, or was thrown away.
		 */
		public function isWhole(): bool {}

		/**
		 * Adds bytes at the end.
		 *
		 * @throws Exception\InvalidInputException It has its final name, or was thrown away.
		 * @throws Exception\LimitException The file has fewer bytes.
		 * @throws Exception\StorageException The disk is full or fails.
		 */
		public function write(string $bytes): void {}

		/**
		 * Forgets what was written since it was last kept.
		 *
		 * @throws Exception\InvalidInputException It has its final name, or was thrown away.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function forget(): void {}

		/**
		 * Forces what was written to disk.
		 *
		 * @return int How many bytes that are: so many are there after a power cut.
		 *
		 * @throws Exception\InvalidInputException It has its final name, or was thrown away.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function keep(): int {}

		/**
		 * Gives the whole file its final name, beneath the same store.
		 *
		 * @throws Exception\CorruptException It has another digest; it is thrown away.
		 * @throws Exception\InvalidInputException It is not whole, or the path leaves the root.
		 * @throws Exception\StorageException The disk fails.
		 */
		public function place(string $to): void {}

		/**
		 * Returns how many bytes are kept, whoever writes it now; 0 if there is none.
		 *
		 * @param array{size_bytes: int, sha256: string, headroom_bytes?: int} $what As of the constructor.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root, or a key is missing, unknown or malformed.
		 * @throws Exception\LimitException The size exceeds `filesync.max_file_bytes`.
		 * @throws Exception\StorageException The disk fails.
		 */
		public static function offsetOf(Store $store, string $path, array $what): int {}

		/**
		 * Removes what arrived.
		 *
		 * @throws Exception\InvalidInputException The path leaves the root.
		 * @throws Exception\StorageException The disk fails.
		 */
		public static function remove(Store $store, string $path): void {}
	}

	/**
	 * Many small files in one body: a ustar archive whose members are regular files, each named by its digest, of at
	 * most 8 MiB. It is kept in native memory until it is placed.
	 */
	final class Pack
	{
		/**
		 * Begins with no bytes.
		 */
		public function __construct() {}

		/**
		 * Adds bytes at the end.
		 *
		 * @throws Exception\LimitException It has more than 8 MiB.
		 */
		public function write(string $bytes): void {}

		/**
		 * Reads it, once all bytes are here, and checks every digest.
		 *
		 * @return list<array{sha256: string, size_bytes: int}>
		 *
		 * @throws Exception\CorruptException A member has another digest than its name says.
		 * @throws Exception\InvalidInputException It breaks a rule.
		 */
		public function members(): array {}

		/**
		 * Puts each member at `<folder>/<first two digits>/<digest>`, and forces all to disk; what is there stays.
		 *
		 * @param string $partial A path beneath the store that nobody else uses: files arrive beside it.
		 * @param int $headroom_bytes Bytes that stay free on the disk.
		 *
		 * @throws Exception\InvalidInputException members() was not called, or a path leaves the root.
		 * @throws Exception\StorageException The disk is full or fails; members may be there, each of them whole.
		 */
		public function place(Store $store, string $folder, string $partial, int $headroom_bytes): void {}
	}

	/**
	 * A pack that is being made, in native memory: at most 8 MiB, which PHP does not count.
	 */
	final class PackWriter
	{
		/**
		 * Begins with no files.
		 */
		public function __construct() {}

		/**
		 * Tells whether a file of this size still fits.
		 *
		 * @throws Exception\InvalidInputException The size is negative.
		 */
		public function hasRoom(int $size_bytes): bool {}

		/**
		 * Adds a file, unless one with these bytes is in it.
		 *
		 * @param string $path Beneath the store.
		 * @param string $sha256 The digest that the file must have.
		 *
		 * @return bool False: it has other bytes than these by now, and is not in the pack.
		 *
		 * @throws Exception\InvalidInputException The path leaves the store, or a parameter is malformed.
		 * @throws Exception\LimitException It does not fit.
		 * @throws Exception\NotFoundException There is no such file.
		 * @throws Exception\StorageException It cannot be read.
		 */
		public function add(Store $store, string $path, int $size_bytes, string $sha256): bool {}

		/**
		 * Returns how many files are in it.
		 */
		public function count(): int {}

		/**
		 * Returns the length of the archive as it is now, in bytes.
		 */
		public function lengthBytes(): int {}

		/**
		 * Sends the archive as the response's body, and stops when the client is gone; it is empty afterwards. The
		 * caller must send headers first, and end output buffers.
		 *
		 * @return int The number of sent bytes.
		 */
		public function send(): int {}
	}

	/**
	 * A hub's export file of any size, read as a stream: its sections, which are the keys of its object, and their
	 * elements, which are the items of a section's list, or its value. JSON, gzip, or a zip archive of such documents
	 * as of one for each month. An element may have 16 MiB and be 500 deep; no more than one is in native memory.
	 * Each is checked to be valid JSON.
	 *
	 * A cursor is an opaque text; another process goes on there in the same file. In JSON that costs nothing; in the
	 * others what comes before it in the same document is unpacked again.
	 */
	final class Dump
	{
		/**
		 * Opens a file, at its beginning or where a cursor says.
		 *
		 * @param string $path Beneath the store.
		 *
		 * @throws Exception\InvalidInputException The path leaves the store, the cursor is malformed or of another
		 *     file, or an archive is damaged.
		 * @throws Exception\LimitException An archive has more than 1,000 documents, or unpacks to more than 64 MiB
		 *     and 200 times its size.
		 * @throws Exception\NotFoundException There is no such file.
		 * @throws Exception\StorageException It cannot be read.
		 * @throws Exception\UnsupportedException An archive is encrypted, or compressed otherwise than by deflate.
		 */
		public function __construct(Store $store, string $path, ?string $cursor = null) {}

		/**
		 * Returns the file's shape, found by its first bytes: json, gzip or zip.
		 */
		public function format(): string {}

		/**
		 * Returns the next elements of one section, or null at the end of the file. What is wrong is thrown after
		 * what comes before it was returned, and again by each call after that.
		 *
		 * @param int $most_elements 1 or more.
		 * @param int $most_bytes 1 or more; a longer element comes alone.
		 *
		 * @return array{document: ?string, section: string, first: ?int, elements: list<string>}|null `document`: its
		 *     name in an archive. `first`: number of the first element in the section's list, null if the section is
		 *     not a list. `elements`: JSON.
		 *
		 * @throws Exception\InvalidInputException The file is not a JSON object, or it is damaged or cut off; the
		 *     message names the section, the element and the offset. Or a parameter is out of range.
		 * @throws Exception\LimitException An element is too long or too deep, there are more than 10,000 sections,
		 *     or it unpacks to more than 64 MiB and 200 times its size.
		 * @throws Exception\StorageException It cannot be read.
		 */
		public function next(int $most_elements = 200, int $most_bytes = 4194304): ?array {}

		/**
		 * Passes over elements for about the given milliseconds, and checks them.
		 *
		 * @param int $budget_ms 1 to 60,000.
		 *
		 * @return bool True at the end of the file.
		 *
		 * @throws Exception\InvalidInputException As of next().
		 * @throws Exception\LimitException As of next().
		 * @throws Exception\StorageException It cannot be read.
		 */
		public function step(int $budget_ms): bool {}

		/**
		 * Returns the sections that this object entered so far, in the order of the file; all of them once step()
		 * returned true.
		 *
		 * @return list<array{document: ?string, section: string, is_list: bool, elements: int, bytes: int, cursor:
		 *     string}> `elements` and `bytes`: what was met of it. `cursor`: its beginning, for seek().
		 */
		public function sections(): array {}

		/**
		 * Returns where to go on: behind the last element that was returned or passed over.
		 */
		public function cursor(): string {}

		/**
		 * Goes on elsewhere.
		 *
		 * @throws Exception\InvalidInputException The cursor is malformed or of another file, or what comes before it
		 *     is damaged.
		 * @throws Exception\LimitException It unpacks to more than 64 MiB and 200 times its size.
		 * @throws Exception\StorageException It cannot be read.
		 */
		public function seek(string $cursor): void {}
	}

	/**
	 * Sends a range of a file as the response's body, in pieces of at most 256 KiB, and stops when the client is gone.
	 * The caller must send headers first, and end output buffers, which would collect the file in memory.
	 *
	 * @param string $root Absolute path of a folder; `$path` is beneath it, with no symbolic link on the way.
	 * @param int $offset 0 to the file's size.
	 * @param int $length Ends at the file's end at the latest.
	 *
	 * @return int The number of sent bytes. Fewer than `$length`: the client is gone.
	 *
	 * @throws Exception\InvalidInputException The path leaves the root or is not a regular file, or the range
	 *     leaves the file.
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

	/** The origin hub answered 429 or 5xx, or sent nothing instead of bytes; or another process is using the file. */
	final class PeerBusyException extends TemporaryException {}

	/** Disk full, permission denied, read-only. */
	final class StorageException extends TemporaryException {}

	/** A size or digest differs, a range is wrong, a page came instead of a file. */
	final class CorruptException extends TemporaryException {}

	/** The origin hub said 401 or 403, or refused the signature. */
	final class RefusedException extends PermanentException {}

	/** The origin hub no longer has it, or there is no such file here. */
	final class NotFoundException extends PermanentException {}

	/** Too many bytes, pixels, redirects or seconds; the message names the limit. */
	final class LimitException extends PermanentException {}

	/** An unsupported scheme or format. */
	final class UnsupportedException extends PermanentException {}

	/** A bad argument, key, URL or path; the message names it. */
	final class InvalidInputException extends PermanentException {}

	/** A signature did not verify. */
	final class SignatureException extends PermanentException {}
}

<?php

/**
 * The stand-in's backup sets: the same files as docs/backup-set.md names, in one piece of memory. It is loaded with
 * the rest of the stand-in.
 */

namespace Fake {
	final class Sets
	{
		/** Returns what a set holds: metadata and parts by hash. */
		public static function contents(string $folder): array
		{
			return array_map(
				fn ($entry) => ['parts' => $entry['parts']] + json_decode($entry['metadata'], true),
				json_decode((string) @file_get_contents("$folder/fake.json"), true)['entries'] ?? [],
			);
		}

		/** Returns the bytes of a file in a set, null if it has none. */
		public static function bytes(string $folder, string $hash): ?string
		{
			foreach (self::contents($folder)[$hash]['parts'] ?? [] as $part) {
				if ($part['role'] === 'original') {
					return base64_decode($part['bytes']);
				}
			}

			return null;
		}
	}
}

namespace FileSync {
	use Fake\Instant;
	use FileSync\Exception\CorruptException;
	use FileSync\Exception\InvalidInputException;
	use FileSync\Exception\NotFoundException;
	use FileSync\Exception\PeerBusyException;
	use FileSync\Exception\SignatureException;
	use FileSync\Exception\StorageException;
	use FileSync\Exception\UnsupportedException;

	final class Set
	{
		/** @var ?\Closure Called with the path of a file between its being read and its being looked at again. */
		public static ?\Closure $duringCopy = null;
		/** After how many copied files the disk is full. */
		public static ?int $fullAfter = null;
		/** @var list<array> The options with which sets were opened. */
		public static array $options = [];
		/** @var list<array{metadata: string, bytes: array}> What was added. */
		public static array $added = [];
		/** Half of the files take a step of their own. */
		public static bool $isSlow = false;

		/** @var ?resource */
		private $lock;
		private ?array $run = null;
		private ?array $copying = null;
		private ?array $prepared = null;

		public static function look(string $folder): array
		{
			str_starts_with($folder, '/') || throw new InvalidInputException('the path is not absolute');
			$set = is_file("$folder/set.json") ? (string) file_get_contents("$folder/set.json") : null;
			$decoded = $set === null ? null : json_decode($set, true);
			$run = self::partial($folder);
			$state = match (true) {
				! is_dir($folder) => 'missing',
				$set !== null && ! is_array($decoded) => 'damaged',
				is_array($decoded) && $decoded['filesync_set'] > 1 => 'newer',
				is_file("$folder/cut-off") => 'cut_off',
				is_array($decoded) => 'whole',
				$run !== null => 'begun',
				default => array_diff(scandir($folder), ['.', '..', '.lock']) ? 'other' : 'empty',
			};

			return [
				'state' => $state,
				'format' => $decoded['filesync_set'] ?? null,
				'set' => $set,
				'unfinished' => $run['run'] ?? null,
				'busy' => self::busy($folder),
			];
		}

		public function __construct(private string $folder, ?array $options = null)
		{
			self::$options[] = $options ?? [];
			$state = self::look($folder)['state'];
			match ($state) {
				'other' => throw new InvalidInputException(
					'opening a set: the folder holds something that is not a set',
				),
				'newer' => throw new UnsupportedException('opening a set: its format is newer'),
				'missing' => throw new StorageException('opening a set: there is no such folder'),
				default => null,
			};
			$this->lock = fopen("$folder/.lock", 'c+');
			if (! flock($this->lock, LOCK_EX | LOCK_NB)) {
				$busy = self::busy($folder);
				$this->lock = null;
				throw new PeerBusyException(
					"opening a set {code: set_busy, host: {$busy['host']}, pid: {$busy['pid']}, since: {$busy['since']}}",
				);
			}
			ftruncate($this->lock, 0);
			rewind($this->lock);
			fwrite($this->lock, json_encode([
				'host' => 'here',
				'pid' => getmypid(),
				'since' => gmdate('Y-m-d\TH:i:s\Z'),
			]));
		}

		public function complete(): bool
		{
			return is_file("$this->folder/cut-off") && unlink("$this->folder/cut-off");
		}

		public function begin(array $run): array
		{
			$this->run === null || throw new InvalidInputException('a run has begun');
			$completed = $this->complete();
			$set = json_decode((string) @file_get_contents("$this->folder/set.json"), true);
			if ($set && $set['channel']['hash'] !== $run['channel_hash']) {
				throw new InvalidInputException('beginning a run: the set belongs to another channel');
			}
			if (self::look($this->folder)['state'] === 'damaged') {
				throw new CorruptException('beginning a run {path: set.json}');
			}
			$this->run = self::partial($this->folder);
			if ($this->run && $this->run['channel_hash'] !== $run['channel_hash']) {
				throw new InvalidInputException('beginning a run: the set belongs to another channel');
			}
			$continued = $this->run !== null;
			$last = basename(
				(string) (glob("$this->folder/runs/*.json") ? max(glob("$this->folder/runs/*.json")) : ''),
				'.json',
			);
			$name = gmdate('Y-m-d\THis\Z');
			$this->run ??= $run
			+ [
				'run' => $name > $last ? $name : substr($last, 0, 17) . 'Z' . count(glob("$this->folder/runs/*.json")),
				'cursor' => null,
				'entries' => [],
				'failures' => [],
				'copied' => 0,
			];
			$this->write();

			return [
				'run' => $this->run['run'],
				'continued' => $continued,
				'cursor' => $this->run['cursor'],
				'completed' => $completed,
			];
		}

		public function add(string $metadata, Store $store, array $bytes): ?array
		{
			$this->need();
			Instant::pass();
			self::$added[] = ['metadata' => $metadata, 'bytes' => $bytes];
			$document = json_decode($metadata, true);
			if (! isset($document['kind'], $document['hash'], $document['attach'])) {
				throw new InvalidInputException('the metadata is not of this form');
			}
			$this->copying = [$metadata, $store, $bytes];

			return self::$isSlow && (crc32($document['hash']) % 2) ? null : $this->step(1);
		}

		public function step(int $budget_ms): ?array
		{
			[$metadata, $store, $bytes] = $this->copying ?? throw new InvalidInputException('nothing is being copied');
			$this->copying = null;
			$document = json_decode($metadata, true);
			$hash = $document['hash'];
			$old = $this->present()[$hash] ?? null;
			$parts = [];
			$copied = $cloned = 0;
			foreach ([
				...(isset($bytes['original']) ? [['role' => 'original', 'path' => $bytes['original']]] : []),
				...array_map(fn ($crop) => ['role' => 'crop'] + $crop, $bytes['crops'] ?? []),
			] as $part) {
				$path = $store->absolute($part['path']);
				is_file($path) || throw new NotFoundException("reading {path: {$part['path']}}");
				if (self::$fullAfter !== null && self::$fullAfter-- <= 0) {
					self::$fullAfter = 0;
					throw new StorageException('writing a file: No space left on device');
				}
				for ($tries = 0, $read = null; $tries < 3 && $read === null; $tries++) {
					clearstatcache();
					$before = $store->stat($part['path']);
					$read = (string) @file_get_contents($path);
					self::$duringCopy && (self::$duringCopy)($path);
					clearstatcache();
					is_file($path) || throw new NotFoundException("reading {path: {$part['path']}}");
					if ($before !== $store->stat($part['path']) || $before['size_bytes'] !== strlen($read)) {
						$read = null;
					}
				}
				if ($read === null) {
					$this->keep($hash, 'changed_while_read');

					return self::outcome($hash, 'kept', 'changed_while_read');
				}
				$parts[] = array_intersect_key($part, ['role' => 1, 'scale' => 1, 'mimetype' => 1])
				+ ['size' => strlen($read), 'sha256' => hash('sha256', $read), 'bytes' => base64_encode($read)];
			}
			$entry = ['metadata' => $metadata, 'parts' => $parts, 'seen' => gmdate('Y-m-d\TH:i:s\Z')];
			$same = fn ($one, $other, $key) => json_encode($one[$key]) === json_encode($other[$key]);
			$what = match (true) {
				$old === null => 'new',
				! $same($old, $entry, 'parts') => 'replaced',
				self::names($old) !== self::names($entry) => 'moved',
				! $same($old, $entry, 'metadata') => 'changed',
				default => 'unchanged',
			};
			if ($what === 'new' || $what === 'replaced') {
				$copied = array_sum(array_column($parts, 'size'));
			}
			$this->run['copied'] += $copied;
			$this->run['entries'][$hash] = $what === 'unchanged' ? null : $entry;
			unset($this->run['failures'][$hash]);

			return (
				[
					'copied_bytes' => $copied,
					'size_bytes' => $parts[0]['size'] ?? 0,
					'sha256' => $parts[0]['sha256'] ?? null,
				] + self::outcome($hash, $what, null)
			);
		}

		public function progress(): ?array
		{
			return (
				$this->copying
					? ['hash' => json_decode($this->copying[0], true)['hash'], 'offset_bytes' => 0, 'size_bytes' => 1]
					: null
			);
		}

		public function keep(string $hash, string $why): bool
		{
			$this->need();
			preg_match('/^[a-z0-9_]+$/D', $why) || throw new InvalidInputException('the reason is malformed');
			$this->run['failures'][$hash] = $why;
			unset($this->run['entries'][$hash]);
			$known = $this->present()[$hash] ?? null;
			if ($known) {
				$this->run['entries'][$hash] = null;
			}

			return in_array('original', array_column($known['parts'] ?? [], 'role'), true);
		}

		public function checkpoint(string $cursor): void
		{
			$this->need();
			Instant::pass();
			strlen($cursor) <= 4096 || throw new InvalidInputException('the cursor is too long');
			$this->run['cursor'] = $cursor;
			$this->write();
		}

		public function prepare(string $about, bool $complete): array
		{
			$this->need();
			$about = json_decode($about, true);
			if (! isset($about['channel']['hash'], $about['origin'], $about['contents'], $about['made_with'])) {
				throw new InvalidInputException('the description is not of this form');
			}
			$present = $this->present();
			$next = $complete ? [] : $present;
			$counts = array_fill_keys(['listed', 'unchanged', 'new', 'replaced', 'changed', 'moved'], 0);
			foreach ($this->run['entries'] as $hash => $entry) {
				$old = $present[$hash] ?? null;
				$next[$hash] = $entry ?? $old;
				$counts['listed']++;
				$counts[match (true) {
					$entry === null => 'unchanged',
					! $old => 'new',
					json_encode($old['parts']) !== json_encode($entry['parts']) => 'replaced',
					self::names($old) !== self::names($entry) => 'moved',
					default => 'changed',
				}]++;
			}
			$removed = array_diff_key($present, $next);
			$entries = array_map(fn ($entry) => json_decode($entry['metadata'], true) + $entry, $next);
			$older = $this->older();
			foreach ($this->run['entries'] as $hash => $entry) {
				if ($entry && isset($present[$hash])) {
					$older[$this->run['run']][$hash] = $present[$hash];
				}
			}
			if ($removed) {
				$older[$this->run['run']] = ($older[$this->run['run']] ?? []) + $removed;
			}
			$files = array_filter($entries, fn ($entry) => $entry['kind'] === 'file');
			$this->prepared = [
				'next' => $next,
				'older' => $older,
				'set' => $about
					+ [
						'filesync_set' => 1,
						'run' => $this->run['run'],
						'updated' => gmdate('Y-m-d\TH:i:s\Z'),
						'counts' =>
							[
								'folders' => count($entries) - count($files),
								'files' => count($files),
								'photos' => count(array_filter($files, fn ($file) => isset($file['photo']))),
								'crops' => array_sum(array_map(
									fn ($file) => count(array_filter(
										$file['parts'],
										fn ($part) => $part['role'] === 'crop',
									)),
									$files,
								)),
								'posts' => array_sum(array_map(fn ($entry) => count($entry['item'] ?? []), $entries)),
								'bytes' => array_sum(array_map(
									fn ($entry) => array_sum(array_column($entry['parts'], 'size')),
									$entries,
								)),
							] + self::olderCounts($older),
					],
				'runs' => $this->run,
			];

			return (
				$this->message()
				+ $counts
				+ [
					'run' => $this->run['run'],
					'removed' => count($removed),
					'failed' => count($this->run['failures']),
					'copied_bytes' => $this->run['copied'],
					'before' => count($present),
				]
				+ $this->prepared['set']['counts']
			);
		}

		public function prune(array $what): array
		{
			$this->run === null && self::partial($this->folder) === null
				|| throw new InvalidInputException('a run has begun');
			$set = json_decode((string) @file_get_contents("$this->folder/set.json"), true);
			$set || throw new NotFoundException('the folder holds no set');
			$older = $this->older();
			$before = self::olderCounts($older);
			$runs = count($older);
			if (isset($what['older_than'])) {
				$bound = strtr($what['older_than'], [':' => '']);
				$older = array_filter($older, fn ($run) => (string) $run >= $bound, ARRAY_FILTER_USE_KEY);
			}
			$next = $this->present();
			if (isset($what['forget'])) {
				$had = isset($next[$what['forget']]);
				unset($next[$what['forget']]);
				foreach ($older as $run => $entries) {
					$had = $had || isset($entries[$what['forget']]);
					unset($older[$run][$what['forget']]);
				}
				$had || throw new NotFoundException("forgetting {hash: {$what['forget']}}");
				$older = array_filter($older);
			}
			$after = self::olderCounts($older);
			$this->prepared = [
				'next' => $next,
				'older' => $older,
				'set' => ['run' => gmdate('Y-m-d\THis\Z'), 'counts' => $after + $set['counts']] + $set,
				'runs' => ['run' => gmdate('Y-m-d\THis\Z'), 'by' => 'prune'],
			];

			return $this->message()
			+ $after
			+ [
				'run' => $this->prepared['set']['run'],
				'removed_runs' => $runs - count($older),
				'removed_files' => $before['older_files'] - $after['older_files'],
				'removed_bytes' => $before['older_bytes'] - $after['older_bytes'],
			];
		}

		public function commit(?string $signature = null): void
		{
			$prepared = $this->prepared ?? throw new InvalidInputException('nothing is prepared');
			Instant::pass();
			$set = $prepared['set'];
			if (
				$signature !== null
				&& openssl_verify(
					$this->message()['message'],
					$signature,
					$set['channel']['key'],
					OPENSSL_ALGO_SHA512,
				) !== 1
			) {
				throw new SignatureException('the signature does not fit');
			}
			$set['signed_by'] = $signature === null ? null : ['channel' => $set['channel']['url']];
			@mkdir("$this->folder/runs", 0700);
			file_put_contents("$this->folder/runs/{$set['run']}.json", json_encode($prepared['runs']));
			file_put_contents("$this->folder/fake.json", json_encode([
				'entries' => $prepared['next'],
				'older' => $prepared['older'],
			], JSON_INVALID_UTF8_SUBSTITUTE));
			file_put_contents("$this->folder/set.json", json_encode($set, JSON_UNESCAPED_SLASHES));
			$signature === null
				? @unlink("$this->folder/channel-signature.json")
				: file_put_contents("$this->folder/channel-signature.json", base64_encode($signature));
			$this->abandon();
			$this->prepared = null;
		}

		public function abandon(): void
		{
			$this->run = null;
			@unlink("$this->folder/run.json.partial");
		}

		public function close(): void
		{
			if ($this->lock) {
				ftruncate($this->lock, 0);
				fclose($this->lock);
				$this->lock = null;
			}
		}

		public function __destruct()
		{
			$this->close();
		}

		private function message(): array
		{
			$set = $this->prepared['set'];

			return [
				'message' =>
					"\xFFfilesync-set-1\n{$set['channel']['hash']}\n"
						. hash('sha256', json_encode($this->prepared['next']))
						. "\n",
				'key_id' => $set['channel']['url'],
			];
		}

		private static function names(array $entry): array
		{
			return array_map(
				fn ($row) => [$row['hash'], $row['filename']],
				json_decode($entry['metadata'], true)['attach'],
			);
		}

		private static function outcome(string $hash, string $what, ?string $why): array
		{
			return [
				'hash' => $hash,
				'what' => $what,
				'why' => $why,
				'copied_bytes' => 0,
				'cloned_bytes' => 0,
				'size_bytes' => 0,
				'sha256' => null,
			];
		}

		private static function olderCounts(array $older): array
		{
			$parts = array_merge([], ...array_map(
				fn ($entries) => array_merge([], ...array_values(array_map(fn ($entry) => $entry['parts'], $entries))),
				array_values($older),
			));

			return ['older_files' => count($parts), 'older_bytes' => array_sum(array_column($parts, 'size'))];
		}

		private function present(): array
		{
			return json_decode((string) @file_get_contents("$this->folder/fake.json"), true)['entries'] ?? [];
		}

		private function older(): array
		{
			return json_decode((string) @file_get_contents("$this->folder/fake.json"), true)['older'] ?? [];
		}

		private function need(): void
		{
			$this->run !== null || throw new InvalidInputException('no run has begun');
		}

		private function write(): void
		{
			file_put_contents(
				"$this->folder/run.json.partial",
				json_encode($this->run, JSON_INVALID_UTF8_SUBSTITUTE),
			);
		}

		private static function partial(string $folder): ?array
		{
			return json_decode((string) @file_get_contents("$folder/run.json.partial"), true);
		}

		private static function busy(string $folder): ?array
		{
			return json_decode((string) @file_get_contents("$folder/.lock"), true);
		}
	}

	final class SetCheck
	{
		/** @var list<array> What the next check finds. */
		public static array $findings = [];
		/** @var list<array> The options of the checks. */
		public static array $options = [];

		private array $found;
		private bool $isDone = false;

		public function __construct(private string $folder, ?array $options = null)
		{
			is_file("$folder/set.json") || throw new NotFoundException('there is no set');
			self::$options[] = $options ?? [];
			$this->found = self::$findings;
		}

		public function step(int $budget_ms): array
		{
			$this->isDone = true;

			return array_map(
				fn ($one) => $one
				+ [
					'code' => '',
					'path' => '',
					'hash' => null,
					'found_at' => null,
					'why' => null,
				],
				$this->found,
			);
		}

		public function isDone(): bool
		{
			return $this->isDone;
		}

		public function progress(): array
		{
			$files = count(\Fake\Sets::contents($this->folder));

			return [
				'files' => $files,
				'files_total' => $files,
				'bytes' => 10,
				'bytes_total' => 10,
				'read_files' => $files,
				'read_bytes' => 10,
				'path' => null,
			];
		}

		public function result(): array
		{
			return [
				'set' => (string) file_get_contents("$this->folder/set.json"),
				'is_cut_off' => is_file("$this->folder/cut-off"),
				'is_signed' => is_file("$this->folder/channel-signature.json"),
				'is_verified' => is_file("$this->folder/channel-signature.json") && ! $this->found,
				'counts' => array_count_values(array_column($this->found, 'code')),
			];
		}
	}

	final class SetList
	{
		/** @var ?\Closure Called before entries are read. */
		public static ?\Closure $beforeNext = null;

		private array $entries;

		public function __construct(private string $folder, private ?array $options = null)
		{
			is_file("$folder/set.json") || throw new NotFoundException('there is no set');
			$this->entries = \Fake\Sets::contents($folder);
			ksort($this->entries);
		}

		public function next(int $limit): array
		{
			self::$beforeNext && (self::$beforeNext)();
			$rows = [];
			foreach (array_splice($this->entries, 0, $limit) as $entry) {
				$own = $entry['attach'][count($entry['attach']) - 1];
				$original =
					array_values(array_filter($entry['parts'], fn ($part) => $part['role'] === 'original'))[0] ?? null;
				$rows[] = [
					'hash' => $entry['hash'],
					'kind' => $entry['kind'],
					'names' => array_column($entry['attach'], 'filename'),
					'size_bytes' => $original['size'] ?? 0,
					'sha256' => $original['sha256'] ?? null,
					'mimetype' => $own['filetype'],
					'edited' => $own['edited'],
					'path' => null,
					'metadata' => "data/metadata/{$entry['hash']}.json",
					'crops' => 0,
					'posts' => count($entry['item'] ?? []),
					'seen' => '2026-11-28T03:17:09Z',
					'until' => null,
					'why' => null,
				];
			}

			return $rows;
		}
	}

	final class SetRestore
	{
		/** @var array<string, mixed> Facts that the next sets have instead of their own. */
		public static array $facts = [];
		/** @var array<string, mixed> What the last one was opened with. */
		public static array $opened = [];
		/** @var array<string, array<string, mixed>> What entries say instead, by hash. */
		public static array $said = [];
		/** @var array<string, string> `damaged` or `missing`: what bytes turn out to be, by hash and scale: `h-0`. */
		public static array $faults = [];
		/** @var ?\Closure Called with hash and scale before bytes are copied. */
		public static ?\Closure $beforeCopy = null;
		/** Bytes that are copied in one go. */
		public static int $small = 1000;
		/** @var ?\Closure Called in every sync. */
		public static ?\Closure $duringSync = null;

		private array $entries;
		private readonly string $list;
		private ?array $staging = null;

		public function __construct(private string $folder, private ?array $options = null)
		{
			self::$opened = $options ?? [];
			is_file("$folder/set.json") || throw new NotFoundException('there is no set');
			if (json_decode(file_get_contents("$folder/set.json"), true)['filesync_set'] > 1) {
				throw new UnsupportedException('reading a set: its format is newer');
			}
			$this->entries = json_decode((string) file_get_contents("$folder/fake.json"), true)['entries'];
			$this->list = hash('sha256', json_encode($this->entries));
			ksort($this->entries);
		}

		public function facts(): array
		{
			$set = json_decode((string) file_get_contents("$this->folder/set.json"), true);
			$signature = @file_get_contents("$this->folder/channel-signature.json");
			$message = "\xFFfilesync-set-1\n{$set['channel']['hash']}\n$this->list\n";
			$isKnown =
				$signature
				&& openssl_verify(
					$message,
					base64_decode($signature),
					$this->options['public_key'] ?? '',
					OPENSSL_ALGO_SHA512,
				) === 1;

			return (
				self::$facts
				+ [
					'set' => (string) file_get_contents("$this->folder/set.json"),
					'signed_by' => $signature ? ($isKnown ? 'channel' : 'other') : 'nobody',
					'is_list_whole' => true,
					'is_cut_off' => is_file("$this->folder/cut-off"),
					'run' => $set['run'],
					'first_run' => $set['run'],
					'refused' => null,
					'findings' => [],
					'list_sha256' => $this->list,
				]
			);
		}

		public function next(int $limit): array
		{
			$rows = [];
			foreach (array_splice($this->entries, 0, $limit) as $hash => $entry) {
				$parts = [];
				foreach ($entry['parts'] as $part) {
					$scale = $part['scale'] ?? 0;
					$isThere = (self::$faults["$hash-$scale"] ?? '') !== 'missing';
					$parts[] = [
						'scale' => $scale,
						'mimetype' => $part['mimetype'] ?? '',
						'size_bytes' => $part['size'],
						'sha256' => $part['sha256'],
						'is_there' => $isThere,
						'is_found' => $isThere,
					];
				}
				$metadata = json_decode($entry['metadata'], true);
				$rows[] = (self::$said[$hash] ?? [])
				+ [
					'hash' => (string) $hash,
					'proof' => 'listed',
					'kind' => $metadata['kind'],
					'metadata' => $entry['metadata'],
					'parts' => $parts,
					'posts' => count($metadata['item'] ?? []),
					'why' => null,
				];
			}

			return $rows;
		}

		public function stage(string $hash, int $scale, Store $store, string $path): ?array
		{
			$this->staging === null || throw new InvalidInputException('bytes are being copied');
			self::$beforeCopy && (self::$beforeCopy)($hash, $scale);
			Instant::pass();
			match (self::$faults["$hash-$scale"] ?? '') {
				'missing' => throw new NotFoundException('copying bytes {code: file_missing}'),
				'damaged' => throw new CorruptException('copying bytes {code: file_damaged}'),
				default => null,
			};
			foreach (\Fake\Sets::contents($this->folder)[$hash]['parts'] ?? [] as $part) {
				if (($part['scale'] ?? 0) === $scale) {
					$this->staging = [$store->absolute($path), base64_decode($part['bytes'])];
				}
			}
			$this->staging ?? throw new InvalidInputException('there is no such part');
			if (file_exists($this->staging[0])) {
				$this->staging = null;
				throw new InvalidInputException('the new file exists');
			}

			return strlen($this->staging[1]) > self::$small ? null : $this->step(1);
		}

		public function step(int $budget_ms): ?array
		{
			[$path, $bytes] = $this->staging ?? throw new InvalidInputException('nothing is being copied');
			$this->staging = null;
			file_put_contents($path, $bytes);
			Instant::pass();

			return ['size_bytes' => strlen($bytes), 'sha256' => hash('sha256', $bytes), 'is_clone' => false];
		}

		public function stagedBytes(): int
		{
			return 0;
		}

		public function abandon(): void
		{
			$this->staging = null;
		}

		public static function sync(Store $store): void
		{
			Instant::pass();
			self::$duringSync && (self::$duringSync)();
		}
	}
}

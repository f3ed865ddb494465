<?php

/**
 * A stand-in for the extension, in plain PHP: same classes and shapes as stubs/filesync.stub.php, no network. FakeTest
 * compares the two.
 */

namespace FileSync\Exception {
	class FileSyncException extends \Exception {}
	class TemporaryException extends FileSyncException {}
	class PermanentException extends FileSyncException {}
	final class NetworkException extends TemporaryException {}
	final class PeerBusyException extends TemporaryException {}
	final class StorageException extends TemporaryException {}
	final class CorruptException extends TemporaryException {}
	final class RefusedException extends PermanentException {}
	final class NotFoundException extends PermanentException {}
	final class LimitException extends PermanentException {}
	final class UnsupportedException extends PermanentException {}
	final class InvalidInputException extends PermanentException {}
	final class SignatureException extends PermanentException {}
}

namespace FileSync {
	use Fake\Instant;
	use FileSync\Exception\InvalidInputException;
	use FileSync\Exception\NotFoundException;
	use FileSync\Exception\StorageException;

	final class TransferBatch
	{
		/**
		 * @var array<string, string|array> What a fetch of `<hash>-<scale>` gives: bytes, a size (of nothing but
		 *     zeros), keys of a report, or `slow`: so many bytes in each step, and no end.
		 */
		public static array $answers = [];
		/** @var list<array> What was added, in order. */
		public static array $added = [];
		/** @var list<array> */
		public static array $options = [];
		/** @var array<string, string> origin URL => dav state */
		public static array $dav = [];
		/** @var ?\Closure Called in every step. */
		public static ?\Closure $duringStep = null;
		/** How many transfers end in one step. */
		public static int $together = 1;
		/** @var ?\Closure Says what a fetch gives, in place of the answers. */
		public static ?\Closure $fetch = null;

		private array $waiting = [];
		private array $offsets = [];
		private int $last = 0;

		private array $settings;

		public function __construct(array $options)
		{
			self::$options[] = $this->settings = $options;
			if (! is_dir($options['root'])) {
				throw new StorageException('no such folder');
			}
		}

		public function add(array $transfer): int
		{
			if (! preg_match('/^[A-Za-z0-9._-]{1,128}$/', $transfer['name']) || ! $transfer['origins']) {
				throw new InvalidInputException('name or origins');
			}
			self::$added[] = $transfer;
			$this->waiting[++$this->last] = $transfer;

			return $this->last;
		}

		public function step(int $budget_ms): array
		{
			Instant::pass();
			if (self::$duringStep) {
				(self::$duringStep)();
			}
			$reports = [];
			while (count($reports) < self::$together && ($ended = $this->end()) !== []) {
				$reports = [...$reports, ...$ended];
			}

			return $reports;
		}

		/** @return list<array> The report of the next transfer that ends, if one does. */
		private function end(): array
		{
			$active = array_slice($this->waiting, 0, $this->settings['parallel'], true);
			$slow = array_filter(
				$active,
				fn ($transfer) => isset(self::$answers[$transfer['hash'] . '-' . $transfer['scale']]['slow']),
			);
			foreach ($slow as $id => $transfer) {
				$this->offsets[$id] =
					($this->offsets[$id] ?? 0) + self::$answers[$transfer['hash'] . '-' . $transfer['scale']]['slow'];
			}
			$id = array_key_first(array_diff_key($active, $slow));
			if ($id === null) {
				return [];
			}
			$transfer = $this->waiting[$id];
			unset($this->waiting[$id]);
			$answer = self::$fetch
				? (self::$fetch)($transfer)
				: self::$answers[$transfer['hash'] . '-' . $transfer['scale']] ?? [
					'kind' => 'NotFound',
					'temporary' => false,
					'message' => 'not there',
				];
			$report = [
				'id' => $id,
				'name' => $transfer['name'],
				'size_bytes' => $transfer['size_bytes'],
				'received_bytes' => 0,
				'resumed_at_byte' => 0,
				'sha256' => null,
				'edited' => null,
				'origin' => null,
				'rung' => null,
				'proof' => [],
				'seconds' => 0.1,
				'error' => null,
			];
			$edited = $answer['edited'] ?? null;
			$answer = $answer['bytes'] ?? $answer;
			if (isset($answer['state'])) {
				return [$answer + $report];
			}
			if (is_array($answer)) {
				return [
					[
						'state' => 'failed',
						'received_bytes' => $answer['received_bytes'] ?? 0,
						'error' => [
							'kind' => $answer['kind'],
							'temporary' => $answer['temporary'],
							'message' => $answer['message'],
							'retry_after_seconds' => $answer['retry_after_seconds'] ?? null,
							'facts' => $answer['facts'] ?? [],
						],
					] + $report,
				];
			}
			$size = is_int($answer) ? $answer : strlen($answer);
			if ($size > ($transfer['most_bytes'] ?? PHP_INT_MAX)) {
				return [
					[
						'state' => 'failed',
						'error' => [
							'kind' => 'Limit',
							'temporary' => false,
							'message' => 'it has more bytes there',
							'retry_after_seconds' => null,
							'facts' => ['stated_bytes' => (string) $size],
						],
					] + $report,
				];
			}
			$partial = $this->settings['root'] . '/' . $transfer['name'] . '.partial';
			file_put_contents($partial, is_int($answer) ? '' : $answer);
			is_int($answer) && ftruncate(fopen($partial, 'c'), $answer);
			Instant::pass();

			return [
				[
					'state' => 'complete',
					'size_bytes' => $size,
					'received_bytes' => $size,
					'sha256' => is_int($answer) ? FileDigest::$digest : hash('sha256', $answer),
					'origin' => $transfer['origins'][0]['url'],
					'rung' => 'getfile',
					'proof' => ['size'],
					'edited' => $edited,
				] + $report,
			];
		}

		public function progress(): array
		{
			$progress = [];
			foreach ($this->waiting as $id => $transfer) {
				$progress[] = [
					'id' => $id,
					'name' => $transfer['name'],
					'state' => count($progress) < $this->settings['parallel'] ? 'active' : 'queued',
					'size_bytes' => $transfer['size_bytes'],
					'offset_bytes' => $this->offsets[$id] ?? 0,
					'bytes_per_second' => 0,
					'rung' => null,
				];
			}

			return $progress;
		}

		/** @var array<string, array> More keys of what is learnt about an origin, by URL. */
		public static array $learnt = [];

		public function origins(): array
		{
			$learnt = self::$learnt ?: array_map(fn ($dav) => ['dav' => $dav], self::$dav);

			return array_map(
				fn ($url, $keys) => $keys
				+ [
					'url' => $url,
					'dav' => 'untried',
					'reason' => null,
					'filesync' => 'untried',
					'filesync_reason' => null,
					'version' => null,
					'features' => [],
					'skew_seconds' => null,
					'piece_bytes' => null,
					'received_bytes' => 0,
					'failures' => 0,
				],
				array_keys($learnt),
				$learnt,
			);
		}

		public function pending(): int
		{
			return count($this->waiting);
		}

		public function cancel(int $id): bool
		{
			$known = isset($this->waiting[$id]);
			unset($this->waiting[$id]);

			return $known;
		}

		public function close(): void {}
	}

	final class Photo
	{
		/** What becomes of scales: false, their format is not known; else they are made. */
		public static bool $isKnown = false;
		/** Whether true pictures are made into pictures: of their own size. */
		public static bool $makesPictures = false;
		/** @var ?\Closure Says what a photo's header says, in place of its bytes. */
		public static ?\Closure $facts = null;

		public function __construct()
		{
			throw new \Exception('all methods are static');
		}

		/**
		 * A true picture has its own size; a scale made here tells its size by its number, anything else is of
		 * 400 x 200 pixels.
		 */
		public static function facts(Store $store, string $path): array
		{
			if (self::$facts) {
				return (self::$facts)();
			}
			$bytes = file_get_contents($store->absolute($path));
			$true = @getimagesizefromstring($bytes);
			if ($true && $true['mime'] === 'image/avif') {
				throw new \FileSync\Exception\UnsupportedException('AVIF');
			}
			if ($true) {
				$turned = $true['mime'] === 'image/jpeg'
					? (int) (@exif_read_data($store->absolute($path))['Orientation'] ?? 1)
					: 1;

				return [
					'mimetype' => $true['mime'],
					'width' => $true[$turned >= 5 ? 1 : 0],
					'height' => $true[$turned >= 5 ? 0 : 1],
					'stored_width' => $true[0],
					'stored_height' => $true[1],
					'orientation' => $turned,
				];
			}
			$n = preg_match('/^scale (\d)/', $bytes, $found) ? (int) $found[1] : 4;

			return (
				$bytes === 'no picture'
					? throw new \FileSync\Exception\CorruptException($path)
					: [
						'mimetype' => 'image/jpeg',
						'width' => 100 * $n,
						'height' => 50 * $n,
						'stored_width' => 100 * $n,
						'stored_height' => 50 * $n,
						'orientation' => 1,
					]
			);
		}

		/** True pictures get sizes as hubs give them, but for panoramas. */
		public static function sizes(int $width, int $height, array $scales, ?array $options = null): array
		{
			if ([$width, $height] !== [400, 200]) {
				$longest = [1 => 1024, 640, 320, 5 => 80, 48, 8 => 850, 425];

				return array_combine($scales, array_map(function ($scale) use ($width, $height, $longest) {
					$part = min(1, $longest[$scale] / max($width, $height));

					return ['width' => (int) ($part * $width), 'height' => (int) ($part * $height)];
				}, $scales));
			}

			return array_combine($scales, array_map(fn ($scale) => [
				'width' => 100 * $scale,
				'height' => 50 * $scale,
			], $scales));
		}

		public static function scale(
			Store $from,
			string $source,
			Store $to,
			array $targets,
			?array $options = null,
		): array {
			return (
				self::scaleAll(
					$from,
					$to,
					[['source' => $source, 'targets' => $targets]],
					$options,
				)[0]['scales'] ?? throw new \FileSync\Exception\UnsupportedException($source)
			);
		}

		public static function scaleAll(Store $from, Store $to, array $jobs, ?array $options = null): array
		{
			$outcomes = [];
			foreach ($jobs as $key => $job) {
				$source = file_get_contents($from->absolute($job['source']));
				$scales = [];
				foreach (self::$isKnown ? $job['targets'] : [] as $scale => $path) {
					Instant::pass();
					$true = self::$makesPictures ? @getimagesizefromstring($source) : false;
					$bytes = $true ? "$source scale $scale" : "scale $scale of $source";
					if (is_file($to->absolute($path))) {
						throw new InvalidInputException("$path is taken");
					}
					file_put_contents($to->absolute($path), $bytes);
					$scales[$scale] = [
						'mimetype' => 'image/jpeg',
						'width' => $true ? $true[0] : 100 * $scale,
						'height' => $true ? $true[1] : 50 * $scale,
						'size_bytes' => strlen($bytes),
						'sha256' => hash('sha256', $bytes),
						'profile_fault' => null,
					];
				}
				$outcomes[$key] = [
					'scales' => $scales ?: null,
					'error' => $scales
						? null
						: [
							'kind' => 'Unsupported',
							'temporary' => false,
							'message' => 'no photo',
							'retry_after_seconds' => null,
							'facts' => [],
						],
				];
			}

			return $outcomes;
		}
	}

	/** Sends bytes of a file, as a web server's PHP would. */
	function send_file(string $root, string $path, int $offset, int $length): int
	{
		$bytes = file_get_contents((new Store($root))->absolute($path), false, null, $offset, $length);
		echo $bytes;

		return strlen($bytes);
	}

	final class Store
	{
		/** Seconds by which every file is older than it is: nobody can set the time of a change. */
		public static int $age = 10;
		/** Whether other bytes show in a file's times even within one second, as the nanoseconds of a real one do. */
		public static bool $isFine = false;
		/** @var ?\Closure Called with ('before'|'after', from, to) around an exchange. */
		public static ?\Closure $aroundExchange = null;
		/** @var list<list<string>> The names of each call of syncNames(). */
		public static array $syncs = [];
		/** @var ?\Closure Called by the next of them. */
		public static ?\Closure $duringSync = null;
		/** The live files are on another device than ours. */
		public static bool $isElsewhere = false;

		public function __construct(private string $root)
		{
			if (! str_starts_with($root, '/') || ! is_dir($root)) {
				throw new StorageException('cannot open ' . $root);
			}
		}

		public function absolute(string $path): string
		{
			if ($path === '' || $path[0] === '/' || preg_match('#(^|/)\.\.(/|$)|\0#', $path)) {
				throw new InvalidInputException('the path leaves the root');
			}

			return $this->root . '/' . $path;
		}

		public function stat(string $path): ?array
		{
			clearstatcache();
			$stat = @stat($this->absolute($path));
			$fraction = self::$isFine && $stat && is_file($this->absolute($path))
				? crc32(file_get_contents($this->absolute($path))) % 1000000000
				: 0;

			return (
				$stat
					? [
						'device' => $stat['dev'],
						'inode' => $stat['ino'],
						'size_bytes' => $stat['size'],
						'mtime_ns' => $stat['mtime'] * 1000000000,
						'ctime_ns' => (($stat['ctime'] - self::$age) * 1000000000) + $fraction,
					] : null
			);
		}

		public function makeFolder(string $path): void
		{
			@mkdir($this->absolute($path), 0770, true);
		}

		public function exchange(string $from, Store $target, string $to, ?string $sha256 = null): ?array
		{
			self::$aroundExchange && (self::$aroundExchange)('before', $from, $to);
			Instant::pass();
			$a = $this->absolute($from);
			$b = $target->absolute($to);
			if (! is_file($a)) {
				throw new NotFoundException($from);
			}
			$displaced = $target->stat($to);
			if ($displaced) {
				rename($b, $b . '.swap');
			}
			if (! @rename($a, $b)) {
				throw new StorageException('exchange failed');
			}
			if ($displaced) {
				rename($b . '.swap', $a);
			}
			Instant::pass();
			self::$aroundExchange && (self::$aroundExchange)('after', $from, $to);

			return $displaced;
		}

		public function move(string $from, string $to): void
		{
			rename($this->absolute($from), $this->absolute($to));
		}

		public function place(string $from, Store $target, string $to): bool
		{
			Instant::pass();
			is_file($this->absolute($from)) || throw new NotFoundException($from);
			is_dir(dirname($target->absolute($to))) || throw new NotFoundException($to);
			if (
				(self::$isElsewhere
				&& $this->root !== $target->root)
				|| file_exists($target->absolute($to))
				|| is_link($target->absolute($to))
			) {
				return false;
			}
			rename($this->absolute($from), $target->absolute($to));
			Instant::pass();

			return true;
		}

		public function syncNames(array $paths): void
		{
			foreach ($paths as $path) {
				is_dir(dirname($this->absolute($path))) || throw new NotFoundException($path);
			}
			self::$syncs[] = $paths;
			[$during, self::$duringSync] = [self::$duringSync, null];
			$during && $during();
			Instant::pass();
		}

		public function remove(string $path): bool
		{
			return @unlink($this->absolute($path));
		}

		public function freeBytes(): int
		{
			return 1 << 40;
		}
	}

	final class FileDigest
	{
		/** How many files were read. */
		public static int $count = 0;
		/** A digest that is told instead of computed, for large files. */
		public static ?string $digest = null;
		/** @var ?\Closure Called in every step; its answer is whether the end was reached. */
		public static ?\Closure $duringStep = null;

		private bool $isDone = false;
		private string $path;

		public function __construct(Store $store, string $path)
		{
			$this->path = $store->absolute($path);
			if (! is_file($this->path)) {
				throw new NotFoundException($path);
			}
		}

		public function step(int $budget_ms): bool
		{
			if (self::$duringStep && ! (self::$duringStep)($this->path)) {
				return false;
			}
			self::$count++;

			return $this->isDone = true;
		}

		public function sha256(): string
		{
			return $this->isDone
				? self::$digest ?? hash_file('sha256', $this->path)
				: throw new InvalidInputException('not done');
		}

		public function sizeBytes(): int
		{
			return filesize($this->path);
		}
	}

	/** Compares by sending all ids. */
	final class Inventory
	{
		private array $hashes = [];
		private ?array $different = null;
		private int $rounds = 0;

		public function __construct() {}

		public static function id(string $hash, string $content, string $metadata): string
		{
			return (
				substr(hash('sha256', $hash), 0, 16)
				. substr(hash('sha256', $content), 0, 24)
				. substr(hash('sha256', $metadata), 0, 24)
			);
		}

		public function add(string $hash, string $content, string $metadata): void
		{
			$this->hashes[self::id($hash, $content, $metadata)] = $hash;
		}

		public function seal(): void
		{
			ksort($this->hashes);
		}

		public function count(): int
		{
			return count($this->hashes);
		}

		public function find(string $key): ?string
		{
			return (
				array_combine(array_map(fn ($id) => substr($id, 0, 16), array_keys($this->hashes)), $this->hashes)[$key]
				?? null
			);
		}

		public function begin(): string
		{
			return 'begin';
		}

		public function answer(string $message): string
		{
			return $message === 'begin'
				? implode(' ', array_keys($this->hashes))
				: throw new InvalidInputException('no message');
		}

		public function advance(string $message): ?string
		{
			$this->rounds++;
			$there = array_flip(preg_split('/ /', $message, -1, PREG_SPLIT_NO_EMPTY));
			$this->different = [];
			foreach (array_diff_key($this->hashes, $there) + array_diff_key($there, $this->hashes) as $id => $hash) {
				$side = isset($this->hashes[$id]) ? 'here' : 'there';
				$this->different[substr($id, 0, 16)][$side] = $id;
			}
			ksort($this->different);

			return null;
		}

		public function rounds(): int
		{
			return $this->rounds;
		}

		public function differenceCount(): int
		{
			return count($this->different);
		}

		public function differences(int $offset, int $limit): array
		{
			$rows = [];
			foreach (array_slice($this->different, $offset, $limit, true) as $key => $sides) {
				[$here, $there] = [$sides['here'] ?? null, $sides['there'] ?? null];
				$rows[] = [
					'key' => (string) $key,
					'hash' => $here === null ? null : $this->hashes[$here],
					'here' => $here,
					'there' => $there,
					'content' => $here && $there && substr($here, 16, 24) !== substr($there, 16, 24),
					'metadata' => $here && $there && substr($here, 40) !== substr($there, 40),
				];
			}

			return $rows;
		}

		public function save(Store $store, string $path): void
		{
			file_put_contents($store->absolute($path), serialize([$this->hashes, $this->different, $this->rounds]));
		}

		public static function load(Store $store, string $path): Inventory
		{
			$inventory = new self();
			$saved = @file_get_contents($store->absolute($path));
			[$inventory->hashes, $inventory->different, $inventory->rounds] = unserialize(
				$saved === false ? throw new NotFoundException($path) : $saved,
			);

			return $inventory;
		}
	}

	final class Signer
	{
		public function __construct(private string $private_key) {}

		public function sign(string $body): string
		{
			openssl_sign($body, $signature, $this->private_key, OPENSSL_ALGO_SHA256);

			return 'sha256.' . rtrim(strtr(base64_encode($signature), '+/', '-_'), '=');
		}

		public function signAll(array $bodies): array
		{
			return array_map($this->sign(...), $bodies);
		}

		public static function verify(string $body, string $sig, string $public_key): bool
		{
			return (
				openssl_verify(
					$body,
					(string) base64_decode(strtr(preg_replace('/^sha256\./', '', $sig), '-_', '+/')),
					$public_key,
					OPENSSL_ALGO_SHA256,
				) === 1
			);
		}
	}

	/** Moves all that begins with the old home's address, whatever follows. */
	/** Signs as the hub's own class does, whatever the hub's version. */
	final class ProofSigner
	{
		private string $secret;

		public function __construct(string $private_key)
		{
			try {
				$this->secret = sodium_base642bin($private_key, SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING);
				sodium_crypto_sign_publickey_from_secretkey($this->secret);
			} catch (\SodiumException) {
				throw new InvalidInputException('not a key');
			}
		}

		public function sign(string $document, string $method, string $created, bool $with_context = false): string
		{
			$data = json_decode($document, true);
			$proof = ($with_context && isset($data['@context']) ? ['@context' => $data['@context']] : [])
			+ [
				'type' => 'DataIntegrityProof',
				'cryptosuite' => 'eddsa-jcs-2022',
				'created' => $created,
				'verificationMethod' => $method,
				'proofPurpose' => 'assertionMethod',
			];
			$signature = sodium_crypto_sign_detached(self::signed($data, $proof), $this->secret);
			$signed = json_decode($document);
			$signed->proof = $proof + ['proofValue' => 'z' . \TestHub\Base58::encode($signature)];

			return json_encode($signed);
		}

		public function publicKey(): string
		{
			return self::multibase(sodium_bin2base64(
				sodium_crypto_sign_publickey_from_secretkey($this->secret),
				SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING,
			));
		}

		public static function verify(string $document, string $public_key): void
		{
			$data = json_decode($document, true);
			$proof = $data['proof'] ?? [];
			$value = $proof['proofValue'] ?? '';
			unset($proof['proofValue']);
			$signature = \TestHub\Base58::decode(substr($value, 1));
			$key = \Zotlabs\Lib\Multibase::decode($public_key) ?: sodium_base642bin(
					$public_key,
					SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING,
				);
			if (
				strlen($signature) !== SODIUM_CRYPTO_SIGN_BYTES
				|| ! sodium_crypto_sign_verify_detached($signature, self::signed($data, $proof), $key)
			) {
				throw new Exception\SignatureException('the signature does not match the document');
			}
		}

		public static function multibase(string $public_key): string
		{
			return \Zotlabs\Lib\Multibase::publicKey($public_key);
		}

		private static function signed(array $data, array $proof): string
		{
			unset($data['proof'], $data['signature']);

			return hash('sha256', \TestHub\Jcs::text($proof), true) . hash('sha256', \TestHub\Jcs::text($data), true);
		}
	}

	final class Relocator
	{
		public function __construct(private array $options) {}

		public function text(string $text): string
		{
			$own = $this->options['own_media'] ?? null;

			return (string) preg_replace_callback(
				'~'
				. preg_quote($this->options['from'], '~')
				. '/(?:(?:photo|attach)/([A-Za-z0-9-]+?)(?=-\d\b|[^A-Za-z0-9-]|$))?~',
				fn ($found) => isset($found[1]) && $own !== null && ! in_array($found[1], $own, true)
					? $found[0]
					: $this->options['to'] . substr($found[0], strlen($this->options['from'])),
				strtr($text, [
					"{$this->options['from']}/channel/{$this->options['from_nick']}" => "{$this->options['to']}/channel/{$this->options['to_nick']}",
				]),
			);
		}

		public function json(string $json): string
		{
			return str_replace(
				addcslashes($this->options['from'], '/') . '\/',
				addcslashes($this->options['to'], '/') . '\/',
				$this->text($json),
			);
		}

		public function value(array $value): array
		{
			return array_map(fn ($one) => match (true) {
				is_string($one) => $this->text($one),
				is_array($one) => $this->value($one),
				default => $one,
			}, $value);
		}

		public function item(array $item): array
		{
			foreach (array_intersect([
				'body',
				'summary',
				'plink',
				'obj',
				'target',
				'attach',
				'permalink',
				'object',
				'tags',
				'term',
			], array_keys($item)) as $key) {
				$item[$key] = is_array($item[$key]) ? $this->value($item[$key]) : $this->json((string) $item[$key]);
			}

			return $item;
		}

		public function items(array $items): array
		{
			return array_map($this->item(...), $items);
		}

		public static function mediaHashes(string $hub, string $text): array
		{
			preg_match_all(
				'~' . preg_quote($hub, '~') . '/(?:photo|attach)/([A-Za-z0-9-]+?)(?=-\d\b|[^A-Za-z0-9-]|$)~',
				$text,
				$found,
			);

			$hashes = array_unique($found[1]);
			sort($hashes);

			return $hashes;
		}
	}
}

namespace {
	require_once __DIR__ . '/set.php';
	require_once __DIR__ . '/upload.php';
	require_once __DIR__ . '/dump.php';
}

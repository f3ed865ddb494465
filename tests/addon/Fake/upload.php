<?php

/** The stand-in's uploads. It is loaded with the rest of the stand-in. */

namespace FileSync {
	use FileSync\Exception\CorruptException;
	use FileSync\Exception\InvalidInputException;
	use FileSync\Exception\LimitException;
	use FileSync\Exception\NotFoundException;
	use FileSync\Exception\PeerBusyException;
	use FileSync\Exception\StorageException;

	/** A pack is a text here: a line for each file, its digest and its bytes in hex. */
	final class Pack
	{
		private string $text = '';
		private array $files = [];

		public function __construct() {}

		public function write(string $bytes): void
		{
			$this->text .= $bytes;
		}

		public function members(): array
		{
			foreach (array_filter(explode("\n", $this->text)) as $line) {
				[$sha256, $hex] = explode(' ', $line);
				$this->files[$sha256] = (string) hex2bin($hex);
			}

			return array_map(
				fn ($sha256) => ['sha256' => $sha256, 'size_bytes' => strlen($this->files[$sha256])],
				array_keys($this->files),
			);
		}

		public function place(Store $store, string $folder, string $partial, int $headroom_bytes): void
		{
			foreach ($this->files as $sha256 => $bytes) {
				$home = $store->absolute($folder) . '/' . substr($sha256, 0, 2);
				@mkdir($home, 0700);
				file_put_contents("$home/$sha256", $bytes);
			}
		}
	}

	final class PackWriter
	{
		/** @var array<string, string> Bytes by digest. */
		private array $files = [];

		public function __construct() {}

		public function hasRoom(int $size_bytes): bool
		{
			return (array_sum(array_map('strlen', $this->files)) + $size_bytes) <= (8 << 20);
		}

		public function add(Store $store, string $path, int $size_bytes, string $sha256): bool
		{
			if (! $this->hasRoom($size_bytes)) {
				throw new LimitException('it does not fit');
			}
			$bytes = @file_get_contents($store->absolute($path));
			if ($bytes === false) {
				throw new NotFoundException($path);
			}
			$isIt = strlen($bytes) === $size_bytes && hash('sha256', $bytes) === $sha256;
			$isIt && ($this->files[$sha256] = $bytes);

			return $isIt;
		}

		public function count(): int
		{
			return count($this->files);
		}

		public function lengthBytes(): int
		{
			return strlen($this->text());
		}

		public function send(): int
		{
			echo $text = $this->text();
			$this->files = [];

			return strlen($text);
		}

		private function text(): string
		{
			return implode('', array_map(
				fn ($sha256, $bytes) => "$sha256 " . bin2hex($bytes) . "\n",
				array_keys($this->files),
				$this->files,
			));
		}
	}

	final class Upload
	{
		/** Whether the disk is full. */
		public static bool $isFull = false;
		/** @var ?\WeakReference<self> The one that was opened last, as long as somebody keeps it. */
		public static ?\WeakReference $last = null;

		/** @var ?resource */
		private $file;
		private int $length;

		public function __construct(
			private Store $store,
			private string $path,
			private array $what,
		) {
			$file = fopen($store->absolute("$path.partial"), 'c+');
			if (! $file || ! flock($file, LOCK_EX | LOCK_NB)) {
				throw new PeerBusyException('another process writes it');
			}
			$this->file = $file;
			self::$last = \WeakReference::create($this);
			$this->length = self::offsetOf($store, $path, $what);
			ftruncate($file, $this->length);
		}

		public function lengthBytes(): int
		{
			return $this->length;
		}

		public function isWhole(): bool
		{
			return $this->length === $this->what['size_bytes'];
		}

		public function write(string $bytes): void
		{
			if (self::$isFull) {
				throw new StorageException('the disk is full');
			}
			if (($this->length + strlen($bytes)) > $this->what['size_bytes']) {
				throw new LimitException('more bytes than the file has');
			}
			fseek($this->file, $this->length);
			fwrite($this->file, $bytes);
			fflush($this->file);
			$this->length += strlen($bytes);
		}

		public function forget(): void
		{
			$this->length = self::offsetOf($this->store, $this->path, $this->what);
			ftruncate($this->file, $this->length);
		}

		public function keep(): int
		{
			file_put_contents(
				$this->store->absolute("$this->path.index"),
				json_encode([$this->what['sha256'], $this->what['size_bytes'], $this->length]),
			);

			return $this->length;
		}

		public function place(string $to): void
		{
			if (! $this->isWhole()) {
				throw new InvalidInputException('the file is not whole yet');
			}
			fclose($this->file);
			$this->file = null;
			$partial = $this->store->absolute("$this->path.partial");
			@unlink($this->store->absolute("$this->path.index"));
			if (hash_file('sha256', $partial) !== $this->what['sha256']) {
				unlink($partial);
				throw new CorruptException('it has another digest');
			}
			rename($partial, $this->store->absolute($to));
		}

		public static function offsetOf(Store $store, string $path, array $what): int
		{
			$index = json_decode((string) @file_get_contents($store->absolute("$path.index")), true);

			return $index && [$index[0], $index[1]] === [$what['sha256'], $what['size_bytes']] ? $index[2] : 0;
		}

		public static function remove(Store $store, string $path): void
		{
			foreach (['index', 'partial'] as $kind) {
				@unlink($store->absolute("$path.$kind"));
			}
		}
	}
}

<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Transfer\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The two places where the bytes of a transfer can be, its partial file and the live path, and the moves between them.
 *
 * @import-type Stat from Facts
 */
final class Placement
{
	private const STEP_MS = 2000;

	private readonly \FileSync\Store $data;
	private readonly \FileSync\Store $live;
	/** The folder that putNew() made last. */
	private string $made = '';

	/** @param \Closure(): void $beat Renews the worker's leases during long reads. */
	public function __construct(private readonly Channel $channel, private readonly \Closure $beat)
	{
		if (! is_dir(Store::root($channel))) {
			Core::makeFolder(Store::root($channel));
		}
		$this->data = new \FileSync\Store((string) realpath(Store::dataRoot($channel->id, true)));
		$this->live = new \FileSync\Store((string) realpath(Store::root($channel)));
	}

	/** Returns the base name of a transfer's partial file. */
	public static function partial(Transfer $transfer): string
	{
		return $transfer->partialName() . '.partial';
	}

	/**
	 * Returns the facts of the partial file, or null if there is none.
	 *
	 * @return ?Stat
	 */
	public function partialFacts(Transfer $transfer): ?array
	{
		return $this->data->stat(self::partial($transfer));
	}

	/**
	 * Returns the facts of the partial file that the first transfer of a file has, or null if there is none.
	 *
	 * @return ?Stat
	 */
	public function firstFacts(string $hash): ?array
	{
		return $this->data->stat(Transfer::partialOf($hash, 0, 1) . '.partial');
	}

	/** Returns the digest of the partial file, or null if there is none. */
	public function partialDigest(Transfer $transfer): ?string
	{
		return $this->digest($this->data, self::partial($transfer));
	}

	/**
	 * Returns the facts of the file at a hub-relative path of the channel, or null if there is none.
	 *
	 * @return ?Stat
	 */
	public function liveFacts(string $target): ?array
	{
		return $this->live->stat($this->livePath($target));
	}

	/** Returns the digest of the file at a hub-relative path of the channel, or null if there is none. */
	public function liveDigest(string $target): ?string
	{
		return $this->digest($this->live, $this->livePath($target));
	}

	/** Tells whether the file at a hub-relative path of the channel really is a picture. */
	public function isPicture(string $target, string $type): bool
	{
		return (
			PhotoType::isKnown($type)
			&& PhotoType::isPicture((string) realpath(Store::root($this->channel)), $this->livePath($target))
		);
	}

	/** Tells whether the partial file really is a picture. */
	public function isPartialPicture(Transfer $transfer, string $type): bool
	{
		$root = (string) realpath(Store::dataRoot($this->channel->id));

		return PhotoType::isKnown($type) && PhotoType::isPicture($root, self::partial($transfer));
	}

	/**
	 * Exchanges the partial file with the live one in one step. Returns the facts of the displaced file, or null.
	 *
	 * @return ?Stat
	 */
	public function putInPlace(Transfer $transfer, string $target): ?array
	{
		$path = $this->livePath($target);
		if (str_contains($path, '/')) {
			$this->live->makeFolder(dirname($path));
		}

		return $this->data->exchange(self::partial($transfer), $this->live, $path, $transfer->sha256);
	}

	/**
	 * Moves the partial file to where nothing is, and leaves it to sync() or syncNames() to force that to disk; false
	 * if something is there, or if that is another device.
	 */
	public function putNew(Transfer $transfer, string $target): bool
	{
		$path = $this->livePath($target);
		$folder = dirname($path);
		if ($folder !== '.' && $folder !== $this->made) {
			$this->live->makeFolder($folder);
			$this->made = $folder;
		}

		return $this->data->place(self::partial($transfer), $this->live, $path);
	}

	/**
	 * Forces the names of files at hub-relative paths of the channel to disk.
	 *
	 * @param list<string> $targets
	 */
	public function syncNames(array $targets): void
	{
		$this->live->syncNames(array_map($this->livePath(...), $targets));
	}

	/** Forces everything to disk. */
	public function sync(): void
	{
		\FileSync\SetRestore::sync($this->data);
	}

	/**
	 * Returns the facts of the live file if it surely holds the bytes that had some facts; null if anything else may
	 * have written it.
	 *
	 * @param ?Stat $verified
	 *
	 * @return ?Stat
	 */
	public function unchanged(string $target, ?array $verified): ?array
	{
		$live = $verified ? $this->liveFacts($target) : null;
		$print = fn (array $stat) => [$stat['inode'], $stat['size_bytes'], $stat['mtime_ns']];

		return $live && $verified && $print($live) === $print($verified) ? $live : null;
	}

	/** Exchanges them back. */
	public function takeBack(Transfer $transfer, string $target): void
	{
		$this->live->exchange($this->livePath($target), $this->data, self::partial($transfer), $transfer->sha256);
	}

	/**
	 * Renames the partial file of a transfer that was taken over, so that a worker that only slept finds nothing to
	 * exchange.
	 */
	public function fence(Transfer $transfer): void
	{
		for ($generation = $transfer->generation - 1; $generation > 0; $generation--) {
			$name = Transfer::partialOf($transfer->hash, $transfer->scale, $generation) . '.partial';
			// If files cannot be exchanged in one step, a crash may leave the displaced file under its interim name.
			foreach ([$name, $name . '.displaced'] as $old) {
				if ($this->data->stat($old)) {
					$this->data->move($old, self::partial($transfer));
					return;
				}
			}
		}
	}

	private function livePath(string $target): string
	{
		return substr($target, strlen(Store::root($this->channel)) + 1);
	}

	private function digest(\FileSync\Store $store, string $path): ?string
	{
		if (! $store->stat($path)) {
			return null;
		}
		$digest = new \FileSync\FileDigest($store, $path);
		while (! $digest->step(self::STEP_MS)) {
			($this->beat)();
		}

		return $digest->sha256();
	}
}

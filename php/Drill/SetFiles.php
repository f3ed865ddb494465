<?php

namespace FileSync\Addon\Drill;

use FileSync\Addon\Backup\Place;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Restore\Intake;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A set's lists and metadata files, read by PHP alone from what docs/backup-set.md says: what the intake reads is not
 * believed here. It follows no link, and memory holds a line and a metadata file at a time.
 */
final class SetFiles
{
	private const MANIFEST = 'manifest-sha256.txt';
	private const TAGS = 'tagmanifest-sha256.txt';
	private const SIGNATURE = 'channel-signature.json';
	private const METADATA = '#^([0-9a-f]{64})  (data/metadata/[0-9a-z_-]{2}/([A-Za-z0-9-]{1,64})\.json)\n?$#D';
	/** As many bytes may a metadata file, or set.json, have. */
	private const MOST_BYTES = 4 << 20;
	private const LONGEST_LINE = 1026;

	/**
	 * @param string  $folder   Its full path.
	 * @param ?string $byDigest The folder of the set in which files beneath `data` are named by their digests; null:
	 *     they are at their paths.
	 */
	public function __construct(private readonly string $folder, private readonly ?string $byDigest = null) {}

	/**
	 * Opens the set in a folder: one that its owner sent here is kept by digests.
	 *
	 * @throws Problem It may not be read.
	 */
	public static function in(string $folder, Channel $of): self
	{
		return Intake::holds($folder, $of)
			? new self(Place::existing($folder), Intake::BY_DIGEST)
			: new self(Place::readable($folder));
	}

	/** @return array<array-key, mixed> What set.json says. */
	public function about(): array
	{
		return Recorded::decoded($this->read('set.json'));
	}

	/** Names the state of the set: another one means that it was changed. */
	public function state(): string
	{
		return hash('sha256', (string) $this->read(self::TAGS));
	}

	/**
	 * Makes sure that no run is being put in place.
	 *
	 * @throws Problem
	 */
	public function needWhole(): void
	{
		$state = Recorded::text(Recorded::decoded($this->read('run.json.partial')), 'state');
		if ($state !== '' && $state !== 'arriving') {
			throw new Problem(
				'set_cut_off',
				'The last run of this backup was cut off while it was put in place, or is being put there now.'
				. ' `verify-set DIR --finish` completes it; a drill is of a set that is whole.',
				true,
			);
		}
	}

	/**
	 * Tells why the channel's signature does not prove the list of files; null if it does.
	 */
	public function whyUnproven(Channel $channel): ?string
	{
		$said = Recorded::decoded($this->read(self::SIGNATURE));
		$signature = base64_decode(Recorded::text($said, 'signature'), true);
		if ($signature === false || $signature === '') {
			return 'the channel did not sign the set';
		}
		$message = "\xFFfilesync-set-1\n$channel->hash\n" . $this->state() . "\n";
		if (openssl_verify($message, $signature, $channel->publicKey, OPENSSL_ALGO_SHA512) !== 1) {
			return "the signature is not by the channel's key, or the lists were changed after it";
		}
		$listed = [];
		foreach ($this->lines(self::TAGS) as $line) {
			$listed[substr(rtrim($line, "\n"), 66)] = substr($line, 0, 64);
		}
		foreach ([self::MANIFEST, 'set.json'] as $name) {
			$digest = is_file("$this->folder/$name") ? hash_file('sha256', "$this->folder/$name") : false;
			if ($digest === false || ($listed[$name] ?? '') !== $digest) {
				return "$name is not as it was signed";
			}
		}

		return null;
	}

	/**
	 * Reads the metadata files that the list names.
	 *
	 * @return \Generator<string, Recorded|string> By hash: what it says, or why it cannot be read.
	 */
	public function entries(): \Generator
	{
		foreach ($this->lines(self::MANIFEST) as $line) {
			$named = [];
			if (! preg_match(self::METADATA, $line, $named)) {
				continue;
			}
			[, $digest, $path, $hash] = $named;
			$json = $this->read(
				$this->byDigest === null ? $path : "$this->byDigest/" . substr($digest, 0, 2) . "/$digest",
			);
			$recorded = $json === null || hash('sha256', $json) !== $digest ? null : Recorded::of($json);
			yield $hash => match (true) {
				$json === null => 'its metadata file is missing',
				$recorded === null => 'its metadata file is not what was saved',
				$recorded->hash !== $hash => 'its metadata file is of another file',
				default => $recorded,
			};
		}
	}

	/** @return \Generator<int, string> */
	private function lines(string $name): \Generator
	{
		$file = is_link("$this->folder/$name") ? false : @fopen("$this->folder/$name", 'rb');
		if (! $file) {
			throw new Problem('set_damaged', "$name of the set is missing or cannot be read.");
		}
		try {
			while (($line = fgets($file, self::LONGEST_LINE)) !== false) {
				yield $line;
			}
		} finally {
			fclose($file);
		}
	}

	/** Returns a small file of the set; null if there is none, it is too large, or a link leads to it. */
	private function read(string $path): ?string
	{
		$full = "$this->folder/$path";
		if (! is_file($full) || realpath($full) !== (string) realpath($this->folder) . "/$path") {
			return null;
		}
		$text = @file_get_contents($full, false, null, 0, self::MOST_BYTES + 1);

		return $text === false || strlen($text) > self::MOST_BYTES ? null : $text;
	}
}

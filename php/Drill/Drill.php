<?php

namespace FileSync\Addon\Drill;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\FrontDoor;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Loopback;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\ScratchUse;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Decision;
use FileSync\Addon\Restore\Run;
use FileSync\Addon\Restore\Tally;
use FileSync\Addon\Restore\Trial;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A restore that is tried: some files of a channel's set are restored to a scratch channel as a restore does it, read
 * back by other code than that, and removed. The channel itself, its rows and its other clones have no part in it.
 *
 * What the web server gives is read by this process, or by somebody outside.
 *
 * @import-type Answer from FrontDoor
 * @import-type Facts from Certificate
 * @import-type Reading from FrontDoor
 * @import-type Row from Recorded
 *
 * @type Outside = \Closure(Channel, bool, int, \Closure(): void): void
 */
final class Drill
{
	private const BEAT_SECONDS = 5;
	/** What the sample needs on disk beside its bytes: thumbnails, rows of bytes on their way. */
	private const MORE_BYTES = 64 << 20;
	/** Thumbnails of a photo are a third of it at most. */
	private const SHARE_OF_SCALES = 3;

	private readonly SetFiles $set;
	private readonly Ledger $ledger;
	private int $beatAt = 0;
	private int $readBytes = 0;
	private int $closed = 0;
	private int $numbered = 0;
	private ?Scratch $scratch = null;

	/**
	 * @param \Closure(int, string): void $progress Called now and then with the bytes that are over, and a name.
	 * @param \Closure(): bool            $mustStop Asked between files.
	 */
	private function __construct(
		private readonly Channel $of,
		private readonly string $folder,
		private readonly Wish $wish,
		private readonly \Closure $progress,
		private readonly \Closure $mustStop,
	) {
		$this->set = SetFiles::in($folder, $of);
		$this->ledger = new Ledger();
	}

	/**
	 * Drills a set, and keeps what came of it.
	 *
	 * @param string                       $folder   Of the set.
	 * @param \Closure(int): string        $size     Writes a number of bytes.
	 * @param \Closure(int, string): void  $progress Called now and then with the bytes that are over, and a name; what
	 *     is restored counts once more when it is read back.
	 * @param \Closure(): bool             $mustStop Asked between files.
	 * @param ?Reading                    $read     As Loopback::digest.
	 *
	 * @throws Problem It cannot be done now, or the set may not be restored.
	 */
	public static function run(
		Channel $of,
		string $folder,
		Wish $wish,
		\Closure $size,
		\Closure $progress,
		\Closure $mustStop,
		?\Closure $read = null,
	): Certificate {
		$certificate = (new self($of, $folder, $wish, $progress, $mustStop))->drill(
			$size,
			$read ?? Loopback::digest(...),
			null,
		);
		$certificate->keep($of);

		return $certificate;
	}

	/**
	 * Drills a set of which somebody outside reads what the web server gives. Nothing is kept.
	 *
	 * @param string                      $folder   As of run().
	 * @param \Closure(int): string       $size
	 * @param \Closure(int, string): void $progress
	 * @param \Closure(): bool            $mustStop
	 * @param Outside                     $outside  Waits until somebody has read it. Is given the scratch channel,
	 *     whether access is believed, how many bytes of files were restored, and what is to be called meanwhile.
	 *
	 * @throws Problem As run(), and what $outside throws.
	 */
	public static function fromOutside(
		Channel $of,
		string $folder,
		Wish $wish,
		\Closure $size,
		\Closure $progress,
		\Closure $mustStop,
		\Closure $outside,
	): Certificate {
		return (new self($of, $folder, $wish, $progress, $mustStop))->drill($size, null, $outside);
	}

	/** Returns how many bytes a drill of some needs on disk, beside those of the set. */
	public static function neededBytes(int $bytes): int
	{
		return $bytes + intdiv($bytes, self::SHARE_OF_SCALES) + self::MORE_BYTES;
	}

	/**
	 * Makes sure that there is room on the disk.
	 *
	 * @param \Closure(int): string $size
	 *
	 * @throws Problem
	 */
	public static function needRoom(int $needed, \Closure $size): void
	{
		// It belongs to no account, so no account's limit is in its way.
		$free = Scratch::roomBytes();
		if ($needed > $free) {
			throw new Problem(
				'disk_short',
				sprintf(
					'The drill needs %s on the disk of the hub, and %s are left beside headroom_bytes: short by %s.'
					. ' Take a smaller --sample, or make room.',
					$size($needed),
					$size($free),
					$size($needed - $free),
				),
				true,
			);
		}
	}

	/**
	 * @param \Closure(int): string $size
	 * @param ?Reading              $read    Null: somebody outside reads it.
	 * @param ?Outside              $outside
	 */
	private function drill(\Closure $size, ?\Closure $read, ?\Closure $outside): Certificate
	{
		$began = Clock::now();
		$this->set->needWhole();
		[$about, $state, $why] = [$this->set->about(), $this->set->state(), $this->set->whyUnproven($this->of)];
		$isBelieved = $why !== null && $this->wish->isTrusted;
		$this->ledger->note(Proof::Signature, 'the list of files', $isBelieved ? null : $why);
		$isTrusted = $why === null || $isBelieved;
		$sample = Sample::of($this->set, $this->wish, $this->go(...));
		$posts = new PostSignatures($this->of, $this->ledger);
		$left = null;
		$channel = $this->begin($sample, $size);
		try {
			$restoredBytes = $this->restore($sample);
			$this->readBack($sample, $isTrusted, $posts, $read);
			if ($outside !== null) {
				$outside($channel, $isTrusted, $restoredBytes, $this->go(...));
			}
			$attempt = $this->scratch()->attempt();
			$this->ledger->note(Proof::Silence, 'the scratch channel', $attempt);
		} catch (Postponed $e) {
			throw new Problem(
				'drill_stopped',
				ucfirst($e->getMessage()) . '. Nothing of it is left.',
				true,
				previous: $e,
			);
		} finally {
			$left = $this->end();
		}
		$this->ledger->note(Proof::Removed, 'the scratch channel', $left ?? Tables::leftOf($channel));
		if ($this->set->state() !== $state) {
			throw new Problem('set_changed', 'The set was changed meanwhile; the same command tries again.', true);
		}

		return new Certificate($this->facts($began, $about, $isBelieved, $sample, $posts));
	}

	/**
	 * Makes the scratch channel, if there is room for the sample, and returns it.
	 *
	 * @param \Closure(int): string $size
	 */
	private function begin(Sample $sample, \Closure $size): Channel
	{
		$needed = self::neededBytes($sample->bytes);
		self::needRoom($needed, $size);
		try {
			$this->scratch = Scratch::make(ScratchUse::drill($needed, $this->wish->mostSeconds));
		} catch (Postponed $e) {
			throw new Problem('drill_later', ucfirst($e->getMessage()) . '. Try again later.', true, previous: $e);
		}
		array_map(Log::write(...), $this->scratch->found);
		// The hub may end the process within any of its functions.
		Rehearsing::ifEnded(function (): bool {
			$isCut = $this->scratch !== null;
			$this->end();

			return $isCut;
		});

		return $this->scratch->channel;
	}

	/** Removes the scratch channel. Returns why something of it is left, or null. */
	private function end(): ?string
	{
		$scratch = $this->scratch;
		$this->scratch = null;

		return $scratch?->end();
	}

	private function scratch(): Scratch
	{
		return $this->scratch ?? throw new \LogicException('there is no scratch channel');
	}

	/** Restores the sample as a restore does it. Returns how many bytes of files that were. */
	private function restore(Sample $sample): int
	{
		$run = new Run(
			$this->scratch()->channel,
			$this->folder,
			new Choice(isTrusted: $this->wish->isTrusted, trial: new Trial($this->of, $sample->hashes())),
			$this->mustStop,
			function (int $bytes, string $name): void {
				$this->beat($bytes, $name);
			},
		);
		$done = $run->work($run->plan()) ?? throw self::stopped();
		$this->readBytes = $sample->bytes;
		$this->note($done);

		return $done->bytes(...Decision::WORK);
	}

	private function note(Tally $done): void
	{
		$this->ledger->add(
			Proof::Restored,
			$done->files(...Decision::WORK) + $done->folders(...Decision::WORK) + $done->folders(Decision::Here),
		);
		foreach (Decision::cases() as $decision) {
			// What had no bytes on the hub is counted with the sample.
			if ($decision->isWork() || in_array($decision, [Decision::Here, Decision::NoBytes], true)) {
				continue;
			}
			$named = $done->named($decision);
			foreach ($named as $one) {
				$this->ledger->note(
					Proof::Restored,
					$one['name'],
					$decision->value . ($one['why'] === '' ? '' : ": {$one['why']}"),
				);
			}
			for ($n = count($named); $n < ($done->files($decision) + $done->folders($decision)); $n++) {
				$this->ledger->note(Proof::Restored, '…', $decision->value);
			}
		}
		foreach ($done->withoutCrops() as $one) {
			$this->ledger->note(Proof::Restored, $one['name'], 'a crop is missing, not what was saved, or no picture');
		}
	}

	/** @param ?Reading $read */
	private function readBack(Sample $sample, bool $isTrusted, PostSignatures $posts, ?\Closure $read): void
	{
		$channel = $this->scratch()->channel;
		$tables = new Tables($channel, $this->of->hash, $isTrusted, $this->ledger);
		$door = $read === null ? null : new FrontDoor($channel, $this->go(...), $read);
		foreach ($this->set->entries() as $hash => $entry) {
			if (is_string($entry)) {
				$this->ledger->note(Proof::Metadata, $hash, $entry);
				continue;
			}
			if (! $sample->has($entry->hash) || ! $entry->isFolder && ! isset($entry->parts[0])) {
				continue;
			}
			if (($this->mustStop)()) {
				throw self::stopped();
			}
			$this->ledger->note(Proof::Metadata, $entry->name(), null);
			$own = $tables->compare($entry);
			$posts->check($entry);
			if ($door !== null && ! $entry->isFolder) {
				$this->readThrough($door, $entry, $own, $isTrusted);
			}
			$this->readBytes += $entry->allBytes();
			$this->beat($this->readBytes, $entry->name());
		}
		$this->numbered = $tables->numbered;
	}

	/** @param ?Row $own The row that it has here. */
	private function readThrough(FrontDoor $door, Recorded $entry, ?array $own, bool $isTrusted): void
	{
		if ($own === null) {
			$this->ledger->note(Proof::Bytes, $entry->name(), 'it was not restored');
			return;
		}
		$this->readFile($entry, Recorded::text($own, 'filename'), $door);
		$this->askAsStranger($entry, $door, $isTrusted && $entry->isPublic());
	}

	/**
	 * Reads a file and its crops as its owner.
	 *
	 * @param string $name As its row has it, which was looked at.
	 */
	private function readFile(Recorded $entry, string $name, FrontDoor $door): void
	{
		$hash = Trial::hashOn($this->scratch()->channel, $entry->hash);
		foreach ($entry->parts as $scale => $part) {
			$answer = $door->asOwner($hash, $scale, $part['size']);
			$why = self::whyNot($answer, $part);
			if ($scale !== 0) {
				$this->ledger->note(Proof::Crops, $entry->name() . ", scale $scale", $why);
				continue;
			}
			$this->ledger->note(Proof::Bytes, $entry->name(), $why);
			// No header can have a line of its own in it.
			if ($why === null && preg_match('/[\x00-\x1f\x7f]/', $name) === 0) {
				$said = FrontDoor::nameIn($answer);
				$this->ledger->note(
					Proof::Names,
					$entry->name(),
					$said === $name
						? null
						: ($said === null ? 'the hub gives it no name' : "the hub calls it \"$said\""),
				);
			}
		}
	}

	/** Asks for a file as somebody of whom the hub knows nothing. */
	private function askAsStranger(Recorded $entry, FrontDoor $door, bool $isPublic): void
	{
		if ($isPublic && FrontDoor::isClosed()) {
			$this->closed++;
			return;
		}
		$hash = Trial::hashOn($this->scratch()->channel, $entry->hash);
		$part = $entry->parts[0];
		$answer = $door->asStranger($hash, $part['size']);
		$why = $isPublic ? self::whyNot($answer, $part) : self::leak($answer, $part);
		foreach ($isPublic ? [] : array_intersect_key($entry->photos, $entry->parts) as $scale => $row) {
			// Profile photos and covers are for everybody, whatever their access says.
			if (Recorded::isLimited($row) && Recorded::number($row, 'photo_usage') === 0) {
				$crop = $entry->parts[$scale];
				$why ??= self::leak($door->photoAsStranger($hash, $scale, $crop['size']), $crop);
			}
		}
		$this->ledger->note(Proof::Strangers, $entry->name(), $why);
	}

	/**
	 * Tells why an answer is not the bytes that were saved; null if it is.
	 *
	 * @param Answer $answer
	 * @param array{size: int, sha256: string, ...} $part
	 */
	private static function whyNot(array $answer, array $part): ?string
	{
		return match (true) {
			$answer['status'] === 0 => 'the hub does not reach its own web server at '
				. Web::root()
				. ": {$answer['error']}",
			$answer['status'] !== 200 => "the web server answers with status {$answer['status']}",
			$answer['sha256'] !== $part['sha256']
				=> "the web server gives {$answer['size_bytes']} bytes that are not the"
				. " {$part['size']} that were saved",
			default => null,
		};
	}

	/**
	 * Tells whether a stranger was given what is not for everybody.
	 *
	 * @param Answer $answer
	 * @param array{size: int, sha256: string, ...} $part
	 */
	private static function leak(array $answer, array $part): ?string
	{
		$isIt = $answer['sha256'] === $part['sha256'] && ($part['size'] > 0 || FrontDoor::nameIn($answer) !== null);

		return match (true) {
			$answer['status'] === 0 => 'the hub does not reach its own web server at '
				. Web::root()
				. ": {$answer['error']}",
			$answer['status'] === 200 && $isIt => 'a stranger was given it',
			default => null,
		};
	}

	/**
	 * @param array<array-key, mixed> $about
	 *
	 * @return Facts
	 */
	private function facts(int $began, array $about, bool $isBelieved, Sample $sample, PostSignatures $posts): array
	{
		$said = Recorded::list($about, 'channel');
		$origin = Recorded::list($about, 'origin');

		return [
			'drill' => 1,
			'passed' => $this->ledger->isProven(),
			'channel' => $this->of->nick,
			'set_of' =>
				Recorded::text($said, 'nick') . '@' . (string) parse_url(Recorded::text($origin, 'url'), PHP_URL_HOST),
			'set_run' => Recorded::text($about, 'run'),
			'set_updated' => Recorded::text($about, 'updated'),
			'set_key' => hash('sha256', $this->of->publicKey),
			'believed' => $isBelieved,
			'hub' => Web::root(),
			'filesync' => Runtime::version(),
			'began' => $began,
			'seconds' => Clock::now() - $began,
			...$sample->facts(),
			'kinds' => $sample->kinds(),
			'without_bytes' => $sample->withoutBytes,
			'left_out' => $sample->leftOut,
			'closed' => $this->closed,
			'numbered' => $this->numbered,
			'posts_of_others' => $posts->ofOthers,
			'posts_unsigned' => $posts->unsigned,
			'posts_unsigned_of' => $posts->unsignedOf,
			'proofs' => $this->ledger->entries(),
		];
	}

	private static function stopped(): Problem
	{
		return new Problem('stopped', 'It was stopped; nothing of it is left.', true);
	}

	/** Goes on. */
	private function go(): void
	{
		$this->beat($this->readBytes, '');
	}

	/** Keeps the scratch channel, and tells how far it is. */
	private function beat(int $bytes, string $name): void
	{
		if (Clock::now() >= $this->beatAt) {
			$this->beatAt = Clock::now() + self::BEAT_SECONDS;
			$this->scratch?->goOn();
		}
		($this->progress)($bytes, $name);
	}
}

<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Door\Body;
use FileSync\Addon\Door\BoxSession;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\DavNode;
use FileSync\Addon\Hub\DavTree;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Restore\Underway;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The drop box as its client sees it: what was put into this session, under the names that it got, and Status.txt.
 * It takes files and gives none back. The session begins with the first thing that comes.
 */
final class Tree implements DavTree
{
	private const MOST_NAMES = 1_000_000;
	/** Of a folder: all of it is listed at once. */
	private const MOST_IN_FOLDER = 50_000;
	private const MOST_DEPTH = 40;
	private const NAME = '/^[^\x00-\x1f\x7f\/]{1,255}$/D';
	private const BEGIN_SECONDS = 20;
	private const WAIT_MICROSECONDS = 50_000;
	/** What is a conflict between requests is one of folders for WebDAV. */
	private const STATUS = [409 => 403, 460 => 400];

	private ?string $words = null;
	/** @var array<string, int> How deep folders are that were found, by their nodes. */
	private array $depths = [Name::ROOT => 0];

	public function __construct(
		private readonly Channel $channel,
		private readonly Request $request,
		private ?BoxSession $session,
	) {}

	public function root(): DavNode
	{
		return new DavNode($this->channel->nick, true, 0, $this->session->created ?? Clock::now(), '');
	}

	public function find(DavNode $folder, string $name): ?DavNode
	{
		if (self::isStatus($folder, $name)) {
			return $this->status();
		}
		$found = $this->session && self::isName($name) ? Name::find($this->session, self::node($folder), $name) : null;

		return $found ? $this->dav($found, $folder) : null;
	}

	/** @return \Generator<int, DavNode> */
	public function children(DavNode $folder): \Generator
	{
		if ($folder->of === null) {
			yield $this->status();
		}
		foreach ($this->session ? Name::in($this->session, self::node($folder)) : [] as $name) {
			yield $this->dav($name, $folder);
		}
	}

	public function makeFolder(DavNode $folder, string $name): void
	{
		$session = $this->open();
		$this->needNew($session, $folder, $name);
		if (($this->depths[self::node($folder)] ?? 0) >= self::MOST_DEPTH) {
			throw new Refusal(403, 'too_deep', 'Folders are at most ' . self::MOST_DEPTH . ' deep here.');
		}
		Name::makeFolder($session, self::node($folder), $name);
		$this->changeFolder($session, $name);
	}

	public function put(DavNode $folder, string $name): string
	{
		$session = $this->open();
		$session->ask();
		try {
			return $this->take($session, $folder, $name);
		} catch (Refusal $e) {
			Remarks::add($session, $name, $e->getMessage());
			throw $e;
		}
	}

	public function reserve(DavNode $folder, string $name): void
	{
		$session = $this->open();
		$this->needNew($session, $folder, $name);
		$this->needEmpty($session);
		Name::put($session, self::node($folder), $name, Content::nothing(), '', 0, Clock::now());
		$session->change();
	}

	public function read(DavNode $file): string
	{
		return $file->of === null
			? $this->words()
			: throw new Refusal(
				403,
				'write_only',
				'The drop box takes files and gives none back. Status.txt says what became of them.',
			);
	}

	public function move(DavNode $node, DavNode $folder, string $name): void
	{
		$session = $this->open();
		$this->needNew($session, $folder, $name);
		$this->nameOf($node)->move($session, self::node($folder), $name);
		$this->changeFolder($session, $name);
	}

	public function remove(DavNode $node): void
	{
		$session = $this->open();
		if ($node->of === null && $node->isFolder) {
			throw new Refusal(
				403,
				'box',
				'The drop box itself stays until its restore is over. The page for backups ends it.',
			);
		}
		// It is written again at any time: who makes folders equal may take it away.
		if ($node->of === null) {
			return;
		}
		$this->removeName($session, $this->nameOf($node));
		$session->change();
	}

	public function date(DavNode $node, int $modified): void
	{
		if ($node->of instanceof Name) {
			$node->of->date($modified);
		}
	}

	public function fault(\Throwable $thrown): array
	{
		if ($thrown instanceof Refusal) {
			return [
				'status' => self::STATUS[$thrown->status] ?? $thrown->status,
				'kind' => $thrown->kind,
				'words' => $thrown->getMessage(),
				'headers' => [Refusal::HEADER => $thrown->kind] + $thrown->headers(),
			];
		}
		Log::failure('the drop box', $thrown);

		return [
			'status' => 503,
			'kind' => 'failed',
			'words' => 'That did not work; the log of the hub says why. The same may work later.',
			'headers' => [Refusal::HEADER => 'failed', 'Retry-After' => '60'],
		];
	}

	private function take(BoxSession $session, DavNode $folder, string $name): string
	{
		$old = Name::find($session, self::node($folder), $name);
		if (! $old) {
			$this->needNew($session, $folder, $name);
		}
		$body = Body::of($this->request);
		if ($body->length === 0 && $old?->kind !== Kind::Empty) {
			$this->needEmpty($session);
		}
		$arrived = Arrival::take($body, $this->channel, $session, $this->expected());
		if ($arrived->sizeBytes === 0 && $old?->kind !== Kind::Empty) {
			$this->needEmpty($session);
		}
		$content = Content::of($arrived->path, $arrived->sizeBytes);
		Name::put(
			$session,
			self::node($folder),
			$name,
			$content,
			$arrived->sha256,
			$arrived->sizeBytes,
			$this->modified() ?? Clock::now(),
		);
		Parts::come($session, $arrived->sha256, $arrived->sizeBytes);
		if ($content->kind === Kind::Metadata) {
			Parts::add($this->channel, $session, $arrived->sha256, $content->parts);
		}
		if ($old && $old->sha256 !== $arrived->sha256) {
			$this->release($session, $old);
		}
		$session->change();
		if (! is_file($arrived->path)) {
			// Another request removed the last other name of these bytes, just before they had this one.
			throw new Refusal(
				503,
				'busy',
				'These bytes were being deleted. Send them again.',
				[],
				['Retry-After' => '1'],
			);
		}
		Round::look($this->channel, $session);

		return $arrived->sha256;
	}

	private function changeFolder(BoxSession $session, string $name): void
	{
		$session->change();
		if (LeftOut::isSaidBy($name)) {
			Round::again($this->channel, $session);
		}
	}

	/** How many bytes a client announces that sends without a length. */
	private function expected(): ?int
	{
		$said = (string) $this->request->header('x-expected-entity-length');

		return preg_match('/^\d{1,18}$/D', $said) ? (int) $said : null;
	}

	private function modified(): ?int
	{
		$said = (string) $this->request->header('x-oc-mtime');
		if (! preg_match('/^\d{1,11}(\.\d+)?$/D', $said)) {
			return null;
		}
		header('X-OC-MTime: accepted');

		return (int) $said;
	}

	private function removeName(BoxSession $session, Name $name): void
	{
		if ($name->kind === Kind::Folder) {
			foreach (Name::in($session, $name->node) as $one) {
				$this->removeName($session, $one);
			}
		}
		$name->remove();
		$this->release($session, $name);
	}

	/** Frees the bytes that no name has any more; while they are being restored, at the end. */
	private function release(BoxSession $session, Name $name): void
	{
		if ($name->sha256 === '' || Name::has($session, $name->sha256)) {
			return;
		}
		if ($name->kind === Kind::Metadata) {
			Parts::forget($session, $name->sha256);
		}
		if (Session::find($session->id)?->state === Session::OPEN) {
			Parts::go($session, $name->sha256);
			Name::drop($session, $name->sha256);
		}
	}

	/** Returns the session, and begins it with the first thing that comes. */
	public function open(): BoxSession
	{
		if ($this->session) {
			return $this->session;
		}
		// Programs send several files at once, and each may be the first.
		$lease = Token::make();
		for (
			$until = Clock::now() + self::BEGIN_SECONDS;
			! Lease::take(
				"box of {$this->channel->id}",
				$lease,
				self::BEGIN_SECONDS,
			);
		) {
			if (Clock::now() > $until) {
				throw new Refusal(503, 'busy', 'The drop box is being opened. Try again.', [], ['Retry-After' => '1']);
			}
			usleep(self::WAIT_MICROSECONDS);
		}
		try {
			// It may have been ended, or another password made, since this one was admitted.
			$key = Key::ofBox($this->channel->id) ?? throw Guard::stranger('The drop box was closed meanwhile.');
			$this->session = $key->session === '' ? $this->begin($key) : BoxSession::find($key->session)?->settled();
		} finally {
			Lease::giveBack("box of {$this->channel->id}", $lease);
		}

		return $this->session ?? throw new \RuntimeException('a session vanished');
	}

	private function begin(Key $key): BoxSession
	{
		try {
			Underway::refuseSecond($this->channel);
		} catch (Problem $e) {
			throw new Refusal(409, $e->kind, 'A restore of this channel is under way. Try again when it is over.');
		}
		Session::refuseSecond($this->channel->id, Session::BOX);
		$session = BoxSession::begin($this->channel, [], Session::BOX);
		$key->bind($session->id);

		return $session;
	}

	private function needNew(BoxSession $session, DavNode $folder, string $name): void
	{
		if (self::isStatus($folder, $name) || ! self::isName($name)) {
			throw new Refusal(
				403,
				'name_refused',
				self::isStatus($folder, $name)
					? 'Status.txt is written by the hub.'
					: 'A name has at most 255 bytes of UTF-8 here, and no control characters.',
			);
		}
		if (Name::countIn($session, self::node($folder)) >= self::MOST_IN_FOLDER) {
			throw new Refusal(
				507,
				'folder_full',
				'A folder holds at most '
				. self::MOST_IN_FOLDER
				. ' names here. Put the others into another folder: which does not matter.',
			);
		}
		if (Name::count($session) >= self::MOST_NAMES) {
			throw new Refusal(507, 'box_full', 'The drop box holds at most ' . self::MOST_NAMES . ' names.');
		}
	}

	private function needEmpty(BoxSession $session): void
	{
		$most = Config::number('upload_open_entries');
		if (Name::count($session, Kind::Empty) >= $most) {
			throw Arrival::tooMany($most);
		}
	}

	private function dav(Name $name, DavNode $folder): DavNode
	{
		$isFolder = $name->kind === Kind::Folder;
		if ($isFolder) {
			$this->depths[$name->node] = 1 + ($this->depths[self::node($folder)] ?? 0);
		}

		return new DavNode($name->name, $isFolder, $name->sizeBytes, $name->modified, $name->sha256, $name);
	}

	private function nameOf(DavNode $node): Name
	{
		return $node->of instanceof Name
			? $node->of
			: throw new Refusal(403, 'name_refused', 'Status.txt is written by the hub.');
	}

	private function status(): DavNode
	{
		$words = $this->words();

		return new DavNode(StatusText::NAME, false, strlen($words), Clock::now(), hash('sha256', $words));
	}

	private function words(): string
	{
		return $this->words ??= StatusText::of($this->channel, $this->session);
	}

	private static function node(DavNode $folder): string
	{
		return $folder->of instanceof Name ? $folder->of->node : Name::ROOT;
	}

	private static function isStatus(DavNode $folder, string $name): bool
	{
		return $folder->of === null && strcasecmp($name, StatusText::NAME) === 0;
	}

	private static function isName(string $name): bool
	{
		return (
			preg_match(self::NAME, $name) === 1
			&& mb_check_encoding($name, 'UTF-8')
			&& $name !== '.'
			&& $name !== '..'
		);
	}
}

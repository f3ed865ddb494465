<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\GetfileController;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Stage;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\SignedRequest;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Serve\Serve;

if (! class_exists('App', false)) {
	exit;
}

/** The steps in which another hub reads a file: asked in this process, and through this hub's own web server. */
final class Serving
{
	private const BYTES = "bytes that another hub reads\n";

	/**
	 * @param \Closure(string, string, list<string>, string): array{status: int, body: string, error: string, ...} $ask
	 *     Asks this hub's web server: method, path, headers, body.
	 */
	public function __construct(private readonly Scene $scene, private readonly \Closure $ask) {}

	/**
	 * Returns the steps by name: the parts that depend on each, and what it does.
	 *
	 * @return array<string, array{list<string>, \Closure(): void}>
	 */
	public function steps(): array
	{
		return [
			'say what this hub speaks' => [[Parts::SERVING], $this->introduction(...)],
			'prove a request to another hub' => [
				[Parts::SERVING, Parts::POSTS, Parts::COMPARISON],
				fn () => Seen::unless(
					$this->scene->stage->provesItself(),
					'the hub does not verify a request that it signed',
				),
			],
			'give a ticket and a part of a file' => [[Parts::SERVING], $this->inside(...)],
			"the same through this hub's web server" => [[Parts::SERVING], $this->outside(...)],
		];
	}

	private function introduction(): void
	{
		if (Config::get('enabled') === '0') {
			throw new Untried('filesync is switched off');
		}
		/** @var array{filesync?: array{features?: list<string>, ...}, ...} $said */
		$said = $this->scene->stage->description();
		Seen::unless(
			in_array('ticket', $said['filesync']['features'] ?? [], true),
			'what the hub says of itself does not name filesync',
		);
	}

	private function inside(): void
	{
		Stage::wrapsGetfile(GetfileController::class)
			|| throw new Seen("the hub's controller of getfile cannot be wrapped");
		$row = $this->scene->own(self::BYTES);
		[$headers, $body] = $this->ticketRequest($row['hash']);
		$said = Serve::answer(new Request('POST', ['getfile', 'ticket'], $headers, [], $body));
		$ticket = self::ticket($said === null ? 0 : $said->status, $said === null ? '' : $said->body);
		$part = Serve::answer(new Request(
			'GET',
			['getfile', $row['hash']],
			['filesync-ticket' => $ticket, 'range' => 'bytes=6-9'],
		));
		Seen::same(206, $part?->status, 'the status of a part');
		$file = $part?->file;
		$found = $file === null
			? $part?->body
			: file_get_contents("{$file['root']}/{$file['path']}", false, null, $file['offset'], $file['length']);
		Seen::same(substr(self::BYTES, 6, 4), $found, 'the part of the file');
	}

	private function outside(): void
	{
		if (Config::get('enabled') === '0') {
			throw new Untried('filesync is switched off');
		}
		if (! Peers::canServe()) {
			throw new Seen('filesync gives no tickets here');
		}
		$row = $this->scene->own(self::BYTES);
		[$headers, $body] = $this->ticketRequest($row['hash']);
		$lines = array_map(fn ($name, $value) => "$name: $value", array_keys($headers), $headers);
		$said = ($this->ask)('POST', '/getfile/ticket', ['Content-Type: application/json', ...$lines], $body);
		if ($said['status'] === 0) {
			throw new Untried('the hub does not reach itself at ' . Web::root() . ": {$said['error']}");
		}
		$ticket = self::ticket($said['status'], $said['body']);
		$part = ($this->ask)(
			'GET',
			"/getfile/{$row['hash']}",
			["Filesync-Ticket: $ticket", 'Range: bytes=6-9'],
			'',
		);
		Seen::same(206, $part['status'], 'the status of a part');
		Seen::same(substr(self::BYTES, 6, 4), $part['body'], 'the part of the file');
	}

	/** @return array{array<string, string>, string} Headers and body of a request for a ticket, as a clone signs it. */
	private function ticketRequest(string $hash): array
	{
		$channel = $this->scene->channel;
		$body = (string) json_encode([
			'filesync' => Version::REQUEST,
			'channel' => $channel->hash,
			'key_id' => Clones::ownUrl($channel),
			'time' => Clock::now(),
			'nonce' => Token::make(),
			'files' => [['hash' => $hash, 'scale' => 0]],
		], JSON_UNESCAPED_SLASHES);

		return [
			[
				'filesync-signature' => SignedRequest::sign(
					$channel,
					'ticket',
					Web::path('/getfile/ticket'),
					Web::host(),
					$body,
				),
			],
			$body,
		];
	}

	/** @throws Seen */
	private static function ticket(int $status, string $body): string
	{
		/** @var ?array{error?: string, files?: list<array{state?: string, ticket?: string}>} $said */
		$said = json_decode($body, true);
		$error = isset($said['error']) ? " ({$said['error']})" : '';
		Seen::unless($status === 200, "a request for a ticket got status $status$error");
		$first = $said['files'][0] ?? [];
		Seen::same('ready', $first['state'] ?? null, 'the state of the file');

		return $first['ticket'] ?? throw new Seen('no ticket was given');
	}
}

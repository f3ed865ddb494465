<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\DavServer;
use FileSync\Addon\Serve\TicketRequest;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** Checks what of a drop box's files this hub's web server passes on. What it does not is for other doors. */
final class DropBox
{
	private const PATH = '/filesync/dav/doctor/';
	/** Names of which sample settings for hubs refuse some. */
	private const NAMES = ['with blank.bin', 'probe.log', 'probe.md', 'probe.php', '.probe', 'store/probe'];
	private const BYTES = 'sent by doctor';
	/** So many of these without a length: a few, a web server may know the length of before it passes them on. */
	private const TIMES = 40000;
	/** A folder with less room is worth knowing. */
	private const ROOM_BYTES = 1 << 30;

	/** @param \Closure $ask Asks this hub's web server: method, path, headers, body. */
	public function __construct(private readonly Findings $findings, private readonly \Closure $ask) {}

	/** Sends files as programs for folders do; none of them is kept. */
	public function look(): void
	{
		if (! DavServer::isThere()) {
			return;
		}
		$word = TicketRequest::expectProbe();
		$said = $this->send($word, 'probe.bin');
		if ($said) {
			$this->names($word);
			$this->chunked($word);
			$this->temporary($said);
		}
		TicketRequest::forgetProbe();
	}

	private function names(string $word): void
	{
		$refused = array_filter(self::NAMES, fn ($name) => $this->send($word, $name) === null);
		$this->findings->note(
			'names',
			$refused === [] ? true : null,
			$refused === []
				? t('the web server passes files of every name on to a drop box')
				: sprintf(
					t('the web server refuses files with such names for a drop box: %s'),
					implode(', ', $refused),
				),
			t(
				'with nginx one line passes them on: docs/web-servers.md; else owners send them on the page for restoring or with the command',
			),
		);
	}

	private function chunked(string $word): void
	{
		$bytes = str_repeat(self::BYTES, self::TIMES);
		$said = $this->send($word, 'probe.bin', ['Transfer-Encoding: chunked'], $bytes);
		$isWhole = $said && $said['bytes'] === strlen($bytes);
		$this->findings->note(
			'chunked',
			$isWhole ? true : null,
			$isWhole
				? t('a file that is sent without its length arrives')
				: t(
					'a file that is sent without its length does not arrive: the Finder of macOS cannot use a drop box',
				),
			t(
				'Apache with PHP-FPM: `SetEnv proxy-sendcl 1`; nginx: leave fastcgi_request_buffering on; lighttpd: leave server.stream-request-body at 0; docs/web-servers.md',
			),
		);
	}

	/** @param array{bytes: int, folder: string, free_bytes: int} $said */
	private function temporary(array $said): void
	{
		$isLarge = $said['free_bytes'] >= self::ROOM_BYTES;
		$this->findings->note(
			'temporary',
			$isLarge ? true : null,
			sprintf(
				t("the web server's PHP keeps what arrives in %1\$s, which has room for %2\$s"),
				$said['folder'],
				Words::size($said['free_bytes']),
			),
			t('larger files cannot be put into a drop box: let `sys_temp_dir` in php.ini name a folder with more room'),
		);
	}

	/**
	 * Sends bytes; returns what came of them, null if the web server kept them.
	 *
	 * @param list<string> $headers
	 *
	 * @return ?array{bytes: int, folder: string, free_bytes: int}
	 */
	private function send(string $word, string $name, array $headers = [], string $bytes = self::BYTES): ?array
	{
		/** @var array{status: int, body: string} $answer */
		$answer = ($this->ask)(
			'PUT',
			self::PATH . str_replace('%2F', '/', rawurlencode($name)),
			["Filesync-Probe: $word", 'Content-Type: application/octet-stream', ...$headers],
			$bytes,
		);
		/** @var array{bytes: int, folder: string, free_bytes: int}|null $said */
		$said = $answer['status'] === 200 ? json_decode($answer['body'], true) : null;

		return isset($said['bytes']) ? $said : null;
	}
}

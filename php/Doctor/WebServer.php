<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\SignedRequest;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Serve\TicketRequest;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/** Checks the web server of this hub, as another hub sees it. */
final class WebServer
{
	private const FILES_TRIED = 50;

	/** @param \Closure $ask Asks this hub's web server: method, path, headers, body. */
	public function __construct(private readonly Findings $findings, private readonly \Closure $ask) {}

	/** Requests a ticket and a byte of a file as a clone does, and files that nobody may get. */
	public function look(): void
	{
		[$channel, $file] = $this->fileToTry();
		if (! $channel) {
			$isNone = Clones::local() === [];
			$this->findings->note(
				'serving',
				null,
				$isNone
					? t('this hub has no channel to test with')
					: t('filesync serves no channel of this hub, so there is none to test with'),
				$isNone
					? t('make a channel')
					: t(
						'`config set enabled 1 --scope channel:<id>`, if this is not intended; or update filesync if it does not know this version of the hub',
					),
			);
			return;
		}
		$given = $this->askForTicket($channel, $file);
		if ($given && $file) {
			$this->read($file, $given);
		} elseif ($given !== null) {
			$this->findings->note(
				'ranges',
				null,
				t('this hub has no file to test with'),
				t('upload a file and look again'),
			);
		}
		$this->findings->attempt('source', fn () => $this->askForSource());
		$this->findings->attempt('private', fn () => $this->askForKept($channel));
	}

	/** Returns a channel, and one of its files that is whole here if there is one. */
	private function fileToTry(): array
	{
		$found = null;
		foreach (Table::select('channel', ['channel_removed' => 0], 'channel_id', 0, 'channel_id') as $row) {
			$channel = Clones::channel((int) $row['channel_id']);
			if (! $channel || ! Clones::requested($channel->hash, Clones::ownUrl($channel))) {
				continue;
			}
			$found ??= $channel;
			$where = ['uid' => $channel->id, 'is_dir' => 0, 'os_storage' => 1, 'filesize >' => 1];
			foreach (Table::select('attach', $where, 'id', self::FILES_TRIED, 'hash') as $file) {
				$facts = preg_match(Bounds::HASH, $file['hash']) ? Facts::of($channel, $file['hash'], 0) : null;
				if ($facts && $facts->state === 'whole' && ! $facts->isArriving && $facts->path !== null) {
					return [$channel, $facts];
				}
			}
		}

		return [$found, null];
	}

	/**
	 * Requests a ticket as a clone does; returns the answer's file, an empty array if none was requested, or null if
	 * that failed.
	 */
	private function askForTicket(Channel $channel, ?Facts $file): ?array
	{
		$body = json_encode([
			'filesync' => Version::REQUEST,
			'channel' => $channel->hash,
			'key_id' => Clones::ownUrl($channel),
			'time' => Clock::now(),
			'nonce' => Token::make(),
			'files' => [['hash' => $file->hash ?? 'none', 'scale' => 0]],
			'probe' => TicketRequest::expectProbe(),
		], JSON_UNESCAPED_SLASHES);
		$answer = ($this->ask)(
			'POST',
			'/getfile/ticket',
			[
				'Content-Type: application/json',
				'Authorization: Signature keyId="probe"',
				'Filesync-Signature: '
					. SignedRequest::sign($channel, 'ticket', Web::path('/getfile/ticket'), Web::host(), $body),
			],
			$body,
		);
		TicketRequest::forgetProbe();
		if ($answer['status'] === 0) {
			$this->findings->note(
				'reachable',
				false,
				sprintf(t('the hub does not reach itself at %1$s: %2$s'), Web::root(), $answer['error']),
				t(
					'nothing is wrong with filesync if only this machine cannot reach its own public address; otherwise check name, certificate and firewall',
				),
			);

			return null;
		}
		$this->findings->note('reachable', true, sprintf(t('the hub reaches itself at %s'), Web::root()));
		$said = json_decode($answer['body'], true);
		if (is_array($said['probe'] ?? null)) {
			Software::compare($this->findings, $said['probe']);
		}
		if (! Parts::has(Parts::SERVING)) {
			$this->findings->note('serving', null, (string) Parts::problem(Parts::SERVING), Findings::WHY);

			return null;
		}
		if ($answer['status'] !== 200 || ! is_array($said) || ! is_array($said['files'][0] ?? null)) {
			$this->findings->note(
				'tickets',
				false,
				is_array($said) && is_string($said['error'] ?? null)
					? sprintf(t('a ticket was refused: %s'), $said['error'])
					: sprintf(t('status %d and no ticket'), $answer['status']),
				t(
					"check that the web server's PHP loads the extension too (reload it), and that getfile/ticket reaches the hub's index.php under the hub's own host name",
				),
			);

			return null;
		}
		$this->findings->note('tickets', true, t('the hub gives tickets'));
		$this->findings->note(
			'authorization',
			! empty($said['probe']['authorization']),
			! empty($said['probe']['authorization'])
				? t('the header Authorization reaches PHP')
				: t('the header Authorization does not reach PHP: clones with stock software get empty files'),
			'Apache: `CGIPassAuth On`; nginx: `fastcgi_param HTTP_AUTHORIZATION $http_authorization;`; docs/web-servers.md',
		);
		if ($file && ($said['files'][0]['state'] ?? '') !== 'ready') {
			$this->findings->note(
				'ranges',
				null,
				t('the file to test with is not available right now'),
				t('look again in a minute'),
			);

			return null;
		}

		return $file ? $said['files'][0] : [];
	}

	/** Reads one byte in the middle, like a clone that resumes. */
	private function read(Facts $file, array $given): void
	{
		$setting = Config::get('x_accel');
		$who = $setting === '' ? 'PHP' : sprintf(t('the web server (%s)'), strstr($setting . ':', ':', true));
		$offset = intdiv($file->sizeBytes, 2);
		$headers = ['Filesync-Ticket: ' . $given['ticket'], 'Accept-Encoding: gzip, br'];
		$part = ($this->ask)('GET', '/getfile/' . $file->hash, [...$headers, "Range: bytes=$offset-$offset"]);
		$names = $part['headers'];
		$passedOn = array_intersect_key($names, ['x-accel-redirect' => 1, 'x-sendfile' => 1]);
		$remedy = $setting === ''
			? t('make sure that nothing between PHP and the client rewrites answers of /getfile (compression, caches)')
			: t('compare with docs/web-servers.md, or `config clear x_accel` to let PHP send the bytes');
		$isRight =
			$part['status'] === 206
			&& ($names['content-range'] ?? '') === "bytes $offset-$offset/{$file->sizeBytes}"
			&& $part['body'] === file_get_contents((string) $file->path, false, null, $offset, 1);
		$this->findings->note(
			'ranges',
			$isRight,
			match (true) {
				$isRight => sprintf(t('one byte of a file was read, sent by %s'), $who),
				$passedOn !== [] => sprintf(
					t('the web server passed %s on instead of sending the file'),
					array_key_first($passedOn),
				),
				isset($names['content-encoding']) => sprintf(
					t('the answer was compressed: %s'),
					$names['content-encoding'],
				),
				default => sprintf(
					t("status %1\$d with %2\$d bytes, Content-Range '%3\$s', although one byte was requested"),
					$part['status'],
					strlen($part['body']),
					$names['content-range'] ?? '',
				),
			},
			$remedy,
		);
		$wanted = [
			'content-type' => 'application/octet-stream',
			'x-content-type-options' => 'nosniff',
			'content-disposition' => 'attachment',
		];
		$wrong = array_keys(array_diff_assoc($wanted, $names));
		if ($isRight) {
			$this->findings->note(
				'headers',
				$wrong === [],
				$wrong
					? sprintf(t('wrong headers: %s'), implode(', ', $wrong))
					: t('the headers keep a browser from showing a file as a page'),
				$remedy,
			);
		}
		$head = ($this->ask)('HEAD', '/getfile/' . $file->hash, $headers);
		$isWhole = $head['status'] === 200 && ($head['headers']['content-length'] ?? '') === (string) $file->sizeBytes;
		$this->findings->note(
			'length',
			$isWhole,
			$isWhole
				? t('HEAD returns the length of a file')
				: sprintf(
					t("HEAD answers with status %1\$d and length '%2\$s'"),
					$head['status'],
					$head['headers']['content-length'] ?? '',
				),
			$setting === ''
				? t(
					'Apache with PHP-FPM: `SetEnv ap_trust_cgilike_cl 1`; else nothing between PHP and the client may rewrite answers of /getfile; docs/web-servers.md',
				)
				: $remedy,
		);
	}

	/** A direct request for a file of the addon must return nothing. */
	private function askForSource(): void
	{
		$answer = ($this->ask)('GET', '/addon/filesync/Transfer/Queue.php', []);
		$isRight =
			$answer['status'] === 0
			|| (! str_contains($answer['body'], '<?php') && ($answer['status'] >= 300 || $answer['body'] === ''));
		if ($answer['status']) {
			$this->findings->note(
				'source',
				$isRight,
				$isRight
					? t("the addon's source files cannot be fetched from the web")
					: sprintf(
						t("the web server hands out the addon's source files: %s"),
						'/addon/filesync/Transfer/Queue.php',
					),
				t('make the web server pass *.php to PHP only, as for the hub itself'),
			);
		}
	}

	/** A direct request for a file in our folder must return nothing. */
	private function askForKept(Channel $channel): void
	{
		$folder = Store::dataRoot($channel->id, true);
		$name = 'probe-' . Token::make();
		if (@file_put_contents("$folder/$name", $name) === false) {
			$this->findings->note(
				'store',
				false,
				sprintf(t('not writable: %s'), $folder),
				t("give them and everything beneath them to the hub's user: chown -R"),
			);

			return;
		}
		$answer = ($this->ask)('GET', '/' . strtr($folder, ['[' => '%5B', ']' => '%5D']) . "/$name", []);
		unlink("$folder/$name");
		$isRight = ! str_contains($answer['body'], $name) || $answer['status'] >= 300;
		if ($answer['status']) {
			$this->findings->note(
				'private',
				$isRight,
				$isRight
					? t('the web server hands out nothing from the folder store')
					: t('the web server hands out files from the folder store to anybody'),
				t("deny /store in the web server, as the hub's own sample configuration does"),
			);
		}
	}
}

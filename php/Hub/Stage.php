<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\Libsync;
use Zotlabs\Lib\Libzot;
use Zotlabs\Storage\BasicAuth;
use Zotlabs\Storage\Directory;
use Zotlabs\Storage\File;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a rehearsal has the hub do with its scratch channel, through the hub's own classes and functions: as another hub
 * that sends a packet, and as the owner who changes files.
 */
final class Stage
{
	public function __construct(private readonly Channel $channel)
	{
		Rehearsing::isOwn($channel->id)
			|| throw new \LogicException('a rehearsal changes nothing but its own scratch channel');
	}

	/** Hands a sync packet to the hub where it takes in those of other hubs. */
	public function receive(array $files): void
	{
		$this->deliver(['file' => $files]);
	}

	/** Hands a packet to the hub where filesync hands over what it sends. */
	public function send(array $files): void
	{
		Libsync::build_sync_packet($this->channel->id, ['file' => $files]);
	}

	/** Hands posts of a sync packet to the hub. */
	public function receivePosts(array $items): void
	{
		$this->deliver(['item' => $items]);
	}

	/** @param array<string, array> $packet */
	private function deliver(array $packet): void
	{
		Libsync::process_channel_sync_delivery(
			$this->channel->hash,
			$packet
			+ [
				'type' => 'sync',
				'encoding' => 'hz',
				// All hubs say so; core would also replace by it what only begins like that address.
				'relocate' => ['channel_address' => Rehearsing::NICK_THERE, 'url' => Rehearsing::ORIGIN],
			],
			[$this->channel->hash],
		);
	}

	/** Returns the channel as a post names its author. */
	public function author(): array
	{
		return [
			'name' => $this->channel->nick,
			'address' => "{$this->channel->nick}@" . Web::host(),
			'url' => Clones::ownUrl($this->channel),
			'network' => 'zot6',
			'photo' => ['mimetype' => 'image/png', 'src' => ''],
			'id' => $this->channel->guid,
			'id_sig' => $this->column('guid_sig'),
			'key' => $this->channel->publicKey,
		];
	}

	/** Signs a text as the hub signs posts. */
	public function sign(string $text): string
	{
		return (string) Libzot::sign($text, $this->channel->privateKey());
	}

	/** Has the hub verify the signature of a post. */
	public function verifies(string $text, string $signature): bool
	{
		return Libzot::verify($text, $signature, $this->channel->publicKey) === true;
	}

	/** Uploads a file as the pages of the hub do. */
	public function upload(string $hash, string $name, string $bytes): mixed
	{
		$path = Store::dataRoot($this->channel->id, true) . '/upload';
		file_put_contents($path, $bytes);
		$files = $_FILES;
		$_FILES = ['userfile' => [
			'tmp_name' => $path,
			'name' => $name,
			'size' => strlen($bytes),
			'type' => '',
			'error' => UPLOAD_ERR_OK,
		]];
		try {
			return $this->asOwner(fn () => \attach_store($this->channel->row(), $this->channel->hash, '', [
				'hash' => $hash,
				'source' => 'file_upload',
			]));
		} finally {
			$_FILES = $files;
			@unlink($path);
		}
	}

	/** Makes a file in a folder by WebDAV; the folder is given by its names. */
	public function put(string $name, string $bytes, string $folder = ''): void
	{
		$this->asOwner(fn (BasicAuth $login) => $this->folder($login, $folder, [])->createFile($name, $bytes));
	}

	/** Makes a folder by WebDAV. */
	public function makeFolder(string $name): void
	{
		$this->asOwner(fn (BasicAuth $login) => $this->folder($login, '', [])->createDirectory($name));
	}

	/** Replaces the bytes of a file by WebDAV. */
	public function overwrite(array $row, string $bytes): void
	{
		$this->asOwner(fn (BasicAuth $login) => $this->file($login, $row)->put($bytes));
	}

	/** Renames a file or folder by WebDAV. */
	public function rename(array $row, string $name): void
	{
		$this->asOwner(
			fn (BasicAuth $login) => ((int) $row['is_dir']
				? $this->folder($login, (string) $row['filename'], $row)
				: $this->file($login, $row))->setName($name),
		);
	}

	/** Moves a file into a folder by WebDAV. */
	public function moveInto(array $row, array $folder): void
	{
		$this->asOwner(fn (BasicAuth $login) => $this->folder($login, (string) $folder['filename'], $folder)->moveInto(
			(string) $row['filename'],
			'',
			$this->file($login, $row),
		));
	}

	/** Deletes a file by WebDAV. */
	public function delete(array $row): void
	{
		$this->asOwner(fn (BasicAuth $login) => $this->file($login, $row)->delete());
	}

	/** Changes who may see a file, as the hub's page does. */
	public function changeAccess(string $hash, string $allowCid): void
	{
		$this->asOwner(fn () => \Zotlabs\Module\attach_change_permissions(
			$this->channel->id,
			$hash,
			$allowCid,
			'',
			'',
			'',
			false,
			true,
		));
	}

	/** Moves a file, as the hub's page does. */
	public function moveByPage(string $hash, string $folder, string $name): mixed
	{
		return $this->asOwner(fn () => \Zotlabs\Module\attach_move($this->channel->id, $hash, $folder, $name));
	}

	/** Deletes a file, as the hub's page does. */
	public function deleteByPage(string $hash): void
	{
		$this->asOwner(function () use ($hash) {
			\Zotlabs\Module\attach_delete($this->channel->id, $hash);
			\Zotlabs\Module\attach_export_data($this->channel->row(), $hash, true);
		});
	}

	/** Tells whether the hub verifies a request that it signs as one to another hub. */
	public function provesItself(): bool
	{
		$server = $_SERVER;
		try {
			foreach (OriginApi::signed($this->channel, Web::root(), '/getfile') as $line) {
				[$name, $value] = [...explode(': ', $line, 2), ''];
				$_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] = $value;
			}
			$_SERVER['REQUEST_METHOD'] = 'GET';
			$_SERVER['REQUEST_URI'] = Web::path('/getfile');

			return Proof::holds(new Request('GET', ['getfile']), $this->channel);
		} finally {
			$_SERVER = $server;
		}
	}

	/** Returns what the hub says of itself when it is asked for the channel. */
	public function description(): array
	{
		// Hubs ask by the identity.
		/** @var mixed $said */
		$said = Libzot::zotinfo(['guid_hash' => $this->channel->hash] + $this->channel->row());

		return is_array($said) ? $said : [];
	}

	/** Tells whether a background job of the hub reaches filesync. */
	public static function hasJobs(): bool
	{
		$word = Token::make();
		\Zotlabs\Daemon\Addon::run(4, ['Addon', 'filesync', Rehearsing::JOB, $word]);

		return Rehearsing::heard() === $word;
	}

	/** Tells whether an addon answers a hook of the hub. */
	public static function hasAddonFor(string $hook): bool
	{
		return ! empty(\App::$hooks[$hook]);
	}

	/** Deletes a file as the hub does on its own. */
	public function deleteByHub(string $hash): void
	{
		$this->asOwner(fn () => \attach_delete($this->channel->id, $hash));
	}

	/** Tells whether a controller of ours extends the hub's own one of getfile. */
	public static function wrapsGetfile(string $class): bool
	{
		return is_subclass_of($class, 'Zotlabs\Module\Getfile');
	}

	/** Does something as the channel's owner would in a request that changes files. */
	private function asOwner(\Closure $work): mixed
	{
		$method = $_SERVER['REQUEST_METHOD'] ?? null;
		$_SERVER['REQUEST_METHOD'] = 'PUT';
		// What this process has seen of files, a request has not.
		clearstatcache();
		try {
			\App::set_observer(Table::first('xchan', ['xchan_hash' => $this->channel->hash]));

			return $work($this->login());
		} finally {
			\App::set_observer(null);
			if ($method === null) {
				unset($_SERVER['REQUEST_METHOD']);
			} else {
				$_SERVER['REQUEST_METHOD'] = $method;
			}
		}
	}

	/** Returns the owner's login, as WebDAV has it. */
	private function login(): BasicAuth
	{
		$login = new BasicAuth();
		$login->channel_id = $login->owner_id = $this->channel->id;
		$login->channel_account_id = $this->channel->accountId;
		$login->channel_hash = $login->observer = $this->channel->hash;
		$login->owner_nick = $this->channel->nick;

		return $login;
	}

	/** Returns what the hub's row of the channel has besides. */
	private function column(string $name): string
	{
		/** @var array<string, string> $row */
		$row = $this->channel->row();

		return $row["channel_$name"] ?? '';
	}

	private function folder(BasicAuth $login, string $names, array $row): Directory
	{
		// Core takes it by reference.
		return new Directory(...[rtrim("/{$this->channel->nick}/$names", '/'), $row, &$login]);
	}

	private function file(BasicAuth $login, array $row): File
	{
		return new File(...["/{$this->channel->nick}/{$row['display_path']}", $row, &$login]);
	}
}

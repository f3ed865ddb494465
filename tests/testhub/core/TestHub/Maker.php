<?php

namespace TestHub;

/**
 * Makes hubs, channels and clones. A hub is a folder; its code is links into tests/testhub/core, its data is its own.
 */
final class Maker {

	/** What a hub's boot.php is, by what it imitates. */
	const BOOT = [8 => 'boot.php', 10 => 'boot-10.php'];

	/**
	 * Makes the folder of a hub and its database.
	 *
	 * @param string $extension path of a PHP extension that the hub's processes are to load, or ''
	 * @param int $testhub which hub it imitates, 8 or 10; 0 is what environment TESTHUB says, and 8 without
	 */
	public static function hub(string $folder, string $url, string $extension = '', int $testhub = 0): void {
		$testhub = $testhub ?: intval(getenv('TESTHUB') ?: 8);
		if (!isset(self::BOOT[$testhub])) {
			throw new \RuntimeException('TESTHUB is 8 or 10, and not ' . $testhub);
		}
		foreach (['', '/addon', '/php.d', '/sessions', '/store/[data]'] as $sub) {
			if (!is_dir($folder . $sub) && !mkdir($folder . $sub, 0770, true)) {
				throw new \RuntimeException('cannot make ' . $folder . $sub);
			}
		}
		$core = dirname(__DIR__);
		foreach (['boot.php' => self::BOOT[$testhub]] + array_combine($links = ['start.php', 'index.php', 'include', 'Zotlabs', 'util', 'view'], $links) as $link => $file) {
			@unlink($folder . '/' . $link);
			symlink($core . '/' . $file, $folder . '/' . $link);
		}
		$folder = realpath($folder);
		require_once __DIR__ . '/Databases.php';
		file_put_contents($folder . '/hub.json', json_encode([
			'url' => rtrim($url, '/'),
			'database' => Databases::make($folder, $testhub),
			'testhub' => $testhub,
		], JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES));
		file_put_contents($folder . '/php.d/hub.ini', ($extension === '' ? '' : 'extension=' . realpath($extension) . "\n") . "memory_limit=128M\nupload_max_filesize=64G\npost_max_size=64G\n");
	}

	/** Goes into a hub's folder and boots it in this process. */
	public static function enter(string $folder): void {
		chdir($folder);
		require_once 'boot.php';
		sys_boot();
	}

	/** Makes a new identity: guid, RSA and Ed25519 key pairs, hash. Hubs use 4096 bits; unit tests may take fewer. */
	public static function identity(string $nick, int $bits = 4096): array {
		$key = openssl_pkey_new(['private_key_bits' => $bits, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
		if (!$key || !openssl_pkey_export($key, $private)) {
			throw new \RuntimeException('PHP cannot make a key; is there an openssl.cnf (of the package openssl)? ' . openssl_error_string());
		}
		$public = openssl_pkey_get_details($key)['key'];
		$guid = self::base64url(random_bytes(64));
		$ed25519 = sodium_crypto_sign_keypair();
		return [
			'name' => ucfirst($nick),
			'guid' => $guid,
			'guid_sig' => self::signed($guid, $private),
			'hash' => self::base64url(hash('whirlpool', $guid . $public, true)),
			'pubkey' => $public,
			'prvkey' => $private,
			'epubkey' => sodium_bin2base64(sodium_crypto_sign_publickey($ed25519), SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING),
			'eprvkey' => sodium_bin2base64(sodium_crypto_sign_secretkey($ed25519), SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING),
		];
	}

	/**
	 * Gives the booted hub an account and a channel with this identity. A clone is a second channel of one identity.
	 */
	public static function channel(array $identity, string $nick, array $columns = []): array {
		create_table_from_array('account', ['account_email' => $nick . '@example.test', 'account_created' => datetime_convert(), 'account_roles' => ACCOUNT_ROLE_ADMIN]);
		$account = dbq('SELECT MAX(account_id) AS id FROM account')[0]['id'];
		$acl = array_fill_keys(['channel_allow_cid', 'channel_allow_gid', 'channel_deny_cid', 'channel_deny_gid'], '');
		create_table_from_array('channel', $columns + $acl + [
			'channel_account_id' => $account,
			'channel_primary' => 1,
			'channel_name' => $identity['name'],
			'channel_address' => $nick,
			'channel_guid' => $identity['guid'],
			'channel_guid_sig' => $identity['guid_sig'],
			'channel_hash' => $identity['hash'],
			'channel_portable_id' => $identity['hash'],
			'channel_pubkey' => $identity['pubkey'],
			'channel_prvkey' => $identity['prvkey'],
			'channel_epubkey' => $identity['epubkey'],
			'channel_eprvkey' => $identity['eprvkey'],
			'channel_password' => '',
			'channel_salt' => '',
		]);
		q("DELETE FROM xchan WHERE xchan_hash = '%s'", dbesc($identity['hash']));
		create_table_from_array('xchan', [
			'xchan_hash' => $identity['hash'],
			'xchan_guid' => $identity['guid'],
			'xchan_guid_sig' => $identity['guid_sig'],
			'xchan_pubkey' => $identity['pubkey'],
			'xchan_epubkey' => \Zotlabs\Lib\Multibase::publicKey($identity['epubkey']),
			'xchan_addr' => $nick . '@' . \App::get_hostname(),
			'xchan_url' => z_root() . '/channel/' . $nick,
			'xchan_name' => $identity['name'],
			'xchan_network' => 'zot6',
		]);
		$id = dbq('SELECT MAX(channel_id) AS id FROM channel')[0]['id'];
		create_table_from_array('profile', ['aid' => $account, 'uid' => $id, 'profile_guid' => hash('md5', $nick), 'profile_name' => 'Default Profile', 'is_default' => 1, 'fullname' => $identity['name'], 'about' => '']);
		create_table_from_array('abook', ['abook_account' => $account, 'abook_channel' => $id, 'abook_xchan' => $identity['hash'], 'abook_closeness' => 0, 'abook_self' => 1,
			'abook_incl' => '', 'abook_excl' => '', 'abook_instance' => '']);
		self::hubloc($identity, z_root(), $nick);
		os_mkdir('store/' . $nick, STORAGE_DEFAULT_PERMISSIONS, true);
		return channelx_by_nick($nick);
	}

	/** Tells the booted hub that the identity also lives at another hub; it signs that if its private key is known. */
	public static function hubloc(array $identity, string $url, string $nick, string $version = STD_VERSION): void {
		$host = parse_url($url, PHP_URL_HOST) . (parse_url($url, PHP_URL_PORT) ? ':' . parse_url($url, PHP_URL_PORT) : '');
		create_table_from_array('hubloc', [
			'hubloc_guid' => $identity['guid'],
			'hubloc_guid_sig' => $identity['guid_sig'],
			'hubloc_id_url' => $url . '/channel/' . $nick,
			'hubloc_hash' => $identity['hash'],
			'hubloc_addr' => $nick . '@' . $host,
			'hubloc_network' => 'zot6',
			'hubloc_url' => $url,
			'hubloc_url_sig' => isset($identity['prvkey']) ? self::signed($url, $identity['prvkey']) : '',
			'hubloc_site_id' => hash('sha256', $url),
			'hubloc_host' => $host,
			'hubloc_callback' => $url . '/zot',
			'hubloc_sitekey' => '',
			'hubloc_updated' => datetime_convert(),
		]);
		if (!q("SELECT site_url FROM site WHERE site_url = '%s'", dbesc($url))) {
			create_table_from_array('site', ['site_url' => $url, 'site_project' => 'hubzilla', 'site_version' => $version, 'site_crypto' => '']);
		}
	}

	/** Copies an addon's folder into a hub, byte for byte. It is installed by `util/addons`, as an admin does. */
	public static function copyAddon(string $source, string $hub, string $name = 'filesync'): void {
		$source = realpath($source);
		$files = new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator($source, \FilesystemIterator::SKIP_DOTS));
		foreach ($files as $path => $file) {
			$target = $hub . '/addon/' . $name . substr($path, strlen($source));
			if (!is_dir(dirname($target))) {
				mkdir(dirname($target), 0770, true);
			}
			copy($path, $target);
			touch($target, $file->getMTime());
		}
	}

	/** Signs a text as hubs do. */
	public static function signed(string $text, string $private): string {
		openssl_sign($text, $signature, $private, 'sha256');
		return 'sha256.' . self::base64url($signature);
	}

	private static function base64url(string $bytes): string {
		return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
	}
}

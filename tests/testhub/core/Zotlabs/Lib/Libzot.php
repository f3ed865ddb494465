<?php

namespace Zotlabs\Lib;

/** Signatures of a channel, in the form that hubs store and send. */
class Libzot {

	/** How many signatures this process has verified. */
	public static int $verified = 0;

	public static function sign($data, $key, $alg = 'sha256') {
		openssl_sign($data, $signature, $key, $alg);
		return $alg . '.' . base64url_encode($signature);
	}

	public static function verify($data, $sig, $key) {
		self::$verified++;
		list($alg, $signature) = explode('.', $sig, 2) + [1 => ''];
		return $signature !== '' && openssl_verify($data, base64url_decode($signature), $key, $alg) === 1;
	}

	/** Sends a message to another hub. */
	public static function zot($url, $data, $channel = null, $crypto = null) {
		return z_post_url($url, $data, 0, ['headers' => ['Content-Type: application/x-zot+json']]);
	}

	/** Describes a channel of this hub, as addons complete it. */
	public static function zotinfo($arr) {
		$info = ['id' => $arr['channel_hash'], 'site' => ['url' => z_root()]];
		call_hooks('zotinfo', $info);
		return $info;
	}

	/** Reads another hub's description; the avatar of a channel that lives here too is taken over. */
	public static function import_xchan($info, $photo = '') {
		call_hooks('import_xchan', $info);
		$channel = channelx_by_hash($info['id'] ?? '');
		if ($channel && $photo !== '') {
			import_channel_photo($photo, 'image/jpeg', $channel['channel_account_id'], $channel['channel_id']);
		}
	}
}

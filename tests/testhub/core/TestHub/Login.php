<?php

namespace TestHub;

use App;
use Zotlabs\Web\HTTPSig;

/**
 * Logins as hubs grant them: a session cookie, and the API's login by HTTP Signature.
 *
 * Sessions are files in the hub's folder. Like the hub's own they are not locked while a request runs.
 */
final class Login {

	/** Resumes the session of the request's cookie, if there is one. */
	public static function resume(): void {
		ini_set('session.save_path', getcwd() . '/sessions');
		session_name('PHPSESSID');
		session_set_cookie_params(['path' => '/', 'httponly' => true, 'samesite' => 'None']);
		session_start(['use_strict_mode' => 1]);
		session_write_close();
		if (!empty($_SESSION['uid'])) {
			self::become(channelx_by_n($_SESSION['uid']));
		}
	}

	/** Logs the API's caller in, or ends the request with 401. */
	public static function api(array $effects): void {
		if (local_channel()) {
			return;
		}
		$channel = self::signer(!empty($effects['strip_authorization']));
		if (!$channel) {
			header('WWW-Authenticate: Basic realm="Hubzilla"');
			http_response_code(401);
			Answer::body('This api requires login');
		}
		session_start();
		session_regenerate_id(true);
		$_SESSION = ['uid' => $channel['channel_id'], 'authenticated' => 1, 'allow_api' => true];
		session_write_close();
		file_put_contents('sessions.issued', session_id() . "\n", FILE_APPEND);
		self::become($channel);
	}

	/**
	 * Returns the channel whose clone signed this request, or false: by the header Authorization, on a 10 also as
	 * RFC 9421 has it.
	 */
	public static function signer(bool $is_stripped = false) {
		$header = $is_stripped ? '' : trim($_SERVER['HTTP_AUTHORIZATION'] ?? '');
		$key_id = '';
		if (preg_match('/^Signature\s/', $header)) {
			$key_id = HTTPSig::parse_sigheader($header)['keyId'] ?? '';
		} elseif (TESTHUB >= 10 && isset($_SERVER['HTTP_SIGNATURE_INPUT'])) {
			$key_id = MessageSignature::signer($_SERVER['HTTP_SIGNATURE_INPUT']);
		}
		$key_id = str_replace('acct:', '', $key_id);
		$hubloc = $key_id === '' ? [] : q("SELECT * FROM hubloc WHERE hubloc_addr = '%s' OR hubloc_id_url = '%s' ORDER BY hubloc_id DESC", dbesc($key_id), dbesc($key_id));
		$channel = $hubloc ? channelx_by_hash($hubloc[0]['hubloc_hash']) : false;
		return $channel && HTTPSig::verify('', $channel['channel_pubkey'])['header_valid'] ? $channel : false;
	}

	/** Ends the session and forgets its cookie. */
	public static function logout(): void {
		session_start();
		$_SESSION = [];
		session_regenerate_id(true);
		session_write_close();
	}

	/** Goes on as the owner of a channel. */
	public static function become($channel): void {
		if ($channel) {
			App::set_channel($channel);
			App::set_observer($channel);
		}
	}
}

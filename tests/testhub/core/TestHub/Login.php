<?php

namespace TestHub;

use App;
use Zotlabs\Web\HTTPSig;

/**
 * Logins as hubs grant them: a session cookie, and the API's login by HTTP Signature, by the token of an app, or by
 * password; and by the form of a page. Config `testhub.apps` and pconfig `testhub.password` have what is accepted. With
 * pconfig `testhub.two_factor` a session waits for a second factor, which that is: from its second request on it gets a
 * page until `totp_check` was told.
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
		if (($_POST['auth-params'] ?? '') === 'login') {
			self::byForm((string) ($_POST['main_login_username'] ?? ''), (string) ($_POST['main_login_password'] ?? ''));
		} elseif (!empty($_SESSION['uid'])) {
			$factor = get_pconfig($_SESSION['uid'], 'testhub', 'two_factor');
			if ($factor && empty($_SESSION['2FA_VERIFIED'])) {
				self::secondFactor((string) $factor);
			}
			self::become(channelx_by_n($_SESSION['uid']));
		}
		if (empty($_SESSION['uid']) && !empty($_SESSION['account_id'])) {
			// An account without a channel.
			App::$account = q('SELECT * FROM account WHERE account_id = %d', intval($_SESSION['account_id']))[0] ?? null;
		}
	}

	/** Answers the form of the page for logging in. */
	private static function byForm(string $nick, string $password): void {
		$verified = account_verify_password($nick, $password);
		session_start();
		session_regenerate_id(true);
		$_SESSION = $verified ? ['uid' => $verified['channel']['channel_id'] ?? 0, 'account_id' => $verified['account']['account_id'], 'authenticated' => 1] : [];
		session_write_close();
		file_put_contents('sessions.issued', session_id() . "\n", FILE_APPEND);
		goaway(z_root() . ($verified ? '/network' : '/login'));
	}

	/** Answers every request of a session that has not shown the second factor yet. */
	private static function secondFactor(string $code): void {
		if (strtok($_SERVER['REQUEST_URI'], '?') !== '/totp_check') {
			Answer::page(200, 'Account security');
		}
		$isRight = ($_POST['totp_code'] ?? '') === $code;
		if ($isRight) {
			session_start();
			$_SESSION['2FA_VERIFIED'] = true;
			session_write_close();
		}
		json_return_and_die(['status' => $isRight]);
	}

	/** Returns the channel of a token, or of a nick and its password, or false. A password ends at a colon. */
	private static function known() {
		$header = trim($_SERVER['HTTP_AUTHORIZATION'] ?? '');
		if (preg_match('/^Bearer\s+(\S+)$/', $header, $m)) {
			$token = self::tokens()[$m[1]] ?? null;
			return $token && $token['until'] > time() ? channelx_by_n($token['uid']) : false;
		}
		if (!preg_match('/^Basic\s+(\S+)$/', $header, $m)) {
			return false;
		}
		[$nick, $password] = explode(':', base64_decode($m[1])) + ['', ''];
		$channel = channelx_by_nick($nick);
		return $channel && $password !== '' && hash_equals((string) get_pconfig($channel['channel_id'], 'testhub', 'password'), $password) ? $channel : false;
	}

	/** Returns the channel of a nick and its password, or false. */
	public static function byPassword() {
		return strpos(trim($_SERVER['HTTP_AUTHORIZATION'] ?? ''), 'Basic ') === 0 ? self::known() : false;
	}

	/** Gives an app its token; null if there is no such app. */
	public static function token(string $id, string $secret): ?array {
		$app = (get_config('testhub', 'apps') ?: [])[$id] ?? null;
		if (!$app || !hash_equals($app['secret'], $secret)) {
			return null;
		}
		$token = bin2hex(random_bytes(20));
		set_config('testhub', 'tokens', [$token => ['uid' => $app['uid'], 'until' => time() + 3600]] + self::tokens());
		return ['access_token' => $token, 'expires_in' => 3600, 'token_type' => 'Bearer', 'scope' => null];
	}

	private static function tokens(): array {
		return get_config('testhub', 'tokens') ?: [];
	}

	/** Logs the API's caller in, or ends the request with 401. */
	public static function api(array $effects): void {
		if (local_channel()) {
			return;
		}
		$channel = self::signer(!empty($effects['strip_authorization'])) ?: self::known();
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

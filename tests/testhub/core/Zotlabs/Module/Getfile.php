<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use TestHub\Faults;
use Zotlabs\Web\Controller;
use Zotlabs\Web\HTTPSig;

/**
 * Hands one file or photo scale to a clone, as stock hubs do: no length, no ranges, and 200 with nothing for almost
 * every error.
 */
class Getfile extends Controller {

	public function post() {
		$hash = $_POST['hash'] ?? '';
		$time = $_POST['time'] ?? '';
		$sig = $_POST['signature'] ?? '';
		$resource = $_POST['resource'] ?? '';
		$scale = 0;
		if (isset($_POST['resolution'])) {
			$scale = intval($_POST['resolution']);
		} elseif (preg_match('/^(.*)-(\d)$/', $resource, $m)) {
			list(, $resource, $scale) = $m;
		}
		$scale = intval($scale);
		$effects = Faults::at('getfile', $resource, $scale);
		Answer::instead($effects);
		if ($hash === '') {
			self::nothing();
		}
		$by_header = empty($effects['strip_authorization']) && self::headerProves($hash);
		$channel = channelx_by_hash($hash);
		if (!$channel || $time === '' || $sig === '') {
			self::nothing();
		}
		if (!$by_header && !self::bodyProves($channel, $hash, $time, $sig)) {
			self::nothing();
		}
		$scale > 0 ? self::sendPhoto($channel, $resource, $scale, $effects) : self::sendFile($channel, $resource, $effects);
	}

	/** A request that is not answered by post() gets a page. */
	public function get() {
		Answer::page(200);
	}

	private static function nothing(): void {
		header('Content-Type: text/html; charset=utf-8');
		Answer::body('');
	}

	/** The signature of the request's headers, by the key of the hubloc whose URL is the keyId. No time limit. */
	private static function headerProves(string $hash): bool {
		$header = trim($_SERVER['HTTP_AUTHORIZATION'] ?? '');
		if (strncmp($header, 'Signature', 9) !== 0) {
			return false;
		}
		$key_id = str_replace('acct:', '', HTTPSig::parse_sigheader($header)['keyId'] ?? '');
		$rows = q("SELECT * FROM hubloc LEFT JOIN xchan ON hubloc_hash = xchan_hash WHERE hubloc_id_url = '%s'", dbesc($key_id));
		return $rows && $rows[0]['hubloc_hash'] === $hash && HTTPSig::verify('', $rows[0]['xchan_pubkey'])['header_valid'];
	}

	/** The field `signature`, within some minutes. A `sha256.` in front makes the decoded bytes wrong, as on a hub. */
	private static function bodyProves(array $channel, string $hash, string $time, string $sig): bool {
		$slop = max(1, intval(get_pconfig($channel['channel_id'], 'system', 'getfile_time_slop', 3)));
		if ($time > datetime_convert('UTC', 'UTC', "now + $slop minutes") || $time < datetime_convert('UTC', 'UTC', "now - $slop minutes")) {
			return false;
		}
		return openssl_verify($hash . '.' . $time, (string) base64url_decode($sig), $channel['channel_pubkey'], 'sha256') === 1;
	}

	private static function sendPhoto(array $channel, string $resource, int $scale, array $effects): void {
		$rows = q("SELECT * FROM photo WHERE resource_id = '%s' AND uid = %d AND imgscale = %d LIMIT 1", dbesc($resource), intval($channel['channel_id']), $scale);
		if (!$rows) {
			self::nothing();
		}
		header('Content-Type: ' . $rows[0]['mimetype']);
		$content = dbunescbin($rows[0]['content']);
		if (!intval($rows[0]['os_storage'])) {
			Answer::body($content);
		}
		self::send($content, $effects, $resource);
	}

	private static function sendFile(array $channel, string $resource, array $effects): void {
		$found = attach_by_hash($resource, $channel['channel_hash']);
		if (!$found['success']) {
			notice($found['message']);
			return;
		}
		$type = $found['data']['filetype'];
		header('Content-Type: ' . (in_array($type, ['text/html', 'text/css', 'application/javascript']) ? 'text/plain' : $type));
		header('Content-Disposition: attachment; filename="' . $found['data']['filename'] . '"');
		self::send(attach_file_path($found['data'], $channel['channel_address']), $effects, $resource);
	}

	private static function send(string $path, array $effects, string $hash): void {
		if (!empty($effects['skip']) || !is_file($path)) {
			Answer::body('');
		}
		Answer::chunkedFile($path, $effects, $hash);
	}
}

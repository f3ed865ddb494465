<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use TestHub\Faults;
use TestHub\Login;
use Zotlabs\Web\Controller;

/**
 * The parts of the hub's API that clones read files by: filemeta, filedata, photo, files, file/export,
 * item/export_page.
 *
 * An unknown file is 200 with nothing. filedata finds its file by the beginning of the hash.
 */
class Api extends Controller {

	public function get() {
		$hash = $_REQUEST['file_id'] ?? $_REQUEST['photo_id'] ?? null;
		$effects = Faults::at('api', $hash, intval($_REQUEST['scale'] ?? 0));
		Answer::instead($effects);
		$call = preg_replace('~^api/(z/1\.0|red)/~', '', \App::$cmd);
		if (!in_array($call, ['filemeta', 'filedata', 'photo', 'files', 'file/export', 'item/export_page', 'verify'])) {
			http_response_code(404);
			Answer::body('api call not found');
		}
		Login::api($effects);
		$answer = self::{strtr($call, ['file/export' => 'export', 'item/export_page' => 'posts'])}(local_channel(), $effects);
		$answer === null ? Answer::body('') : json_return_and_die($answer);
	}

	private static function verify(int $uid, array $effects): array {
		return array_diff_key(channelx_by_n($uid), ['channel_prvkey' => 1]);
	}

	private static function filemeta(int $uid, array $effects): ?array {
		$row = attach_row($uid, $_REQUEST['file_id'] ?? '');
		unset($row['content']);
		return $row ? ['attach' => $row] : null;
	}

	private static function filedata(int $uid, array $effects): ?array {
		$rows = q("SELECT * FROM attach WHERE uid = %d AND hash LIKE '%s' LIMIT 1", $uid, dbesc(($_REQUEST['file_id'] ?? '') . '%'));
		if (!$rows) {
			return null;
		}
		$row = $rows[0];
		$start = intval($_REQUEST['start'] ?? 0);
		$length = intval($_REQUEST['length'] ?? 0) ?: intval($row['filesize']);
		$path = dbunescbin($row['content']);
		if (intval($row['is_dir'])) {
			$row['content'] = '';
		} elseif (is_file($path) && empty($effects['skip'])) {
			$data = Answer::read($path, $start, $length, $effects);
			$row = ['start' => $start, 'length' => strlen($data), 'content' => base64_encode($data)] + $row;
		}
		return ['attach' => $row];
	}

	private static function photo(int $uid, array $effects): ?array {
		$rows = q("SELECT * FROM photo WHERE uid = %d AND resource_id = '%s' AND imgscale = %d LIMIT 1",
			$uid, dbesc($_REQUEST['photo_id'] ?? ''), intval($_REQUEST['scale'] ?? 0));
		if (!$rows || !empty($effects['skip'])) {
			return null;
		}
		$content = dbunescbin($rows[0]['content']);
		$content = intval($rows[0]['os_storage']) ? Answer::read($content, 0, (int) @filesize($content), $effects) : $content;
		return ['photo' => ['content' => base64_encode($content)] + $rows[0]];
	}

	private static function files(int $uid, array $effects): array {
		$rows = q('SELECT * FROM attach WHERE uid = %d ORDER BY created, id LIMIT %d OFFSET %d', $uid, intval($_REQUEST['records'] ?? 0) ?: 2147483647, intval($_REQUEST['start'] ?? 0));
		foreach ($rows as &$row) {
			unset($row['content']);
		}
		return ['success' => true, 'results' => $rows];
	}

	/** A page of posts of a time, oldest first; those of photos are never among them. */
	private static function posts(int $uid, array $effects): array {
		$records = max(1, intval($_REQUEST['records'] ?? 10));
		$times = array_map(fn ($name) => datetime_convert('UTC', 'UTC', $_REQUEST[$name]), ['since', 'until']);
		$rows = q("SELECT * FROM item WHERE uid = %d AND item_wall = 1 AND item_deleted = 0 AND resource_type <> 'photo' AND created >= '%s' AND created <= '%s'
			ORDER BY created, id LIMIT %d OFFSET %d", $uid, dbesc($times[0]), dbesc($times[1]), $records, $records * intval($_REQUEST['page'] ?? 0));
		$relocate = ['channel_address' => channelx_by_n($uid)['channel_address'], 'url' => z_root()];
		return ['item' => array_map(fn ($row) => encode_item($row, true), $rows ?: []), 'relocate' => $relocate];
	}

	private static function export(int $uid, array $effects): array {
		return attach_export_data(channelx_by_n($uid), $_REQUEST['file_id'] ?? '');
	}
}

<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use TestHub\Faults;
use TestHub\Login;
use Zotlabs\Web\Controller;

/**
 * The parts of the hub's API that clones and owners read files by.
 *
 * An unknown file is 200 with nothing. filedata finds its file by the beginning of the hash. A listing shows all
 * columns but creator and content; both ends of its time are included.
 */
class Api extends Controller {

	public function get() {
		$hash = $_REQUEST['file_id'] ?? $_REQUEST['photo_id'] ?? $_REQUEST['sections'] ?? null;
		$effects = Faults::at('api', $hash, intval($_REQUEST['scale'] ?? 0));
		Answer::instead($effects);
		$call = preg_replace('~^api/(z/1\.0|red)/~', '', \App::$cmd);
		$calls = ['filemeta' => 'filemeta', 'filedata' => 'filedata', 'photo' => 'photo', 'files' => 'files', 'file/export' => 'export', 'item/export_page' => 'posts',
			'item/full' => 'conversation', 'network/stream' => 'stream', 'channel/export/basic' => 'sections', 'group' => 'groups', 'xchan' => 'person', 'verify' => 'verify'];
		if ($call === 'version') {
			json_return_and_die(STD_VERSION);
		}
		if (!isset($calls[$call])) {
			http_response_code(404);
			Answer::body('api call not found');
		}
		Login::api($effects);
		$answer = self::{$calls[$call]}(local_channel(), $effects);
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
		} elseif (!intval($row['os_storage'])) {
			$data = substr($path, $start, $length);
			$row = ['start' => $start, 'length' => strlen($data), 'content' => base64_encode($data)] + $row;
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
		$times = array_map(fn ($name, $else) => datetime_convert('UTC', 'UTC', $_REQUEST[$name] ?? $else), ['since', 'until'], [NULL_DATE, 'now']);
		$rows = q("SELECT * FROM attach WHERE uid = %d AND created >= '%s' AND created <= '%s' ORDER BY created, id LIMIT %d OFFSET %d",
			$uid, dbesc($times[0]), dbesc($times[1]), intval($_REQUEST['records'] ?? 0) ?: 2147483647, intval($_REQUEST['start'] ?? 0));
		return ['success' => true, 'results' => array_map(fn ($row) => array_diff_key($row, ['content' => 1, 'creator' => 1]), $rows ?: [])];
	}

	/** A post and all that was said beneath it; hidden ones are not shown to anybody. */
	private static function conversation(int $uid, array $effects): array {
		$roots = q("SELECT id FROM item WHERE uid = %d AND mid = '%s' AND id = parent AND item_hidden = 0 AND item_deleted = 0", $uid, dbesc($_REQUEST['mid'] ?? ''));
		$rows = $roots ? q('SELECT * FROM item WHERE parent = %d AND item_deleted = 0 AND item_hidden = 0', intval($roots[0]['id'])) : [];
		return $rows ? ['item' => array_map(fn ($row) => encode_item($row, true), $rows)] : [];
	}

	/** Posts that begin a conversation, newest first, whose text holds what is searched for. */
	private static function stream(int $uid, array $effects): array {
		$rows = q("SELECT * FROM item WHERE uid = %d AND id = parent AND item_hidden = 0 AND item_deleted = 0 AND body LIKE '%s' AND created >= '%s' ORDER BY created DESC LIMIT %d OFFSET %d", $uid,
			dbesc('%' . ($_REQUEST['search'] ?? '') . '%'), dbesc(datetime_convert('UTC', 'UTC', $_REQUEST['dbegin'] ?? NULL_DATE)), intval($_REQUEST['records'] ?? 10), intval($_REQUEST['start'] ?? 0));
		return array_map(fn ($row) => encode_item($row), $rows ?: []);
	}

	/** Sections of the channel's export, its private key among them. */
	private static function sections(int $uid, array $effects): array {
		return identity_basic_export($uid, explode(',', $_REQUEST['sections']));
	}

	private static function groups(int $uid, array $effects): array {
		return q('SELECT * FROM pgrp WHERE uid = %d', $uid) ?: [];
	}

	/** Somebody whom the hub knows, or false. */
	private static function person(int $uid, array $effects) {
		foreach (['hash' => 'hash', 'guid' => 'guid', 'address' => 'addr'] as $name => $column) {
			if (!empty($_REQUEST[$name])) {
				$rows = q("SELECT * FROM xchan WHERE xchan_$column = '%s' LIMIT 1", dbesc($_REQUEST[$name]));
				$names = array_map(fn ($key) => $key === 'xchan_addr' ? 'address' : str_replace('xchan_', '', $key), array_keys($rows[0] ?? []));
				return $rows ? array_combine($names, $rows[0]) : false;
			}
		}
		return false;
	}

	/** A page of posts of a time, oldest first; those of photos are never among them. */
	private static function posts(int $uid, array $effects): array {
		$records = max(1, intval($_REQUEST['records'] ?? 10));
		$times = array_map(fn ($name, $else) => datetime_convert('UTC', 'UTC', $_REQUEST[$name] ?? $else), ['since', 'until'], [NULL_DATE, 'now']);
		$rows = q("SELECT * FROM item WHERE uid = %d AND item_wall = 1 AND item_deleted = 0 AND resource_type <> 'photo' AND created >= '%s' AND created <= '%s'
			ORDER BY created, id LIMIT %d OFFSET %d", $uid, dbesc($times[0]), dbesc($times[1]), $records, $records * intval($_REQUEST['page'] ?? 0));
		$relocate = ['channel_address' => channelx_by_n($uid)['channel_address'], 'url' => z_root()];
		return ['item' => array_map(fn ($row) => encode_item($row, true), $rows ?: []), 'relocate' => $relocate];
	}

	private static function export(int $uid, array $effects): array {
		return attach_export_data(channelx_by_n($uid), $_REQUEST['file_id'] ?? '');
	}
}

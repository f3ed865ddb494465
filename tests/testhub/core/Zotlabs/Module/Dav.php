<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use TestHub\Faults;
use TestHub\Login;
use Zotlabs\Storage\Directory;
use Zotlabs\Storage\File;
use Zotlabs\Web\Controller;

/**
 * WebDAV of one's own files, opened by a session cookie or a password: GET and HEAD with single ranges, PROPFIND,
 * PUT, DELETE, and MOVE.
 *
 * As on a hub the ETag is the file's hash and does not change with its bytes, and the row's filesize decides what a
 * range may ask. On an 8 a Signature header is a fatal error here; on a 10 it logs in.
 */
class Dav extends Controller {

	public function init() {
		$path = rawurldecode(substr(strtok($_SERVER['REQUEST_URI'], '?'), strlen('/dav/')));
		list($nick, $display_path) = explode('/', rtrim($path, '/'), 2) + [1 => ''];
		$channel = channelx_by_nick($nick);
		$rows = $channel ? q("SELECT * FROM attach WHERE display_path = '%s' AND uid = %d ", dbesc($display_path), intval($channel['channel_id'])) : [];
		$row = $rows[0] ?? null;
		$effects = Faults::at('dav', $row['hash'] ?? null);
		Answer::instead($effects);
		if (preg_match('/^Signature/', trim($_SERVER['HTTP_AUTHORIZATION'] ?? ''))) {
			if (TESTHUB < 10) {
				http_response_code(500);
				Answer::body('');
			}
			local_channel() || Login::become(Login::signer());
		}
		local_channel() || Login::become(Login::byPassword());
		if (!local_channel() || !empty($effects['lost_session'])) {
			header('WWW-Authenticate: Basic realm="Hubzilla WebDAV", charset="UTF-8"');
			self::error(401, 'NotAuthenticated', 'No \'Authorization: Basic\' header found.');
		}
		if (!empty($effects['two_factor'])) {
			Answer::page(200, 'Account security');
		}
		if (!$channel || local_channel() != $channel['channel_id']) {
			self::error(403, 'Forbidden', 'Permission denied.');
		}
		$method = $_SERVER['REQUEST_METHOD'];
		if ($method === 'PUT') {
			self::put($channel, $row, $display_path);
		}
		if ($method === 'PROPFIND' && ($row || $display_path === '')) {
			self::listing($channel, $row);
		}
		if (!$row || !empty($effects['skip']) || ($row['is_dir'] && !in_array($method, ['DELETE', 'MOVE']))) {
			self::error(404, 'NotFound', 'File not found.');
		}
		if ($method === 'DELETE') {
			self::node($channel, $row)->delete();
			http_response_code(204);
			killme();
		}
		if ($method === 'MOVE') {
			self::move($channel, $row);
		}
		if ($method !== 'GET' && $method !== 'HEAD') {
			self::error(501, 'NotImplemented', 'There was no handler found for this method');
		}
		self::send($channel, $row, $effects);
	}

	private static function error(int $status, string $class, string $message): void {
		http_response_code($status);
		header('Content-Type: application/xml; charset=utf-8');
		Answer::body('<?xml version="1.0" encoding="utf-8"?>' . "\n<d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">\n"
			. "  <s:exception>Sabre\\DAV\\Exception\\$class</s:exception>\n  <s:message>$message</s:message>\n</d:error>\n");
	}

	/** Says what a file or folder is, and with depth 1 what is in it. */
	private static function listing(array $channel, ?array $row): void {
		$root = ['display_path' => '', 'is_dir' => 1, 'hash' => '', 'filesize' => 0, 'edited' => NULL_DATE, 'filetype' => ''];
		$own = $row ?? $root;
		$rows = $own['is_dir'] && ($_SERVER['HTTP_DEPTH'] ?? '1') !== '0'
			? q("SELECT * FROM attach WHERE folder = '%s' AND uid = %d ", dbesc($own['hash']), intval($channel['channel_id']))
			: [];
		http_response_code(207);
		header('Content-Type: application/xml; charset=utf-8');
		$text = '<?xml version="1.0"?>' . "\n<d:multistatus xmlns:d=\"DAV:\">\n";
		foreach ([$own, ...$rows] as $one) {
			$path = implode('/', array_map('rawurlencode', explode('/', $channel['channel_address'] . '/' . $one['display_path'])));
			$facts = $one['is_dir']
				? '<d:resourcetype><d:collection/></d:resourcetype>'
				: '<d:resourcetype/><d:getcontentlength>' . intval($one['filesize']) . "</d:getcontentlength><d:getetag>&quot;{$one['hash']}&quot;</d:getetag>";
			$facts .= '<d:getlastmodified>' . gmdate('D, d M Y H:i:s', (int) strtotime($one['edited'] . ' UTC')) . ' GMT</d:getlastmodified>';
			$text .= '<d:response><d:href>/dav/' . rtrim($path, '/') . ($one['is_dir'] ? '/' : '')
				. "</d:href><d:propstat><d:prop>$facts</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>\n";
		}
		Answer::body("$text</d:multistatus>\n");
	}

	/** @return File|Directory */
	private static function node(array $channel, array $row) {
		return $row['is_dir'] ? new Directory($channel, $row) : new File($channel, $row);
	}

	/** Renames within the folder, or moves into another under the same name. */
	private static function move(array $channel, array $row): void {
		$to = rawurldecode(substr((string) parse_url($_SERVER['HTTP_DESTINATION'] ?? '', PHP_URL_PATH), strlen('/dav/' . $channel['channel_address'] . '/')));
		if (dirname($to) === dirname($row['display_path'])) {
			self::node($channel, $row)->setName(basename($to));
		} else {
			$folder = dirname($to) === '.' ? ['hash' => ''] : q("SELECT * FROM attach WHERE display_path = '%s' AND uid = %d AND is_dir = 1", dbesc(dirname($to)), intval($channel['channel_id']))[0] ?? null;
			if (!$folder || basename($to) !== $row['filename']) {
				self::error(409, 'Conflict', 'It cannot be moved there.');
			}
			(new Directory($channel, $folder))->moveInto($row['hash']);
		}
		http_response_code(201);
		killme();
	}

	private static function put(array $channel, ?array $row, string $display_path): void {
		$input = fopen('php://input', 'rb');
		$row && !$row['is_dir'] ? (new File($channel, $row))->put($input) : File::create($channel, $display_path, $input);
		http_response_code($row ? 204 : 201);
		killme();
	}

	private static function send(array $channel, array $row, array $effects): void {
		$path = attach_file_path($row, $channel['channel_address']);
		$size = intval($row['filesize']);
		$modified = strtotime($row['edited'] . ' UTC');
		header('Content-Type: ' . $row['filetype']);
		header('ETag: "' . $row['hash'] . '"');
		header('Last-Modified: ' . gmdate('D, d M Y H:i:s', $modified) . ' GMT');
		if (!is_file($path)) {
			TESTHUB < 10 || self::error(404, 'NotFound', 'File not found.');
			http_response_code(500);
			Answer::body('');
		}
		$range = self::range($row, $modified, $size);
		if (!$range || !empty($effects['ignore_range'])) {
			Answer::fileRange($path, 0, $size, $effects, $row['hash']);
		}
		list($start, $end) = $range;
		if ($start >= $size || $end < $start) {
			self::error(416, 'RequestedRangeNotSatisfiable', 'The start offset (' . $start . ') exceeded the size of the entity (' . $size . ')');
		}
		$end = min($end, $size - 1);
		http_response_code(206);
		$said = $start + ($effects['lie_content_range'] ?? 0);
		header('Content-Range: bytes ' . $said . '-' . ($said + $end - $start) . '/' . ($size + ($effects['lie_total'] ?? 0)));
		Answer::fileRange($path, $start, $end - $start + 1, $effects, $row['hash']);
	}

	/** Returns first and last byte asked for, or null where the whole file is to be sent. */
	private static function range(array $row, int $modified, int $size): ?array {
		if (!$size || !preg_match('/^bytes=(\d*)-(\d*)$/i', $_SERVER['HTTP_RANGE'] ?? '', $m) || $m[1] . $m[2] === '') {
			return null;
		}
		$if = $_SERVER['HTTP_IF_RANGE'] ?? '';
		if ($if !== '') {
			$date = strtotime($if);
			if ($date === false ? $if !== '"' . $row['hash'] . '"' : $modified > $date) {
				return null;
			}
		}
		if ($m[1] === '') {
			return [max(0, $size - intval($m[2])), $size - 1];
		}
		return [intval($m[1]), $m[2] === '' ? $size - 1 : intval($m[2])];
	}
}

<?php

/** Writes a line to the hub's log; a hub does so only if told to, this one always up to LOGGER_DEBUG. */
function logger($msg, $level = LOGGER_NORMAL, $priority = LOG_INFO) {
	if ($level > LOGGER_DEBUG) {
		return;
	}
	$caller = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 2);
	$where = basename($caller[0]['file'] ?? '') . ':' . ($caller[0]['line'] ?? '') . ':' . ($caller[1]['function'] ?? '');
	@file_put_contents('hub.log', gmdate(ATOM_TIME) . ' ' . getmypid() . ' ' . $where . ': ' . $msg . "\n", FILE_APPEND);
}

function btlogger($msg, $level = LOGGER_NORMAL, $priority = LOG_INFO) {
	logger($msg, $level, $priority);
}

/** @return string */
function t($s, $ctx = '') {
	return $s;
}

function notice($s) {
	logger('notice: ' . $s);
}

function info($s) {
	logger('info: ' . $s);
}

/** @return string */
function escape_tags($s) {
	return $s ? htmlspecialchars($s, ENT_COMPAT, 'UTF-8', false) : EMPTY_STR;
}

/** @return string */
function random_string($size = 64) {
	return substr(bin2hex(random_bytes(intdiv($size, 2) + 1)), 0, $size);
}

/** @return string */
function photo_new_resource() {
	return new_uuid();
}

/** @return string */
function new_uuid() {
	$b = TestHub\Wire::$is_seeded ? implode('', array_map(fn () => chr(mt_rand(0, 255)), range(1, 16))) : random_bytes(16);
	$b[6] = chr(ord($b[6]) & 0x0f | 0x40);
	$b[8] = chr(ord($b[8]) & 0x3f | 0x80);
	return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($b), 4));
}

/** @return string */
function base64url_encode($s, $strip_padding = true) {
	$s = strtr(base64_encode($s), '+/', '-_');
	return $strip_padding ? rtrim($s, '=') : $s;
}

/**
 * Decodes leniently: what is not in the alphabet is dropped, as on a hub.
 *
 * @return string
 */
function base64url_decode($s) {
	return base64_decode(strtr($s, '-_', '+/'));
}

/** @return bool */
function os_mkdir($path, $mode = 0777, $recursive = false) {
	$umask = umask(0);
	$done = @mkdir($path, $mode, $recursive);
	umask($umask);
	return $done;
}

function pipe_streams($in, $out, $bufsize = 16384) {
	$size = 0;
	while (!feof($in)) {
		$size += fwrite($out, fread($in, $bufsize));
	}
	return $size;
}

/** @return string */
function z_mime_content_type($filename) {
	$types = [
		'jpg' => 'image/jpeg', 'jpeg' => 'image/jpeg', 'png' => 'image/png', 'gif' => 'image/gif', 'webp' => 'image/webp',
		'txt' => 'text/plain', 'html' => 'text/html', 'pdf' => 'application/pdf', 'mp4' => 'video/mp4', 'zip' => 'application/zip',
	];
	return $types[strtolower(pathinfo($filename, PATHINFO_EXTENSION))] ?? 'application/octet-stream';
}

/** @return string the first of some nicks that a new channel can have, or '' */
function check_webbie($arr) {
	foreach ($arr as $nick) {
		if (preg_match('/^[a-z0-9_-]+$/D', $nick) && $nick !== 'principals' && !channelx_by_nick($nick, true)) {
			return $nick;
		}
	}
	return '';
}

<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The web request that the hub is answering, and the hub's own address. */
final class Web
{
	/** Returns the hub's root URL, without a slash at the end. */
	public static function root(): string
	{
		return rtrim(z_root(), '/');
	}

	/** Returns the hub's host, with its port unless that is the scheme's own. */
	public static function host(): string
	{
		return self::hostOf(self::root());
	}

	/** Returns a hub's host in the same form. */
	public static function hostOf(string $root): string
	{
		$parts = parse_url($root);
		$own = strtolower($parts['scheme'] ?? '') === 'http' ? 80 : 443;

		return (
			strtolower($parts['host'] ?? '')
			. (isset($parts['port']) && $parts['port'] !== $own ? ':' . $parts['port'] : '')
		);
	}

	/** Returns the path on the host for a path beneath the hub's root. */
	public static function path(string $path): string
	{
		return rtrim((string) parse_url(self::root(), PHP_URL_PATH), '/') . $path;
	}

	/**
	 * Returns the request; reads a bounded number of bytes of a body that is not a form.
	 *
	 * @param ?\Closure $mostBytes Returns the bound, given the request's arguments; null: reads no body.
	 */
	public static function request(?\Closure $mostBytes): Request
	{
		$arguments = array_map('argv', range(0, max(0, argc() - 1)));

		return Request::current($arguments, $mostBytes ? $mostBytes($arguments) : 0);
	}

	/** Returns the path of the file that came in a field of a form, null if none came whole. */
	public static function upload(string $field): ?string
	{
		/** @var mixed */
		$file = $_FILES[$field] ?? null;
		/** @var mixed */
		$path = is_array($file) && ($file['error'] ?? null) === UPLOAD_ERR_OK ? $file['tmp_name'] ?? null : null;

		return is_string($path) && is_uploaded_file($path) ? $path : null;
	}

	/** Returns the header Authorization, wherever the web server or the hub's own rules put it. */
	public static function authorization(): string
	{
		foreach ([
			'HTTP_AUTHORIZATION',
			'REDIRECT_HTTP_AUTHORIZATION',
			'REMOTE_USER',
			'REDIRECT_REMOTE_USER',
		] as $name) {
			if (is_string($_SERVER[$name] ?? null) && $_SERVER[$name] !== '') {
				return $_SERVER[$name];
			}
		}

		return '';
	}

	/** Returns the source address of the request, empty if there is none. */
	public static function address(): string
	{
		return is_string($_SERVER['REMOTE_ADDR'] ?? null) ? $_SERVER['REMOTE_ADDR'] : '';
	}

	/** Tells whether nobody on the way could read the request: by https, or within this machine. */
	public static function isPrivate(): bool
	{
		$host = trim((string) parse_url(self::root(), PHP_URL_HOST), '[]');
		$isHere = $host === 'localhost' || $host === '::1' || preg_match('/^127\.\d+\.\d+\.\d+$/D', $host) === 1;
		if (str_starts_with(strtolower(self::root()), 'http://')) {
			return $isHere;
		}
		$said = static fn (string $name): string => strtolower(
			is_string($_SERVER[$name] ?? null) ? $_SERVER[$name] : '',
		);
		// Only where a web server before this one says that it was asked by http, this one need not know better.
		$before = explode(',', $said('HTTP_X_FORWARDED_PROTO'))[0];

		return match (true) {
			! in_array($said('HTTPS'), ['', 'off'], true) => $before !== 'http',
			$before !== '' => $before === 'https',
			default => $said('SERVER_PORT') === '443' || str_contains($said('HTTP_FORWARDED'), 'proto=https'),
		};
	}

	/** Drops what the hub or PHP prepared for a page: what follows is sent as it is. */
	public static function clear(): void
	{
		if (session_status() === PHP_SESSION_ACTIVE) {
			session_write_close();
		}
		if (function_exists('ini_set')) {
			ini_set('zlib.output_compression', '0');
		}
		while (ob_get_level() > 0 && ob_end_clean());
		foreach (['Set-Cookie', 'Pragma', 'Expires', 'Content-Security-Policy'] as $name) {
			header_remove($name);
		}
	}

	/** Ends the request as the hub does. */
	public static function end(): never
	{
		killme();
		exit;
	}
}

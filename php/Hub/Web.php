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

	/** Ends the request as the hub does. */
	public static function end(): never
	{
		killme();
		exit;
	}
}

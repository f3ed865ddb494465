<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** A page of the hub: who may see it, its markup, its notice after a form. */
final class Page
{
	private const TOKEN = 'filesync_token';

	/** Tells whether the reader is an admin of the hub. */
	public static function isAdmin(): bool
	{
		return is_site_admin();
	}

	/** Returns the channel of this hub with which the reader is logged in, 0 if none. */
	public static function owner(): int
	{
		return (int) local_channel();
	}

	/** Returns the account that is logged in, 0 if none. */
	public static function account(): int
	{
		return (int) get_account_id();
	}

	/** Has the reader, who is logged in, go on with another channel of the account. */
	public static function changeTo(Channel $channel): void
	{
		change_channel($channel->id);
	}

	/** Tells the reader something on the next page of the hub. */
	public static function say(string $line): void
	{
		notice($line . "\n");
	}

	/** Tells the reader, as the hub does, that the page is not permitted. */
	public static function deny(): void
	{
		notice(t('Permission denied.') . "\n");
	}

	/** Makes the page load one of our scripts, named by its path beneath the hub's root. */
	public static function addScript(string $path): void
	{
		head_add_js($path);
	}

	/** Ends the request with a redirect to a page beneath the hub's root. */
	public static function leadTo(string $path): void
	{
		goaway(z_root() . $path);
	}

	/** Returns the markup of one of our templates with its values. The template escapes them. */
	public static function render(string $template, array $values): string
	{
		return replace_macros(
			get_markup_template($template, 'addon/filesync'),
			array_combine(array_map(fn ($name) => '$' . $name, array_keys($values)), $values),
		);
	}

	/** Returns the token that a form must send back, so that no other site can send it. */
	public static function token(string $form): string
	{
		return get_form_security_token($form);
	}

	/** Tells whether a token that came in another way than by a form is one that `token` gave to this reader. */
	public static function isGenuine(string $form, string $token): bool
	{
		$_REQUEST[self::TOKEN] = $token;
		try {
			return str_contains($token, '.') && check_form_security_token($form, self::TOKEN) === true;
		} finally {
			unset($_REQUEST[self::TOKEN]);
		}
	}

	/** Redirects to one of our pages with a notice, unless the form sent back its token. */
	public static function refuseForged(string $form, string $path): void
	{
		check_form_security_token_redirectOnErr($path, $form);
	}

	/** Keeps a line for our next page, which shows it itself: the hub's own notices need JavaScript. */
	public static function leave(string $line, bool $isError): void
	{
		$_SESSION['filesync_left'] = [$line, $isError];
	}

	/** Returns the line that was left for this page, once. */
	public static function collect(): ?array
	{
		$left = $_SESSION['filesync_left'] ?? null;
		unset($_SESSION['filesync_left']);

		return is_array($left) ? ['line' => (string) $left[0], 'is_error' => (bool) $left[1]] : null;
	}
}

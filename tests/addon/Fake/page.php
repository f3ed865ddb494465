<?php

/** What the hub does around a page, as far as a test looks at it. */

namespace Fake {
	final class Page
	{
		public static bool $isAdmin = true;
		public static bool $isForged = false;
		/** @var list<string> Lines for the next page, errors begin with `!`. */
		public static array $said = [];
		/** @var list<string> Where the reader was led. */
		public static array $led = [];
		/** @var list<string> */
		public static array $scripts = [];
	}
}

namespace FileSync\Addon\Hub {
	use Fake\Page as Fake;

	function is_site_admin()
	{
		return Fake::$isAdmin;
	}

	function check_form_security_token_redirectOnErr($path, $form)
	{
		if (Fake::$isForged) {
			throw new \RuntimeException('sent away');
		}
	}

	function goaway($url)
	{
		Fake::$led[] = $url;
	}

	function head_add_js($path)
	{
		Fake::$scripts[] = $path;
	}

	function get_form_security_token($form)
	{
		return 'token of ' . $form;
	}

	function get_markup_template($name, $root)
	{
		return file_get_contents("$root/view/tpl/$name");
	}

	/** Shows the values instead of the markup. */
	function replace_macros($template, $values)
	{
		return json_encode($values, JSON_UNESCAPED_SLASHES);
	}

	function notice($line)
	{
		Fake::$said[] = '!' . trim($line);
	}

	function info($line)
	{
		Fake::$said[] = trim($line);
	}
}

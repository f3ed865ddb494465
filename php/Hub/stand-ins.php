<?php

/*
 * Stands in for a function of core that the check of the hub itself calls, where it is gone: the command and the page
 * for the admin can then say so. Other web requests never load it.
 */

if (! class_exists('App', false)) {
	exit;
}

if (! function_exists('t')) {
	function t(string $text): string
	{
		return $text;
	}
}

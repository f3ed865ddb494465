<?php

/** Tokens of forms, and what pages are made with. The fixture has no pages: its templates show their values. */

function get_form_security_token($typename = '') {
	$timestamp = time();

	return $timestamp . '.' . hash('sha256', $typename . ' of ' . local_channel() . ' at ' . z_root() . ' ' . $timestamp);
}

function check_form_security_token($typename = '', $formname = 'form_security_token') {
	if (! isset($_REQUEST[$formname])) {
		return false;
	}
	$parts = explode('.', $_REQUEST[$formname]);
	if (time() > intval($parts[0]) + 10800) {
		return false;
	}

	return hash('sha256', $typename . ' of ' . local_channel() . ' at ' . z_root() . ' ' . $parts[0]) == ($parts[1] ?? '');
}

function check_form_security_token_redirectOnErr($err_redirect, $typename = '', $formname = 'form_security_token') {
	if (! check_form_security_token($typename, $formname)) {
		notice('The form security token was not correct.');
		goaway(z_root() . $err_redirect);
	}
}

function head_add_js($src, $priority = 0) {
}

function get_markup_template($s, $root = '') {
	return (string) @file_get_contents(rtrim($root, '/') . '/view/tpl/' . $s);
}

function replace_macros($s, $r) {
	return json_encode($r);
}

function atoken_xchan($atoken) {
	throw new LogicException('the test hub has no tokens of guests');
}

function atoken_create_xchan($xchan) {
	throw new LogicException('the test hub has no tokens of guests');
}

function change_channel($change_channel) {
	throw new LogicException('the test hub has no page to change the channel');
}

<?php

/** Tokens of forms, and what pages are made with. The fixture has no pages: its templates show their values. */

function get_form_security_token($typename = '') {
	return hash('sha256', $typename . ' of ' . local_channel() . ' at ' . z_root());
}

function check_form_security_token_redirectOnErr($err_redirect, $typename = '', $formname = 'form_security_token') {
	if (($_REQUEST[$formname] ?? '') !== get_form_security_token($typename)) {
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

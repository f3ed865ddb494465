<?php

namespace Zotlabs\Lib;

/** Signatures of a channel, in the form that hubs store and send. */
class Libzot {

	public static function sign($data, $key, $alg = 'sha256') {
		openssl_sign($data, $signature, $key, $alg);
		return $alg . '.' . base64url_encode($signature);
	}

	public static function verify($data, $sig, $key) {
		list($alg, $signature) = explode('.', $sig, 2) + [1 => ''];
		return $signature !== '' && openssl_verify($data, base64url_decode($signature), $key, $alg) === 1;
	}
}

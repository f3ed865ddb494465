--TEST--
Signer and ProofSigner: what PHP's own functions verify, and the other way round
--EXTENSIONS--
sodium
--FILE--
<?php
require 'support.php';
$key = channelKey();
$public = openssl_pkey_get_details(openssl_pkey_get_private($key))['key'];
$signer = new FileSync\Signer($key);
$base64url = fn (string $bytes) => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
openssl_sign('body ü', $signature, $key, 'sha256');
var_dump($signer->sign('body ü') === 'sha256.' . $base64url($signature));
var_dump($signer->signAll(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']) === array_map(fn ($body) => $signer->sign($body), ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']));
var_dump(FileSync\Signer::verify('body ü', $signer->sign('body ü'), $public), FileSync\Signer::verify('body ü', $base64url($signature), $public),
	FileSync\Signer::verify('body', $signer->sign('body ü'), $public));
show(fn () => new FileSync\Signer('secret'));
show(fn () => FileSync\Signer::verify('a', 'b', 'secret'));
show(fn () => $signer->signAll([1]));

$pair = sodium_crypto_sign_keypair();
$secret = sodium_bin2base64(sodium_crypto_sign_secretkey($pair), SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING);
$public = sodium_bin2base64(sodium_crypto_sign_publickey($pair), SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING);
$proof = new FileSync\ProofSigner($secret);
var_dump($proof->publicKey() === FileSync\ProofSigner::multibase($public));
$signed = $proof->sign('{"type":"Note","content":"Grüße"}', 'https://a.example/channel/alice#' . $proof->publicKey(), '2024-05-03T09:00:00Z');
FileSync\ProofSigner::verify($signed, $public);
FileSync\ProofSigner::verify($signed, $proof->publicKey());
show(fn () => FileSync\ProofSigner::verify(str_replace('Note', 'Page', $signed), $public));
show(fn () => FileSync\ProofSigner::verify('{}', $public));
show(fn () => FileSync\ProofSigner::verify(str_replace('eddsa-jcs', 'eddsa-rdfc', $signed), $public));
show(fn () => new FileSync\ProofSigner('secret'));
show(fn () => $proof->sign('[]', 'm', 'c'));
?>
--EXPECTF--
bool(true)
bool(true)
bool(true)
bool(true)
bool(false)
InvalidInputException: invalid input while reading the channel's private key {fault: not a PEM private key, expected: an RSA private key of 2048 to 8192 bits, PEM}
InvalidInputException: invalid input while reading a public key {expected: an RSA public key, PEM}
InvalidInputException: invalid input while reading a parameter {parameter: bodies, expected: a list of strings, UTF-8}
bool(true)
SignatureException: signature not valid while verifying a document's proof {fault: the signature does not match the document}
SignatureException: signature not valid while verifying a document's proof {fault: no proof}
UnsupportedException: unsupported while verifying a document's proof {cryptosuite: eddsa-rdfc-2022, expected: eddsa-jcs-2022}
InvalidInputException: invalid input while reading an Ed25519 key {fault: not %s, expected: base64 or multibase of 32 or 64 bytes}
InvalidInputException: invalid input while reading a document%s

--TEST--
ProofSigner: 400 random documents, ours proved and verified by the hub's class, theirs by ours; HUBZILLA_ROOT names the hub
--EXTENSIONS--
sodium
mbstring
--FILE--
<?php
require 'support.php';
require 'judge.php';

/** Draws a text: what JSON escapes, what hubs escape besides, characters of one to four bytes. */
function text(): string
{
	$characters = ['a', 'Z', '0', ' ', '/', '\\', '"', '<', "\0", "\x1f", "\x7f", "\n", "\r", "\t", "\x08", "\x0c", "\u{80}", 'ü', '€', "\u{2028}",
		"\u{2029}", "\u{FB33}", "\u{FFFD}", "\u{1F600}", "\u{10FFFF}"];
	$text = '';
	for ($n = mt_rand(0, 8); $n > 0; $n--) {
		$text .= $characters[array_rand($characters)];
	}
	return $text;
}

/**
 * Draws a number of at most fifteen digits, a whole one of any size, or one at the border of another way of writing; none whose
 * last digits depend on the version of PHP.
 */
function number(): int|float
{
	return match (mt_rand(0, 5)) {
		0 => mt_rand(-5, 5),
		1 => [PHP_INT_MAX, PHP_INT_MIN, 9007199254740993][mt_rand(0, 2)],
		2 => [0.0, -0.0, 1.0, 100.0, -120.5, 1e21, 1e20, 9.99e-7, 1e-6, 0.30000001, 1e15, 5e-324, 1.7976931348623157e308][mt_rand(0, 12)],
		3 => mt_rand(-180000000, 180000000) / 1000000,
		default => longNumber(),
	};
}

function longNumber(): float
{
	do {
		$size = (float) (mt_rand(1, 9999999) . sprintf('%07d', mt_rand(0, 9999999)) . 'e' . mt_rand(-22, 12));
	} while ($size >= 1e8 && $size < 1e9);
	return mt_rand(0, 1) ? $size : -$size;
}

function value(int $depth): mixed
{
	$draw = mt_rand(0, $depth > 3 ? 5 : 8);
	if ($draw < 6) {
		return [null, true, false, number(), text(), text()][$draw];
	}
	$values = [];
	for ($n = mt_rand(0, 4); $n > 0; $n--) {
		// Keys 0, 1, 2 in this order are a list for PHP; others with digits are not.
		$draw === 6 ? $values[] = value($depth + 1) : $values[[text(), (string) mt_rand(0, 2), '01', '-1', ''][mt_rand(0, 4)]] = value($depth + 1);
	}
	return $values;
}

mt_srand($seed = (int) (getenv('SEED') ?: random_int(1, 1 << 30)));
$pair = sodium_crypto_sign_keypair();
$encode = fn ($bytes) => sodium_bin2base64($bytes, SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING);
$channel = [
	'channel_address' => 'alice',
	'channel_epubkey' => $encode(sodium_crypto_sign_publickey($pair)),
	'channel_eprvkey' => $encode(sodium_crypto_sign_secretkey($pair)),
];
$ours = new FileSync\ProofSigner($channel['channel_eprvkey']);
$theirs = new Zotlabs\Lib\JcsEddsa2022();
$key = $ours->publicKey();
$wrong = $changed = 0;
for ($n = 0; $n < 400; $n++) {
	$document = ['type' => 'Note', text() => value(0), text() => value(0), '@context' => [text()], 'signature' => value(3)];
	$json = json_encode($document, JSON_PRESERVE_ZERO_FRACTION | (mt_rand(0, 1) ? JSON_UNESCAPED_UNICODE : 0));
	$signed = $ours->sign($json, channel_url($channel) . "#$key", gmdate(ATOM_TIME), (bool) mt_rand(0, 1));
	$proved = ['proof' => $theirs->sign($document, $channel)] + $document;
	try {
		FileSync\ProofSigner::verify(json_encode($proved, JSON_PRESERVE_ZERO_FRACTION), $key);
		$isOurs = true;
	} catch (FileSync\Exception\SignatureException) {
		$isOurs = false;
	}
	if (! $theirs->verify(json_decode($signed, true), $key) || ! $isOurs) {
		$wrong++;
		echo "seed $seed, document $n: $json\n";
	}
	$changed += $theirs->verify(['type' => 'Page'] + json_decode($signed, true), $key) ? 0 : 1;
}
echo "$wrong wrong, $changed changed ones refused\n";
?>
--EXPECT--
0 wrong, 400 changed ones refused

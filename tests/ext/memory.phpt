--TEST--
Resident memory grows by less than 1 MiB from call 1,000 to call 10,000
--FILE--
<?php
require 'support.php';
$folder = newFolder();
file_put_contents("$folder/f", 'bytes');
$key = openssl_pkey_get_private(channelKey());
openssl_x509_export(openssl_csr_sign(openssl_csr_new(['commonName' => 'a hub'], $key), null, $key, 1), $certificate);
// As many as a system trusts.
file_put_contents("$folder/trusted.pem", str_repeat($certificate, 140));
$store = new FileSync\Store($folder);
for ($call = 1; $call <= 10000; $call++) {
	try {
		new FileSync\Store('relative');
	} catch (FileSync\Exception\InvalidInputException $e) {
	}
	$store->stat('f');
	$digest = new FileSync\FileDigest($store, 'f');
	while (!$digest->step(5)) {
		// A busy machine may need more than one step for five bytes.
	}
	$digest->sha256();
	if ($call % 10 === 0) {
		$batch = newBatch($folder, ['ca_file' => "$folder/trusted.pem"]);
		$batch->add(transfer('http://127.0.0.1:9', 'h'));
		finish($batch);
	}
	if ($call === 1000) {
		unset($batch, $digest, $e);
		$before = residentKilobytes();
	}
}
unset($batch, $digest, $e);
$grown = residentKilobytes() - $before;
echo $grown < 1024 ? "flat\n" : "grew by $grown KiB\n";
?>
--EXPECT--
flat

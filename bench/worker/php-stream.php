<?php

/** What one would write in PHP: curl into a callback that hashes and writes, then sync and rename. */

declare(strict_types=1);

[, $path, $url, $certificate] = $argv;
$file = fopen("$path.new", 'w');
$hash = hash_init('sha256');
$curl = curl_init($url);
curl_setopt_array($curl, [
	CURLOPT_CAINFO => $certificate,
	CURLOPT_FAILONERROR => true,
	CURLOPT_BUFFERSIZE => 512 << 10,
	CURLOPT_WRITEFUNCTION => function ($curl, $piece) use ($file, $hash) {
		hash_update($hash, $piece);
		return fwrite($file, $piece);
	},
]);
if (! curl_exec($curl)) {
	fwrite(STDERR, curl_error($curl) . "\n");
	exit(1);
}
fdatasync($file);
fclose($file);
rename("$path.new", $path);
echo hash_final($hash), "\n";

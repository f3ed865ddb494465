<?php

/** Fetches files as a stock receiver does: a handle and a connection each, one after the other, straight into place. */

declare(strict_types=1);

[, $folder, $url, $count, $certificate] = $argv;
for ($number = 0; $number < (int) $count; $number++) {
	$file = fopen("$folder/f$number", 'w');
	$curl = curl_init("$url/dav/alice/file-$number.bin");
	curl_setopt_array($curl, [CURLOPT_CAINFO => $certificate, CURLOPT_FAILONERROR => true, CURLOPT_FILE => $file]);
	curl_exec($curl) || exit(1);
	fclose($file);
}

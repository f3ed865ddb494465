<?php

// Judges a page that a browser rendered. Arguments: screenshot, the browser's network log, root URLs of hub B and hub
// A, hash of a photo of one colour, that colour as rrggbb. Prints what is wrong, one a line, status 1; else what was
// seen.
[, $screenshot, $log, $rootB, $rootA, $hash, $colour] = $argv;
preg_match_all('~"url":"(https?://[^"]+)"~', (string) file_get_contents($log), $found);
$urls = array_unique($found[1]);
$under = fn (string $root) => array_filter($urls, fn ($url) => str_starts_with($url, $root . '/'));
$wrong = [];
// Another person's avatar is shown from where he lives.
foreach (preg_grep('~/photo/profile/[lms]/\d+~', $under($rootA), PREG_GREP_INVERT) as $url) {
	$wrong[] = "the browser asked A: $url";
}
if (! preg_grep("~/photo/$hash~", $under($rootB))) {
	$wrong[] = 'the browser did not ask B for the photo';
}
$image = imagecreatefrompng($screenshot);
$wanted = array_map('hexdec', str_split($colour, 2));
$pixels = 0;
for ($y = 0; $y < imagesy($image); $y += 2) {
	for ($x = 0; $x < imagesx($image); $x += 2) {
		$rgb = imagecolorat($image, $x, $y);
		$pixels +=
			4
			* (int) (
				max(
					abs((($rgb >> 16) & 255) - $wanted[0]),
					abs((($rgb >> 8) & 255) - $wanted[1]),
					abs(($rgb & 255) - $wanted[2]),
				) < 8
			);
	}
}
if ($pixels < 20000) {
	$wrong[] = "the photo is not seen: $pixels pixels of its colour";
}
echo
	$wrong
		? implode("\n", $wrong) . "\n"
		: count($under($rootB)) . ' requests to B, ' . count($under($rootA)) . " to A, $pixels pixels of the photo\n"
;
exit($wrong ? 1 : 0);

--TEST--
docs/php-api.md: every example prints the output on the page
--EXTENSIONS--
sodium
gd
--FILE--
<?php
require 'support.php';
$folder = newFolder();
$hub = startHub();
$key = channelKey();
preg_match_all('/^```php\n(.*?)^```\n```text\n(.*?)^```$/ms', file_get_contents(__DIR__ . '/../../docs/php-api.md'), $examples, PREG_SET_ORDER);
foreach ($examples as $n => [, $code, $expected]) {
	ob_start();
	eval($code);
	$printed = ob_get_clean();
	if ($printed !== $expected) {
		echo 'example ', $n + 1, " prints:\n$printed";
	}
}
echo count($examples) >= 7 && count($examples) === substr_count(file_get_contents(__DIR__ . '/../../docs/php-api.md'), '```php') ? 'all' : count($examples), " examples ran\n";
?>
--EXPECT--
all examples ran

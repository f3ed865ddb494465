--TEST--
phpinfo has a section with version and settings
--FILE--
<?php
ob_start();
phpinfo(INFO_MODULES);
$text = ob_get_clean();
preg_match('/^filesync$.*?(?=^\w+$\n\n\w|\z)/ms', $text, $section);
echo preg_replace('/\n{2,}/', "\n", strstr($section[0], 'filesync.deadline', true)), "\n";
var_dump(phpversion('filesync') === (new ReflectionExtension('filesync'))->getVersion());
var_dump(ini_get('filesync.small_file_bytes'), ini_set('filesync.small_file_bytes', '1'));
?>
--EXPECTF--
filesync
filesync => enabled
Version => %d.%d.%d%S
Digest => SHA-256
TLS and signatures => rustls, aws-lc
Directive => Local Value => Master Value
filesync.connect_timeout_seconds => 15 => 15

bool(true)
string(7) "8388608"
bool(false)

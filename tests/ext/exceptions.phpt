--TEST--
Exceptions: one tree, two branches, real file, line, trace and previous
--FILE--
<?php
$space = 'FileSync\Exception\\';
foreach (['Network', 'PeerBusy', 'Storage', 'Corrupt', 'Refused', 'NotFound', 'Limit', 'Unsupported', 'InvalidInput', 'Signature'] as $kind) {
	$class = new ReflectionClass("$space{$kind}Exception");
	$e = $class->newInstance('text', 3, new Exception('cause'));
	printf("%s: %s%s%s, line %d, %s\n", $kind, $class->isFinal() ? 'final, ' : '', str_replace($space, '', get_parent_class($e)),
		$e instanceof FileSync\Exception\FileSyncException ? ', FileSync' : '', $e->getLine(), $e->getPrevious()->getMessage());
}
class Mine extends FileSync\Exception\TemporaryException {}
function thrower()
{
	new FileSync\Store('relative');
}
try {
	thrower();
} catch (FileSync\Exception\PermanentException $e) {
	echo get_class($e), ' ', basename($e->getFile()), ':', $e->getLine(), "\n", $e->getMessage(), "\n";
	echo preg_replace('~/\S+/~', '', $e->getTraceAsString()), "\n";
	var_dump($e->getCode(), $e instanceof Exception, new Mine('m') instanceof FileSync\Exception\FileSyncException);
}
?>
--EXPECTF--
Network: final, TemporaryException, FileSync, line 5, cause
PeerBusy: final, TemporaryException, FileSync, line 5, cause
Storage: final, TemporaryException, FileSync, line 5, cause
Corrupt: final, TemporaryException, FileSync, line 5, cause
Refused: final, PermanentException, FileSync, line 5, cause
NotFound: final, PermanentException, FileSync, line 5, cause
Limit: final, PermanentException, FileSync, line 5, cause
Unsupported: final, PermanentException, FileSync, line 5, cause
InvalidInput: final, PermanentException, FileSync, line 5, cause
Signature: final, PermanentException, FileSync, line 5, cause
FileSync\Exception\InvalidInputException exceptions.php:12
invalid input while opening a store root {path: relative, fault: not an absolute path}
#0 exceptions.php(12): FileSync\Store->__construct('relative')
#1 exceptions.php(15): thrower()
#2 {main}
int(0)
bool(true)
bool(true)

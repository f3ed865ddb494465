--TEST--
Freed memory is read: valgrind says so
--EXTENSIONS--
ffi
--INI--
ffi.enable=1
--FILE--
<?php
$c = FFI::cdef('void *malloc(size_t size); void free(void *memory); int memcmp(void *one, void *other, size_t size);');
$memory = $c->malloc(1000);
$c->free($memory);
$c->memcmp($memory, $memory, 1);
?>
--EXPECT--

--TEST--
Memory is lost: valgrind says so
--EXTENSIONS--
ffi
--INI--
ffi.enable=1
--FILE--
<?php
FFI::cdef('void *malloc(size_t size);')->malloc(1000);
?>
--EXPECT--

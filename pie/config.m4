dnl phpize, configure and make for PIE: cargo builds the extension, nothing here is C.
PHP_ARG_ENABLE([filesync], [whether to build filesync], [AS_HELP_STRING([--enable-filesync], [Build filesync])], [yes])

if test "$PHP_FILESYNC" != "no"; then
  AC_PATH_PROG([CARGO], [cargo], [no])
  if test "$CARGO" = "no"; then
    AC_MSG_ERROR([filesync is written in Rust and there is no cargo: https://www.rust-lang.org/tools/install])
  fi
  PHP_SUBST([CARGO])
  PHP_MODULES="$PHP_MODULES \$(phplibdir)/filesync.so"
  PHP_ADD_MAKEFILE_FRAGMENT([$abs_srcdir/Makefile.frag], [$abs_srcdir], [$abs_builddir])
fi

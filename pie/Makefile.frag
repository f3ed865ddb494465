FILESYNC_TARGET = $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(builddir)/target)
FILESYNC_SOURCES = $(srcdir)/..

.PHONY: filesync-by-cargo
filesync-by-cargo:
	cd "$(FILESYNC_SOURCES)" && PHP="$(PHP_EXECUTABLE)" $(CARGO) build --locked --release --package filesync-extension --target-dir "$(FILESYNC_TARGET)"

$(phplibdir)/filesync.so: filesync-by-cargo
	@mkdir -p "$(phplibdir)"
	cp "$(FILESYNC_TARGET)/release/libfilesync.so" "$@"

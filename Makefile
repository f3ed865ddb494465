# The verbs for people. `make` lists them.

EXTENSION ?= $(CURDIR)/target/release/libfilesync.so

# A shell command on the command line of make keeps its dollar signs.
ifdef RELOAD
override export RELOAD := $(value RELOAD)
endif

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

build: ## build the extension: target/release/libfilesync.so
	@tests/install build
	cargo build --locked --release --package filesync-extension

cli: ## build the owner's command: target/release/filesync; needs no PHP
	cargo build --locked --release --package filesync-cli

install: ## install filesync on a hub, or reinstall it after an upgrade: HUB=<hub root> [EXTENSION=<built .so>]; see tools/hub for more
	@HUB="$(HUB)" EXTENSION="$(if $(filter file,$(origin EXTENSION)),,$(EXTENSION))" tools/hub install

uninstall: ## uninstall it: HUB=<hub root> OPTIONS="--keep|--purge [--finish] [--drop]"; without OPTIONS it lists unfinished work
	@HUB="$(HUB)" OPTIONS="$(OPTIONS)" tools/hub uninstall

dist: ## make archives: the addon with the extension for this PHP and machine, and the owner's command: dist/
	@$(if $(filter file,$(origin EXTENSION)),$(MAKE) -s build,tests/install php)
	@$(MAKE) -s cli
	@EXTENSION=$(EXTENSION) tools/dist
	@tools/dist-command

demo: ## two hubs, a channel cloned on both: SIZE=1G PHOTOS=40 BREAK=flip|skip KEEP=1
	@tests/install demo
	@cargo build --locked --release --package filesync-extension
	@EXTENSION=$(EXTENSION) tests/plain-php tests/demo/run

check: ## run this before every commit, under two minutes: format, lint, rooms, types, unit tests, the addon on SQLite; ONLY=rooms
	@tests/plain-php tests/run check

test: ## every test that needs no hub tree; at most 30 minutes on two cores: ONLY=posts,demo
	@tests/plain-php tests/run

test-full: ## the same and the exhaustive tests: every database, many seeds, long runs; takes hours: ONLY=seeds
	@tests/plain-php tests/run full

test-hubs: ## real hubs: HUBZILLA_ROOT=<tree> [FAULTS=1 | ALL_FILESYNC=1]
	@if [ -n "$(HUBZILLA_ROOT)" ]; then tests/install hubs && cargo build --locked --release --package filesync-extension; fi
	@EXTENSION=$(EXTENSION) tests/realhubs/run $(if $(FAULTS),--faults,$(if $(ALL_FILESYNC),--all-filesync))

test-converge: ## three hubs, random changes, an unreliable wire: OPERATIONS=2000 SEED=n BREAK=order VERBOSE=1
	@tests/install test
	@tests/plain-php phpunit --do-not-cache-result tests/converge/CasesTest.php
	@tests/plain-php tests/converge/run

test-reconcile: ## two hubs whose packets were lost become equal again, damage is repaired: FILES=2500 DRIFT=150 SEED=n BREAK=skip
	@tests/install test
	@cargo build --locked --release --package filesync-extension
	@EXTENSION=$(EXTENSION) tests/plain-php tests/reconcile/run

test-set: ## a backup set is what the hub has, made while files change, killed, with a full disk: SEED=n MOVES=500 KILLS=20 RESTORE_KILLS=200 BREAK=digest|manifest
	@tests/install test
	@cargo build --locked --release --package filesync-extension
	@EXTENSION=$(EXTENSION) tests/plain-php tests/set/run

test-cli: ## the owner's command backs up a hub without filesync, and one with it, and restores to one: BREAK=offset|lacking|exit
	@tests/install test
	@cargo build --workspace --locked --profile quick
	@COMMAND=target/quick/filesync tests/plain-php phpunit --do-not-cache-result tests/cli/BackupTest.php
	@COMMAND=target/quick/filesync EXTENSION=target/quick/libfilesync.so tests/plain-php phpunit --do-not-cache-result tests/cli/DoorBackupTest.php
	@COMMAND=target/quick/filesync tests/plain-php phpunit --do-not-cache-result tests/cli/LyingDoorTest.php
	@COMMAND=target/quick/filesync tests/plain-php phpunit --do-not-cache-result tests/cli/ExtractTest.php
	@COMMAND=target/quick/filesync tests/plain-php phpunit --do-not-cache-result tests/cli/StatusTest.php
	@COMMAND=target/quick/filesync EXTENSION=target/quick/libfilesync.so tests/plain-php phpunit --do-not-cache-result tests/cli/RestoreTest.php

test-doors: ## a backup set comes back through the drop box, by rclone and others: HUBZILLA_ROOT=<tree with SabreDAV> ONLY=rclone BREAK=vanish
	@tests/install doors
	@cargo build --locked --profile quick --package filesync-extension
	@EXTENSION=target/quick/libfilesync.so tests/plain-php tests/doors/run

bench: ## measure side by side with the alternatives: ONLY=receive,accept FORMAT=json
	@tests/install bench
	@cargo build --locked --release --package filesync-extension --package filesync-cli
	@EXTENSION=$(EXTENSION) bench/run

strings: ## collect the addon's texts for translators, and make the hub's files from them
	@tests/install php
	@tools/strings

fmt: ## format the code, Rust and PHP
	cargo fmt
	tests/format-php --write

.PHONY: help build cli install uninstall dist demo check test test-full test-hubs test-converge test-reconcile test-set test-cli test-doors bench strings fmt

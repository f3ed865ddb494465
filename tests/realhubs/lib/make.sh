# shellcheck shell=bash
# `make install` and the addon's command on a hub of the layout, as an admin runs them. Each check is one line.

failed=0

# check WHAT COMMAND…
check() {
	local what=$1 said
	shift
	# shellcheck disable=SC2034 # what sources this reads it
	if said=$("$@" 2>&1); then printf 'ok    %s\n' "$what"; else printf 'FAIL  %s\n%s\n' "$what" "$said"; failed=1; fi
}

# Makes a copy of what `make install` needs in $copy, so that other versions can be made of it.
copy_repository() {
	copy=$(mktemp -d)
	cp -r "$REPOSITORY/php" "$REPOSITORY/tools" "$copy"
	cp "$EXTENSION" "$copy/filesync.so"
}

# Makes another version of it, addon and extension, in $copy.next.
next_version() {
	[ ! -d "$copy.next" ] || return 0
	cp -r "$copy" "$copy.next"
	local now next
	now=$(sed -n 's/^ \* Version: //p' "$copy/php/filesync.php")
	# As long as ours: it is put in place of it in the built extension.
	next=9${now#?}
	sed -i "s/^ \* Version: .*/ * Version: $next/" "$copy.next/php/filesync.php"
	sed -i "s/const VERSION = '$now';/const VERSION = '$next';/" "$copy.next/php/Hub/Runtime.php"
	NOW=$now NEXT=$next perl -pi -e 's/\Q$ENV{NOW}\E/$ENV{NEXT}/g' "$copy.next/filesync.so"
	# The release profile may leave no text to change.
	[ "$(php -n -d "extension=$copy.next/filesync.so" -r 'echo phpversion("filesync");' 2>&1)" = "$next" ] \
		|| { rm -rf "$copy.next"; die "no other version can be made of $EXTENSION; take one of cargo build --profile quick: EXTENSION=target/quick/libfilesync.so"; }
}

# Runs make of a copy of the repository on a hub: make_on <hub> <copy> <verb> [OPTIONS]. INI_DIRS and RELOAD as in tools/hub.
make_on() {
	local dir=$LAYOUT/$1
	mkdir -p "$dir/ext"
	env HUB="$dir/www" PHP="$dir/bin/php" EXTENSION_DIR="$dir/ext" PHP_INI_DIRS="${INI_DIRS:-$dir/ini}" EXTENSION="$2/filesync.so" OPTIONS="${4:-}" \
		RELOAD="${RELOAD:-kill -USR2 $(cat "$dir/run/fpm.pid"); sleep 1}" "$2/tools/hub" "$3"
}
# The same for the first time: loopback is a private network, which doctor does not let pass.
install_first() {
	make_on "$1" "$2" install >/dev/null 2>&1 || true
	command_of "$1" config set allow_private_addresses 1 && make_on "$1" "$2" install
}
command_of() { hub_php "$1" addon/filesync/cli.php "${@:2}"; }
give() { hub_do a upload-many "$@" >/dev/null && send_all; }

# What a killed request was taking in is sent again by the other hub, after a while: here at once. A hub puts its own cron off while the load is high.
send_all() {
	local past='2000-01-01 00:00:00'
	for _ in $(seq 120); do
		command_of a work --seconds 5 >/dev/null 2>&1
		echo "UPDATE outq SET outq_scheduled = '$past', outq_updated = '$past'" | database_sql hub_a
		hub_php a Zotlabs/Daemon/Master.php Queue
		sleep 1
		[ "$(database_value hub_a 'SELECT (SELECT count(*) FROM outq) + (SELECT count(*) FROM filesync_outbox)')" = 0 ] && return
	done
	return 1
}

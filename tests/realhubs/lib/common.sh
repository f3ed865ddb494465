# shellcheck shell=bash
# Where a layout lives and how to reach its hubs. Sourced by `layout`, `run` and the scenarios.
#
# Hub A is the origin, hub B the clone that may carry the addon, C a second clone where one is asked for, D (HUBS="a b d") has a channel of
# its own that follows ours, E comes later and is where a set is restored. Each answers on a loopback address of its own, so nothing leaves the machine.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPOSITORY=$(cd "$HERE/../.." && pwd)

DB=${DB:-mysql}
ADDON=${ADDON:-1}
HUBS=${HUBS:-a b}
EXTENSION=${EXTENSION:-$REPOSITORY/target/release/libfilesync.so}
# Root installs nothing beneath a folder that others may write, as /tmp is.
LAYOUT=${LAYOUT:-$([ "$(id -u)" = 0 ] && echo /var/lib || echo "${TMPDIR:-/tmp}")/filesync-realhubs}
NET=${NET:-127.0.0}
DOMAIN=${DOMAIN:-filesync.test}
WEB=${WEB:-nginx}
SCHEME=${SCHEME:-https}
# shellcheck disable=SC2034 # read by what sources this
DEFAULT_PORT=$([ "$SCHEME" = http ] && echo 80 || echo 443)
# What stands before a path on a hub in a sub-directory.
SUBDIR=${SUBDIR:-}
BELOW=${SUBDIR:+/$SUBDIR}
PHP_FPM=${PHP_FPM:-php-fpm$(php -r 'echo PHP_MAJOR_VERSION.".".PHP_MINOR_VERSION;')}

# shellcheck disable=SC2034 # read by what sources this
declare -A ADDRESS=([a]="$NET.2" [b]="$NET.3" [c]="$NET.4" [d]="$NET.5" [e]="$NET.6")
declare -A NICK=([a]=alice [b]=${NICK_B:-alicia} [c]=alison [d]=fred [e]=alba)

say() { printf '%s\n' "$*" >&2; }
die() { say "realhubs: $*"; exit 1; }

hub_root() { echo "$LAYOUT/$1/www"; }
# hub_url <hub> [:port]
hub_url()  { echo "$SCHEME://$1.$DOMAIN${2:-}$BELOW"; }
store_of() { echo "$LAYOUT/$1/www/store/${NICK[$1]}"; }

# Prints the requests to a hub since a line of its log, with paths as on a hub at the root of its host: log_since <hub> <line>.
log_since() { tail -n +$(($2 + 1)) "$LAYOUT/$1/log/access.log" | sed "s,\"\([A-Z]* \)$BELOW/,\"\1/,"; }

# Runs a command as the user that owns the hubs: www-data when root called us, as on an operator's machine.
as_hub() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid="$HUB_USER" --regid="$HUB_USER" --clear-groups -- "$@"
	else
		"$@"
	fi
}
HUB_USER=${HUB_USER:-$([ "$(id -u)" = 0 ] && echo www-data || id -un)}

# Prints the hubs that carry the addon.
hubs_with_addon() {
	case $ADDON in
		0) ;;
		all) echo "${HUBS% d}" ;;
		1) echo b ;;
		*) echo "$ADDON" ;;
	esac
}

# Runs `hub/<action>.php` inside a hub: hub_do <a|b|c> <action> [argument…]. Prints what the action prints.
hub_do() {
	local hub=$1 action=$2
	shift 2
	(cd "$(hub_root "$hub")" && as_hub "$LAYOUT/$hub/bin/php" "$LAYOUT/actions/$action.php" "$@")
}

# Runs any PHP command line with a hub's root as its working directory.
hub_php() {
	local hub=$1
	shift
	(cd "$(hub_root "$hub")" && as_hub "$LAYOUT/$hub/bin/php" "$@")
}

# Waits until a command succeeds: wait_for <seconds> <what> <command…>.
wait_for() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -ge $end ] && { say "waited in vain for $what"; return 1; }
		sleep 0.2
	done
}

# Runs a hub's cron, then a command: for waiting on what a cron run sets off.
with_cron() {
	hub_php "$1" Zotlabs/Daemon/Master.php Cronhooks >/dev/null
	"${@:2}"
}

# Ends a process that we started, by its pid file, and waits for it.
stop_pid_file() {
	local file=$1 signal=${2:-TERM} pid
	[ -s "$file" ] || return 0
	pid=$(cat "$file")
	kill "-$signal" "$pid" 2>/dev/null || true
	kill -CONT "$pid" 2>/dev/null || true
	for _ in $(seq 150); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null || true
	rm -f "$file"
}

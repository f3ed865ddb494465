# shellcheck shell=bash
# Knowing when the hubs have nothing left to do.

# True while a hub's daemon runs, a web request is under way, or (unless LEAVE_QUEUE is set) a delivery is due.
hubs_busy() {
	local hub pids
	DUE=
	pids=$(pgrep -x "$PHP_PROCESS" | sed 's,.*,/proc/&/cwd,')
	# shellcheck disable=SC2086 # several paths
	[ -z "$pids" ] || ! readlink $pids 2>/dev/null | grep -qF "$LAYOUT/" || return 0
	! ss -Hxn state connected | grep -qE "$LAYOUT/./run/fpm\.sock" || return 0
	! ss -Htn state established src "$NET.0/24" and sport = ":$DEFAULT_PORT" | grep -q . || return 0
	[ -z "${LEAVE_QUEUE:-}" ] || return 1
	for hub in $HUBS; do [ "$(due_deliveries "$hub")" = 0 ] || { DUE=$hub; return 0; }; done
	return 1
}
PHP_PROCESS=$(basename "$(readlink -f "$(command -v php)")")

due_deliveries() {
	database_value "hub_$1" "SELECT COUNT(*) FROM outq WHERE outq_scheduled < '$(date -u '+%Y-%m-%d %H:%M:%S')'"
}

# Lets a hub's next cron run come now: what it could not deliver before is due.
ten_minutes_later() {
	local hub=$1
	echo "UPDATE outq SET outq_scheduled = '$(date -u -d '-1 minute' '+%Y-%m-%d %H:%M:%S')'" | database_sql "hub_$hub" >/dev/null
	hub_php "$hub" Zotlabs/Daemon/Master.php Queue >/dev/null
	hub_php "$hub" Zotlabs/Daemon/Master.php Cronhooks >/dev/null
}

# Waits until the hubs were found quiet several times in a row: wait_quiet [seconds]. What a hub could not deliver at first waits for its cron,
# which we are.
wait_quiet() {
	local end=$((SECONDS + ${1:-120})) calm=0 cron=$((SECONDS + 5))
	while [ $calm -lt 4 ]; do
		[ $SECONDS -ge $end ] && return 1
		# Asking costs as much as what is asked about.
		if hubs_busy; then
			calm=0
			[ -z "$DUE" ] || [ $SECONDS -lt $cron ] || { cron=$((SECONDS + 20)); hub_php "$DUE" Zotlabs/Daemon/Master.php Queue >/dev/null; }
			sleep 0.5
		else
			calm=$((calm + 1))
			sleep 0.15
		fi
	done
}

# Knowing when the hubs have nothing left to do.

# True while a hub's daemon runs, a web request is under way, or (unless LEAVE_QUEUE is set) a delivery is due.
hubs_busy() {
	local hub pid
	for pid in $(pgrep -x "$(basename "$(readlink -f "$(command -v php)")")"); do
		case $(readlink "/proc/$pid/cwd") in "$LAYOUT"/*) return 0 ;; esac
	done
	for hub in $HUBS; do
		[ -z "$(ss -Hxn state connected src "$LAYOUT/$hub/run/fpm.sock")" ] || return 0
		[ -z "$(ss -Htn state established src "${ADDRESS[$hub]}:$DEFAULT_PORT")" ] || return 0
		[ -n "${LEAVE_QUEUE:-}" ] || [ "$(due_deliveries $hub)" = 0 ] || return 0
	done
	return 1
}

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

# Waits until the hubs were found quiet several times in a row: wait_quiet [seconds].
wait_quiet() {
	local end=$((SECONDS + ${1:-120})) calm=0
	while [ $calm -lt 4 ]; do
		[ $SECONDS -ge $end ] && return 1
		if hubs_busy; then calm=0; else calm=$((calm + 1)); fi
		sleep 0.15
	done
}

# shellcheck shell=bash
# What happens when something breaks while a file travels. A fault is a function `fault_<name>`: hub B holds a first version, hub A gets
# a second, something breaks and comes back. In the end B is complete and equal, or it keeps what it had and says what it waits for.
#
# A relay stands before hub A: it counts what B fetches and slows the wire, so that "half-way" can be met.

# shellcheck disable=SC2034 # read by what sources this
FAULT_NAMES="sender-dies sender-down sender-stalls slow-link worker-killed disk-full row-gone file-gone packet-twice overwritten-half-way"
FAULT_BYTES=${FAULT_BYTES:-268435456}
WIRE=${WIRE:-50000000}

# The relay takes hub A's address, nginx moves to another port behind it.
faults_begin() {
	mkdir -p "$LAYOUT/wire"
	echo 0 >"$LAYOUT/wire/rate"
	: >"$LAYOUT/wire/hold"
	server_down a
	# shellcheck disable=SC2034 # read by what sources this
	BEHIND_RELAY=:8443
	# Without nginx's buffer before PHP, what is sent is read when it is sent: half-way is half-way on the origin's disk too.
	PORT=8443 BUFFERING=off configure_web a
	server_up a
	php "$HERE/relay.php" "${ADDRESS[a]}:443" "${ADDRESS[a]}:8443" "$LAYOUT/wire" >>"$LAYOUT/log/relay.log" 2>&1 &
	echo $! >"$LAYOUT/wire/relay.pid"
	disown
	[ "$ADDON" = 0 ] || {
		# As an admin may: waits that a test can sit out.
		hub_php b addon/filesync/cli.php config set retry_first_seconds 2
		hub_php b addon/filesync/cli.php config set retry_most_seconds 20
		hub_php b addon/filesync/cli.php config set storage_pause_seconds 10
	}
}

faults_end() {
	[ -f "$LAYOUT/wire/relay.pid" ] || return 0
	umount -l "$(hub_root b)/store" 2>/dev/null
	stop_pid_file "$LAYOUT/wire/relay.pid" KILL
	server_down a
	configure_web a
	server_up a
}

faults_run() {
	local name begin detail seconds failed=0 before
	faults_begin
	printf '%-22s | %-72s | %7s | %13s\n' fault "B ends with" seconds "bytes fetched"
	for name in "$@"; do
		rm -f "$LAYOUT/scratch/meanwhile"
		begin=$SECONDS
		before=$(wire_count)
		detail=$("fault_${name//-/_}" 2>&1) || failed=$((failed + 1))
		seconds=$((SECONDS - begin))
		printf '%-22s | %-72s | %7d | %13d\n' "$name" "${detail//$'\n'/; }" $seconds $(($(wire_count) - before))
		calm_down
	done
	faults_end
	[ $failed = 0 ] || [ "$ADDON" = 0 ]
}

wire_count() { sleep 0.1; cat "$LAYOUT/wire/count" 2>/dev/null || echo 0; }
wire_rate()  { echo "$1" >"$LAYOUT/wire/rate"; }
wire_hold()  { echo "$1" >"$LAYOUT/wire/hold"; }

# Whatever a fault left, the next one finds both hubs up and idle.
calm_down() {
	wire_rate 0
	wire_hold ''
	local hub
	for hub in $HUBS; do
		[ -s "$LAYOUT/$hub/run/server.pid" ] || server_up "$hub"
		echo 'DELETE FROM outq' | database_sql "hub_$hub"
	done
	LEAVE_QUEUE=1 wait_quiet 90
}

# Puts a first version of 1 MiB on both hubs: first_version <name>. Sets HASH, AT (its display path on A) and FIRST.
first_version() {
	local name=$RANDOM-$1
	AT=$TOP/faults/$name
	FIRST=$(random_file "first-$1" 1048576)
	HASH=$(give "$FIRST" "$name" "$TOP/faults")
	settle 90 "$HASH" && equal "$HASH" "$(sha "$FIRST")" || return 1
	sleep 1.1
}

# Overwrites it on A: second_version <name> [bytes]. Sets SECOND, FROM (the wire's count).
second_version() {
	SECOND=$(random_file "second-$1" "${2:-$FAULT_BYTES}")
	FROM=$(wire_count)
	put "$SECOND" "$AT"
}

# Waits until half of the second version went over the wire.
half_way() {
	local half=$((FROM + $(stat -c %s "$SECOND") / 2 - 1000000))
	for _ in $(seq 1500); do
		[ "$(cat "$LAYOUT/wire/count")" -ge $half ] && return 0
		sleep 0.02
	done
	echo "half-way was never reached"
	return 1
}

# Remembers what hub B shows while things are broken.
look_meanwhile() {
	hub_do b rows "$HASH" | php "$HERE/hub/verdict.php" "$(sha "$SECOND")" "$(sha "$FIRST")" "$@" >"$LAYOUT/scratch/meanwhile"
}

# Lets time pass until nothing is missing or nothing changes any more, then says what B has: outcome <seconds> [expected file].
outcome() {
	local end=$((SECONDS + $1)) expected=${2:-$SECOND} missing='' answer meanwhile=''
	if [ "$ADDON" = 0 ]; then
		for _ in 1 2 3; do
			ten_minutes_later a
			ten_minutes_later b
			LEAVE_QUEUE=1 wait_quiet $(($1 / 3))
		done
	else
		while [ $SECONDS -lt $end ]; do
			ten_minutes_later a
			ten_minutes_later b
			LEAVE_QUEUE=1 wait_quiet 30
			[ -n "$(on_its_way)" ] || break
			sleep 3
		done
		missing=$(hub_php b addon/filesync/cli.php missing)
	fi
	[ -s "$LAYOUT/scratch/meanwhile" ] && meanwhile=" (meanwhile: $(cat "$LAYOUT/scratch/meanwhile"))"
	answer=$(hub_do b rows "$HASH" | php "$HERE/hub/verdict.php" "$(sha "$expected")" "$(sha "$FIRST")")
	case $answer in
		'complete, equal') echo "$answer$meanwhile" ;;
		'the first version' | nothing)
			echo "keeps $answer, says: $(grep -F "$HASH" <<<"$missing" | sed 's/.* bytes: //; s/ {[^}]*}//' | head -1)$meanwhile"
			[ "$ADDON" != 0 ] && grep -qF "$HASH" <<<"$missing" ;;
		*)
			echo "$answer$meanwhile"
			return 1
			;;
	esac
	case $meanwhile in *bytes*) return 1 ;; esac
}

fault_sender_dies() {
	first_version dies.bin || return 1
	wire_rate "$WIRE"
	second_version dies.bin && half_way || return 1
	server_kill a
	sleep 3
	look_meanwhile
	server_up a
	outcome 240
}

fault_sender_down() {
	first_version down.bin || return 1
	server_down b
	second_version down.bin || return 1
	LEAVE_QUEUE=1 wait_quiet 60
	server_kill a
	server_up b
	ten_minutes_later a
	LEAVE_QUEUE=1 wait_quiet 60
	look_meanwhile
	server_up a
	outcome 240
}

fault_sender_stalls() {
	first_version stalls.bin || return 1
	wire_rate "$WIRE"
	wire_hold $(($(wire_count) + FAULT_BYTES / 2))
	second_version stalls.bin || return 1
	sleep 75
	look_meanwhile
	wire_hold ''
	outcome 300
}

fault_slow_link() {
	first_version slow.bin || return 1
	wire_rate 800000
	second_version slow.bin 67108864 || return 1
	sleep 70
	look_meanwhile
	outcome 300
}

# Kills whatever process of hub B has the file's bytes under its hand.
fault_worker_killed() {
	local pid
	first_version killed.bin || return 1
	wire_rate "$WIRE"
	second_version killed.bin && half_way || return 1
	pid=$(receiver) && kill -KILL "$pid" || { echo "no receiver found"; return 1; }
	sleep 2
	look_meanwhile
	outcome 420
}

receiver() {
	local link
	link=$(find /proc/[0-9]*/fd -lname "$(hub_root b)/store/*$HASH*" 2>/dev/null | head -1)
	[ -n "$link" ] && cut -d/ -f3 <<<"$link"
}

# Hub B's whole store stands on a small disk, which is full but for a third of the file; then somebody makes room.
fault_disk_full() {
	local store outcome status
	store=$(hub_root b)/store
	first_version full.bin || return 1
	cp -a "$store" "$LAYOUT/scratch/store"
	mount -t tmpfs -o "size=$((FAULT_BYTES * 2 + $(du -sb "$store" | cut -f1) * 2)),mode=0755,uid=$(id -u "$HUB_USER")" none "$store"
	as_hub cp -a "$LAYOUT/scratch/store/." "$store/"
	[ "$ADDON" = 0 ] || small_headroom
	head -c $(($(df -B1 --output=avail "$store" | tail -1) - FAULT_BYTES / 3)) /dev/zero >"$store/ballast"
	second_version full.bin || return 1
	sleep 5
	LEAVE_QUEUE=1 wait_quiet 30
	look_meanwhile
	rm "$store/ballast"
	outcome=$(outcome 240)
	status=$?
	LEAVE_QUEUE=1 wait_quiet 30
	as_hub cp -a "$store/." "$LAYOUT/scratch/store/"
	umount "$store"
	cp -a "$LAYOUT/scratch/store/." "$store/"
	rm -rf "$LAYOUT/scratch/store" "$LAYOUT/b/ini/70-headroom.ini"
	echo "$outcome"
	return $status
}

# Lets the disk really run full instead of stopping well before.
small_headroom() {
	echo 'filesync.disk_headroom_bytes = 0' >"$LAYOUT/b/ini/70-headroom.ini"
	hub_php b addon/filesync/cli.php config set headroom_bytes 0
}

# A file announced to B is gone before B can ask. The packet waits on A meanwhile, since B is down.
fault_row_gone() {
	first_version rowgone.bin || return 1
	server_down b
	second_version rowgone.bin 5000000 || return 1
	LEAVE_QUEUE=1 wait_quiet 60
	echo "DELETE FROM attach WHERE hash = '$HASH'" | database_sql hub_a
	server_up b
	outcome 60
}

fault_file_gone() {
	local path
	first_version filegone.bin || return 1
	server_down b
	second_version filegone.bin 5000000 || return 1
	LEAVE_QUEUE=1 wait_quiet 60
	path=$(find "$(store_of a)" -name "$HASH")
	mv "$path" "$LAYOUT/scratch/away"
	server_up b
	outcome 40 || return 1
	# What B waits for comes once it can be had.
	mv "$LAYOUT/scratch/away" "$path"
	[ "$ADDON" = 0 ] || { echo "once it is back: $(outcome 90)"; equal "$HASH" "$(sha "$SECOND")"; }
}

fault_packet_twice() {
	first_version again.bin || return 1
	wire_rate "$WIRE"
	second_version again.bin && half_way || return 1
	hub_do a resend "$HASH" 2 >/dev/null
	outcome 240
}

fault_overwritten_half_way() {
	local before
	first_version half.bin || return 1
	wire_rate "$WIRE"
	wire_hold $(($(wire_count) + FAULT_BYTES / 2))
	second_version half.bin && half_way || return 1
	before=$(sha "$SECOND")
	second_version half.bin || return 1
	wire_hold ''
	sleep 4
	look_meanwhile "$before"
	outcome 300
}

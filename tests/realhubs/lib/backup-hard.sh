# shellcheck shell=bash
# Backup sets of hub B's channel under bad circumstances: killed, while the channel changes, every night, very large. These run only when they are named.
# What hub A still has to fetch meanwhile changes nothing on B.

backup_command() { hub_php b addon/filesync/cli.php "$@"; }
# Says whether common tools find a set whole as of its last finished run.
set_is_whole() { (cd "$1" && sha256sum --check --strict --quiet manifest-sha256.txt && sha256sum --check --strict --quiet tagmanifest-sha256.txt) >/dev/null 2>&1; }
# Prints the state in a set's journal; nothing if there is none.
set_state() { sed -n 's/.*"state":"\([a-z]*\)".*/\1/p' "$1/run.json.partial" 2>/dev/null; }
# Prints the last finished run of a set.
set_run() { php -r 'echo json_decode(file_get_contents($argv[1]), true)["run"];' "$1/set.json"; }

# KILLS runs are killed, each of a copy of one set and at a call of the system that is counted: most while names change place. After each, the last run is whole,
# or it is completed where no network is; in the end the tree is that of a run that nobody disturbed.
scenario_backup_killed() {
	local sets=$LAYOUT/scratch/sets/$TOP-killed kills=${KILLS:-20} trace=$LAYOUT/scratch/trace set last first all early n call at within inside=0 finished=0 wrong=0 state
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	command -v strace >/dev/null || { skip 'no strace here'; return; }
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets" "$sets"
	hub_do b upload-many 40 "$TOP-killed" >/dev/null && hub_do b upload-photos 6 "$TOP-killed" >/dev/null || return 1
	set=$sets/base
	backup >/dev/null || return 1
	last=$(set_run "$set")
	hub_do b mover 60 "${SEED:-11}" "$LAYOUT/scratch/states" 30 >"$trace" 2>&1 || { cat "$trace"; return 1; }
	# What is younger than that is read again by the next run.
	sleep 2.1
	cp -a "$set" "$sets/undisturbed"
	traced "$sets/undisturbed" "$trace" -s 120 -e trace=renameat2,unlinkat,openat,write >/dev/null || return 1
	set_is_whole "$sets/undisturbed" || { echo 'the undisturbed run is not whole'; return 1; }
	# Before which rename the names begin to change place, and of how many; the last call that is counted in the journal's last state; what is opened before.
	first=$(awk '/"state\\":\\"out/ { print n + 2; exit } / renameat2\(/ { n++ }' "$trace")
	all=$(grep -c ' renameat2(' "$trace")
	early=$(awk '/"state\\":\\"out/ { print n; exit } / openat\(/ { n++ }' "$trace")
	[ -n "$first" ] && [ "$all" -gt $((first + 20)) ] || { echo "no commit to be seen: $first of $all"; return 1; }
	for ((n = 0; n < kills; n++)); do
		set=$sets/killed
		rm -rf "$set"
		cp -a "$sets/base" "$set"
		# Seven of ten within the commit, evenly, its last renames among them.
		if [ "$n" -lt $((within = kills * 7 / 10)) ]; then
			call=renameat2
			at=$((first + n * (all - first) / (within - 1)))
		else
			call=openat
			at=$((early - 1 - (n - within) * early / kills))
		fi
		traced "$set" "$trace" -e trace=$call -e "inject=$call:signal=KILL:when=$at" >/dev/null 2>&1
		grep -q '+++ killed by SIGKILL' "$trace" || { echo "not killed at $call $at"; wrong=1; continue; }
		state=$(set_state "$set")
		case $state in out | in | lists | tidy) inside=$((inside + 1)) ;; esac
		if ! set_is_whole "$set"; then
			finished=$((finished + 1))
			(cd "$(hub_root b)" && unshare -n setpriv --reuid="$HUB_USER" --regid="$HUB_USER" --clear-groups -- "$LAYOUT/b/bin/php" addon/filesync/cli.php verify-set "$set" --finish) \
				>"$LAYOUT/scratch/finished" 2>&1 || { echo "killed at $call $at ($state): $(tail -n 3 "$LAYOUT/scratch/finished")"; wrong=1; }
			set_is_whole "$set" || { echo "killed at $call $at ($state): not whole after --finish"; wrong=1; }
		fi
		backup --json >"$LAYOUT/scratch/finished" || { echo "killed at $call $at ($state), the next run: $(cat "$LAYOUT/scratch/finished")"; wrong=1; }
		set_is_whole "$set" || { echo "killed at $call $at ($state): the next run left it damaged"; wrong=1; }
		php "$HERE/../set/same.php" "$sets/undisturbed" "$set" "$last" >"$LAYOUT/scratch/finished" || { echo "killed at $call $at ($state): $(cat "$LAYOUT/scratch/finished")"; wrong=1; }
	done
	set_is_equal >"$LAYOUT/scratch/set-counts" || { cat "$LAYOUT/scratch/set-counts"; wrong=1; }
	[ $((inside * 2)) -ge "$kills" ] || { echo "only $inside of $kills within the commit"; wrong=1; }
	[ $wrong = 0 ] && echo "$kills kills, $inside within the commit of $((all - first)) renames, $finished completed without a network; $(cat "$LAYOUT/scratch/finished")" && rm -rf "$sets"
}
# Runs the command for a set with strace: traced <set> <log> [argument of strace…].
traced() {
	(cd "$(hub_root b)" && strace -f -o "$2" "${@:3}" setpriv --reuid="$HUB_USER" --regid="$HUB_USER" --clear-groups -- "$LAYOUT/b/bin/php" addon/filesync/cli.php backup "${NICK[b]}" "$1" --json) || [ $? = 1 ]
}

# Runs of the command while MOVES files are renamed, overwritten, moved, deleted and added: what each set says about a file was true at one moment.
scenario_backup_moving() {
	local set=$LAYOUT/scratch/sets/$TOP-moving scratch=$LAYOUT/scratch log=$LAYOUT/scratch/states-$TOP moves=${MOVES:-500} seed=${SEED:-11} mover running runs=0 said
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	install -d -o "$HUB_USER" -m 700 "$scratch/sets"
	rm -rf "$scratch"/moving-*
	hub_do b upload-many 60 "$TOP-moving" >/dev/null || return 1
	hub_do b mover "$moves" "$seed" "$log" 40 >"$scratch/mover" 2>&1 &
	mover=$!
	wait_for 60 'the mover' grep -q ready "$scratch/mover" || return 1
	while :; do
		running=1
		kill -0 "$mover" 2>/dev/null || running=0
		said=$(backup --json) || { echo "run $runs: $said"; return 1; }
		set_is_whole "$set" || { echo "run $runs left the set damaged"; return 1; }
		cp -a "$set/data/metadata" "$scratch/moving-$runs"
		runs=$((runs + 1))
		[ $running = 1 ] || break
	done
	grep -q '^done' "$scratch/mover" || { echo "the mover: $(cat "$scratch/mover")"; return 1; }
	[ $runs -ge 3 ] || { echo "only $runs runs while files changed"; return 1; }
	php "$HERE/../set/states.php" "$log" "$scratch"/moving-* >"$scratch/states-said" || { cat "$scratch/states-said"; return 1; }
	said=$(backup --json) || { echo "$said"; return 1; }
	set_is_equal >"$scratch/set-counts" || { cat "$scratch/set-counts"; return 1; }
	rm -rf "$scratch"/moving-*
	echo "seed $seed, $runs runs meanwhile: $(sed 's/^done //;t;d' "$scratch/mover"); $(cat "$scratch/states-said"); $(cat "$scratch/set-counts")"
	rm -rf "$set"
}

# Sets that cron makes every night; the pages, doctor and Prometheus show them, and one outlives its channel.
scenario_backup_nightly() {
	local nights=$LAYOUT/scratch/nights-$TOP set folder began text=$LAYOUT/scratch/nightly hash wrong=0
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	set=$nights/${NICK[b]}@b.$DOMAIN
	hub_do b upload-many 5 "$TOP-nightly" >/dev/null || return 1
	for folder in "$(hub_root b)/store" "$(hub_root b)" /etc "$nights"; do
		backup_command config set backup_folder "$folder" >"$text" 2>&1 && { echo "it may be $folder"; wrong=1; }
	done
	trap 'backup_command config clear backup_folder >/dev/null; backup_command config clear metrics_token >/dev/null' EXIT
	install -d -o "$HUB_USER" -m 700 "$nights"
	backup_command config set backup_folder "$nights" >"$text" 2>&1 || { cat "$text"; return 1; }
	backup_command config set metrics_token a-token-of-sufficient-length >/dev/null
	began=$(date +%s)
	night_tells page 'There is no backup set yet' || wrong=1
	night || return 1
	set_is_equal >"$text" || { cat "$text"; wrong=1; }
	night_tells page 'backup set: ' && night_tells page 'a part of the backup set was read again' && night_tells admin 'backup set: ' || wrong=1
	night_tells doctor 'ok .*the nightly backup sets are up to date' || wrong=1
	# And once a month a restore from it is tried.
	night_tells admin 'a restore from the backup set was tried .* all of it was proven' || wrong=1
	[ "$(night_metric)" -ge "$began" ] || { echo "the number of Prometheus is $(night_metric)"; wrong=1; }
	# The next night takes what is new.
	hash=$(upload_on b "$(random_file night.bin 50000)" night.bin "$TOP-nightly")
	night || return 1
	[ -f "$set/data/metadata/${hash:0:2}/$hash.json" ] || { echo 'the next night did not take what is new'; wrong=1; }
	set_is_equal >"$text" || { cat "$text"; wrong=1; }
	# Its disk is away for two nights.
	mv "$nights" "$nights-away"
	night_tells doctor 'WRONG .*nightly backup sets cannot be written' || wrong=1
	echo "UPDATE filesync_setting SET value = replace(value, '\"success\":', '\"success\":1,\"before\":') WHERE name = 'nightly'" | database_sql hub_b
	mv "$nights-away" "$nights"
	night_tells doctor 'WRONG .*was not brought up to date for two days' || wrong=1
	night_tells page 'It is not up to date' || wrong=1
	[ "$(night_metric)" = 1 ] || { echo "after two nights the number of Prometheus is $(night_metric)"; wrong=1; }
	night || return 1
	night_tells doctor 'ok .*the nightly backup sets are up to date' || wrong=1
	# A channel leaves the hub.
	channel_leaves "$nights/nora$$@b.$DOMAIN" || wrong=1
	night || wrong=1
	night_tells doctor 'ok .*the nightly backup sets are up to date' || wrong=1
	[ $wrong = 0 ] && cat "$text" && rm -rf "$nights"
}
# A channel gets a nightly set, and leaves the hub: channel_leaves <set>.
channel_leaves() {
	local set=$1
	local -x CHANNEL=Nora$$
	hub_do b create-channel "$(cat "$LAYOUT/b/account")" nora$$ Nora$$ >/dev/null
	hub_do b upload-many 3 nora >/dev/null
	night || return 1
	hub_do b remove-channel >/dev/null
	night_round
	set_is_whole "$set" || { echo 'the set of a channel that left is gone'; return 1; }
	grep -q "left this hub; its backup set in $set stays" "$LAYOUT/b/log/hub.log" || { echo 'the log does not say what becomes of the set of a channel that left'; return 1; }
}
# A night goes by: the set of $set is brought up to date and a part of it read back.
night() {
	local n run
	run=$(set_run "$set" 2>/dev/null)
	for n in $(seq 30); do
		night_round
		[ ! -f "$set/set.json" ] || [ "$(set_run "$set")" = "$run" ] || [ -e "$set/run.json.partial" ] || break
	done
	[ -f "$set/set.json" ] && [ "$(set_run "$set")" != "$run" ] && set_is_whole "$set" || { echo "no set was made in $n rounds of cron: $(cd "$set" 2>/dev/null && echo .* *)"; return 1; }
	# What is left to be read back.
	for n in $(seq 10); do
		[ "$(database_value hub_b "SELECT count(*) FROM filesync_setting WHERE name = 'nightly' AND value NOT LIKE '%\"to_read\":0%'")" != 0 ] || return 0
		night_round
	done
	echo 'it is not read back'
	return 1
}
night_round() {
	hub_php b Zotlabs/Daemon/Master.php Cron_daily >/dev/null 2>&1
	hub_php b Zotlabs/Daemon/Master.php Cronhooks >/dev/null 2>&1
	wait_quiet 60
}
# Says whether a page, or doctor, tells something: night_tells page|admin|doctor <pattern>.
night_tells() {
	case $1 in
		page) owner_page b filesync ;;
		admin) owner_page b admin/addons/filesync ;;
		doctor) backup_command doctor ;;
	esac >"$LAYOUT/scratch/night-tells" 2>&1
	grep -q -- "$2" "$LAYOUT/scratch/night-tells" || { echo "the $1 does not say: $2"; return 1; }
}
night_metric() {
	curl -sS --cacert "$LAYOUT/ca/ca.pem" -H 'Authorization: Bearer a-token-of-sufficient-length' "$(hub_url b)/filesync/metrics" | sed -n 's/^filesync_backup_last_success_timestamp_seconds \([0-9]*\).*/\1/p'
}

# A file of LARGE_BYTES comes to hub B by filesync, and MariaDB's column for its size is too small. For hubs that all have filesync: HUBS='a b' ADDON=all.
scenario_backup_receive() {
	local bytes=${LARGE_BYTES:-5368709120} hash
	[ "$ADDON" = all ] || { skip 'only where all hubs have filesync'; return; }
	# A strict MariaDB refuses core's row for 4 GiB and more; one that is not strict keeps the column's largest number.
	[ "$DB" = pgsql ] || echo "SET GLOBAL sql_mode = ''" | database_sql hub_a || return 1
	# An upload of this size does not go through core's memory_limit.
	hash=$(answered hash "$(hub_do a many-files sparse huge.bin "$bytes")")
	[ -n "$hash" ] && hub_do a resend "$hash" 1 >/dev/null || { echo 'A could not store it'; return 1; }
	wait_for 500 'B to have it' has_received "$hash" || return 1
	echo "$bytes bytes, and column says $(column b "$hash" filesize)"
}
has_received() { hub_php b Zotlabs/Daemon/Master.php Cronhooks; [ "$(transfer_state "$1")" = published ]; }

# FILES small files and one of LARGE_BYTES, with as much memory as a small hub gives PHP: it stays below 96 MiB in all.
scenario_backup_large() {
	local set=$LAYOUT/scratch/sets/$TOP-large files=${FILES:-20000} bytes=${LARGE_BYTES:-6442450944} said few many again hash size
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets"
	hub_do b upload-many 20 "$TOP-few" >/dev/null || return 1
	few=$(backup_peak --exclude "$TOP-huge" --exclude "*huge*") || { echo "$few"; return 1; }
	hub_do b many-files "$files" "$TOP-many" >/dev/null || { echo 'no files'; return 1; }
	# One that came by filesync is there, or one is made: see scenario_backup_receive.
	[ "$DB" = pgsql ] || echo "SET GLOBAL sql_mode = ''" | database_sql hub_b || return 1
	hash=$(database_value hub_b "SELECT hash FROM attach WHERE filename = 'huge.bin' ORDER BY id DESC LIMIT 1")
	[ -n "$hash" ] || hash=$(answered hash "$(hub_do b many-files sparse huge.bin "$bytes")")
	size=$(find "$(store_of b)" -name "$hash" -printf %s)
	many=$(backup_peak) || { echo "$many"; return 1; }
	again=$(backup_peak) || { echo "$again"; return 1; }
	[ "$(said unchanged "$(cat "$LAYOUT/scratch/backup-said")")" -ge "$files" ] || { echo "copied again: $(cut -c1-400 "$LAYOUT/scratch/backup-said")"; return 1; }
	[ "$(php -r 'echo json_decode(file_get_contents($argv[1]), true)["parts"][0]["size"];' "$set/data/metadata/${hash:0:2}/$hash.json")" = "$size" ] || { echo "the set has another size than $size"; return 1; }
	echo "few files $few, $files files and one of $size bytes $many, again $again (peak in KiB, seconds); the column says $(column b "$hash" filesize)"
	set -- "${few%% *}" "${many%% *}" "${again%% *}"
	[ "$2" -le 98304 ] && [ "$3" -le 98304 ] || { echo 'more than 96 MiB'; return 1; }
	# Lists are sorted in buffers of a fixed size; a run that finds everything as it was needs no more of them.
	[ "$3" -le $(($2 + 8192)) ] || { echo 'it grows from run to run'; return 1; }
}
# Runs the command for the set with 64 MiB of memory for PHP; prints its peak in KiB, and the seconds: backup_peak [option…].
backup_peak() {
	local began=$SECONDS said=$LAYOUT/scratch/backup-said log=$LAYOUT/b/log/processes.log
	hub_php b -d memory_limit=64M addon/filesync/cli.php backup "${NICK[b]}" "$set" --json "$@" >"$said" 2>&1 || [ $? = 1 ] || { cut -c1-500 "$said"; return 1; }
	grep '"what":"addon/filesync/cli.php backup' "$log" | tail -n 1 | sed "s/.*\"vmhwm_kib\":\([0-9]*\).*/\1 $((SECONDS - began))/"
}
# Compares the set that scenario_backup_large left with the hub, and removes it; reads all of its bytes three times.
scenario_backup_large_equal() {
	local set
	set=$(echo "$LAYOUT"/scratch/sets/*-large)
	[ -f "$set/set.json" ] || { echo 'no set is left'; return 1; }
	set_scripts || return 1
	hub_php b -d memory_limit=4G "$LAYOUT/actions/compare-set.php" "$set" "${NICK[b]}" && rm -rf "$set"
}

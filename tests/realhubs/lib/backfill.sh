# shellcheck shell=bash
# What packets did not bring, and what was there before filesync.

# shellcheck disable=SC2034 # read by what sources this
BACKFILL_CHANGES="away"

# A hub is off while files and photos are added, changed, moved and deleted on the other, and all packets about it are given up. It comes back,
# and converges with cron alone. Clocks are put forward by changing the notes of when something was last seen.
change_away() {
	local status=0
	away "$@" || status=1
	[ -s "$LAYOUT/$2/run/server.pid" ] || web_up "$2"
	return $status
}
away() {
	local n hash hub
	local -a changed moved deleted added
	for n in 1 2 3 4 5; do
		changed+=("$(upload_on "$1" "$(random_file "away-c$n.bin" 200000)" "away-c$n.bin" "$TOP-$1/away")")
		moved+=("$(upload_on "$1" "$(random_file "away-m$n.bin" 200000)" "away-m$n.bin" "$TOP-$1/away")")
		deleted+=("$(upload_on "$1" "$(random_file "away-d$n.bin" 200000)" "away-d$n.bin" "$TOP-$1/away")")
	done
	dav "$1" -X MKCOL "$(dav_url "$1" "$TOP-$1/elsewhere")" -o /dev/null
	rest && alike "$1" "$2" "${deleted[4]}" || return 1
	for hub in $(hubs_with_addon); do hub_php "$hub" Zotlabs/Daemon/Master.php Cronhooks >/dev/null; done
	# A stock hub knows no more of a file's versions than its size and date, by the second.
	sleep 1.1
	web_down "$2"
	for n in $(seq 30); do added+=("$(upload_on "$1" "$(random_file "away-n$n.bin" $((100000 + n)))" "away-n$n.bin" "$TOP-$1/new")"); done
	for n in $(seq 10); do added+=("$(upload_on "$1" "$(photo_file "away-p$n.jpg" 1600 1200)" "away-p$n.jpg" "$TOP-$1/new")"); done
	for n in 1 2 3 4 5; do
		dav "$1" -T "$(random_file "away-c$n.bin" 250000)" "$(dav_url "$1" "$TOP-$1/away/away-c$n.bin")" -o /dev/null || return 1
		dav "$1" -X MOVE -H "$(dav_target "$1" "$TOP-$1/elsewhere/away-m$n.bin")" "$(dav_url "$1" "$TOP-$1/away/away-m$n.bin")" -o /dev/null || return 1
		dav "$1" -X DELETE "$(dav_url "$1" "$TOP-$1/away/away-d$n.bin")" -o /dev/null || return 1
	done
	LEAVE_QUEUE=1 wait_quiet 60
	# Two days go by: the other hub is noticed to be away, and packets are given up.
	echo "UPDATE outq SET outq_created = '2000-01-01 00:00:00'" | database_sql "hub_$1"
	! has_filesync "$1" || hub_php "$1" Zotlabs/Daemon/Master.php Cronhooks >/dev/null
	LEAVE_QUEUE=1 wait_quiet 60
	echo "DELETE FROM outq" | database_sql "hub_$1"
	! has_filesync "$2" || echo "UPDATE filesync_setting SET value = '1000000000' WHERE name = 'planned_at'" | database_sql "hub_$2"
	mark
	web_up "$2"
	for n in $(seq 20); do
		for hub in $(hubs_with_addon); do
			echo "UPDATE filesync_peer SET last_failed = 1000000000, failures = 0" | database_sql "hub_$hub"
			hub_php "$hub" Zotlabs/Daemon/Master.php Cronhooks >/dev/null
		done
		wait_quiet 60
		! away_alike "$@" >/dev/null || break
		sleep 2
	done
	away_alike "$@" || return 1
	echo "after $n rounds of cron"
}
away_alike() {
	local hash
	for hash in "${added[@]}" "${changed[@]}" "${moved[@]}"; do alike "$1" "$2" "$hash" || { echo "$hash"; return 1; }; done
	# A stock hub forgets what it deleted: nobody can tell it from what it lost, so it comes back.
	for hash in "${deleted[@]}"; do
		if has_filesync "$1"; then gone "$1" "$hash" && gone "$2" "$hash"; else alike "$1" "$2" "$hash"; fi || return 1
	done
}

# A channel is cloned to B without its files, or core's own import of them ends early: they come all the same.
scenario_import_without_files() {
	local -A NICK=([a]=emma [b]=$([ "${NICK[b]}" = "${NICK[a]}" ] && echo emma || echo emilia))
	local -x CHANNEL=Emma
	local file photo
	channel_with_posts || return 1
	hub_do b import-channel "$(cat "$LAYOUT/b/account")" "emma@a.$DOMAIN" "${NICK[b]}" >/dev/null
	wait_for 90 "B to have the photo" whole_here "$photo" || return 1
	settle && equal "$file" && equal "$photo"
}
whole_here() { hub_php b Zotlabs/Daemon/Master.php Cronhooks >/dev/null; hub_do b rows "$1" | grep -q '"sha256"'; }

# A channel with rows in the shapes of older hubs: they are listed, mended, shown by the pages, and reach the other hub.
scenario_legacy() {
	local made shape count wrong=0
	made=$(hub_do b legacy "$(photo_file legacy.jpg 1600 1200)" "$TOP") || { echo "$made"; return 1; }
	of() { php -r 'echo json_decode($argv[1], true)[$argv[2]];' "$made" "$1"; }
	path_of() { column b "$(of "$1")" display_path; }
	count=$(hub_php b addon/filesync/cli.php repair files --dry-run --json | grep -c '"mend":true')
	hub_php b addon/filesync/cli.php repair files --dry-run >"$LAYOUT/scratch/dry"
	for shape in database database-raw place prefix folder twice name photo orphan; do
		grep -qE "^${shape%-raw} +$(of $shape)" "$LAYOUT/scratch/dry" || { echo "$shape is not listed"; wrong=1; }
	done
	[ "$(database_value hub_b "SELECT count(*) FROM attach WHERE os_storage = 0")" = 2 ] || { echo "looking changed something"; wrong=1; }
	hub_php b addon/filesync/cli.php repair >"$LAYOUT/scratch/repaired" || { echo "repair: $(tail -n 3 "$LAYOUT/scratch/repaired")"; wrong=1; }
	hub_php b addon/filesync/cli.php repair --dry-run | grep -v '^nothing to mend' && { echo "is not mended"; wrong=1; }
	[ "$(hub_php b addon/filesync/cli.php missing)" = 'nothing is missing' ] || { echo "something is missing"; wrong=1; }
	for shape in database database-raw place prefix twice name namesake photo; do
		shown b "$(of $shape)" "$(path_of $shape)" || wrong=1
	done
	# What nobody gave access to, nobody but its owner gets.
	hidden b "$(of orphan)" "$(path_of orphan)" || wrong=1
	hub_php b addon/filesync/cli.php backfill >/dev/null
	settle 120 || wrong=1
	for shape in database database-raw place prefix folder twice photo orphan; do
		alike b a "$(of $shape)" || { echo "$shape did not reach A"; wrong=1; }
	done
	# A stock hub gives the second of two similar names a number of its own.
	for shape in name namesake; do
		alike b a "$(of $shape)" filename display_path || { echo "$shape did not reach A"; wrong=1; }
	done
	[ $wrong = 0 ] && echo "$count things mended, all on A"
}

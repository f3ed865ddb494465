# shellcheck shell=bash disable=SC2154
# Very many small files that were uploaded while the other clone was away.

# Prints how many of the files of this run hub B shows: many_on_b.
many_on_b() { database_value hub_b "SELECT COUNT(*) FROM attach WHERE filename LIKE '$TOP-%' AND is_dir = 0"; }

# MANY_FILES (2000) files of MANY_BYTES (20480) are uploaded to A while B is away; from B's return to the last one that B shows.
# With MANY_BY=packets, A takes B for an older filesync, and sends a packet for each while B is there. Only with ADDON=all.
scenario_many_small() {
	local count=${MANY_FILES:-2000} begun ended before shown=0 last=-1 still=0
	[ "$ADDON" = all ] || return "$SKIPPED"
	# A learns what B takes.
	hub_php a addon/filesync/cli.php backfill >/dev/null 2>&1
	wait_for 60 'A to learn of B' many_is_known || return 1
	settle || return 1
	if [ "${MANY_BY:-bulk}" = packets ]; then
		echo 'UPDATE filesync_peer SET bulk_refused_until = 9000000000' | database_sql hub_a
		begun=$(date +%s%N)
	else
		web_down b
	fi
	before=$(wc -l <"$LAYOUT/b/log/access.log")
	hub_do a upload-many "$count" "$TOP" "${MANY_BYTES:-20480}" >/dev/null || { echo 'not uploaded'; return 1; }
	if [ "${MANY_BY:-bulk}" != packets ]; then
		web_up b
		begun=$(date +%s%N)
		# A would try again within five minutes: that wait is not measured.
		echo "UPDATE filesync_outbox SET next_at = 0 WHERE kind = 'bulk'" | database_sql hub_a
	fi
	# After a request only the first hundred are announced at once; a worker does the rest.
	hub_php a addon/filesync/cli.php work >/dev/null 2>&1 &
	while shown=$(many_on_b) && [ "$shown" -lt "$count" ]; do
		[ "$shown" = "$last" ] && still=$((still + 1)) || still=0
		[ "$still" -lt 120 ] || { echo "only $shown of $count came"; return 1; }
		last=$shown
		sleep 0.5
	done
	ended=$(date +%s%N)
	settle || return 1
	[ -z "$(database_value hub_a "SELECT hash FROM filesync_bulk LIMIT 1")" ] || { echo 'something still waits on A'; return 1; }
	echo "$count files in $(((ended - begun) / 1000000)) ms; $(log_since b "$before" | grep -c '"POST /getfile/bulk') requests with many, $(log_since b "$before" | grep -c '"POST /zot') packets"
}
many_is_known() { database_value hub_a "SELECT features FROM filesync_peer" | grep -q bulk; }

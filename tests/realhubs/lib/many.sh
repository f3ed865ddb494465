# shellcheck shell=bash disable=SC2154
# Very many small files, and photos, that were uploaded while the other clone was away. All are measurements, and run only when they are named.

# Prints how many of the files of this run hub B shows: many_on_b.
many_on_b() { database_value hub_b "SELECT COUNT(*) FROM attach WHERE filename LIKE '$TOP-%' AND is_dir = 0"; }

# Prints how many of the photos of this run a hub shows with their three scales: photos_on <hub> <what their names begin with>.
photos_on() {
	database_value "hub_$1" "SELECT COUNT(*) FROM (SELECT p.resource_id FROM photo p JOIN attach a ON a.hash = p.resource_id AND a.uid = p.uid
		WHERE a.filename LIKE '$2-%' AND p.imgscale < 4 AND p.filesize > 0 GROUP BY p.resource_id HAVING COUNT(*) = 4) AS whole"
}

# Waits until a command prints a number; gives up once that stands still for a minute: until_all <number> <command…>.
until_all() {
	local shown=0 last=-1 still=0
	while shown=$("${@:2}") && [ "$shown" -lt "$1" ]; do
		[ "$shown" = "$last" ] && still=$((still + 1)) || still=0
		[ "$still" -lt 120 ] || { echo "only $shown of $1 came"; return 1; }
		last=$shown
		sleep 0.5
	done
}

# A learns what B takes: many_begin.
many_begin() {
	hub_php a addon/filesync/cli.php backfill >/dev/null 2>&1
	wait_for 60 'A to learn of B' many_is_known && settle
}
many_is_known() { database_value hub_a "SELECT features FROM filesync_peer" | grep -q bulk; }

# B returns: many_return <how many> <command that prints how many are shown>. Leaves in $many_ms how long it took.
many_return() {
	local begun
	web_up b
	begun=$(date +%s%N)
	# A would try again within five minutes: that wait is not measured.
	echo "UPDATE filesync_outbox SET next_at = 0 WHERE kind = 'bulk'" | database_sql hub_a
	many_wait "$begun" "$@"
}

# The same while B is there: many_wait <since when> <how many> <command…>.
many_wait() {
	# After a request only the first hundred are announced at once; a worker does the rest.
	hub_php a addon/filesync/cli.php work >/dev/null 2>&1 &
	until_all "${@:2}" || return 1
	many_ms=$((($(date +%s%N) - $1) / 1000000))
	settle || return 1
	[ -z "$(database_value hub_a "SELECT hash FROM filesync_bulk LIMIT 1")" ] || { echo 'something still waits on A'; return 1; }
}

# MANY_FILES (2000) files of MANY_BYTES (20480) are uploaded to A while B is away; from B's return to the last one that B shows.
# With MANY_BY=packets, A takes B for an older filesync, and sends a packet for each while B is there. Only with ADDON=all.
scenario_many_small() {
	local count=${MANY_FILES:-2000} before many_ms
	[ "$ADDON" = all ] || return "$SKIPPED"
	many_begin || return 1
	before=$(wc -l <"$LAYOUT/b/log/access.log")
	if [ "${MANY_BY:-bulk}" = packets ]; then
		echo 'UPDATE filesync_peer SET bulk_refused_until = 9000000000' | database_sql hub_a
		many_ms=$(date +%s%N)
	else
		web_down b
	fi
	hub_do a upload-many "$count" "$TOP" "${MANY_BYTES:-20480}" >/dev/null || { echo 'not uploaded'; return 1; }
	if [ "${MANY_BY:-bulk}" = packets ]; then many_wait "$many_ms" "$count" many_on_b; else many_return "$count" many_on_b; fi || return 1
	echo "$count files in $many_ms ms; $(log_since b "$before" | grep -c '"POST /getfile/bulk') requests with many, $(log_since b "$before" | grep -c '"POST /zot') packets"
}

# Makes a photo another one, by a remark in it: other_photo <photo> <path>.
other_photo() {
	php -r '[, $from, $to] = $argv; $photo = file_get_contents($from); $remark = basename($to);
		file_put_contents($to, substr_replace($photo, "\xff\xfe" . pack("n", strlen($remark) + 2) . $remark, 2, 0));' "$1" "$2"
	chmod 644 "$2"
}

# Uploads a photo as a page of the hub does; prints the seconds: post_photo <hub> <path>.
post_photo() { owner_page "$1" file_upload -o /dev/null -w '%{time_total}\n' -F "files=@$2" -F "channick=${NICK[$1]}" -F folder= -F "return_url=cloud/${NICK[$1]}"; }

median_of() { sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# MANY_PHOTOS (200) photos of 1 MP are uploaded to A while B is away; from B's return to the last one that B shows with its scales. With
# HUBS='a b d', each is given to D too, which has no filesync: how long the owner waits there and here. Only with ADDON=all.
scenario_many_photos() {
	local count=${MANY_PHOTOS:-200} n hub given=a photo=$LAYOUT/scratch/many.jpg many_ms times=$LAYOUT/scratch/times
	[ "$ADDON" = all ] || return "$SKIPPED"
	[[ $HUBS != *d* ]] || given='d a'
	many_begin || return 1
	web_down b
	php "$REPOSITORY/bench/worker/paint.php" "$photo" 1200 900 90 && chmod 644 "$photo"
	for hub in $given; do : >"$times-$hub"; done
	for ((n = 1; n <= count; n++)); do
		other_photo "$photo" "$LAYOUT/scratch/$TOP-$n.jpg"
		for hub in $given; do post_photo "$hub" "$LAYOUT/scratch/$TOP-$n.jpg" >>"$times-$hub" || { echo "$hub does not take a photo"; return 1; }; done
		rm "$LAYOUT/scratch/$TOP-$n.jpg"
	done
	many_return "$count" photos_on b "$TOP" || return 1
	echo "$count photos in $many_ms ms; the owner waits $(median_of "$times-a") s for each$([ "$given" = a ] || echo ", $(median_of "$times-d") s at a hub without filesync")"
}

# STOCK_PHOTOS (40) photos of 12 MP wait on A for B, which has filesync, and for C, which has not; from the return of one of them, the other being away, to the last one that it
# shows with its scales, on loopback and at STOCK_MS (50) ms round trip. Only with HUBS='a b c' ADDON='a b'. What C does not do: it checks no byte and syncs none to disk, and
# takes A's scales instead of making them.
scenario_photos_stock() {
	local n photo=$LAYOUT/scratch/stock.jpg
	[ "$HUBS $ADDON" = 'a b c a b' ] || return "$SKIPPED"
	many_begin || return 1
	php -d memory_limit=-1 "$REPOSITORY/bench/worker/paint.php" "$photo" 4000 3000 90 && chmod 644 "$photo"
	stock_leg "$TOP-near" || return 1
	stock_wire_begin
	stock_leg "$TOP-far" " at ${STOCK_MS:-50} ms"
	n=$?
	stock_wire_end
	return $n
}

# stock_leg <what the names begin with> [how it is told].
stock_leg() {
	local count=${STOCK_PHOTOS:-40} n hub begun ms=()
	web_down b
	web_down c
	for ((n = 1; n <= count; n++)); do
		# Each has bytes of its own: a hub with filesync does not fetch again what it has.
		other_photo "$photo" "$LAYOUT/scratch/$1-$n.jpg"
		give "$LAYOUT/scratch/$1-$n.jpg" "$1-$n.jpg" >/dev/null || { echo "A does not take a photo"; return 1; }
		rm "$LAYOUT/scratch/$1-$n.jpg"
	done
	for hub in b c; do
		web_up "$hub"
		begun=$(date +%s%N)
		stock_send "$hub"
		until_all "$count" photos_on "$hub" "$1" || return 1
		ms+=($((($(date +%s%N) - begun) / 1000000)))
		web_down "$hub"
	done
	web_up b
	web_up c
	echo "$count photos of 12 MP${2:-}: ${ms[0]} ms with filesync, ${ms[1]} ms without: $(php -r 'printf("%.2f", $argv[2] / $argv[1]);' "${ms[@]}")"
}

# Has A send what waits for a hub, without the pauses between its tries: stock_send <hub>.
stock_send() {
	if [ "$1" = b ]; then
		echo "UPDATE filesync_outbox SET next_at = 0 WHERE kind = 'bulk'" | database_sql hub_a
		hub_php a addon/filesync/cli.php work >/dev/null 2>&1 &
	else
		echo "UPDATE outq SET outq_scheduled = '2001-01-01 00:00:00' WHERE outq_posturl LIKE '$(hub_url c)%'; UPDATE site SET site_dead = 0" | database_sql hub_a
		hub_php a Zotlabs/Daemon/Master.php Queue >/dev/null 2>&1 &
	fi
}

# A wire before hub A: every byte half of the round trip late, this way and that.
stock_wire_begin() {
	server_down a
	PORT=8443 configure_web a
	server_up a
	php "$REPOSITORY/bench/worker/delay.php" "${ADDRESS[a]}:443" "${ADDRESS[a]}:8443" $((${STOCK_MS:-50} / 2)) >>"$LAYOUT/log/wire.log" 2>&1 &
	echo $! >"$LAYOUT/wire.pid"
	disown
}
stock_wire_end() {
	stop_pid_file "$LAYOUT/wire.pid" KILL
	server_down a
	configure_web a
	server_up a
}

# shellcheck shell=bash
# Hubs that all have filesync: A, B and C, one channel on each. B is slowed where a scenario needs to meet it half-way.

# shellcheck disable=SC2034 # read by what sources this
FILESYNC_SCENARIOS="tickets tickets-refused third-clone uninstalled-midway resume"

# `huge` runs only when it is named: HUGE_BYTES (6 GiB), once sent by PHP and once by nginx.

HALF_WAY_BYTES=${HALF_WAY_BYTES:-120000000}
RESUME_BYTES=${RESUME_BYTES:-250000000}
SLOW=${SLOW:-12000000}

scenario_tickets() {
	local since path hash over photo wrong=0
	since=$(log_lines a)
	path=$(random_file tickets.bin 20000000)
	hash=$(give "$path" tickets.bin "$TOP/deep/er")
	photo=$(photo_file tickets.jpg 4000 3000)
	over=$(give "$photo" tickets.jpg "$TOP")
	settle || return 1
	equal "$hash" "$(sha "$path")" && equal "$over" "$(sha "$photo")" || wrong=1
	sleep 1.1
	path=$(random_file tickets.bin 20000000)
	put "$path" "$TOP/deep/er/tickets.bin" || return 1
	settle && equal "$hash" "$(sha "$path")" || wrong=1
	[ "$(stock_reads a "$since")" = 0 ] || { echo "$(stock_reads a "$since") reads as from a stock hub"; wrong=1; }
	[ "$(log_since a "$since" | grep -c '"POST /getfile/ticket')" -gt 0 ] || { echo "no request for tickets"; wrong=1; }
	[ $wrong = 0 ] && echo "a file, a 12 MP photo with its scales, an overwrite; B and C took $(bytes_of a "$since") bytes from A, all with tickets"
}

scenario_tickets_refused() {
	local hash photo other bob
	hash=$(give "$(random_file one.bin 100000)" one.bin "$TOP")
	other=$(give "$(random_file other.bin 100000)" other.bin "$TOP")
	photo=$(give "$(photo_file refused.jpg 1600 1200)" refused.jpg "$TOP")
	CHANNEL=Bob hub_do a rows x >/dev/null 2>&1 || hub_do a create-channel "$(cat "$LAYOUT/a/account")" bob Bob >/dev/null
	bob=$(CHANNEL=Bob give "$(random_file bob.bin 100000)" bob.bin "$TOP")
	settle || return 1
	hub_do a expired-ticket "$hash" >"$LAYOUT/scratch/expired"
	hub_do b refused-tickets "$(hub_url a)" "$(hub_url c)" "$hash" "$other" "$photo" "$bob" "$(cat "$LAYOUT/scratch/expired")" "$(CHANNEL=Bob hub_do a channel-hash)"
}

# A is switched off while B has a part: C, which has all, supplies the rest.
scenario_third_clone() {
	local path hash since_c n wrong=0
	local -a hashes paths
	# So slow that B has minutes to go when the photos are given and C has all, however busy the machine is.
	SLOW=400000 slow_down b
	since_c=$(log_lines c)
	path=$(random_file third.bin "$HALF_WAY_BYTES")
	hash=$(give "$path" third.bin "$TOP")
	for n in 1 2 3 4 5 6 7 8 9 10; do
		paths+=("$(photo_file "third-$n.jpg" 2000 1500)")
		hashes+=("$(give "${paths[n - 1]}" "third-$n.jpg" "$TOP")")
	done
	wait_for 200 "C to have everything" whole_on c "$hash" "${hashes[@]}" || wrong=1
	wait_for 60 "B to have a part" arrived_on_b "$hash" 1000000 || wrong=1
	! whole_on b "$hash" || { echo "B was done before A was switched off"; wrong=1; }
	web_down a
	full_speed b
	for n in $(seq 60); do
		hub_php b Zotlabs/Daemon/Master.php Cronhooks >/dev/null
		whole_on b "$hash" "${hashes[@]}" && break
		sleep 2
	done
	whole_on b "$hash" "${hashes[@]}" || { echo "B lacks something: $(on_its_way)"; wrong=1; }
	web_up a
	settle || wrong=1
	equal "$hash" "$(sha "$path")" || wrong=1
	for n in 1 2 3 4 5 6 7 8 9 10; do equal "${hashes[n - 1]}" "$(sha "${paths[n - 1]}")" || wrong=1; done
	[ "$(bytes_of c "$since_c")" -gt 0 ] || { echo "nothing came from C"; wrong=1; }
	[ $wrong = 0 ] && echo "$(stat -c %s "$path") bytes and 10 photos; C gave $(bytes_of c "$since_c") bytes of them"
}

# filesync goes away on one side while a file is on its way, and comes back.
scenario_uninstalled_midway() {
	local hub path hash since wrong=0
	# C cannot help: bytes that only A has come from A.
	web_down c
	for hub in a b; do
		slow_down b
		since=$(log_lines a)
		path=$(random_file "uninstalled-$hub.bin" "$HALF_WAY_BYTES")
		hash=$(give "$path" "uninstalled-$hub.bin" "$TOP")
		wait_for 60 "B to have a part" arrived_on_b "$hash" 5000000 || wrong=1
		hub_php $hub util/addons uninstall filesync >/dev/null
		if [ $hub = a ]; then
			full_speed b
		else
			sleep 3
			hub_do b rows "$hash" | grep -q '"chain":\[\]' || { echo "B shows a file that it has in part"; wrong=1; }
			hub_php b util/addons install filesync >/dev/null
			full_speed b
		fi
		wait_for 150 "B to have it" with_cron b whole_on b "$hash" || wrong=1
		[ $hub = b ] || hub_php a util/addons install filesync >/dev/null
		settle || wrong=1
		forget_refusals
		equal "$hash" "$(sha "$path")" || { echo "uninstalled on $hub"; wrong=1; }
		echo "uninstalled on $hub: B took $(bytes_of a "$since") bytes for $(stat -c %s "$path"), $(stock_reads a "$since") reads as from a stock hub"
		since=$(log_lines a)
		path=$(random_file "back-$hub.bin" 3000000)
		hash=$(give "$path" "back-$hub.bin" "$TOP")
		settle && equal "$hash" "$(sha "$path")" || wrong=1
		[ "$(stock_reads a "$since")" = 0 ] || { echo "put back on $hub, and read as a stock hub"; wrong=1; }
	done
	web_up c
	[ $wrong = 0 ]
}

# The sender dies when nine tenths have come: from a hub with filesync, and from a stock one. A relay before A counts what it sends.
scenario_resume() {
	local kind path hash from size taken wrong=0
	web_down c
	faults_begin >/dev/null
	for kind in filesync stock; do
		[ $kind = filesync ] || hub_php a util/addons uninstall filesync >/dev/null
		forget_refusals
		path=$(random_file "resume-$kind.bin" "$RESUME_BYTES")
		size=$(stat -c %s "$path")
		from=$(wire_count)
		wire_rate "$SLOW"
		hash=$(give "$path" "resume-$kind.bin" "$TOP")
		wait_for 90 "nine tenths" arrived_on_b "$hash" $((size * 9 / 10)) || wrong=1
		server_kill a
		! whole_on b "$hash" || { echo "B was done before the cut"; wrong=1; }
		sleep 2
		server_up a
		wire_rate 0
		wait_for 150 "B to have it" with_cron b whole_on b "$hash" || wrong=1
		taken=$(($(wire_count) - from))
		equal "$hash" "$(sha "$path")" || wrong=1
		[ $taken -ge "$size" ] && [ $taken -lt $((size * 112 / 100)) ] || wrong=1
		awk -v taken="$taken" -v size="$size" -v kind=$kind 'BEGIN { printf "%s: %d bytes on the wire for %d, %.1f %% more\n", kind, taken, size, 100 * (taken - size) / size }'
	done
	faults_end
	hub_php a util/addons install filesync >/dev/null
	web_up c
	[ $wrong = 0 ]
}

# B asks again whether a hub speaks filesync, as it does after ten minutes.
forget_refusals() { echo 'UPDATE filesync_peer SET known_until = 0' | database_sql hub_b; }

scenario_huge() {
	local bytes=${HUGE_BYTES:-6442450944} path sum way hash began wrong=0
	path=$(random_file huge.bin 67108864)
	# Bytes that tell each part from the others, at a twentieth of the time that random ones take.
	php -r '[, $path, $bytes] = $argv; $seed = file_get_contents($path); $file = fopen($path, "w");
		for ($n = 0; ftell($file) < $bytes; $n++) fwrite($file, pack("J", $n) . substr($seed, 8, min(strlen($seed), $bytes - ftell($file)) - 8));' "$path" "$bytes"
	sum=$(sha "$path")
	web_down c
	# A strict MariaDB refuses core's row for 4 GiB and more; one that is not strict keeps the column's largest number.
	[ "$DB" = pgsql ] || echo "SET GLOBAL sql_mode = ''" | database_sql hub_a || wrong=1
	for way in PHP nginx; do
		[ $way = PHP ] || hub_php a addon/filesync/cli.php config set x_accel X-Accel-Redirect:/filesync-files/
		hash=$(give "$path" "huge-$way.bin" "$TOP")
		[ -n "$hash" ] || { echo "A could not store it"; wrong=1; break; }
		began=$SECONDS
		wait_for 600 "B to have it" with_cron b whole_on b "$hash" || wrong=1
		began=$((SECONDS - began))
		[ "$(hub_do b rows "$hash" | php -r 'echo json_decode(stream_get_contents(STDIN), true)["chain"][0]["disk"]["sha256"];')" = "$sum" ] || { echo "$way: other bytes"; wrong=1; }
		[ "$(database_value hub_b "SELECT size_bytes FROM filesync_digest WHERE hash = '$hash' AND scale = 0")" = "$bytes" ] || { echo "$way: another size in our table"; wrong=1; }
		echo "sent by $way: $bytes bytes in $began s, column says $(database_value hub_b "SELECT filesize FROM attach WHERE hash = '$hash'")"
	done
	hub_php a addon/filesync/cli.php config set x_accel ''
	rm -f "$path"
	web_up c
	[ $wrong = 0 ]
}

slow_down()  { hub_php "$1" addon/filesync/cli.php config set bytes_per_second "$SLOW" >/dev/null; }
full_speed() { hub_php "$1" addon/filesync/cli.php config set bytes_per_second 0 >/dev/null; }

# True if files have come to a hub whole: whole_on <hub> <hash>…
whole_on() {
	local hub=$1 hash
	for hash in "${@:2}"; do
		[ "$(database_value "hub_$hub" "SELECT COUNT(*) FROM filesync_transfer WHERE hash = '$hash' AND state <> 'published'")" = 0 ] || return 1
		[ "$(database_value "hub_$hub" "SELECT COUNT(*) FROM attach WHERE hash = '$hash'")" = 1 ] || return 1
	done
}

# True if so many bytes of a file have arrived on B: arrived_on_b <hash> <bytes>. The index counts them; blocks are reserved ahead.
arrived_on_b() {
	local index
	# shellcheck disable=SC2012 # names without spaces
	index=$(ls "$(hub_root b)"/store/\[data\]/filesync/*/"$1"-0.*.index 2>/dev/null | head -1)
	[ -n "$index" ] && php -r '$bytes = 0; foreach (json_decode(file_get_contents($argv[1]), true)["reached"]["chunks"] as [$from, $to]) $bytes += $to - $from;
		exit((int) ($bytes < (int) $argv[2]));' "$index" "$2"
}

log_lines() { wc -l <"$LAYOUT/$1/log/access.log"; }
# Reads of files that hubs with filesync made of a hub: reads_of <hub> <line of its log>.
reads_of()  { log_since "$1" "$2" | grep -E '"(GET /getfile/|POST /getfile |GET /dav/|GET /api/z/1.0/filedata)' | grep -F 'filesync/'; }
bytes_of()  { reads_of "$1" "$2" | awk '{ bytes += $10 } END { print bytes + 0 }'; }
stock_reads() { reads_of "$1" "$2" | grep -vc '"GET /getfile/' || true; }

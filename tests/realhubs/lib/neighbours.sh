# shellcheck shell=bash
# What one channel's trouble, one post or a restart may not do to the rest of hub B.

# shellcheck disable=SC2034 # read by what sources this
NEIGHBOUR_SCENARIOS="slow-origins held-full large-packet reloads"
RELOADS_BYTES=${RELOADS_BYTES:-268435456}
RELOADS_SECONDS=${RELOADS_SECONDS:-18}

# Makes a channel on hub A and clones it to B: clone_channel <name>. Its nicks are the name in small letters, on B with a B at the end.
clone_channel() {
	local -x CHANNEL=$1
	hub_do a create-channel "$(cat "$LAYOUT/a/account")" "${1,,}" "$1" >/dev/null && hub_do a export-channel "$LAYOUT/scratch/$1.json" >/dev/null || { echo "no channel $1"; return 1; }
	hub_do b import-channel "$(cat "$LAYOUT/b/account")" "$LAYOUT/scratch/$1.json" "${1,,}b" >/dev/null
	wait_for 60 "the hubs to know the clones of $1" clones_known || { echo "no clone of $1"; return 1; }
}
clones_known() { local hub; for hub in a b; do [ "$(hub_do "$hub" locations | grep -o '"hubloc_url"' | wc -l)" = 2 ] || return 1; done; }
# A name for such a channel, which no other run took.
fresh() { echo "$1${TOP#run-}"; }

is_published() { [ "$(transfer_state "$1")" = published ]; }
# Prints the seconds between the packet that announced a file and the moment when the file is shown, by hub B's clock.
seconds_on_b() { database_value hub_b "SELECT updated - created FROM filesync_transfer WHERE hash = '$1' AND scale = 0"; }
set_b() { hub_php b addon/filesync/cli.php config set "$1" "$2" >/dev/null; }
clear_b() { hub_php b addon/filesync/cli.php config clear "$1" >/dev/null; }
# Whatever waits for its next try on hub B has it now.
try_now() {
	echo 'UPDATE filesync_transfer SET next_at = 0; UPDATE filesync_packet SET next_at = 0' | database_sql hub_b
	hub_php b Zotlabs/Daemon/Master.php Cronhooks >/dev/null
}

# All workers of B are at large files whose origins send next to nothing; a third channel is given five bytes.
scenario_slow_origins() {
	has_filesync b || { skip "hub B is stock"; return; }
	[ "$WEB" = nginx ] || { skip "only nginx slows single channels"; return; }
	! has_filesync a || { skip "a hub with filesync names no channel in its addresses"; return; }
	local name path hash bytes wrong=0 began waited
	local -a names hashes paths
	for name in Snail Slug; do
		name=$(fresh "$name")
		clone_channel "$name" || return 1
		names+=("$name")
	done
	trap 'let_bytes_go a' EXIT
	# Both send too much to be taken for dead, which would have another reason to give way.
	printf 'if ($request_uri ~ ^%s/dav/%s/) { set $limit_rate %s; }\n' "$BELOW" "${names[0],,}" 65536 "$BELOW" "${names[1],,}" 8192 >"$LAYOUT/a/nginx/held.conf"
	server_reload a
	for name in "${names[@]}"; do
		path=$(random_file "$name.bin" 60000000)
		paths+=("$path")
		hashes+=("$(CHANNEL=$name give "$path" slow.bin "$TOP")")
	done
	wait_for 60 "both to be under way" all_under_way "${hashes[@]}" || { echo "the slow ones are not under way: $(on_its_way)"; return 1; }
	[ "$(database_value hub_b "SELECT COUNT(*) FROM filesync_lease WHERE name LIKE 'worker-%' AND token <> '' AND expires > $(date +%s)")" = 2 ] || { echo "a worker is free"; wrong=1; }
	printf 'five\n' >"$LAYOUT/scratch/five.txt"
	chmod 644 "$LAYOUT/scratch/five.txt"
	began=$SECONDS
	hash=$(give "$LAYOUT/scratch/five.txt" five.txt "$TOP")
	wait_for 120 "five bytes" is_published "$hash" || { echo "five bytes have not come: $(on_its_way "$hash")"; return 1; }
	waited=$((SECONDS - began))
	[ "$(seconds_on_b "$hash")" -le 60 ] || wrong=1
	for name in 0 1; do ! is_published "${hashes[name]}" || { echo "${names[name]} was done before"; wrong=1; }; done
	# Who waited goes on afterwards.
	bytes=$(partial_bytes "${hashes[0]}")
	wait_for 60 "the slow one to go on" partial_beyond "${hashes[0]}" "$bytes" || { echo "${names[0]} does not go on"; wrong=1; }
	rm "$LAYOUT/a/nginx/held.conf"
	server_kill a
	server_up a
	for name in 1 2 3 4 5 6; do
		try_now
		wait_for 30 "the rest" all_published "${hashes[@]}" && break
	done
	LEAVE_QUEUE=1 wait_quiet 180
	equal "$hash" "$(sha "$LAYOUT/scratch/five.txt")" || wrong=1
	for name in 0 1; do
		CHANNEL=${names[name]} equal_clones "${names[name]}" "${hashes[name]}" "$(sha "${paths[name]}")" || { echo "${names[name]}"; wrong=1; }
	done
	rm -f "${paths[@]}"
	echo "five bytes after $(seconds_on_b "$hash") s by B's clock, $waited s after the upload"
	[ $wrong = 0 ]
}
# Both have bytes, and both are in a worker's hands.
all_under_way() {
	local hash
	for hash in "$@"; do
		[ "$(transfer_state "$hash")" = leased ] && [ "$(partial_bytes "$hash")" -gt 0 ] || return 1
	done
}
all_published() { local hash; for hash in "$@"; do is_published "$hash" || return 1; done; }
# Prints how many bytes of a file have come to B so far, as its worker noted last.
partial_bytes() {
	local id
	id=$(database_value hub_b "SELECT id FROM filesync_transfer WHERE hash = '$1' AND scale = 0")
	database_value hub_b "SELECT value FROM filesync_setting WHERE name = 'progress' AND value LIKE '%${id:-none}%'" \
		| php -r '$bytes = 0; foreach (json_decode(stream_get_contents(STDIN), true)["rows"] ?? [] as $key => $row) str_starts_with($key, $argv[1]) && $bytes = $row[0]; echo $bytes;' "$id"
}
partial_beyond() { is_published "$1" || [ "$(partial_bytes "$1")" -gt "$2" ]; }
# `equal` for a channel that clone_channel made: equal_clones <name> <hash> <sha256>.
equal_clones() {
	local -A NICK=([a]=${1,,} [b]=${1,,}b)
	CHANNEL=$1 equal "$2" "$3"
}

# The folder of one channel on B takes nothing up: packets about new folders must wait, and more of them come than may be held. Hub A hears of no failure,
# another channel has its file at once, and a comparison brings what was dropped.
scenario_held_full() {
	has_filesync b || { skip "hub B is stock"; return; }
	local other since uid n hash path store wrong=0 began waited page said
	local -a hashes paths
	other=$(fresh Grace)
	clone_channel "$other" || return 1
	wait_quiet 60
	uid=$(database_value hub_b "SELECT channel_id FROM channel WHERE channel_address = '${NICK[b]}'")
	store=$(store_of b)
	give "$(random_file before.bin 1000)" before.bin "$TOP" >/dev/null
	settle || return 1
	# shellcheck disable=SC2064 # the value of now: it is local
	trap "chmod u+w '$store'; clear_b held_max_packets" EXIT
	set_b held_max_packets 3
	chmod a-w "$store"
	since=$(wc -l <"$LAYOUT/b/log/access.log")
	for n in 1 2 3 4 5 6; do
		path=$(random_file "held-$n.bin" $((100000 + n)))
		paths+=("$path")
		hashes+=("$(give "$path" "held-$n.bin" "$TOP-held-$n")")
	done
	wait_for 60 "the table to be full" is_full || { echo "the table is not full: $(held_of "$uid") held, $(dropped_of "$uid") dropped"; return 1; }
	began=$SECONDS
	path=$(random_file other.bin 300020)
	hash=$(CHANNEL=$other give "$path" other.bin "$TOP")
	wait_for 60 "the other channel's file" is_published "$hash" || { echo "the other channel's file has not come"; wrong=1; }
	waited=$((SECONDS - began))
	is_full || { echo "the table is no longer full: $(held_of "$uid") held, $(dropped_of "$uid") dropped"; wrong=1; }
	equal_clones "$other" "$hash" "$(sha "$path")" || wrong=1
	# A hub that was refused one delivery puts all others to the same hub off.
	[ "$(database_value hub_a "SELECT COUNT(*) FROM outq")" = 0 ] || { echo "waits on A: $(database_value hub_a "SELECT outq_channel, outq_delivered, outq_scheduled FROM outq")"; wrong=1; }
	said=$(log_since b "$since" | grep '"POST /zot' | awk '$9 != 200')
	[ -z "$said" ] || { echo "not accepted: $said"; wrong=1; }
	page=$(owner_page b filesync)
	grep -q "More changes arrived than this hub can hold" <<<"$page" || { echo "the owner's page does not say so"; wrong=1; }
	said=$(hub_php b addon/filesync/cli.php status)
	grep -qE '^packets dropped +[1-9]' <<<"$said" || { echo "status says: $said"; wrong=1; }
	said=$(hub_php b addon/filesync/cli.php doctor)
	grep -qE '^WRONG +packets ' <<<"$said" || { echo "doctor says: $said"; wrong=1; }
	chmod u+w "$store"
	try_now
	hub_php b addon/filesync/cli.php backfill >/dev/null
	settle 120 || wrong=1
	for n in 1 2 3 4 5 6; do equal "${hashes[n - 1]}" "$(sha "${paths[n - 1]}")" || { echo "held-$n.bin"; wrong=1; }; done
	[ "$(held_of "$uid") $(dropped_of "$uid")" = '0 0' ] || { echo "afterwards $(held_of "$uid") held, $(dropped_of "$uid") dropped"; wrong=1; }
	said=$(hub_php b addon/filesync/cli.php doctor)
	grep -qE '^ok +packets ' <<<"$said" || { echo "doctor still says: $(grep packets <<<"$said")"; wrong=1; }
	[ $wrong = 0 ] && echo "the other channel's file $waited s after its upload, all of the full one after a comparison"
}
held_of()    { database_value hub_b "SELECT COUNT(*) FROM filesync_packet WHERE uid = $1"; }
dropped_of() { database_value hub_b "SELECT COUNT(*) FROM filesync_dropped WHERE uid = $1"; }
is_full()    { [ "$(held_of "$uid")" -ge 3 ] && [ "$(dropped_of "$uid")" -gt 0 ]; }

# A post of 8 MB whose 40,000 links to the channel's own files are written with escaped slashes, and one half as large, each three times: taken in with little
# of the processor's time, and with not much more than twice the work of the half. How long the requests took is printed.
scenario_large_packet() {
	[ "$WEB" = nginx ] || { skip "only nginx's log says how long a request took"; return; }
	local n size links made mid name seen there wrong=0
	local -a hashes mids
	local -A times work
	name=$(fresh Lara)
	# What asks hub A for all posts of a channel that has such ones takes more memory than PHP has there.
	clone_channel "$name" || return 1
	local -A NICK=([a]=${name,,} [b]=${name,,}b)
	local -x CHANNEL=$name
	for n in 1 2 3 4; do hashes+=("$(give "$(random_file "large-$n.bin" 1000)" "large-$n.bin" "$TOP")"); done
	settle || return 1
	for size in 4000000 8000000; do
		links=$((size / 200))
		for n in 1 2 3; do
			mark
			seen=$(wc -l <"$LAYOUT/b/log/processes.log")
			made=$(hub_do a large-post "$size" $links "${hashes[@]}") || { echo "$made"; return 1; }
			mid=$(grep -oP '"mid":"\K[^"]+' <<<"$made")
			mids+=("$mid")
			wait_quiet 60 || { echo "the hubs did not come to rest"; return 1; }
			times[$size]+="$(since_mark b | awk -v least=$size '/"POST \/zot/ && $9 == 200 && $NF > least { print $(NF - 1) }') "
			[ "$(wc -w <<<"${times[$size]}")" = $n ] || { echo "not one packet of that size: ${times[$size]}"; return 1; }
			work[$size]+="$(tail -n +$((seen + 1)) "$LAYOUT/b/log/processes.log" | grep 'POST [^"]*/zot"' | grep -oP '"cpu_seconds":\K[0-9.]+' | sort -n | tail -1) "
			[ "$(hub_do b attachments "$mid" "$(hub_url b)" "$(hub_url b)")" = "$(hub_do a attachments "$mid" "$(hub_url a)" "$(hub_url b)")" ] || { echo "$size bytes: B's text is another"; wrong=1; }
			there=$(hub_do b attachments "$mid" "$(hub_url b)" "$(hub_url b)")
			[[ $there = *"\"links\":$((links + 1)),"* ]] || { echo "$size bytes: not $((links + 1)) links to B, $there"; wrong=1; }
		done
		echo "$(grep -oP '"bytes":\K\d+' <<<"$made") bytes, $links links: ${times[$size]}s, of the CPU ${work[$size]}s"
	done
	ONLY=1 compare_posts "${mids[@]}" || wrong=1
	# shellcheck disable=SC2086 # numbers, several
	# A second of the CPU on an idle machine; a busy one takes twice as much for the same.
	awk -v half="$(least ${work[4000000]})" -v whole="$(least ${work[8000000]})" \
		'BEGIN { printf "%.2f times the work\n", whole / half; exit !(whole <= 3 && whole <= 2.3 * half) }' || wrong=1
	[ $wrong = 0 ]
}
least() { printf '%s\n' "$@" | sort -n | head -1; }

# PHP on hub A is reloaded twelve times while a large file comes, which is to take RELOADS_SECONDS undisturbed: that costs a few requests, and from 1 GiB on
# (RELOADS_BYTES) no more than a tenth of the time.
scenario_reloads() {
	has_filesync b || { skip "hub B is stock"; return; }
	[ "$WEB" = nginx ] || { skip "mod_php has no reload of its own"; return; }
	local path n name hash began since wrong=0
	local -a took asked
	# What A alone can give comes from A.
	case " $HUBS " in *' c '*) web_down c; trap 'web_up c; clear_b bytes_per_second' EXIT ;; *) trap 'clear_b bytes_per_second' EXIT ;; esac
	set_b bytes_per_second $((RELOADS_BYTES / RELOADS_SECONDS))
	path=$(random_file seed.bin 67108864)
	for name in undisturbed reloaded again; do
		make_large "$path" "$RELOADS_BYTES" "$LAYOUT/scratch/$name.bin"
		since=$(wc -l <"$LAYOUT/a/log/access.log")
		hash=$(give "$LAYOUT/scratch/$name.bin" "$name.bin" "$TOP")
		began=$(date +%s%N)
		wait_for 60 "the first bytes" partial_beyond "$hash" 0 || return 1
		for n in $([ $name = reloaded ] && seq 12); do
			if is_published "$hash"; then echo "it was here before reload $n"; wrong=1; break; fi
			kill -USR2 "$(cat "$LAYOUT/a/run/fpm.pid")"
			sleep "$(awk -v ms="${took[0]}" 'BEGIN { print ms / 16000 }')"
		done
		wait_for 600 "$name.bin" is_published "$hash" || { echo "$name.bin has not come: $(on_its_way "$hash")"; return 1; }
		took+=($((($(date +%s%N) - began) / 1000000)))
		wait_quiet 60
		asked+=("$(log_since a "$since" | grep -cE '"(GET /getfile/|POST /getfile |GET /dav/|GET /api/z/1.0/filedata)' || true)")
		equal "$hash" "$(sha "$LAYOUT/scratch/$name.bin")" || wrong=1
		rm -f "$LAYOUT/scratch/$name.bin"
	done
	echo "$RELOADS_BYTES bytes: ${took[0]} and ${took[2]} ms, ${asked[0]} and ${asked[2]} requests; with twelve reloads ${took[1]} ms, ${asked[1]} requests"
	# Four ranges at once may end with each reload, and some requests meet it.
	[ "${asked[1]}" -le $((asked[0] + 12 * 6)) ] || { echo "too many requests"; wrong=1; }
	[ "${asked[2]}" -le $((asked[0] * 5 / 4 + 8)) ] || { echo "too many requests afterwards"; wrong=1; }
	[ "$RELOADS_BYTES" -lt 1073741824 ] || [ $((took[1] * 20)) -le $(((took[0] + took[2]) * 11)) ] || { echo "too long"; wrong=1; }
	[ $wrong = 0 ]
}
# Bytes that tell each part from the others, at a twentieth of the time that random ones take: make_large <file of random bytes> <bytes> <path>.
make_large() {
	php -r '[, $seed, $bytes, $path] = $argv; $seed = file_get_contents($seed); $file = fopen($path, "w"); $from = random_int(0, PHP_INT_MAX >> 1);
		for ($n = 0; ftell($file) < $bytes; $n++) fwrite($file, pack("J", $from + $n) . substr($seed, 8, min(strlen($seed), $bytes - ftell($file)) - 8));' "$1" "$2" "$3"
	chmod 644 "$3"
}

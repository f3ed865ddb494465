# shellcheck shell=bash
# What must hold when nothing goes wrong. A scenario is a function `scenario_<name>`; it prints what it found wrong and returns 1,
# or prints a short detail and returns 0. Dashes in a name are underscores here.

# shellcheck disable=SC2034 # read by what sources this
SCENARIOS="file nested odd-names names zero-byte photo photo-formats photo-refused overwrite overwrite-same-second duplicate echo $POST_SCENARIOS import-without-files photo-life legacy $NEIGHBOUR_SCENARIOS secrets signatures-apart metrics rehearse rehearse-killed rehearse-busy rehearse-note new-version new-version-failing backup"

# `bulk` runs only when it is named: BULK_BYTES (3 GiB) in one file and BULK_PHOTOS (40) photos, best with MEMORY_LIMIT=32M.

# Every run works in a folder of its own, so that a kept pair of hubs serves many.
TOP=run-$(date +%H%M%S)

# Makes a file of random bytes: random_file <name> <bytes>; prints its path.
random_file() {
	local path=$LAYOUT/scratch/$1
	head -c "$2" /dev/urandom >"$path"
	chmod 644 "$path"
	echo "$path"
}

# Makes a photo that no other run makes: photo_file <name.ext> <width> <height>; prints its path.
photo_file() {
	php -r '[, $path, $w, $h] = $argv; $i = imagecreatetruecolor($w, $h);
		for ($n = 0; $n < 200; $n++) imagefilledellipse($i, rand(0, $w), rand(0, $h), rand(9, 300), rand(9, 300), rand(0, 0xffffff));
		$save = ["jpg" => "imagejpeg", "png" => "imagepng", "webp" => "imagewebp", "gif" => "imagegif"][pathinfo($path, PATHINFO_EXTENSION)];
		$save($i, $path);' "$LAYOUT/scratch/$1" "$2" "$3"
	chmod 644 "$LAYOUT/scratch/$1"
	echo "$LAYOUT/scratch/$1"
}

# Uploads a file on hub A and prints its hash: give <path> <name> [folder [notify]].
give() {
	hub_do a upload "$1" "$2" "${3:-}" "${4:-}" | sed -n 's/.*"hash":"\([^"]*\)".*/\1/p'
}

# Replaces a file's bytes on hub A through WebDAV: put <path> <display path>.
put() {
	curl -sS --fail --cacert "$LAYOUT/ca/ca.pem" -u "${NICK[a]}:realhubs" -T "$1" "$(hub_url a "${BEHIND_RELAY:-}")/dav/${NICK[a]}/$2"
}

sha() { sha256sum "$1" | cut -c1-64; }

# Waits until nothing moves any more and, with the addon, nothing is on its way to hub B: settle [seconds [hash]].
settle() {
	local end=$((SECONDS + ${1:-90}))
	while :; do
		wait_quiet $((end - SECONDS)) || { echo "the hubs did not come to rest"; return 1; }
		[ "$ADDON" != 0 ] || return 0
		[ -n "$(on_its_way "${2:-}")" ] || return 0
		[ $SECONDS -lt $end ] || { echo "still $(on_its_way "${2:-}")"; return 1; }
		sleep 0.5
	done
}

# Prints what hub B lacks and will still try to get; what it has put aside for a person is not on its way: on_its_way [hash].
on_its_way() { hub_php b addon/filesync/cli.php missing | grep -v -e '^parked' -e '^damaged' -e '^nothing is missing' | grep -F -- "${1:-}"; }

# Compares both hubs' rows and bytes of one file: equal <hash> [sha256] [fact that may differ…].
equal() {
	hub_do a rows "$1" >"$LAYOUT/scratch/rows-a.json"
	hub_do b rows "$1" >"$LAYOUT/scratch/rows-b.json"
	# shellcheck disable=SC2046,SC2153 # common.sh sets HERE; a word, or none
	php "$HERE/hub/compare.php" "$LAYOUT/scratch/rows-a.json" "$LAYOUT/scratch/rows-b.json" "${2:-}" $([ "$ADDON" = 0 ] || echo made) "${@:3}" || return 1
	[ "$ADDON" = 0 ] || [ "$(transfer_state "$1")" = published ] || { echo "it did not come through the addon"; return 1; }
}

# Prints where the transfer of a file's own bytes stands on hub B.
transfer_state() { database_value hub_b "SELECT state FROM filesync_transfer WHERE hash = '$1' AND scale = 0"; }

scenario_file() {
	local path hash
	path=$(random_file file.bin 300001)
	hash=$(give "$path" "$TOP.bin")
	settle && equal "$hash" "$(sha "$path")" && echo "300001 bytes"
}

scenario_nested() {
	local path hash
	path=$(random_file nested.bin 5000000)
	hash=$(give "$path" nested.bin "$TOP/two/three")
	settle && equal "$hash" "$(sha "$path")" && echo "5000000 bytes, three folders deep"
}

scenario_odd_names() {
	local path name hash wrong=0
	path=$(random_file odd.bin 70000)
	for name in '100%.bin' '%41%2F.bin' 'a#b?c=1&d+e;f.bin' "quo'te \"x\".bin" 'ünïcødé 日本.bin' '.hidden' 'no extension'; do
		hash=$(give "$path" "$name" "$TOP/a b/ü#%20+")
		settle && equal "$hash" "$(sha "$path")" || { echo "name: $name"; wrong=1; }
	done
	[ $wrong = 0 ] && echo "7 names in 'a b/ü#%20+'"
}

# Names of eight scripts and kinds, the last as long as a hub takes it, while B may read /dav of A, is refused there, and may not ask. B has the bytes, and the
# name that A shows: where A stores another than it was given, that is said.
scenario_names() {
	local way path name kind hash said here wrong=0 changed=
	local -A names=(
		[umlaut]='Überblick äöüß.pdf' [CJK]='日本語の名前 한국어 中文.txt' [emoji]=$'😀👩\xe2\x80\x8d👧🏳\xef\xb8\x8f.txt' [right-to-left]=$'שלום مرحبا \xe2\x80\xaegpj.exe'
		[combining]=$'e\xcc\x81te\xcc\x81 A\xcc\x8a.txt' [control]=$'bell\a tab\t Icon\r' [line-break]=$'new\nline\r\n.txt' [longest]="$(printf '𝔘%.0s' {1..191})"
	)
	trap 'rm -f "$LAYOUT/a/nginx/held.conf"; server_reload a; dav_again' EXIT
	for way in open refused forbidden; do
		case $way in
			open) ;;
			refused) hold_dav a ;;
			forbidden) let_bytes_go a; dav_again; [ "$ADDON" = 0 ] || hub_php b addon/filesync/cli.php config set dav_allowed 0 >/dev/null ;;
		esac
		local -A hashes=()
		for kind in "${!names[@]}"; do
			path=$(random_file "name-$kind" $((40000 + RANDOM)))
			hashes[$kind]=$(give "$path" "${names[$kind]}" "$TOP/names-$way")
		done
		settle || wrong=1
		for kind in "${!names[@]}"; do
			hash=${hashes[$kind]}
			[ -n "$hash" ] || { echo "$kind: A did not take it"; wrong=1; continue; }
			equal "$hash" "$(sha "$LAYOUT/scratch/name-$kind")" || { echo "$kind, /dav $way"; wrong=1; }
			said=$(name_in a)
			here=$(name_in b)
			[ "$said" = "$here" ] || { echo "$kind, /dav $way: A says $said, B $here"; wrong=1; }
			[ "$said" = "$(php -r 'echo json_encode($argv[1]);' -- "${names[$kind]}")" ] || [[ " $changed " = *" $kind "* ]] || changed+="$kind "
		done
	done
	[ $wrong = 0 ] && echo "${#names[@]} kinds of names, /dav open, refused and forbidden${changed:+; A itself stores another name: ${changed% }}"
}
# Prints the name of the file whose rows were compared last, as JSON: name_in <hub>.
name_in() { php -r 'echo json_encode(json_decode(file_get_contents($argv[1]), true)["chain"][0]["filename"] ?? null);' "$LAYOUT/scratch/rows-$1.json"; }
# Hub A's web server refuses all of /dav.
hold_dav() {
	case $WEB in
		nginx) echo "location ~ ^$BELOW/dav { return 403; }" ;;
		apache) echo "RedirectMatch 403 ^$BELOW/dav" ;;
	esac >"$LAYOUT/$1/nginx/held.conf"
	server_reload "$1"
}
# B may read /dav again, and forgets that it was refused.
dav_again() {
	[ "$ADDON" != 0 ] || return 0
	hub_php b addon/filesync/cli.php config clear dav_allowed >/dev/null
	echo 'UPDATE filesync_peer SET dav_refused_until = 0' | database_sql hub_b
}

scenario_zero_byte() {
	local path hash
	path=$(random_file zero.bin 0)
	hash=$(give "$path" zero.bin "$TOP")
	settle && equal "$hash" "$(sha "$path")" && echo "0 bytes"
}

scenario_photo() {
	local path hash
	path=$(photo_file photo.jpg 4000 3000)
	hash=$(give "$path" photo.jpg "$TOP/summer")
	settle || return 1
	hub_do a resend "$hash" 1 holiday >/dev/null
	settle && equal "$hash" "$(sha "$path")" || return 1
	php -r '$r = json_decode(file_get_contents($argv[1]), true);
		$scales = array_column($r["photos"], "imgscale");
		if ($scales !== [0, 1, 2, 3] || $r["chain"][0]["terms"] !== ["holiday/3"] || count($r["items"]) !== 1) {
			echo "scales ", json_encode($scales), ", terms ", json_encode($r["chain"][0]["terms"]), ", items ", count($r["items"]), "\n";
			exit(1);
		}' "$LAYOUT/scratch/rows-b.json" && echo "12 MP, scales 0-3, its category and its item"
}

scenario_photo_formats() {
	local name path hash wrong=0
	for name in small.jpg wide.png other.webp still.gif; do
		# shellcheck disable=SC2046 # a name of ours; width and height
		path=$(photo_file $name $([ $name = small.jpg ] && echo 200 150 || echo 1600 900))
		hash=$(give "$path" $name "$TOP")
		settle && equal "$hash" "$(sha "$path")" || { echo "$name"; wrong=1; }
	done
	[ $wrong = 0 ] && echo "small JPEG, PNG, WebP, GIF"
}

# A photo with a restart marker twice, which browsers and A show and the extension refuses: B fetches its scales. Once they are lost and A is gone, B's own image
# library makes them, as far as it has the memory.
scenario_photo_refused() {
	[ "$ADDON" != 0 ] || { echo "without the addon nothing is refused"; return 0; }
	local path=$LAYOUT/scratch/refused.jpg hash there said
	php -r 'require $argv[1]; file_put_contents($argv[2], RestartJpeg::make(4000, 188, 5, 6));' "$HERE/../shared/RestartJpeg.php" "$path"
	chmod 644 "$path"
	trap 'web_up a; for n in first most; do hub_php b addon/filesync/cli.php config clear retry_${n}_seconds; done >/dev/null' EXIT
	hash=$(give "$path" refused.jpg "$TOP")
	settle && equal "$hash" "$(sha "$path")" || return 1
	[ "$(made_by)" = '' ] || { echo "B made the scales with A there: $(made_by)"; return 1; }
	there=$(scales_of "$hash")
	for said in first most; do hub_php b addon/filesync/cli.php config set retry_${said}_seconds 1 >/dev/null; done
	web_down a
	rm -f "$(content_on_b "$hash")"-[123]
	hub_php b -d memory_limit=48M addon/filesync/cli.php repair photos >/dev/null
	wait_for 60 "the reason" short_of_memory || { hub_php b addon/filesync/cli.php missing; return 1; }
	hub_php b addon/filesync/cli.php repair photos >/dev/null
	[ "$(made_by)" = 'library library library ' ] || { hub_php b addon/filesync/cli.php missing; return 1; }
	[ "$(scales_of "$hash")" = "$there" ] || { printf 'B made\n%s\nA had\n%s\n' "$(scales_of "$hash")" "$there"; return 1; }
	said=$(hub_php b addon/filesync/cli.php repair photos --dry-run)
	[ "$said" = 'nothing to mend' ] || { echo "$said"; return 1; }
	echo "fetched with A there; with A gone the reason, then made: $(echo "$there" | tr '\n' ' ')"
}
# B works with little memory; says whether it tells then what to do.
short_of_memory() {
	hub_php b -d memory_limit=48M addon/filesync/cli.php work
	[ "$(hub_php b addon/filesync/cli.php missing | grep -F "$hash" | grep -c 'raise memory_limit')" = 3 ]
}
# Prints who made the scales of the photo on B, a word each; nothing if they were fetched.
made_by() { database_value hub_b "SELECT result FROM filesync_transfer WHERE hash = '$hash' AND scale > 0 AND state = 'published'" | grep -oE '"rung":"(made|library)"' | cut -d'"' -f4 | tr '\n' ' '; }
# Prints where B keeps a file. PostgreSQL writes bytes in hexadecimal digits, and the hub does so before.
content_on_b() {
	php -r 'for ($path = $argv[2]; preg_match("/^\\\\x((?:[0-9a-f]{2})+)$/D", $path, $digits); ) { $path = hex2bin($digits[1]); } echo $argv[1], "/", $path;' \
		"$(hub_root b)" "$(database_value hub_b "SELECT content FROM attach WHERE hash = '$1'")"
}
# Prints the scales of a photo on B, a line each: type, size, and the colours at its top, right, bottom and left.
scales_of() {
	php -r 'foreach ([1, 2, 3] as $n) {
		$i = imagecreatefromstring(file_get_contents("$argv[1]-$n"));
		[$w, $h] = [imagesx($i), imagesy($i)];
		echo getimagesize("$argv[1]-$n")["mime"], " ${w}x$h ";
		foreach ([[0.75, 0], [1, 0.75], [0.75, 1], [0, 0.75]] as [$x, $y]) {
			$c = imagecolorat($i, (int) ($x * ($w - 1)), (int) ($y * ($h - 1)));
			$parts = ["red" => $c >> 16 & 255, "green" => $c >> 8 & 255, "blue" => $c & 255];
			echo array_search(max($parts), $parts), " ";
		}
		echo "\n";
	}' "$(content_on_b "$1")"
}

scenario_overwrite() {
	local path hash size wrong=0
	path=$(random_file over.bin 400000)
	hash=$(give "$path" over.bin "$TOP/two")
	settle || return 1
	for size in 500000 500000 1234; do
		# Two versions of one second look alike to a stock hub; that has a scenario of its own.
		sleep 1.1
		path=$(random_file over.bin $size)
		put "$path" "$TOP/two/over.bin" || return 1
		settle && equal "$hash" "$(sha "$path")" || { echo "version of $size bytes"; wrong=1; }
	done
	path=$(photo_file over.jpg 1800 1200)
	hash=$(give "$path" over.jpg "$TOP")
	settle || return 1
	path=$(photo_file over.jpg 1200 1800)
	put "$path" "$TOP/over.jpg" || return 1
	# Stock A makes a second item of it and tells nobody.
	settle && equal "$hash" "$(sha "$path")" items || { echo "photo"; wrong=1; }
	[ $wrong = 0 ] && echo "larger, equal size, smaller; a photo turned"
}

scenario_overwrite_same_second() {
	local first second hash
	hash=$(give "$(random_file twice.bin 400000)" twice.bin "$TOP")
	settle || return 1
	first=$(random_file twice1.bin 400000)
	second=$(random_file twice2.bin 400000)
	# Start early in a second, so that both land in it.
	while [ "$(date +%N | cut -c1)" != 0 ]; do sleep 0.02; done
	put "$first" "$TOP/twice.bin" && put "$second" "$TOP/twice.bin" || return 1
	settle && equal "$hash" "$(sha "$second")" && echo "the second of two versions with equal size and time"
}

scenario_duplicate() { change_redelivered a b; }
scenario_echo()      { change_echo a b; }

scenario_bulk() {
	local photos=${BULK_PHOTOS:-40} bytes=${BULK_BYTES:-3221225472} n path wrong=0 began
	local -a hashes paths
	path=$(random_file bulk.bin "$bytes")
	for n in $(seq "$photos"); do paths+=("$(photo_file "bulk-$n.jpg" 4000 3000)"); done
	began=$SECONDS
	# shellcheck disable=SC2190 # an ordinary list; another function has a map of that name
	hashes=("$(give "$path" bulk.bin "$TOP/bulk")")
	# shellcheck disable=SC2190 # an ordinary list; another function has a map of that name
	for n in $(seq "$photos"); do hashes+=("$(give "${paths[n - 1]}" "bulk-$n.jpg" "$TOP/bulk")"); done
	settle 900 || return 1
	began=$((SECONDS - began))
	equal "${hashes[0]}" "$(sha "$path")" || wrong=1
	for n in $(seq "$photos"); do equal "${hashes[n]}" "$(sha "${paths[n - 1]}")" || wrong=1; done
	rm -f "$path" "${paths[@]}"
	[ $wrong = 0 ] && echo "$bytes bytes and $photos photos of 12 MP, uploads included $began s"
}

# Neither the session that hub A opened for B, nor a signature, nor a key may be in a log or in one of our tables.
scenario_secrets() {
	local found=0 table
	{
		database_value hub_a "SELECT sid FROM session"
		hub_do b key-lines
		echo 'Signature keyId='
		echo 'BEGIN PRIVATE KEY'
		echo 'BEGIN RSA PRIVATE KEY'
	} | grep -v '^$' >"$LAYOUT/scratch/secrets"
	if grep -rFlf "$LAYOUT/scratch/secrets" --exclude=hub.log "$LAYOUT/b/log" "$LAYOUT/b/www/store/[data]/filesync" 2>/dev/null; then found=1; fi
	# By whom: the head of the entry, without the secret. A hub of 7.8 logs the headers of its own requests.
	if awk 'NR == FNR { secret[$0]; next } /^[0-9-]+T[0-9:]+Z:/ { head = $0 } { for (s in secret) if (index($0, s)) { split(head, part, ":"); print part[6] ":" part[7] ":" part[8] } }' \
		"$LAYOUT/scratch/secrets" "$LAYOUT/b/log/hub.log" | grep -v '^Zotfinger.php:' | sort | uniq -c | grep .; then found=1; fi
	for table in $(own_tables); do
		if database_dump hub_b "$table" | grep -qFf "$LAYOUT/scratch/secrets"; then echo "table $table"; found=1; fi
	done
	[ $found = 0 ] && echo "$(wc -l <"$LAYOUT/scratch/secrets") secrets looked for in logs and $(own_tables | wc -w) tables"
}

own_tables() {
	database_value hub_b "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'filesync%' AND table_schema NOT IN ('information_schema')"
}

# What the hub signs as a post opens nothing on a hub with filesync.
scenario_signatures_apart() {
	local hash
	hash=$(give "$(random_file apart.bin 1000)" apart.bin "$TOP")
	settle && hub_do a post-as-request "$(hub_url b)" "$hash" "${NICK[a]}" realhubs
}

# The numbers are what Prometheus reads, through the web server.
scenario_metrics() {
	local url status text=$LAYOUT/scratch/metrics
	url=$(hub_url b)/filesync/metrics
	ask() { curl -sS --cacert "$LAYOUT/ca/ca.pem" -o "$text" -w '%{http_code}' "$@" "$url"; }
	[ "$(ask)" = 404 ] || { echo "without a token set: $(ask)"; return 1; }
	hub_php b addon/filesync/cli.php config set metrics_token a-token-of-sufficient-length >/dev/null
	status="$(ask) $(ask -H 'Authorization: Bearer another-token-of-that-length') $(ask -H 'Authorization: Bearer a-token-of-sufficient-length')"
	hub_php b addon/filesync/cli.php config clear metrics_token >/dev/null
	[ "$status" = '401 401 200' ] || { echo "statuses $status"; return 1; }
	if command -v promtool >/dev/null; then
		promtool check metrics <"$text" || return 1
		echo "$(grep -vc '^#' "$text") samples, read by promtool"
	else
		echo "$(grep -vc '^#' "$text") samples, not read by promtool: it is not installed"
	fi
}

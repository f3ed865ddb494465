# shellcheck shell=bash disable=SC2154,SC2034
# The owner's command against a hub without filesync, and against one with it: the set is what the hub's tables and store say.

COMMAND=${COMMAND:-$REPOSITORY/target/release/filesync}

# Runs the command as an owner does: cli <word…>. Its settings are in a folder of the run.
cli() { env -i HOME="$LAYOUT/scratch/owner" PATH="$PATH" TMPDIR="${TMPDIR:-/tmp}" "$COMMAND" "$@" </dev/null; }
# Logs in at a hub's channel: cli_login <hub> <secret> <option…>, of which the last one is that for a file with the secret.
cli_login() {
	local hub=$1 status
	install -d -m 700 "$LAYOUT/scratch/owner"
	echo "$2" >"$LAYOUT/scratch/owner/secret"
	shift 2
	cli login "$(hub_url "$hub")/channel/${NICK[$hub]}" --cacert "$LAYOUT/ca/ca.pem" "$@" "$LAYOUT/scratch/owner/secret"
	status=$?
	rm "$LAYOUT/scratch/owner/secret"
	return $status
}
# Backs up a hub's channel: cli_backup <hub> [option…]. It may say that files lack bytes.
cli_backup() {
	local hub=$1
	shift
	cli backup "$(hub_url "$hub")/channel/${NICK[$hub]}" --to "$set" --cacert "$LAYOUT/ca/ca.pem" "$@" || [ $? = 1 ]
}
# Compares the set with a hub; prints its counts: cli_set_is_equal <hub> outside|home.
cli_set_is_equal() {
	chmod -R go+rX "$set"
	set_scripts && hub_do "$1" compare-set "$set" "${NICK[$1]}" "$2"
}
# A file of a hub is overwritten, one is deleted, one gets another name: cli_changes <hub>.
cli_changes() {
	dav "$1" -T "$(random_file other.bin 5000)" "$(dav_url "$1" "$TOP/zoo/no%20extension")" -o /dev/null &&
		dav "$1" -X DELETE "$(dav_url "$1" "$TOP/same.bin")" -o /dev/null &&
		dav "$1" -X MOVE -H "$(dav_target "$1" "$TOP/zoo/moved.txt")" "$(dav_url "$1" "$TOP/zoo/dash%20-rf.txt")" -o /dev/null
}

scenario_cli_backup() {
	local TOP=$TOP-home secret said photo second made before legacy half
	local set=$LAYOUT/scratch/sets/$TOP
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	install -d -m 755 "$LAYOUT/scratch/sets"
	hub_do a upload-photos 12 "$TOP/photos" >/dev/null || { echo 'no photos'; return 1; }
	photo=$(give "$(photo_file set.jpg 1600 1200)" set.jpg "$TOP")
	second=$(give "$(photo_file second.png 900 700)" second.png "$TOP")
	give "$(random_file large.bin "$SET_BYTES")" large.bin "$TOP/deep/er" >/dev/null
	give "$(random_file refused.log 3000000)" refused.log "$TOP" >/dev/null
	# Overwritten, so that it has two posts.
	put "$(photo_file overwritten.png 901 701)" "$TOP/second.png" || return 1
	settle 120 || return 1
	crop_photo a profile_photo "$photo"
	crop_photo a cover_photo "$photo"
	made=$(hub_do a fill-set "$TOP" "$photo" "$second" 2>/dev/null) || { echo "$made"; return 1; }
	legacy=$(hub_do a legacy "$(photo_file old.jpg 300 200)" "$TOP-old") || { echo 'no rows of older hubs'; return 1; }
	settle 120 || return 1
	secret=$(head -c 24 /dev/urandom | base64 | tr -dc a-z0-9)
	hub_do a app-key filesync-realhubs "$secret" >/dev/null || { echo 'no app'; return 1; }
	cli_login a "$secret" --app filesync-realhubs --secret-file || return 1
	said=$(cli_backup a --json) || { echo "$said"; return 1; }
	[ -n "$(said files "$said")" ] || { echo "$said"; return 1; }
	cli_set_is_equal a outside >"$LAYOUT/scratch/cli-counts" || { cat "$LAYOUT/scratch/cli-counts"; return 1; }
	before=$(wc -l <"$LAYOUT/a/log/access.log")
	said=$(cli_backup a --json) || { echo "$said"; return 1; }
	[ "$(said received_bytes "$said") $(said changed "$said")" = '0 0' ] || { echo "fetched again: $said"; return 1; }
	echo "a second run: $(log_since a "$before" | wc -l) requests" >>"$LAYOUT/scratch/cli-counts"
	cli_changes a || return 1
	settle 120 || return 1
	said=$(cli_backup a --json --full) || { echo "$said"; return 1; }
	[ "$(said replaced "$said") $(said removed "$said") $(said moved "$said") $(said received_bytes "$said")" = '1 1 1 5000' ] || { echo "not one of each: $said"; return 1; }
	cli_set_is_equal a outside >/dev/null || { cli_set_is_equal a outside; return 1; }
	# With the password, into another folder: the same.
	set=$set-password
	said=$(cli_backup a --json --password-command 'echo realhubs') || { echo "$said"; return 1; }
	cli_set_is_equal a outside >/dev/null || { cli_set_is_equal a outside; return 1; }
	cli diff "${set%-password}" "$set" >"$LAYOUT/scratch/cli-diff" || { head -5 "$LAYOUT/scratch/cli-diff"; return 1; }
	# And where the web server lets nobody to /dav. The row of one file says only half of where its bytes are: the API finds none, and the set says so.
	rm -rf "$set"
	trap 'rm -f "$LAYOUT/a/nginx/held.conf"; server_reload a' EXIT
	hold_dav a
	half=$(answered prefix "$legacy")
	said=$(cli_backup a --json) || { echo "without /dav: $said"; return 1; }
	cli_set_is_equal a outside >"$LAYOUT/scratch/cli-closed"
	[ "$(grep -o '[0-9a-f]*: [a-z0-9]* is ' "$LAYOUT/scratch/cli-closed" | sort -u | tr -d '\n')" = "$half: sha256 is $half: size is " ] || { cat "$LAYOUT/scratch/cli-closed"; return 1; }
	php -r 'exit((int) ! in_array($argv[2], array_column(json_decode(file_get_contents($argv[1]), true)["lacks"], "hash"), true));' "$set/set.json" "$half" || { echo "the set does not say that it lacks $half"; return 1; }
	cli verify "$set" >/dev/null || return 1
	! grep -rlF -e 'PRIVATE KEY' -e "$secret" "$set" || { echo 'a secret is in the set'; return 1; }
	cat "$LAYOUT/scratch/cli-counts"
	rm -rf "$set" "${set%-password}"
}

# The same of hub B, which has filesync, with a key that the owner makes on the page.
scenario_cli_door() {
	local set=$LAYOUT/scratch/sets/$TOP-door key said before photo folder_lost bytes_lost photo_alone
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	install -d -m 755 "$LAYOUT/scratch/sets"
	fill_channel || return 1
	key=$(make_key b backup) && [ -n "$key" ] || { echo 'the page made no key'; return 1; }
	cli_login b "$key" --key-file || return 1
	before=$(wc -l <"$LAYOUT/b/log/access.log")
	said=$(cli_backup b --json) || { echo "$said"; return 1; }
	[ -n "$(said files "$said")" ] || { echo "$said"; return 1; }
	cli_set_is_equal b home >"$LAYOUT/scratch/door-counts" || { cat "$LAYOUT/scratch/door-counts"; return 1; }
	echo "the first run: $(log_since b "$before" | wc -l) requests" >>"$LAYOUT/scratch/door-counts"
	before=$(wc -l <"$LAYOUT/b/log/access.log")
	said=$(cli_backup b --json) || { echo "$said"; return 1; }
	[ "$(said received_bytes "$said") $(said changed "$said")" = '0 0' ] || { echo "fetched again: $said"; return 1; }
	echo "a second run: $(log_since b "$before" | wc -l) requests" >>"$LAYOUT/scratch/door-counts"
	cli_changes b || return 1
	settle || return 1
	said=$(cli_backup b --json) || { echo "$said"; return 1; }
	[ "$(said replaced "$said") $(said removed "$said") $(said moved "$said") $(said received_bytes "$said")" = '1 1 1 5000' ] || { echo "not one of each: $said"; return 1; }
	cli_set_is_equal b home >/dev/null || { cli_set_is_equal b home; return 1; }
	! grep -rlF -e 'PRIVATE KEY' -e "$key" "$set" || { echo 'a secret is in the set'; return 1; }
	cat "$LAYOUT/scratch/door-counts"
	rm -rf "$set"
}

# Opens what is sealed in the set, with the passphrase: cli_open <passphrase> <where to>.
cli_open() {
	python3 - "$1" "$set/data/channel/identity.json.age" "$2" <<'PYTHON'
import os, pty, sys
passphrase, sealed, opened = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp('age', ['age', '--decrypt', '--output', opened, sealed])
os.read(terminal, 1000)
os.write(terminal, passphrase.encode() + b'\n')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
}
# Saves everything of a hub's channel: cli_everything <hub> [option…].
cli_everything() {
	local status
	echo realhubs >"$LAYOUT/scratch/owner/password"
	echo "$passphrase" >"$LAYOUT/scratch/owner/passphrase"
	cli_backup "$1" --json --everything --password-file "$LAYOUT/scratch/owner/password" --passphrase-file "$LAYOUT/scratch/owner/passphrase" "${@:2}"
	status=$?
	rm "$LAYOUT/scratch/owner/password" "$LAYOUT/scratch/owner/passphrase"
	return $status
}
# Compares the rows of the set with those of a hub: cli_rows_are_equal <hub> [stock].
cli_rows_are_equal() {
	local opened=('')
	if command -v age >/dev/null; then
		rm -f "$LAYOUT/scratch/opened"
		cli_open "$passphrase" "$LAYOUT/scratch/opened" || return 1
		chmod go+r "$LAYOUT/scratch/opened"
		opened=("$LAYOUT/scratch/opened")
	fi
	chmod -R go+rX "$set"
	hub_do "$1" compare-rows "$set" "${opened[@]}" "${@:2}"
	local status=$?
	rm -f "$LAYOUT/scratch/opened"
	return $status
}
# The private key of a hub's channel in every form is nowhere but in its table: cli_key_is_hidden <hub>.
cli_key_is_hidden() {
	local found table hub=$1
	hub_do "$hub" key-forms >"$LAYOUT/scratch/key-forms" || return 1
	# The databases' own files are read as a dump.
	found=$(grep -rlaF -f "$LAYOUT/scratch/key-forms" "$set" "$LAYOUT/scratch/owner" "$LAYOUT/$hub" "${TMPDIR:-/tmp}"/php* 2>/dev/null | grep -v "^$LAYOUT/$hub/www/.*/key-forms")
	[ -z "$found" ] || { echo "the private key is in $found"; return 1; }
	for table in $(database_value "hub_$hub" "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('hub_$hub', 'public')"); do
		[ "$table" = channel ] || ! database_dump "hub_$hub" "$table" | grep -qaF -f "$LAYOUT/scratch/key-forms" || { echo "the private key is in table $table"; return 1; }
	done
	! cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -aqF -f "$LAYOUT/scratch/key-forms" || { echo 'the private key is in a process'; return 1; }
}

# Everything that a channel of hub B has is saved by its owner; what changed is saved again; the private key is where it belongs.
scenario_cli_everything() {
	local set=$LAYOUT/scratch/sets/$TOP-everything key said before passphrase='correct horse battery' peak
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	install -d -m 755 "$LAYOUT/scratch/sets"
	key=$(make_key b backup) && [ -n "$key" ] || { echo 'the page made no key'; return 1; }
	cli_login b "$key" --key-file || return 1
	said=$(hub_do b fill-rows "${TOP,,}" "${ROWS_POSTS:-300}" "${ROWS_CONNECTIONS:-12}") || { echo "$said"; return 1; }
	said=$(cli_everything b) || { echo "$said"; return 1; }
	[ -n "$(said files "$said")" ] || { echo "$said"; return 1; }
	cli_rows_are_equal b >"$LAYOUT/scratch/everything-counts" || { cat "$LAYOUT/scratch/everything-counts"; return 1; }
	before=$(wc -l <"$LAYOUT/b/log/access.log")
	said=$(cli_everything b) || { echo "$said"; return 1; }
	echo "a second run: $(log_since b "$before" | wc -l) requests, $(log_since b "$before" | grep -c '"POST /filesync/v1/channel/rows/') of them for rows" >>"$LAYOUT/scratch/everything-counts"
	said=$(hub_do b change-rows "${TOP,,}") || { echo "$said"; return 1; }
	said=$(cli_everything b) || { echo "$said"; return 1; }
	cli_rows_are_equal b >/dev/null || { cli_rows_are_equal b; return 1; }
	[ -n "$(find "$set/data/older" -name '*.jsonl')" ] || { echo 'what changed is not in data/older'; return 1; }
	said=$(cli_everything b --password-command 'echo wrong' --json 2>/dev/null) && { echo 'a wrong password was taken'; return 1; }
	cli verify "$set" >/dev/null || return 1
	cli_key_is_hidden b || return 1
	! hub_do b count-passes | grep -q '"passes":[1-9]' || { echo 'a pass is left'; return 1; }
	cat "$LAYOUT/scratch/everything-counts"
	rm -rf "$set"
}

# The same of hub A, which has no filesync: what its API gives is in the set, and what it lacks is said.
scenario_cli_everything_stock() {
	local set=$LAYOUT/scratch/sets/$TOP-stock said before passphrase='correct horse battery' lines
	[ "$ADDON" != all ] || return "$SKIPPED"
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	install -d -m 755 "$LAYOUT/scratch/sets"
	install -d -m 700 "$LAYOUT/scratch/owner"
	said=$(hub_do a fill-rows "${TOP,,}" "${ROWS_POSTS:-300}" "${ROWS_CONNECTIONS:-12}") || { echo "$said"; return 1; }
	said=$(cli_everything a) || { echo "$said"; return 1; }
	[[ $said == *'"full":true'* ]] || { echo "$said"; return 1; }
	cli_rows_are_equal a stock >"$LAYOUT/scratch/stock-counts" || { cat "$LAYOUT/scratch/stock-counts"; return 1; }
	grep -q 'calendars and address books' "$set/set.json" || { echo 'set.json does not say what is lacking'; return 1; }
	lines=$(cat "$set"/data/posts/*.jsonl "$set"/data/channel/*.jsonl | sort | sha256sum)
	before=$(wc -l <"$LAYOUT/a/log/access.log")
	said=$(cli_everything a) || { echo "$said"; return 1; }
	[[ $said == *'"full":false'* && $(cat "$set"/data/posts/*.jsonl "$set"/data/channel/*.jsonl | sort | sha256sum) == "$lines" ]] || { echo "the second run changed rows: $said"; return 1; }
	[ -z "$(find "$set/data/older" -name '*.jsonl' 2>/dev/null)" ] || { echo 'the second run put rows aside'; return 1; }
	echo "a second run: $(log_since a "$before" | wc -l) requests" >>"$LAYOUT/scratch/stock-counts"
	said=$(hub_do a change-rows "${TOP,,}") || { echo "$said"; return 1; }
	said=$(cli_everything a --full) || { echo "$said"; return 1; }
	cli_rows_are_equal a stock >/dev/null || { cli_rows_are_equal a stock; return 1; }
	[ -n "$(find "$set/data/older" -name '*.jsonl')" ] || { echo 'what changed is not in data/older'; return 1; }
	said=$(cli_everything a --password-command 'echo wrong' --json 2>/dev/null) && { echo 'a wrong password was taken'; return 1; }
	cli verify "$set" >/dev/null || return 1
	cli_key_is_hidden a || return 1
	cat "$LAYOUT/scratch/stock-counts"
	rm -rf "$set"
}

# shellcheck shell=bash
# The owner's command against a hub without filesync: the set is what the hub's tables and store say.

COMMAND=${COMMAND:-$REPOSITORY/target/release/filesync}

# Runs the command as an owner does: cli <word…>. Its settings are in a folder of the run.
cli() { env -i HOME="$LAYOUT/scratch/owner" PATH="$PATH" TMPDIR="${TMPDIR:-/tmp}" "$COMMAND" "$@" </dev/null; }
# Backs up hub A's channel: cli_backup [option…]. It may say that files lack bytes.
cli_backup() { cli backup "$(hub_url a)/channel/${NICK[a]}" --to "$set" --cacert "$LAYOUT/ca/ca.pem" "$@" || [ $? = 1 ]; }
# Compares the set with hub A; prints its counts.
cli_set_is_equal() {
	chmod -R go+rX "$set"
	set_scripts && hub_do a compare-set "$set" "${NICK[a]}" outside
}

scenario_cli_backup() {
	local set=$LAYOUT/scratch/sets/$TOP-cli secret said photo second made before
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	install -d -m 755 "$LAYOUT/scratch/sets"
	install -d -m 700 "$LAYOUT/scratch/owner"
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
	hub_do a legacy "$(photo_file old.jpg 300 200)" "$TOP-old" >/dev/null || { echo 'no rows of older hubs'; return 1; }
	settle 120 || return 1
	secret=$(head -c 24 /dev/urandom | base64 | tr -dc a-z0-9)
	hub_do a app-key filesync-realhubs "$secret" >/dev/null || { echo 'no app'; return 1; }
	echo "$secret" >"$LAYOUT/scratch/owner/secret"
	cli login "$(hub_url a)/channel/${NICK[a]}" --app filesync-realhubs --secret-file "$LAYOUT/scratch/owner/secret" --cacert "$LAYOUT/ca/ca.pem" || return 1
	said=$(cli_backup --json) || { echo "$said"; return 1; }
	[ -n "$(said files "$said")" ] || { echo "$said"; return 1; }
	cli_set_is_equal >"$LAYOUT/scratch/cli-counts" || { cat "$LAYOUT/scratch/cli-counts"; return 1; }
	before=$(wc -l <"$LAYOUT/a/log/access.log")
	said=$(cli_backup --json) || { echo "$said"; return 1; }
	[ "$(said received_bytes "$said") $(said changed "$said")" = '0 0' ] || { echo "fetched again: $said"; return 1; }
	echo "a second run: $(log_since a "$before" | wc -l) requests" >>"$LAYOUT/scratch/cli-counts"
	# A file is overwritten, one is deleted, one gets another name.
	dav a -T "$(random_file other.bin 5000)" "$(dav_url a "$TOP/zoo/no%20extension")" -o /dev/null || return 1
	dav a -X DELETE "$(dav_url a "$TOP/same.bin")" -o /dev/null || return 1
	dav a -X MOVE -H "$(dav_target a "$TOP/zoo/moved.txt")" "$(dav_url a "$TOP/zoo/dash%20-rf.txt")" -o /dev/null || return 1
	settle 120 || return 1
	said=$(cli_backup --json --full) || { echo "$said"; return 1; }
	[ "$(said replaced "$said") $(said removed "$said") $(said moved "$said") $(said received_bytes "$said")" = '1 1 1 5000' ] || { echo "not one of each: $said"; return 1; }
	cli_set_is_equal >/dev/null || { cli_set_is_equal; return 1; }
	# With the password, into another folder: the same.
	set=$set-password
	said=$(cli_backup --json --password-command 'echo realhubs') || { echo "$said"; return 1; }
	cli_set_is_equal >/dev/null || { cli_set_is_equal; return 1; }
	cli diff "${set%-password}" "$set" >"$LAYOUT/scratch/cli-diff" || { head -5 "$LAYOUT/scratch/cli-diff"; return 1; }
	cli verify "$set" >/dev/null || return 1
	! grep -rlF -e 'PRIVATE KEY' -e "$secret" "$set" || { echo 'a secret is in the set'; return 1; }
	cat "$LAYOUT/scratch/cli-counts"
	rm -rf "$set" "${set%-password}"
}

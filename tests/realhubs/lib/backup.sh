# shellcheck shell=bash
# A backup set of hub B's channel, made by its command, is what that hub's tables and store say. It is read by code of the tests alone.

# SIZE bytes are in large files: SIZE=1073741824 is what a channel in use has.
SET_BYTES=${SIZE:-20000000}

# Runs the command for the set: backup [option…]. It may say that files lack bytes.
backup() { hub_php b addon/filesync/cli.php backup "${NICK[b]}" "$set" "$@" || [ $? = 1 ]; }
# Compares the set with the hub; prints the counts of the hub.
set_is_equal() { set_scripts && hub_do b compare-set "$set" "${NICK[b]}"; }
# Lets the hubs read the scripts that compare sets.
set_scripts() {
	cp "$HERE"/../set/{Reading.php,Rows.php,Comparison.php,Recorded.php,RoundTrip.php,reader.py} "$HERE/../testhub/core/TestHub/Databases.php" "$LAYOUT/actions/" && chmod 644 "$LAYOUT"/actions/*.p*
}
# Prints what set.json says that the set lacks: a line for each.
set_lacks() { php -r 'foreach (json_decode(file_get_contents($argv[1]), true)["lacks"] as $one) echo "$one[what] $one[why] ", $one["hash"] ?? "", "\n";' "$set/set.json" | sort; }
# Prints the names in access lists that set.json knows.
set_access_names() { php -r 'echo implode("\n", json_decode(file_get_contents($argv[1]), true)["access_names"]), "\n";' "$set/set.json" | sort; }
# Prints one number that the command said: said <name> <text>.
said() { grep -o "\"$1\":[0-9]*" <<<"$2" | cut -d: -f2; }
# Prints a value of an action's answer: answered <name> <text>.
answered() { php -r 'echo json_decode($argv[1], true)[$argv[2]] ?? "";' "$2" "$1"; }

# Fills the channel with all that a set must be able to hold, on A and on B, once for all scenarios; sets `photo`, `folder_lost`, `bytes_lost` and `photo_alone`.
fill_channel() {
	local second made n old seconds=$((90 + SET_BYTES / 5000000))
	# shellcheck disable=SC2034 # used by the scenarios
	if [ -s "$LAYOUT/scratch/filled" ]; then
		read -r photo folder_lost bytes_lost photo_alone <"$LAYOUT/scratch/filled"
		return
	fi
	hub_do a upload-photos 38 "$TOP/photos" >/dev/null || { echo 'no photos'; return 1; }
	photo=$(give "$(photo_file set.jpg 1600 1200)" set.jpg "$TOP")
	second=$(give "$(photo_file second.png 900 700)" second.png "$TOP")
	for n in 1 2 3 4; do give "$(random_file "large-$n.bin" $((SET_BYTES / 4 + n)))" "large-$n.bin" "$TOP/deep/er" >/dev/null; done
	settle "$seconds" || return 1
	rm -f "$LAYOUT"/scratch/large-?.bin
	crop_photo b profile_photo "$photo"
	crop_photo b cover_photo "$photo"
	crop_photo b cover_photo "$second"
	made=$(hub_do b fill-set "$TOP" "$photo" "$second" 2>/dev/null) || { echo "$made"; return 1; }
	old=$(hub_do b legacy "$(photo_file old.jpg 300 200)" "$TOP-old") || { echo "no rows of older hubs: $old"; return 1; }
	folder_lost=$(answered folder "$old")
	bytes_lost=$(answered twice "$old")
	photo_alone=$(answered photo "$old")
	settle "$seconds" && echo "$photo $folder_lost $bytes_lost $photo_alone" >"$LAYOUT/scratch/filled"
}

scenario_backup() {
	local set=$LAYOUT/scratch/sets/$TOP first second photo folder_lost bytes_lost photo_alone each
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets"
	fill_channel || return 1
	first=$(backup) || { echo "$first"; return 1; }
	set_is_equal >"$LAYOUT/scratch/set-counts" || { cat "$LAYOUT/scratch/set-counts"; return 1; }
	for each in "folder no_row $folder_lost" "file no_bytes $bytes_lost" "photo no_file $photo_alone"; do
		set_lacks | grep -qx "$each" || { echo "it lacks, without a word: $each"; return 1; }
	done
	set_access_names | grep -qx "$TOP Freunde & others" && set_access_names | grep -qx 'Çiğdem' || { echo "names in access lists: $(set_access_names)"; return 1; }
	second=$(backup --json) || { echo "$second"; return 1; }
	[ "$(said copied_bytes "$second")" = 0 ] && [ "$(said unchanged "$second")" = "$(said listed "$second")" ] || { echo "copied again: $second"; return 1; }
	# A file is overwritten, one is deleted, one gets another name.
	dav b -T "$(random_file other.bin 5000)" "$(dav_url b "$TOP/zoo/no%20extension")" -o /dev/null || return 1
	dav b -X DELETE "$(dav_url b "$TOP/same.bin")" -o /dev/null || return 1
	dav b -X MOVE -H "$(dav_target b "$TOP/zoo/moved.txt")" "$(dav_url b "$TOP/zoo/dash%20-rf.txt")" -o /dev/null || return 1
	settle || return 1
	second=$(backup --json) || { echo "$second"; return 1; }
	[ "$(said replaced "$second") $(said removed "$second") $(said moved "$second") $(said copied_bytes "$second")" = '1 1 1 5000' ] || { echo "not one of each: $second"; return 1; }
	set_is_equal >"$LAYOUT/scratch/set-counts" || { cat "$LAYOUT/scratch/set-counts"; return 1; }
	hub_php b addon/filesync/cli.php verify-set "$set" >"$LAYOUT/scratch/set-verified" || { cat "$LAYOUT/scratch/set-verified"; return 1; }
	! grep -rl 'PRIVATE KEY' "$set" || { echo 'the key is in the set'; return 1; }
	cat "$LAYOUT/scratch/set-counts"
	rm -rf "$set"
}

# shellcheck shell=bash
# What was deleted after a backup stays deleted when the set comes back to hub B, also what A deleted where B could not hear of it. Runs only when it is
# named, where all hubs have filesync: ADDON=all tests/realhubs/run restore-deletes

# Restores the set to hub B: restored [option…]. Sets `said`, its first line for programs; succeeds if the exit code is `code`.
restored() {
	local status
	said=$(hub_php b addon/filesync/cli.php restore "${NICK[b]}" "$set" --only "$TOP" --json "$@" 2>&1)
	status=$?
	said=$(head -n 1 <<<"$said")
	[ $status = "$code" ] || { echo "restore $*: exit code $status, not $code: $said"; return 1; }
}
# Prints a number or word of what it said: in_said <name> [name].
in_said() { php -r 'foreach (array_slice($argv, 2) as $name) $of = ($of ?? json_decode($argv[1], true))[$name] ?? 0; echo $of;' "$said" "$@"; }
# Takes files from hub B with all that it knows of them: lose <hash>…
lose() {
	local hash path
	for hash in "$@"; do
		path=$(database_value hub_b "SELECT os_path FROM attach WHERE hash = '$hash'")
		[ -z "$path" ] || rm -f "$(store_of b)/$path" "$(store_of b)/$path"-*
		printf "DELETE FROM attach WHERE hash = '%s';\nDELETE FROM photo WHERE resource_id = '%s';\n" "$hash" "$hash" | database_sql hub_b
		printf "DELETE FROM filesync_%s WHERE hash = '$hash';\n" file transfer digest kept | database_sql hub_b
	done
}
# True if a hub has a file: is_on <hub> <hash>.
is_on() { [ "$(database_value "hub_$1" "SELECT COUNT(*) FROM attach WHERE hash = '$2'")" = 1 ]; }
is_not_on() { ! is_on "$@"; }

scenario_restore_deletes() {
	local set=$LAYOUT/scratch/sets/$TOP-deletes code said stays photo later away hub hash wrong=0
	local -a others
	[ "$ADDON" = all ] || return "$SKIPPED"
	others=(--without "a.$DOMAIN")
	[[ " $HUBS " != *' c '* ]] || others+=(--without "$(hub_url c)")
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets"
	stays=$(give "$(random_file stays.bin 100001)" stays.bin "$TOP/deep")
	photo=$(give "$(photo_file stays.jpg 1600 1200)" stays.jpg "$TOP")
	later=$(give "$(random_file later.bin 100002)" later.bin "$TOP")
	away=$(give "$(random_file away.bin 100003)" away.bin "$TOP")
	settle || return 1
	hub_php b addon/filesync/cli.php backup "${NICK[b]}" "$set" >"$LAYOUT/scratch/set-made" || [ $? = 1 ] || { cat "$LAYOUT/scratch/set-made"; return 1; }

	dav a -X DELETE "$(dav_url a "$TOP/later.bin")" -o /dev/null || return 1
	wait_for 60 "B to hear of the delete" is_not_on b "$later" || return 1
	settle || return 1
	# A third hub would tell B what A does meanwhile.
	[ ${#others[@]} = 2 ] || web_down c
	web_down b
	dav a -X DELETE "$(dav_url a "$TOP/away.bin")" -o /dev/null || wrong=1
	web_down a
	lose "$stays" "$photo" "$away"

	code=75 restored || wrong=1
	[ "$(in_said error)" = clone_unreachable ] && grep -qF "without a.$DOMAIN" <<<"$said" && is_not_on b "$stays" || { echo "it is not refused: $said"; wrong=1; }
	code=75 restored --dry-run && [ "$(in_said state)" = plan ] && [ "$(in_said clones 0 state)" = away ] && [ "$(in_said clones 0 last_contact)" != '' ] || { echo "not in the plan: $said"; wrong=1; }
	code=0 restored "${others[@]}" || wrong=1
	[ "$(in_said files restore) $(in_said files deleted_since) $(in_said untraced)" = '3 1 3' ] || { echo "restored without A: $said"; wrong=1; }
	is_not_on b "$later" && is_on b "$away" || { echo "what was deleted on A while B heard of it came back, or the other did not"; wrong=1; }

	for hub in $HUBS; do web_up "$hub"; done
	hub_php b addon/filesync/cli.php backfill >/dev/null
	wait_for 90 "the delete on A to win" with_cron b is_not_on b "$away" || wrong=1
	settle || wrong=1
	for hash in "$stays" "$photo"; do equal "$hash" '' || { echo "not as on A"; wrong=1; }; done
	is_not_on a "$away" && is_not_on a "$later" || { echo "it came back on A"; wrong=1; }

	# Now A answers, and B knows nothing.
	lose "$stays" "$photo" "$away" "$later"
	code=0 restored --dry-run && [ "$(in_said files restore) $(in_said files deleted_since) $(in_said untraced)" = '2 2 0' ] || { echo "planned beside A: $said"; wrong=1; }
	code=0 restored || wrong=1
	[ "$(in_said files restore) $(in_said files deleted_since)" = '2 2' ] || { echo "restored beside A: $said"; wrong=1; }
	settle || wrong=1
	for hash in "$stays" "$photo"; do equal "$hash" '' || { echo "not as on A, the second time"; wrong=1; }; done
	is_not_on b "$away" && is_not_on b "$later" || { echo "what A deleted came back"; wrong=1; }
	rm -rf "$set"
	[ $wrong = 0 ] && echo "2 files stay, 2 deleted ones stay deleted: one that B had heard of, one that A deleted while B was away"
}

# shellcheck shell=bash
# A backup set comes back to a clone that has nothing, once all other hubs of the channel are gone. The hub on which that is, E, is laid out for it and taken
# away again; the scripts of the set's own tests compare what it has with what the hub had that made the set.

# SET_KEEP=<folder> keeps the set, the channel's export and what the hub had; `restore-foreign` with SET_FROM=<that folder> restores it on a hub of another
# version, or on another database. Give that layout another DOMAIN: the channel's former hubs must not be there. LARGE_BYTES adds a file of that size.

restore_command() { hub_php e addon/filesync/cli.php restore "${NICK[e]}" "$made/set" "$@"; }
# Prints a part of what the command said for programs, as JSON: told <answer> <key> [key].
told() { php -r '$said = json_decode($argv[1], true); foreach (array_slice($argv, 2) as $key) { $said = $said[$key] ?? 0; } is_array($said) && ksort($said); echo json_encode($said);' "$@"; }

scenario_restore() {
	# shellcheck disable=SC2034 # what fill_channel and backup use
	local made=$LAYOUT/scratch/made-$TOP set=$LAYOUT/scratch/made-$TOP/set photo folder_lost bytes_lost photo_alone
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	install -d -o "$HUB_USER" -m 700 "$made"
	fill_channel || return 1
	fill_for_restore || return 1
	backup >"$LAYOUT/scratch/set-said" || { cat "$LAYOUT/scratch/set-said"; return 1; }
	set_is_equal >"$LAYOUT/scratch/set-counts" || { cat "$LAYOUT/scratch/set-counts"; return 1; }
	hub_do b record-channel "$made/recorded" "${NICK[b]}" >/dev/null || return 1
	hub_do b export-channel "$made/export.json" >/dev/null || return 1
	echo "$photo" >"$made/photo"
	[ -z "${SET_KEEP:-}" ] || { mkdir -p "$SET_KEEP" && cp -a "$made/." "$SET_KEEP/" || return 1; }
	trap 'web_up a; web_up b; hub_e_goes' EXIT
	web_down a
	web_down b
	comes_back || return 1
	rm -rf "$made"
}

# What another layout kept comes back on this one.
scenario_restore_foreign() {
	local made=$LAYOUT/scratch/foreign-$TOP
	[ -f "${SET_FROM:-}/recorded" ] || { skip 'SET_FROM names no folder that SET_KEEP made'; return; }
	cp -a "$SET_FROM" "$made" && chown -R "$HUB_USER:" "$made" || return 1
	trap hub_e_goes EXIT
	# A strict MariaDB refuses core's rows of people, the channel itself among them, that a hub before 8.9 exported: then nothing tells where it lived.
	[ "$DB" = pgsql ] || echo "SET GLOBAL sql_mode = ''" | database_sql hub_b || return 1
	comes_back || return 1
	rm -rf "$made"
}

hub_e_goes() { "$HERE/layout" remove e >/dev/null 2>&1; rm -f "$LAYOUT/scratch/cookies-e"; }

# The colour of a photo that a browser is to see.
PLAIN=e0107f
# What a round trip must bring back beside what a set must be able to hold; where the database takes NUL, a comment with one.
fill_for_restore() {
	local hash
	[ "$DB" = pgsql ] || echo "UPDATE item SET body = concat(body, char(0)) WHERE body LIKE 'comment 0 %' ORDER BY id DESC LIMIT 1" | database_sql hub_b || return 1
	php -r '$i = imagecreatetruecolor(640, 480); imagefill($i, 0, 0, hexdec($argv[2])); imagepng($i, $argv[1]);' "$LAYOUT/scratch/plain.png" $PLAIN
	chmod 644 "$LAYOUT/scratch/plain.png"
	upload_on b "$LAYOUT/scratch/plain.png" plain.png "$TOP-plain" >"$made/plain"
	[ -z "${LARGE_BYTES:-}" ] && return
	[ "$DB" = pgsql ] || echo "SET GLOBAL sql_mode = ''" | database_sql hub_b || return 1
	hash=$(answered hash "$(hub_do b many-files sparse huge.bin "$LARGE_BYTES")")
	[ -n "$hash" ] || { echo 'no large file'; return 1; }
}

# Restores the set in $made to a fresh clone on hub E, and compares; prints what does not come back by design, and last that all is equal.
comes_back() {
	local began=$SECONDS plan did again each
	"$HERE/layout" add e >"$LAYOUT/scratch/hub-e" 2>&1 || { tail -n 3 "$LAYOUT/scratch/hub-e"; return 1; }
	hub_do e import-channel "$(cat "$LAYOUT/e/account")" "$made/export.json" "${NICK[e]}" >"$LAYOUT/scratch/hub-e" 2>&1
	[ -n "$(channel_id e)" ] || { echo "no clone on E: $(tail -n 3 "$LAYOUT/scratch/hub-e")"; return 1; }
	[ "$(database_value hub_e 'SELECT count(*) FROM attach')" = 0 ] || { echo 'the clone has files already'; return 1; }
	set_scripts
	# shellcheck disable=SC2046 # options, several
	plan=$(restore_command --dry-run --json $(without_others)) || [ $? = 1 ] || { echo "the plan: $plan"; return 1; }
	# shellcheck disable=SC2046 # options, several
	did=$(if [ -n "${bring:-}" ]; then $bring; else restore_command --json $(without_others); fi) || [ $? = 1 ] || { echo "restoring: $did"; return 1; }
	for each in files bytes folders crops posts posts_left links_dropped groups_unknown; do
		[ "$(told "$plan" $each)" = "$(told "$did" $each)" ] || { echo "planned $each $(told "$plan" $each), done $(told "$did" $each)"; return 1; }
	done
	LEAVE_QUEUE=1 wait_quiet 60
	hub_do e compare-restored "$made/recorded" "${NICK[e]}" >"$LAYOUT/scratch/restored" || { cat "$LAYOUT/scratch/restored"; return 1; }
	# What the command left out is what the comparison did not find, and nothing else.
	[ "$(told "$did" links_dropped) $(told "$did" files no_bytes) $(told "$did" posts_left author_unknown) $(told "$did" posts_left malformed)" = \
		"$(sed -n 's/.*links \([0-9]*\), .*first hub \([0-9]*\), .*known \([0-9]*\), .*NUL \([0-9]*\)$/\1 \2 \3 \4/p' "$LAYOUT/scratch/restored")" ] || { cat "$LAYOUT/scratch/restored"; echo "the command said: $did"; return 1; }
	is_shown_by_e || return 1
	restored_state >"$LAYOUT/scratch/state-1"
	# shellcheck disable=SC2046 # options, several
	again=$(restore_command --json $(without_others)) || [ $? = 1 ] || { echo "again: $again"; return 1; }
	restored_state >"$LAYOUT/scratch/state-2"
	[ "$(told "$again" posts) $(told "$again" crops) $(told "$again" categories) $(told "$again" files restore)" = '0 0 0 0' ] || { echo "again: $again"; return 1; }
	diff "$LAYOUT/scratch/state-1" "$LAYOUT/scratch/state-2" >"$LAYOUT/scratch/state-diff" || { echo "the second time something changed: $(head -n 5 "$LAYOUT/scratch/state-diff")"; return 1; }
	copies_are_apart || return 1
	echo "hub E and all that in $((SECONDS - began)) s: $(told "$did" posts_here) posts were here, $(told "$did" links_dropped) without links, groups not here $(told "$did" groups_unknown)"
	cat "$LAYOUT/scratch/restored"
}
# Options that name the channel's other hubs as gone, where the command asks for that.
without_others() {
	grep -q "'without'" "$REPOSITORY/php/Console/Option.php" || return 0
	database_value hub_e "SELECT DISTINCT hubloc_url FROM hubloc WHERE hubloc_deleted = 0 AND hubloc_hash = (SELECT channel_hash FROM channel WHERE channel_address = '${NICK[e]}') AND hubloc_url <> '$(hub_url e)'" \
		| sed 's,^https*://,--without ,'
}
# What a restore could change: the rows of files, photos, categories, posts and people, and every file beneath the store that is not of a moment.
restored_state() {
	local table
	for table in attach photo term item iconfig pgrp xchan filesync_kept; do echo "$table"; database_dump hub_e $table | grep -v '^--' | sort; done
	(cd "$(hub_root e)" && find store -type f -not -name '*.lock' -not -path '*/smarty3/*' -printf '%p %s %T@\n' | sort)
}

# What E's web server gives to its owner and to a stranger.
is_shown_by_e() {
	local hash photo open browser plain file=$LAYOUT/scratch/from-e
	photo=$(cat "$made/photo")
	rm -f "$LAYOUT/scratch/cookies-e"
	for open in "$photo" "$(of_name 'no extension')"; do
		shown e "$open" "$(url_path "$open")" || return 1
	done
	for hash in "$(of_name 'access 0.txt')" "$(of_name 'access 4.txt')"; do
		hidden e "$hash" "$(url_path "$hash")" || return 1
		owner_page e "attach/$hash" -o "$file" && [ "$(sha "$file")" = "$(sha_on e "$hash")" ] || { echo "its owner does not get $hash"; return 1; }
	done
	owner_page e "photos/${NICK[e]}/image/$photo" >"$file" && grep -q "$photo" "$file" || { echo 'the page of the photo lacks it'; return 1; }
	curl -sS --fail --cacert "$LAYOUT/ca/ca.pem" "$(hub_url e)/photos/${NICK[e]}/image/$photo" -o "$file" && grep -q "$photo" "$file" || { echo 'a stranger does not get the page of the photo'; return 1; }
	hash=$(database_value hub_e "SELECT folder FROM attach WHERE hash = '$(of_name 'no extension')'")
	owner_page e "cloud/${NICK[e]}/$(url_path "$hash")" >"$file" && grep -q 'no extension' "$file" && grep -q 'LPT1.tar.gz' "$file" || { echo 'the page of a folder lacks files'; return 1; }
	browser=$(a_browser) || return 0
	plain=$(cat "$made/plain")
	browse "$browser" "$(hub_url e)/photos/${NICK[e]}/image/$plain" "$LAYOUT/scratch/photos-e" || { echo 'the page of a photo does not come to rest in a browser'; return 1; }
	php "$HERE/hub/seen.php" "$LAYOUT/scratch/photos-e.png" "$LAYOUT/scratch/photos-e.netlog" "$(hub_url e)" "$(hub_url a)" "$plain" $PLAIN >"$file" || { echo "in a browser: $(cat "$file")"; return 1; }
}
url_path() { php -r 'echo implode("/", array_map("rawurlencode", explode("/", $argv[1])));' -- "$(column e "$1" display_path)"; }
of_name() { database_value hub_e "SELECT hash FROM attach WHERE filename = '$1' AND uid = $(channel_id e) ORDER BY id DESC LIMIT 1"; }

# The set as copies for another channel of E.
copies_are_apart() {
	local -x CHANNEL=Carla
	local -A NICK=([e]=carla)
	local said hash
	hub_do e create-channel "$(cat "$LAYOUT/e/account")" carla Carla >/dev/null || return 1
	said=$(restore_command --json) && { echo "another channel got the set without a word: $said"; return 1; }
	[ "$(told "$said" error)" = '"set_other_channel"' ] || { echo "another channel: $said"; return 1; }
	said=$(restore_command --as-copy --json) || [ $? = 1 ] || { echo "as copies: $said"; return 1; }
	LEAVE_QUEUE=1 wait_quiet 60
	hub_do e compare-restored "$made/recorded" carla copy >"$LAYOUT/scratch/copied" || { cat "$LAYOUT/scratch/copied"; return 1; }
	hash=$(of_name 'no extension')
	hidden e "$hash" "$(url_path "$hash")" || return 1
	said=$(restore_command --as-copy --json) || [ $? = 1 ] || return 1
	[ "$(told "$said" files restore) $(told "$said" folders restore)" = '0 0' ] || { echo "copied again: $said"; return 1; }
	cat "$LAYOUT/scratch/copied"
}

# shellcheck shell=bash
# A backup set of hub B's channel, made by its command, is what that hub's tables and store say. It is read by code of the tests alone.
# `backup` runs only when it is named: BACKUP_BYTES (20 MB) in one file.

# Runs the command for the set: backup [option…]. It may say that files lack bytes.
backup() { hub_php b addon/filesync/cli.php backup "${NICK[b]}" "$set" "$@" || [ $? = 1 ]; }
# Compares the set with the hub; prints the counts of the hub.
set_is_equal() {
	cp "$HERE"/../set/{Bag,Rows,Comparison}.php "$HERE/../testhub/core/TestHub/Databases.php" "$LAYOUT/actions/" && chmod 644 "$LAYOUT"/actions/*.php
	hub_do b compare-set "$set" "${NICK[b]}"
}

scenario_backup() {
	local set=$LAYOUT/scratch/sets/$TOP name path hash photo n=0 first second
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets"
	path=$(random_file backup.bin 70000)
	for name in 'a:b?c*d|e"f<g>h.txt' '100 %.txt' $'line\nfeed.txt' 'CON.txt' 'cat.jpg' 'Cat.jpg' $'Ame\xcc\x81lie.txt' "$(printf '𝔘%.0s' {1..47}).txt" 'no extension' 'x.log'; do
		give "$path" "$name" "$TOP/set" >/dev/null
	done
	give "$(random_file large.bin "${BACKUP_BYTES:-20000000}")" large.bin "$TOP/set/deep/er" >/dev/null
	photo=$(give "$(photo_file set.jpg 1600 1200)" set.jpg "$TOP/set")
	settle || return 1
	crop_photo b profile_photo "$photo"
	crop_photo b cover_photo "$photo"
	hub_do b comment "$photo" >/dev/null
	# Seven kinds of access, and categories.
	for columns in "allow_cid = '<friend>'" "allow_gid = '<group>'" "deny_cid = '<enemy>'" "deny_gid = '<group>'" "allow_cid = '<a><b>', deny_cid = '<c>'" \
		"allow_cid = '<token:1>'" "allow_gid = '<group>', deny_gid = '<other>'"; do
		hash=$(give "$path" "access-$((n = n + 1)).txt" "$TOP/set")
		settle 90 "$hash" || return 1
		echo "UPDATE attach SET $columns WHERE hash = '$hash'; INSERT INTO term (uid, oid, otype, ttype, term, url) SELECT uid, id, 2, 3, 'pets & more', '' FROM attach WHERE hash = '$hash'" | database_sql hub_b
	done
	hub_do b legacy "$(photo_file old.jpg 300 200)" "$TOP-old" >/dev/null || { echo 'no rows of older hubs'; return 1; }
	first=$(backup) || { echo "$first"; return 1; }
	set_is_equal || return 1
	second=$(backup --json) || { echo "$second"; return 1; }
	[ "$(grep -o '"copied_bytes":[0-9]*' <<<"$second")" = '"copied_bytes":0' ] || { echo "copied again: $second"; return 1; }
	# A file is overwritten.
	curl -sS --fail --cacert "$LAYOUT/ca/ca.pem" -u "${NICK[b]}:realhubs" -T "$(random_file other.bin 5000)" "$(hub_url b)/dav/${NICK[b]}/$TOP/set/no%20extension" || return 1
	hub_php b addon/filesync/cli.php work --until-idle --seconds 30 >/dev/null
	second=$(backup --json) || { echo "$second"; return 1; }
	set_is_equal >"$LAYOUT/scratch/set-counts" || { cat "$LAYOUT/scratch/set-counts"; return 1; }
	hub_php b addon/filesync/cli.php verify-set "$set" >"$LAYOUT/scratch/set-verified" || { cat "$LAYOUT/scratch/set-verified"; return 1; }
	! grep -rl 'PRIVATE KEY' "$set" || { echo 'the key is in the set'; return 1; }
	cat "$LAYOUT/scratch/set-counts"
}

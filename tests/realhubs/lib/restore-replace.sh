# shellcheck shell=bash
# What a restore replaces can all be had back. Runs only when it is named: REPLACE_FILES files of REPLACE_BYTES, holes but for their beginning on hub B,
# and for their whole length in the set and once restored; the disk needs room for both.

# Writes the first bytes of a file of hub B, as if it was uploaded again: begins_with <hash> <bytes>.
begins_with() {
	local path
	path=$(store_of b)/$(database_value hub_b "SELECT os_path FROM attach WHERE hash = '$1'")
	printf '%s' "$2" | dd of="$path" conv=notrunc status=none || return 1
	echo "UPDATE attach SET edited = '$(date -u +'%F %T')' WHERE hash = '$1'" | database_sql hub_b
}

scenario_restore_replace() {
	local set=$LAYOUT/scratch/sets/$TOP-replace count=${REPLACE_FILES:-9} bytes=${REPLACE_BYTES:-4194304} most said hash id n
	local -a hashes kept
	local -A digests
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets"
	for n in $(seq "$count"); do
		hash=$(answered hash "$(hub_do b many-files sparse "$TOP-replace-$n.bin" "$bytes")")
		[ -n "$hash" ] && begins_with "$hash" "then $((n + 100))." || { echo "no file $n"; return 1; }
		hashes+=("$hash")
	done
	hub_php b addon/filesync/cli.php backup "${NICK[b]}" "$set" --json >"$LAYOUT/scratch/set-made" || [ $? = 1 ] || { cat "$LAYOUT/scratch/set-made"; return 1; }
	sleep 1
	for n in "${!hashes[@]}"; do
		begins_with "${hashes[n]}" "now $((n + 101))."
		digests[${hashes[n]}]=$(sha_on b "${hashes[n]}")
	done

	most=$((count * bytes / 9))
	hub_php b addon/filesync/cli.php config set kept_max_bytes "$most" >/dev/null || return 1
	web_down a
	trap 'web_up a; hub_php b addon/filesync/cli.php config clear kept_max_bytes >/dev/null' EXIT
	said=$(hub_php b addon/filesync/cli.php restore "${NICK[b]}" "$set" --replace --without "a.$DOMAIN" --json 2>&1) || { echo "not restored: $said"; return 1; }
	[ "$(told "$said" files replace)" = "$count" ] || { echo "restored: $said"; return 1; }
	for n in "${!hashes[@]}"; do
		[ "$(head -c 9 "$(store_of b)/$(column b "${hashes[n]}" os_path)")" = "then $((n + 101))." ] || { echo "file $((n + 1)) is not as it was"; return 1; }
	done
	# Housekeeping removes what is kept beyond kept_max_bytes, but not this.
	for n in 1 2; do hub_php b Zotlabs/Daemon/Master.php Cronhooks; done
	wait_quiet
	mapfile -t kept < <(database_value hub_b "SELECT id FROM filesync_kept WHERE hash IN ($(printf "'%s', " "${hashes[@]}")'') AND scale = 0")
	[ ${#kept[@]} = "$count" ] || { echo "${#kept[@]} of $count are kept"; return 1; }
	for id in "${kept[@]}"; do
		hub_php b addon/filesync/cli.php undo "$id" >"$LAYOUT/scratch/undone" 2>&1 || { cat "$LAYOUT/scratch/undone"; return 1; }
	done
	for hash in "${hashes[@]}"; do
		[ "$(sha_on b "$hash")" = "${digests[$hash]}" ] || { echo "$hash is not what was replaced"; return 1; }
	done
	rm -rf "$set"
	echo "$count files, $((count * bytes)) bytes, were replaced and had back, with room for $most bytes"
}

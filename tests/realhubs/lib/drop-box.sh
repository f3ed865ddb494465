# shellcheck shell=bash disable=SC2154,SC2034
# What scenario `restore` does, through the drop box: rclone puts the set there, and knows nothing of the hub but the box and its password. Of a set whose names the web
# server refuses, the rest comes under numbers.

scenario_drop_box() {
	command -v rclone >/dev/null || { echo 'no rclone'; return "$SKIPPED"; }
	local bring=put_set
	scenario_restore
}

# Puts the set in $made into the drop box of hub E; prints what became of it, as the command does with --json.
put_set() {
	local said n=0 file flat=$LAYOUT/scratch/flat-$TOP from=$made/set to=box:backup
	password=$(hub_do e box-password) && [ -n "$password" ] || { echo 'no password was made'; return 2; }
	# Under its own names the web server may refuse some; which, only the list tells.
	if ! rclone_to_box copy "$from" $to --exclude .lock --retries 1 >"$LAYOUT/scratch/rclone-1" 2>&1; then
		said=$(box Status.txt) && grep -q 'files that the set lists have not come' <<<"$said" && { [ "$WEB" != nginx ] || grep -q 'data/files/.*x\.php' <<<"$said"; } || { echo "Status.txt does not say what is missing: $said"; tail -n 3 "$LAYOUT/scratch/rclone-1"; return 2; }
		# A name does not matter: the same bytes under a number each.
		mkdir -p "$flat"
		while IFS= read -r -d '' file; do n=$((n + 1)); cp "$file" "$flat/$n"; done < <(find "$made/set" -type f ! -name .lock -print0)
		from=$flat to=box:flat
		rclone_to_box copy "$from" $to >"$LAYOUT/scratch/rclone-2" 2>&1 || { tail -n 3 "$LAYOUT/scratch/rclone-2"; return 2; }
	elif [ "$WEB" = nginx ]; then
		echo 'the web server took every name'
		return 2
	fi
	[ "$(box set.json -o /dev/null -w '%{http_code}')" = 404 ] && [ "$(box backup/set.json -o /dev/null -w '%{http_code}')" = 403 ] || { echo 'the box gives a file back'; return 2; }
	rclone_to_box copy "$from" $to --exclude .lock -v >"$LAYOUT/scratch/rclone-3" 2>&1 && ! grep -q Copied "$LAYOUT/scratch/rclone-3" || { echo "the second run: $(tail -n 3 "$LAYOUT/scratch/rclone-3")"; return 2; }
	for file in $(without_others | sed 's/--without //g; s,/.*,,'); do box "without%20$file/" -X MKCOL || return 2; done
	wait_for 300 'what was put into the box to be restored' was_restored || { box Status.txt; return 2; }
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://$(hub_url e | sed 's,^[a-z]*://,,')/filesync/dav/${NICK[e]}/" -u "${NICK[e]}:$password")" != 207 ] || { echo 'the box opens without https'; return 2; }
	rm -rf "$flat"
	database_value hub_e "SELECT result FROM filesync_door WHERE door = 'box' ORDER BY created DESC LIMIT 1"
}
was_restored() { box Status.txt >/dev/null; [ "$(database_value hub_e "SELECT count(*) FROM filesync_door WHERE door = 'box' AND state = 'open' AND result <> ''")" = 1 ]; }

# Asks the drop box of hub E, or of the one in $boxed: box <path> [option of curl…].
box() {
	local path=$1 hub=${boxed:-e}
	shift
	curl -sS --cacert "$LAYOUT/ca/ca.pem" -K <(echo "user = \"${NICK[$hub]}:$password\"") "$@" "$(hub_url "$hub")/filesync/dav/${NICK[$hub]}/$path"
}
rclone_to_box() {
	RCLONE_CONFIG=/dev/null RCLONE_CONFIG_BOX_TYPE=webdav RCLONE_CONFIG_BOX_VENDOR=other RCLONE_CONFIG_BOX_URL="$(hub_url e)/filesync/dav/${NICK[e]}/" \
		RCLONE_CONFIG_BOX_USER=${NICK[e]} RCLONE_CONFIG_BOX_PASS=$(rclone obscure - <<<"$password") RCLONE_CA_CERT=$LAYOUT/ca/ca.pem rclone "$@"
}

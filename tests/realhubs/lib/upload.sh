# shellcheck shell=bash disable=SC2154,SC2034
# What scenario `restore` does, through the upload door: the owner makes a key on the page, and a program that has nothing of the hub but that key sends the set.

scenario_upload() { local bring=send_set; scenario_restore; }
# The same with the owner's command, which is killed in the middle.
scenario_cli_restore() {
	local bring=command_sends
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	scenario_restore
}

# Sends the set in $made to hub E; prints what became of it, as the command does with --json.
send_set() {
	local key said again
	key=$(make_key e) && [ -n "$key" ] || { echo 'the page made no key'; return 2; }
	# Half of it, in small pieces; then the same command, as after a lost connection.
	said=$(client "$key" --send-only --piece 65536 --most 40) || { echo "sending: $said"; return 2; }
	# shellcheck disable=SC2046 # options, several
	said=$(client "$key" $(without_others)) || [ $? = 1 ] || { echo "sending on: $said"; return 2; }
	[ "$(told "$(tail -n 1 <<<"$said")" state)" = '"done"' ] || { echo "it ended so: $said"; cat "$LAYOUT/scratch/client-said"; return 2; }
	again=$(owner_page e filesync/backup) && ! grep -q "$key" <<<"$again" && grep -q 'filesync_key_revoke' <<<"$again" || { echo 'the page shows the key again, or does not list it'; return 2; }
	[ -z "$(find "$(hub_root e)/store/[data]/filesync/$(channel_id e)/upload" -type f 2>/dev/null)" ] || { echo 'bytes of what was sent are left'; return 2; }
	php -r 'echo json_encode(json_decode($argv[1], true)["restore"]);' "$(tail -n 1 <<<"$said")"
	[ "$(told "$(tail -n 1 <<<"$said")" attention)" = '[]' ] || return 1
}

client() {
	local key=$1
	shift
	FILESYNC_KEY=$key python3 "$REPOSITORY/tests/tus/client.py" "$made/set" "$(hub_url e)" --cacert "$LAYOUT/ca/ca.pem" "$@" 2>"$LAYOUT/scratch/client-said" || { local code=$?; [ $code = 1 ] || cat "$LAYOUT/scratch/client-said"; return $code; }
}

command_sends() {
	local key said staged waited=0 code=0
	staged="$(hub_root e)/store/[data]/filesync/$(channel_id e)/upload"
	install -d -m 700 "$LAYOUT/scratch/owner"
	chmod -R go+rX "$made/set"
	key=$(make_key e) && [ -n "$key" ] || { echo 'the page made no key'; return 2; }
	echo "$key" >"$LAYOUT/scratch/owner/restore-key"
	# shellcheck disable=SC2046 # options, several
	restore_from_home --key-file "$LAYOUT/scratch/owner/restore-key" --limit 300K $(without_others) >"$LAYOUT/scratch/command-said" 2>&1 &
	until [ -n "$(find "$staged" -type f -size +8k 2>/dev/null | head -n 3)" ]; do
		sleep 0.2
		[ $((waited += 1)) -lt 300 ] && jobs -r | grep -q . || { echo "nothing arrived: $(tail -n 3 "$LAYOUT/scratch/command-said")"; return 2; }
	done
	pkill -9 -f "restore $made/set --to $(hub_url e)" && ! wait $!
	rm "$LAYOUT/scratch/owner/restore-key"
	# The key is remembered until the restore is over.
	# shellcheck disable=SC2046 # options, several
	said=$(restore_from_home $(without_others) 2>"$LAYOUT/scratch/command-said") || code=$?
	[ "$code" -lt 2 ] && [ "$(told "$(tail -n 1 <<<"$said")" state)" = '"done"' ] || { echo "it ended so ($code): $said"; cat "$LAYOUT/scratch/command-said"; return 2; }
	[ -z "$(find "$staged" -type f 2>/dev/null)" ] || { echo 'bytes of what was sent are left'; return 2; }
	! grep -rqF "$key" "$LAYOUT/scratch/owner" "$LAYOUT/scratch/command-said" "$LAYOUT/e/log" || { echo 'the key is still somewhere'; return 2; }
	php -r 'echo json_encode(json_decode($argv[1], true)["restore"]);' "$(tail -n 1 <<<"$said")"
	return "$code"
}
restore_from_home() { cli restore "$made/set" --to "$(hub_url e)/channel/${NICK[e]}" --cacert "$LAYOUT/ca/ca.pem" --json "$@"; }

# Presses a button of the page; prints the key that it shows once: make_key <hub> [backup].
make_key() {
	local token kind=${2:-restore}
	token=$(owner_page "$1" filesync/backup | sed -n 's/.*name="form_security_token"[^>]*value="\([^"]*\)".*/\1/p' | head -n 1)
	owner_page "$1" filesync/backup -d "form_security_token=$token" -d "filesync_key_make=$kind" | grep -o 'fs[rb]_[0-9a-f]*_[0-9a-f]*' | head -n 1
}

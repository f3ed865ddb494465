# shellcheck shell=bash disable=SC2154,SC2034,SC2030,SC2031
# A channel whose hub is gone for good comes back from a set of everything: hub B, with filesync, makes the set and is switched off; hub E, laid out for it, has an
# account and no channel; stock hub A has a clone that stays, and hub D a follower. Wants HUBS="a b d". It runs only when it is named.

# CREATE_ROOT=<another tree> and CREATE_DB=mysql|pgsql make E a hub of another version, or on another database.
CREATE_PASSPHRASE='correct horse battery'

# Hub E, of its own version and on its own database.
e_layout() { DB=${CREATE_DB:-$DB} HUBZILLA_ROOT=${CREATE_ROOT:-$HUBZILLA_ROOT} "$HERE/layout" "$@"; }
e_value() { local DB=${CREATE_DB:-$DB}; database_value hub_e "$1"; }
e_goes() { e_layout remove e >/dev/null 2>&1; rm -f "$LAYOUT/scratch/cookies-e"; }
# Starts the other database, unless an earlier run did.
e_database() {
	local DB=${CREATE_DB:-$DB} own=mysql
	[ "$DB" = mysql ] || own=postgres
	database_value "$own" 'SELECT 1' >/dev/null 2>&1 || database_up
}
e_is_laid_out() {
	e_goes
	e_database || { echo "no $CREATE_DB"; return 1; }
	e_layout add e >"$LAYOUT/scratch/hub-e" 2>&1 || { tail -n 3 "$LAYOUT/scratch/hub-e"; return 1; }
	echo 'memory_limit = 64M' >"$LAYOUT/e/ini/99-memory.ini"
	php_restart e
}

# Brings the set in $made to hub E: cli_creates [option…].
cli_creates() {
	local status without=()
	echo realhubs >"$LAYOUT/scratch/owner/password"
	echo "$CREATE_PASSPHRASE" >"$LAYOUT/scratch/owner/passphrase"
	mapfile -t without < <(gone_hubs)
	cli restore "$made/set" --to "$(hub_url e)/channel/${NICK[e]}" --create --account "admin@e.$DOMAIN" --password-file "$LAYOUT/scratch/owner/password" \
		--passphrase-file "$LAYOUT/scratch/owner/passphrase" --cacert "$LAYOUT/ca/ca.pem" --json "${without[@]}" "$@"
	status=$?
	return $status
}
# Options that name the hubs of the channel that are gone.
gone_hubs() { sed 's/^/--without\n/' "$made/gone"; }

scenario_cli_create() {
	local made=$LAYOUT/scratch/made-$TOP set=$LAYOUT/scratch/made-$TOP/set passphrase=$CREATE_PASSPHRASE key said photo folder_lost bytes_lost photo_alone known looked
	local -A NICK=([a]=${NICK[a]} [b]=${NICK[b]} [d]=${NICK[d]} [e]=${NICK[b]})
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	case " $HUBS " in *' d '*) ;; *) skip 'HUBS has no d'; return ;; esac
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	install -d -o "$HUB_USER" -m 755 "$made"
	follow a || return 1
	fill_channel || return 1
	said=$(hub_do b fill-rows "${TOP,,}" "${ROWS_POSTS:-120}" "${ROWS_CONNECTIONS:-12}") || { echo "$said"; return 1; }
	LEAVE_QUEUE=1 wait_quiet 120 || { echo 'the hubs do not come to rest'; return 1; }
	key=$(make_key b backup) && [ -n "$key" ] || { echo 'the page made no key'; return 1; }
	cli_login b "$key" --key-file || return 1
	said=$(cli_everything b) || { echo "$said"; return 1; }
	hub_do b imported-rows "${NICK[b]}" >"$made/rows" || return 1
	set_scripts && hub_do b record-channel "$made/recorded" "${NICK[b]}" >/dev/null || return 1
	hub_do b key-forms >"$made/key-forms" || return 1
	hub_url b >"$made/gone"
	chmod -R go+rX "$made"
	trap 'touch "$LAYOUT/scratch/looked-enough"; web_up b; e_goes' EXIT
	web_down b
	e_is_laid_out || return 1
	known=$(who_knows)
	# Processes are looked at all the while.
	cp "$made/key-forms" "$LAYOUT/scratch/key-texts"
	rm -f "$LAYOUT/scratch/looked-enough"
	look_at_processes >"$LAYOUT/scratch/looked" 2>/dev/null &
	looked=$!
	it_is_refused || return 1
	it_is_killed || return 1
	said=$(cli_creates) || [ $? = 1 ] || { echo "it ended so: $said"; return 1; }
	touch "$LAYOUT/scratch/looked-enough"
	wait $looked
	[ ! -s "$LAYOUT/scratch/looked" ] || { echo "the key is in a process: $(head -n 3 "$LAYOUT/scratch/looked")"; return 1; }
	channel_is_here || return 1
	it_lives_on || return 1
	key_of_e_is_hidden || return 1
	rm -rf "$made"
}

# A wrong password, no account and plain http are refused, and nothing of the channel is on E then.
it_is_refused() {
	local said
	said=$(cli_creates --password-command 'echo wrong' 2>&1) && { echo "a wrong password was taken: $said"; return 1; }
	said=$(cli restore "$made/set" --to "$(hub_url e)/channel/${NICK[e]}" --create --account "admin@e.$DOMAIN" --password-command 'echo wrong' \
		--passphrase-file "$LAYOUT/scratch/owner/passphrase" --cacert "$LAYOUT/ca/ca.pem" --json 2>/dev/null)
	[ "$(told "$said" error)" = '"login_refused"' ] || { echo "a wrong password: $said"; return 1; }
	said=$(cli restore "$made/set" --to "http://e.$DOMAIN/channel/${NICK[e]}" --insecure-http --create --account "admin@e.$DOMAIN" --password-command 'echo realhubs' \
		--passphrase-file "$LAYOUT/scratch/owner/passphrase" --json 2>/dev/null)
	[ "$(told "$said" error)" = '"insecure_http"' ] || { echo "plain http: $said"; return 1; }
	said=$(curl -sS -o /dev/null -D - -X POST "http://e.$DOMAIN$BELOW/filesync/v1/create/pass" 2>/dev/null | grep -i '^filesync-error')
	[ -z "$said" ] || grep -q not_private <<<"$said" || { echo "plain http at the door: $said"; return 1; }
	[ "$(e_value "SELECT count(*) FROM channel WHERE channel_system = 0")" = 0 ] || { echo 'a channel is on E'; return 1; }
	key_of_e_is_hidden || return 1
}

# The command, and what imports on E, are killed at ten points: where the import has begun, where the channel is there and nothing else, among connections, among their
# groups, among events, twice among posts, before the end, among files, and while E restores those; nobody hears of E before the end.
it_is_killed() {
	local at killed=0 running
	for at in begun head connections groups events posts more again files restored; do
		cli_creates >"$LAYOUT/scratch/created" 2>"$LAYOUT/scratch/creating" &
		running=$!
		wait_for 120 "the import to be at $at" create_is_at "$at" "$running" || { echo "not at $at: $(tail -n 2 "$LAYOUT/scratch/created" "$LAYOUT/scratch/creating")"; return 1; }
		! kill -0 $running 2>/dev/null || killed=$((killed + 1))
		[ -z "${TRACE:-}" ] || echo "$at: $(e_value 'SELECT state, part, element FROM filesync_import') $(tail -n 1 "$LAYOUT/scratch/created")" >>"$LAYOUT/scratch/trace"
		pkill -9 -f "restore $made/set --to $(hub_url e)"
		kill_imports slice
		wait $running 2>/dev/null
		key_of_e_is_hidden || return 1
		[ "$at" = files ] || [ "$at" = restored ] || nobody_knows || { echo "somebody heard of E at $at"; return 1; }
	done
	echo "killed $killed times" >"$LAYOUT/scratch/create-killed"
	[ "$killed" -ge 9 ] || { echo "only $killed of 10 were killed on their way"; return 1; }
}
# Tells whether the import on E is so far, or the command over: create_is_at <where> <process>.
create_is_at() {
	kill -0 "$2" 2>/dev/null || return 0
	case $1 in
		begun) [ "$(e_value 'SELECT count(*) FROM filesync_import')" = 1 ] ;;
		head) [ "$(e_value 'SELECT count(*) FROM filesync_import WHERE uid > 0')" = 1 ] ;;
		connections) [ "$(e_value 'SELECT count(*) FROM abook WHERE abook_self = 0')" -gt 2 ] ;;
		groups) [ "$(e_value 'SELECT count(*) FROM pgrp_member')" -gt 0 ] ;;
		events) [ "$(e_value 'SELECT count(*) FROM event')" -gt 0 ] ;;
		posts) [ "$(e_value 'SELECT count(*) FROM item WHERE uid > 1')" -gt 30 ] ;;
		more) [ "$(e_value 'SELECT count(*) FROM item WHERE uid > 1')" -gt 90 ] ;;
		again) [ "$(e_value "SELECT count(*) FROM filesync_import WHERE state = 'again'")" = 1 ] ;;
		files) [ "$(e_value 'SELECT count(*) FROM filesync_door_entry')" -gt 3 ] ;;
		restored) [ "$(e_value 'SELECT count(*) FROM attach WHERE is_dir = 0')" -gt 3 ] ;;
	esac
}
# Nothing of E is on its way, and no other hub has heard of it, unless its import came to its end before it was killed.
nobody_knows() { [ "$(e_value "SELECT count(*) FROM filesync_import WHERE state = 'done'")" = 1 ] || nobody_was_told; }
nobody_was_told() { [ "$(e_value 'SELECT count(*) FROM outq')" = 0 ] && [ "$(who_knows)" = "$known" ]; }
# Prints how often hubs A and D have heard of E: an earlier E, on hubs that stayed, counts too.
who_knows() { local hub; for hub in a d; do database_value "hub_$hub" "SELECT count(*), max(hubloc_updated) FROM hubloc WHERE hubloc_url = '$(hub_url e)'"; done; }

# E has the rows, files, crops, access and pages that B had, by code that is not the product's.
channel_is_here() {
	LEAVE_QUEUE=1 wait_quiet 120
	hub_php e addon/filesync/cli.php work --until-idle --seconds 60 >/dev/null 2>&1
	hub_do e imported-rows "${NICK[e]}" >"$LAYOUT/scratch/rows-created" || return 1
	php -d memory_limit=-1 "$HERE/hub/compare-created.php" "$made/rows" "$LAYOUT/scratch/rows-created" "$(cat "$made/gone")" || return 1
	hub_do e compare-restored "$made/recorded" "${NICK[e]}" || return 1
	[ "$(peak_of import-slice)" -le 98304 ] || { echo "a process that imports had $(peak_of import-slice) KiB"; return 1; }
	echo "$(cat "$LAYOUT/scratch/create-killed"); a child's peak $(peak_of import-slice) KiB"
}

# A new post of E comes to the clone on A and to the follower on D, signed.
it_lives_on() {
	local hub text="Good morning from the new hub $TOP"
	rm -f "$LAYOUT/scratch/cookies-e"
	owner_page e item -o /dev/null -d type=wall -d "profile_uid=$(e_value "SELECT channel_id FROM channel WHERE channel_address = '${NICK[e]}'")" -d mimetype=text/bbcode -d 'contact_allow[]=' -d 'group_allow[]=' \
		-d 'contact_deny[]=' -d 'group_deny[]=' --data-urlencode "body=$text" || return 1
	for hub in a d; do
		wait_for 120 "the post on $hub" post_is_on "$hub" "$text" || { echo "no new post on $hub"; return 1; }
	done
	[ "$(database_value hub_d "SELECT count(*) FROM hubloc WHERE hubloc_url = '$(hub_url e)' AND hubloc_deleted = 0")" -gt 0 ] || { echo 'D does not know E'; return 1; }
	echo 'a new post of E is on A and D'
}
post_is_on() { [ "$(database_value "hub_$1" "SELECT count(*) FROM item WHERE item_deleted = 0 AND item_verified = 1 AND body LIKE '%$2%'")" = 1 ]; }

# The private key is in no form anywhere on E, in the owner's folder, in temporary folders or in a process, but in the table of channels; in the set only sealed.
key_of_e_is_hidden() {
	local found table DB=${CREATE_DB:-$DB}
	found=$(grep -rlaF -f "$made/key-forms" "$made/set" "$LAYOUT/scratch/owner" "$LAYOUT/e/log" "$(hub_root e)" "${TMPDIR:-/tmp}"/php* "${TMPDIR:-/tmp}"/.tmp* "$LAYOUT/e/nginx" 2>/dev/null)
	[ -z "$found" ] || { echo "the private key is in $found"; return 1; }
	for table in $(e_value "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('hub_e', 'public')"); do
		[ "$table" = channel ] || ! database_dump hub_e "$table" | grep -qaF -f "$made/key-forms" || { echo "the private key is in table $table"; return 1; }
	done
	! cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -aqF -f "$made/key-forms" || { echo 'the private key is in a process'; return 1; }
}

# A hub's own export comes to E by the owner's command, and by the admin's: the same rows.
scenario_cli_import() {
	local dump nick=m${TOP//[^a-z0-9]/}
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	trap hub_e_goes EXIT
	hub_e_again && export_of "$nick" || return 1
	import_for_e "$dump" >"$LAYOUT/scratch/imported" 2>&1 || { cat "$LAYOUT/scratch/imported"; return 1; }
	import_rows e "$nick" >"$LAYOUT/scratch/rows-admin" || return 1
	hub_e_again || return 1
	install -d -m 700 "$LAYOUT/scratch/owner"
	cli import "$dump" --to "$(hub_url e)/channel/$nick" --account "admin@e.$DOMAIN" --password-command 'echo realhubs' --cacert "$LAYOUT/ca/ca.pem" \
		>"$LAYOUT/scratch/imported" 2>&1 || { cat "$LAYOUT/scratch/imported"; return 1; }
	import_rows e "$nick" >"$LAYOUT/scratch/rows-owner" || return 1
	diff "$LAYOUT/scratch/rows-admin" "$LAYOUT/scratch/rows-owner" >"$LAYOUT/scratch/rows-diff" || { echo "other rows: $(head -n 4 "$LAYOUT/scratch/rows-diff" | cut -c1-400)"; return 1; }
	echo "$(wc -l <"$LAYOUT/scratch/rows-owner") rows, by the owner's command as by the admin's"
}

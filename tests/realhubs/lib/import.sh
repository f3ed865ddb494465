# shellcheck shell=bash
# A hub's own export comes to a hub by `cli.php import-dump`: hub B makes a channel with all that an export has, stock hub A takes it by core's own import,
# hub E, laid out for it, by ours. These run only when they are named.

# IMPORT_PEOPLE and IMPORT_POSTS (conversations of two posts each) say how large; IMPORT_GROWN adds as many conversations, and a fifth as many connections, to
# the export alone; KILLS how often an import is killed.
IMPORT_PEOPLE=${IMPORT_PEOPLE:-40}
IMPORT_POSTS=${IMPORT_POSTS:-60}
IMPORT_LENGTH=${IMPORT_LENGTH:-3000}

import_dump() { hub_php e -d memory_limit="${IMPORT_MEMORY:-64M}" addon/filesync/cli.php import-dump "$@"; }
# Imports a file as a channel of E's account.
import_for_e() { import_dump "$1" --account "admin@e.$DOMAIN" "${@:2}"; }
import_rows() { hub_do "$1" imported-rows "$2"; }

# Makes a channel on B and its export with all sections in $dump: export_of <nick>.
export_of() {
	local -x CHANNEL=${1^}
	dump=$LAYOUT/scratch/$1.json
	[ -s "$dump" ] && return
	hub_do b create-channel "$(cat "$LAYOUT/b/account")" "$1" "${1^}" >/dev/null || { echo "no channel $1"; return 1; }
	hub_do b fill-export "$IMPORT_PEOPLE" "$IMPORT_POSTS" "$IMPORT_LENGTH" "${@:2}" >"$LAYOUT/scratch/fill" 2>&1 || { cat "$LAYOUT/scratch/fill"; return 1; }
	hub_do b export-channel "$dump" all >/dev/null && [ -s "$dump" ] || { echo "no export of $1"; return 1; }
}
# Makes an export larger: grow_export <from> <to> <connections> <conversations>.
grow_export() { php -d memory_limit=-1 "$HERE/hub/grow-export.php" "$@" "$IMPORT_LENGTH" >"$LAYOUT/scratch/grown" && chmod 644 "$2"; }
hub_e_is_here() { [ -f "$LAYOUT/e/ready" ] || "$HERE/layout" add e >"$LAYOUT/scratch/hub-e" 2>&1 || { tail -n 3 "$LAYOUT/scratch/hub-e"; return 1; }; }
# Takes E and all that was imported away, and lays it out again.
hub_e_again() { "$HERE/layout" remove e >/dev/null 2>&1; hub_e_is_here; }
# Prints the largest VmHWM, in KiB, of processes of E whose command has a word.
peak_of() { php -r 'foreach (file($argv[1]) as $line) { $one = json_decode($line, true); str_contains($one["what"] ?? "", $argv[2]) && $most = max($most ?? 0, $one["vmhwm_kib"]); } echo $most ?? 0;' "$LAYOUT/e/log/processes.log" "$1"; }

# Prints the seconds of CPU of a hub's processes whose command has a word: cpu_of <hub> <word>.
cpu_of() { php -r 'foreach (file($argv[1]) as $line) { $one = json_decode($line, true); $all = ($all ?? 0) + (str_contains($one["what"] ?? "", $argv[2]) ? $one["cpu_seconds"] : 0); } printf("%.1f", $all ?? 0);' "$LAYOUT/$1/log/processes.log" "$2"; }

# The same export by core's own import on A and by ours on E: the differences are those of the docs, each counted; the same again changes nothing. Core's import ends
# at the first menu, so it gets the export without.
scenario_import_dump() {
	local dump stock=$LAYOUT/scratch/$TOP-stock.json said began nick=i${TOP//[^a-z0-9]/}
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	trap hub_e_goes EXIT
	hub_e_is_here && export_of "$nick" || return 1
	if [ -n "${IMPORT_GROWN:-}" ]; then
		grow_export "$dump" "$dump.grown" $((IMPORT_GROWN / 5)) "$IMPORT_GROWN" || return 1
		dump=$dump.grown
	fi
	began=$(date +%s%N)
	import_as_core "$dump" "$stock" "$nick"
	said="core $(millis_since "$began") ms ($(cpu_of a import-channel) s CPU)"
	began=$(date +%s%N)
	import_for_e "$dump" >"$LAYOUT/scratch/imported" 2>"$LAYOUT/scratch/progress" || { cat "$LAYOUT/scratch/imported" "$LAYOUT/scratch/progress"; return 1; }
	said="$said, ours $(millis_since "$began") ms ($(cpu_of e import-) s CPU)"
	grep -q 'come from its other hubs, by comparison' "$LAYOUT/scratch/imported" || { cat "$LAYOUT/scratch/imported"; return 1; }
	import_rows a "$nick" >"$LAYOUT/scratch/rows-a" && import_rows e "$nick" >"$LAYOUT/scratch/rows-e" || return 1
	php -d memory_limit=-1 "$HERE/hub/compare-imports.php" "$LAYOUT/scratch/rows-a" "$LAYOUT/scratch/rows-e" "$(hub_url b)" "$stock" || return 1
	# Somebody else's process may have noted nothing: all of it once more.
	echo "DELETE FROM filesync_import; DELETE FROM filesync_import_post" | database_sql hub_e
	import_for_e "$dump" >"$LAYOUT/scratch/imported" 2>&1 || { cat "$LAYOUT/scratch/imported"; return 1; }
	import_rows e "$nick" >"$LAYOUT/scratch/rows-again" || return 1
	diff "$LAYOUT/scratch/rows-e" "$LAYOUT/scratch/rows-again" >"$LAYOUT/scratch/rows-diff" || { echo "the second time something changed: $(head -n 4 "$LAYOUT/scratch/rows-diff" | cut -c1-400)"; return 1; }
	echo "$said; a child's peak $(peak_of import-slice) KiB; the second time nothing changed"
}
# Has hub A import an export by core's own import, without the menu at which that ends: import_as_core <export> <copy without menu> <nick>.
import_as_core() {
	php -d memory_limit=-1 -r '$all = json_decode(file_get_contents($argv[1]), true); unset($all["menu"]); file_put_contents($argv[2], json_encode($all));' "$1" "$2"
	chmod 644 "$2"
	(cd "$(hub_root a)" && as_hub "$LAYOUT/a/bin/php" -d memory_limit=-1 "$LAYOUT/actions/import-channel.php" "$(cat "$LAYOUT/a/account")" "$2" "$3" posts) >"$LAYOUT/scratch/stock" 2>&1
}
millis_since() { echo $((($(date +%s%N) - $1) / 1000000)); }

# KILLS imports of one export, each killed at another moment, and gone on with: the rows are those of an undisturbed one. With BREAK=marker a process notes that its
# slice is imported before it is: then rows are missing.
scenario_import_dump_killed() {
	local dump kills=${KILLS:-10} nick=k${TOP//[^a-z0-9]/} n total cpu all later what code running again=0
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	trap hub_e_goes EXIT
	hub_e_again && export_of "$nick" || return 1
	if [ -n "${IMPORT_GROWN:-}" ]; then
		grow_export "$dump" "$dump.grown" $((IMPORT_GROWN / 5)) "$IMPORT_GROWN" || return 1
		dump=$dump.grown
	fi
	n=$(date +%s%N)
	import_for_e "$dump" >"$LAYOUT/scratch/imported" 2>&1 || { cat "$LAYOUT/scratch/imported"; return 1; }
	total=$(millis_since "$n")
	all=$(imported_elements)
	cpu=$(cpu_of e import-)
	import_rows e "$nick" >"$LAYOUT/scratch/rows-e" || return 1
	hub_e_again || return 1
	if [ "${BREAK:-}" = marker ]; then
		marker_first || return 1
		import_for_e "$dump" >"$LAYOUT/scratch/imported" 2>&1 &
		running=$!
		wait_for 60 'posts that are noted' posts_are_noted || return 1
		kill_imports '(dump|slice)'
		wait $running
		again=$kills
	fi
	for ((n = again; n < kills; n++)); do
		# Each comes a part further, and dies somewhere in the next slice or the one after that, as the seed says.
		later=$(((${SEED:-7} + n) * 370 % ${IMPORT_GROWN:+1}200))
		import_for_e "$dump" >"$LAYOUT/scratch/imported" 2>&1 &
		running=$!
		until [ "$(imported_elements)" -ge $((all * (n + 1) / (kills + 1))) ] || ! kill -0 $running 2>/dev/null; do sleep 0.1; done
		sleep "$((later / 1000)).$(printf '%03d' $((later % 1000)))"
		case $((n % 3)) in 0) what=dump ;; 1) what=slice ;; *) what='(dump|slice)' ;; esac
		# Between two slices there is no process that has one.
		until kill_imports "$what" || ! kill -0 $running 2>/dev/null; do sleep 0.02; done
		wait $running
		code=$?
		[ $code != 0 ] || break
		again=$((again + 1))
	done
	import_for_e "$dump" >"$LAYOUT/scratch/imported" 2>&1 || { cat "$LAYOUT/scratch/imported"; return 1; }
	import_rows e "$nick" >"$LAYOUT/scratch/rows-killed" || return 1
	diff "$LAYOUT/scratch/rows-e" "$LAYOUT/scratch/rows-killed" >"$LAYOUT/scratch/rows-diff" || { echo "after $again kills $(grep -c '^[<>]' "$LAYOUT/scratch/rows-diff") rows differ: $(head -n 4 "$LAYOUT/scratch/rows-diff" | cut -c1-400)"; return 1; }
	# A small export may end while it is waited for.
	[ "$again" -ge $((${IMPORT_GROWN:-0} > 0 ? kills : kills / 2)) ] || { echo "only $again of $kills imports were killed before their end"; return 1; }
	echo "$(wc -l <"$LAYOUT/scratch/rows-e") rows equal after $again kills; $total ms ($cpu s CPU) undisturbed; a child's peak $(peak_of import-slice) KiB, the command's $(peak_of import-dump) KiB"
}
imported_elements() { database_value hub_e 'SELECT COALESCE(max(elements), 0) FROM filesync_import'; }
# Ends processes of the import that runs on E: the command (dump), that which has a slice, or both. False if there are none.
kill_imports() {
	local one killed=1
	for one in $(pgrep -f "import-$1"); do
		case $(readlink "/proc/$one/cwd") in "$(hub_root e)"*) kill -KILL "$one" 2>/dev/null && killed=0 ;; esac
	done
	return $killed
}
# Tells whether more than a hundred elements of one part are noted: only posts are so many.
posts_are_noted() { [ "$(database_value hub_e 'SELECT max(element) FROM filesync_import')" -gt 100 ]; }
# Has the processes of E note their slice before they import it.
marker_first() {
	local file
	file=$(hub_root e)/addon/filesync/Import/Child.php
	php -r '$code = file_get_contents($argv[1]); $first = str_replace("CoreImport::begin(\$job->accountId);", "CoreImport::begin(\$job->accountId);\n\t\t\t\$slice->isLast || Job::mark(\$slice, \$job->channelId);", $code, $count); $count === 1 || exit(1); file_put_contents($argv[1], $first);' "$file" || { echo 'Child.php has no such line'; return 1; }
}

# What a channel's export must not do: tell anybody before all is here, show the private key, get a changed text signed. An answer before its post comes, one without
# a post is named, and a connection's picture comes later.
scenario_import_dump_quiet() {
	local dump spoilt=$LAYOUT/scratch/$TOP-spoilt.json nick=q${TOP//[^a-z0-9]/} early orphan changed since said looked
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	trap 'touch "$LAYOUT/scratch/looked-enough"; hub_e_goes' EXIT
	hub_e_again && export_of "$nick" || return 1
	read -r early orphan changed < <(php "$HERE/hub/spoil-export.php" "$dump" "$spoilt" "$(hub_url b)/images/default_profile_photos/rainbow_man/300.jpg")
	[ -n "$changed" ] || { echo 'no spoilt export'; return 1; }
	chmod 644 "$spoilt"
	key_texts "$spoilt" >"$LAYOUT/scratch/key-texts"
	hub_php e util/config system debugging 1 >/dev/null
	hub_php e util/config system loglevel 4 >/dev/null
	hub_php e util/config system logfile hub.log >/dev/null
	rm -f "$LAYOUT/scratch/looked-enough"
	look_at_processes >"$LAYOUT/scratch/looked" 2>/dev/null &
	looked=$!
	LEAVE_QUEUE=1 wait_quiet 60 || { echo 'the hubs do not come to rest'; return 1; }
	since=$(wc -l <"$LAYOUT/b/log/access.log")
	# Killed on its way, where all but the posts is here.
	import_for_e "$spoilt" >"$LAYOUT/scratch/imported" 2>&1 &
	wait_for 60 'the connections on E' e_has_connections "$nick" || return 1
	kill_imports '(dump|slice)'
	wait $!
	[ "$(database_value hub_e "SELECT state FROM filesync_import")" = first ] || { echo 'it was not killed on its way'; return 1; }
	! told_others "$since" || { echo "before all is here: $(told_others "$since" | head -n 3)"; return 1; }
	import_for_e "$spoilt" >"$LAYOUT/scratch/imported" 2>&1 && { echo 'a post was refused, and the command is content'; return 1; }
	touch "$LAYOUT/scratch/looked-enough"
	wait $looked
	[ ! -s "$LAYOUT/scratch/looked" ] || { echo "the key is in a process: $(head -n 3 "$LAYOUT/scratch/looked")"; return 1; }
	grep -q '^1 of the posts was not taken' "$LAYOUT/scratch/imported" && grep -q "^ *$orphan" "$LAYOUT/scratch/imported" || { cat "$LAYOUT/scratch/imported"; return 1; }
	[ "$(database_value hub_e "SELECT count(*) FROM item WHERE mid = '$early'")" = 1 ] || { echo 'the answer before its post is not here'; return 1; }
	[ "$(database_value hub_e "SELECT item_verified FROM item WHERE mid = '$changed'")" = 0 ] || { echo 'a changed text was signed'; return 1; }
	said=$(key_is_in) && { echo "the key is in: $said"; return 1; }
	wait_for 60 'E to tell that the channel is there' told_others "$since" || return 1
	wait_for 60 "a connection's picture" picture_is_here || return 1
	echo "quiet until the end; the key looked for in $(wc -l <"$LAYOUT/scratch/key-texts") lines; 1 of $(database_value hub_e 'SELECT count(*) FROM item') posts refused"
}
# Prints pieces of the private key of an export: lines of its PEM, and the same as base64url.
key_texts() { php -r 'foreach (array_slice(explode("\n", trim(json_decode(file_get_contents($argv[1]), true)["channel"]["channel_prvkey"])), 1, -1) as $line) { echo "$line\n", strtr($line, "+/", "-_"), "\n"; }' "$1" | sort -u; }
e_has_connections() { [ "$(database_value hub_e "SELECT count(*) FROM abook JOIN channel ON channel_id = abook_channel WHERE channel_address = '$1'")" -gt 10 ]; }
# Prints requests of E to hub B since a line of B's log, other than for files; false if there are none.
told_others() { log_since b "$1" | grep -E '"POST /(zot|channel/)'; }
# Prints what processes show of the key, until a file says that it is enough.
look_at_processes() {
	until [ -f "$LAYOUT/scratch/looked-enough" ]; do
		grep -alFf "$LAYOUT/scratch/key-texts" /proc/[0-9]*/cmdline /proc/[0-9]*/environ
		sleep 0.1
	done
}
# Prints where the key of E's channel is, but for the row of it; false if it is nowhere.
key_is_in() {
	local table found=1
	grep -rlFf "$LAYOUT/scratch/key-texts" "$(hub_root e)" "$LAYOUT/e/log" "${TMPDIR:-/tmp}"/php* 2>/dev/null && found=0
	for table in $(database_value hub_e "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('hub_e', 'public')"); do
		[ "$table" = channel ] || ! database_dump hub_e "$table" | grep -qFf "$LAYOUT/scratch/key-texts" || { echo "table $table"; found=0; }
	done
	return $found
}
picture_is_here() {
	hub_php e addon/filesync/cli.php work --until-idle --seconds 10 >/dev/null 2>&1
	[ "$(database_value hub_e "SELECT count(*) FROM xchan WHERE xchan_addr LIKE '%@gone.invalid' AND xchan_photo_l LIKE '%/photo/%-4'")" = 1 ]
}

# An export that is given to the hub's own page, larger than PHP could read there at once: the page answers soon, workers do the rest, killed once and stopped once; the
# rows are those of core's page. What a form of that page can be besides stays the hub's. The key is nowhere.
scenario_import_page() {
	local dump stock=$LAYOUT/scratch/$TOP-stock.json nick=w${TOP//[^a-z0-9]/} began seconds job copy said looked element grown=${IMPORT_GROWN:-1000}
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	trap 'touch "$LAYOUT/scratch/looked-enough"; hub_e_goes; rm -f "$LAYOUT"/scratch/cookies-import-? "$LAYOUT/scratch/cookies-a"' EXIT
	hub_e_again && export_of "$nick" || return 1
	grow_export "$dump" "$dump.grown" 200 "$grown" || return 1
	while php -d memory_limit=64M -r 'json_decode(file_get_contents($argv[1]), true);' "$dump.grown" >/dev/null 2>&1; do
		grown=$((grown * 2))
		grow_export "$dump" "$dump.grown" 200 "$grown" || return 1
	done
	dump=$dump.grown
	# Of the web server and of what workers start.
	echo 'memory_limit = 64M' >"$LAYOUT/e/ini/70-little.ini"
	php_restart e
	key_texts "$dump" >"$LAYOUT/scratch/key-texts"
	hub_php e util/config system debugging 1 >/dev/null
	hub_php e util/config system loglevel 4 >/dev/null
	hub_php e util/config system logfile hub.log >/dev/null
	rm -f "$LAYOUT/scratch/looked-enough"
	look_at_processes >"$LAYOUT/scratch/looked" 2>/dev/null &
	looked=$!
	# What is not ours gets the answer that a stock hub gives.
	echo 'no export' >"$LAYOUT/scratch/no-export"
	for said in "-F filename=@$LAYOUT/scratch/no-export" '-F old_address='; do
		# shellcheck disable=SC2086 # an option and its value
		[ "$(import_form e import $said)" = "$(import_form a import $said)" ] || { echo "the hub's own page answers otherwise to a form with $said"; return 1; }
	done
	[ "$(TOKEN=forged import_form e import -F "filename=@$dump")" = "302 $(hub_url e)/import" ] || { echo 'a forged form is taken'; return 1; }
	[ "$(database_value hub_e 'SELECT count(*) FROM filesync_import')" = 0 ] || { echo 'one of these was taken for an import'; return 1; }
	began=$(date +%s%N)
	said=$(import_form e import -F "filename=@$dump;type=application/json" -F old_address= -F email= -F password= -F import_posts=1 -F make_primary=0 -F "newname=$nick")
	seconds=$(millis_since "$began")
	[ "$said" = "302 $(hub_url e)/filesync" ] || { echo "the page answers: $said; $(tail -n 3 "$(hub_root e)/hub.log" | cut -c1-300)"; return 1; }
	[ "$seconds" -lt 30000 ] || { echo "the page answers after $seconds ms"; return 1; }
	job=$(database_value hub_e 'SELECT id FROM filesync_import')
	copy="$(hub_root e)/store/[data]/filesync/import-$job.export"
	[ "$(stat -c '%a %U' "$copy")" = "600 $HUB_USER" ] || { echo "the copy is $(stat -c '%a %U' "$copy" 2>&1)"; return 1; }
	wait_for 120 'posts that are noted' posts_are_noted || return 1
	kill_workers
	[ "$(database_value hub_e 'SELECT state FROM filesync_import')" = first ] || { echo 'it was not killed on its way'; return 1; }
	said=$(key_is_in) && { echo "on its way the key is in: $said"; return 1; }
	element=$(database_value hub_e 'SELECT elements FROM filesync_import')
	wait_for 60 'the import to go on' import_is_beyond "$element" || return 1
	press_import import_stop "$job" || return 1
	wait_for 60 'the worker to stop' no_worker || return 1
	element=$(database_value hub_e 'SELECT elements FROM filesync_import')
	import_page_e filesync/state | grep -q 'filesync-import-go-on' || { echo 'the page has no button to go on'; return 1; }
	! import_is_beyond "$element" || { echo 'it went on although it was stopped'; return 1; }
	press_import import_go_on "$job" || return 1
	wait_for 600 'the import to end' import_has_ended || return 1
	touch "$LAYOUT/scratch/looked-enough"
	wait $looked
	[ ! -s "$LAYOUT/scratch/looked" ] || { echo "the key is in a process: $(head -n 3 "$LAYOUT/scratch/looked")"; return 1; }
	said=$(key_is_in) && { echo "the key is in: $said"; return 1; }
	[ ! -e "$copy" ] || { echo 'the copy is still there'; return 1; }
	import_as_core "$dump" "$stock" "$nick"
	# Who looks at a page as a channel has the hub's apps from then on.
	# shellcheck disable=SC2034 # owner_page reads it
	NICK[a]=$nick
	rm -f "$LAYOUT/scratch/cookies-a"
	owner_page a import -o /dev/null || return 1
	import_rows a "$nick" >"$LAYOUT/scratch/rows-a" && import_rows e "$nick" >"$LAYOUT/scratch/rows-e" || return 1
	php -d memory_limit=-1 "$HERE/hub/compare-imports.php" "$LAYOUT/scratch/rows-a" "$LAYOUT/scratch/rows-e" "$(hub_url b)" "$stock" || return 1
	import_of_items "$dump" "$nick" || return 1
	import_of_too_many || return 1
	echo "the page answered after $seconds ms; PHP's peak there $(peak_of 'POST /import') KiB, of a child $(peak_of import-slice) KiB, of a worker $(peak_of Queueworker) KiB"
}
# Sends a form of a hub's page as its account does, with the page's own token or TOKEN: import_form <hub> <page> <curl arguments…>. Prints status and redirect.
import_form() {
	local hub=$1 page=$2 token
	shift 2
	token=${TOKEN:-$(import_page "$hub" "$page" | sed -n 's/.*name="form_security_token" value="\([^"]*\)".*/\1/p' | head -n 1)}
	import_page "$hub" "$page" -o /dev/null -w '%{http_code} %{redirect_url}' -F "form_security_token=$token" "$@"
}
# Asks a hub for a page as somebody who has an account there: import_page <hub> <path> [curl argument…].
import_page() {
	local hub=$1 path=$2 jar=$LAYOUT/scratch/cookies-import-$1
	shift 2
	if [ ! -s "$jar" ]; then
		curl -sS --cacert "$LAYOUT/ca/ca.pem" -c "$jar" -o /dev/null "$(hub_url "$hub")/login"
		curl -sS --cacert "$LAYOUT/ca/ca.pem" -b "$jar" -c "$jar" -o /dev/null -d auth-params=login -d "main_login_username=admin@$hub.$DOMAIN" -d main_login_password=realhubs "$(hub_url "$hub")/login"
	fi
	curl -sS --cacert "$LAYOUT/ca/ca.pem" -b "$jar" -c "$jar" "$@" "$(hub_url "$hub")/$path"
}
import_page_e() { import_page e "$@"; }
# Presses a button of /filesync: press_import <button> <import>.
press_import() {
	local token
	token=$(import_page_e filesync | sed -n 's/.*name="form_security_token"[^>]*value="\([^"]*\)".*/\1/p' | head -n 1)
	[ "$(import_page_e filesync -o /dev/null -w '%{http_code}' -d "form_security_token=$token" -d "filesync_$1=$2")" = 302 ] || { echo "the button $1 does nothing"; return 1; }
}
# Ends the processes of E's workers and what they began.
kill_workers() {
	pgrep -f 'import-slice|Master.php' | while read -r running; do
		case $(readlink "/proc/$running/cwd") in "$(hub_root e)"*) kill -KILL "$running" 2>/dev/null ;; esac
	done
}
no_worker() { ! pgrep -f import-slice | while read -r running; do readlink "/proc/$running/cwd"; done | grep -qF "$(hub_root e)"; }
# Tells whether more is imported than so many elements; whoever looks at the page has a killed import go on.
import_is_beyond() { import_page_e filesync/state >/dev/null && [ "$(database_value hub_e 'SELECT elements FROM filesync_import')" -gt "$1" ]; }
import_has_ended() { import_page_e filesync/state >/dev/null && [ "$(database_value hub_e 'SELECT state FROM filesync_import')" = 'done' ]; }
# Posts that a channel of E lost come back by the hub's page for items, which leaves the channel itself as it is: import_of_items <export> <nick>.
import_of_items() {
	local items=$LAYOUT/scratch/$TOP-items.json uid mids
	uid=$(database_value hub_e "SELECT channel_id FROM channel WHERE channel_address = '$2'")
	mids=$(php -d memory_limit=-1 -r '$all = json_decode(file_get_contents($argv[1]), true); $all["item"] = array_slice($all["item"], -6); file_put_contents($argv[2], json_encode($all)); echo "\x27", implode("\x27, \x27", array_column($all["item"], "message_id")), "\x27";' "$1" "$items")
	echo "DELETE FROM term WHERE uid = $uid AND otype = 1 AND oid IN (SELECT id FROM item WHERE uid = $uid AND mid IN ($mids));
		DELETE FROM iconfig WHERE iid IN (SELECT id FROM item WHERE uid = $uid AND mid IN ($mids)); DELETE FROM item WHERE uid = $uid AND mid IN ($mids)" | database_sql hub_e >/dev/null
	[ "$(import_form e import_items -F "filename=@$items;type=application/json")" = "302 $(hub_url e)/filesync" ] || { echo 'the page for items does not take them'; return 1; }
	wait_for 60 'the items' items_are_here "$uid" "$mids" || return 1
	wait_for 60 'the import of items to end' import_has_ended_each || return 1
	import_rows e "$2" >"$LAYOUT/scratch/rows-again" || return 1
	# In the order of their numbers, which are others now.
	diff <(sort "$LAYOUT/scratch/rows-e") <(sort "$LAYOUT/scratch/rows-again") >"$LAYOUT/scratch/rows-diff" || { echo "with the page for items something changed: $(head -n 4 "$LAYOUT/scratch/rows-diff" | cut -c1-400)"; return 1; }
}
items_are_here() { [ "$(database_value hub_e "SELECT count(*) FROM item WHERE uid = $1 AND mid IN ($2)")" = 6 ]; }
import_has_ended_each() { [ "$(database_value hub_e "SELECT count(*) FROM filesync_import WHERE state <> 'done'")" = 0 ]; }
# An account that may have no more channels is told so in the hub's own words.
import_of_too_many() {
	hub_do e limit-channels 0 >/dev/null || return 1
	[ "$(import_form e import -F "filename=@$LAYOUT/scratch/export.json;type=application/json" -F newname= -F import_posts=1)" = "302 $(hub_url e)/import" ] || { echo 'a second channel is taken'; return 1; }
	[ "$(database_value hub_e "SELECT count(*) FROM channel WHERE channel_system = 0")" = 1 ] || { echo 'a second channel is here'; return 1; }
	[ "$(database_value hub_e "SELECT count(*) FROM xconfig WHERE v LIKE '%service plan only allows 0 channels%'")" -gt 0 ] || { echo 'nobody hears about the limit'; return 1; }
	! ls "$(hub_root e)"/store/\[data\]/filesync/import-*.export >/dev/null 2>&1 || { echo 'a copy of what was refused is left'; return 1; }
}

# Posts of many megabytes: what PHP has memory for comes, the rest is left out and named, and neither a process that has a slice nor the command becomes large.
scenario_import_dump_large() {
	local dump large=$LAYOUT/scratch/$TOP-large.json nick=l${TOP//[^a-z0-9]/} taken left peak
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	trap hub_e_goes EXIT
	hub_e_again && export_of "$nick" || return 1
	taken=$(php "$HERE/hub/enlarge-export.php" "$dump" "$dump.taken" 4.5) && left=$(php -d memory_limit=1G "$HERE/hub/enlarge-export.php" "$dump.taken" "$large" 15.5) || return 1
	chmod 644 "$large"
	import_for_e "$large" >"$LAYOUT/scratch/imported" 2>&1 && { echo 'a post was left out, and the command is content'; return 1; }
	grep -qF "$left (it needs more memory than PHP allows)" "$LAYOUT/scratch/imported" || { cat "$LAYOUT/scratch/imported"; return 1; }
	[ "$(database_value hub_e "SELECT length(body) FROM item WHERE mid = '$taken'")" = 4718592 ] || { echo 'a post of 4.5 MiB is not here'; return 1; }
	[ "$(database_value hub_e "SELECT count(*) FROM item WHERE mid = '$left'")" = 0 ] || { echo 'a post of 15.5 MiB is here'; return 1; }
	for peak in import-slice import-dump; do
		[ "$(peak_of $peak)" -le 98304 ] || { echo "the peak of $peak is $(peak_of $peak) KiB"; return 1; }
	done
	echo "a child's peak $(peak_of import-slice) KiB, the command's $(peak_of import-dump) KiB"
}

# The export of a hub of another version or database, IMPORT_FROM, is whole on E: IMPORT_NICK is the channel's name in it.
scenario_import_dump_foreign() {
	local dump=$LAYOUT/scratch/foreign.json
	[ -f "${IMPORT_FROM:-}" ] || { skip 'IMPORT_FROM names no export'; return; }
	trap hub_e_goes EXIT
	hub_e_again && install -o "$HUB_USER" -m 600 "$IMPORT_FROM" "$dump" || return 1
	import_for_e "$dump" >"$LAYOUT/scratch/imported" 2>&1 || { cat "$LAYOUT/scratch/imported"; return 1; }
	hub_do e count-imported "$dump" "${IMPORT_NICK:-olga}"
}

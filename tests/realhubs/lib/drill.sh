# shellcheck shell=bash
# A drill on hub B: a set with all that one must be able to hold is proven, what is broken turns it red by name, and it leaves no row, no file and no outgoing byte.

# drill [option…]: of the set at $set.
drill() { hub_php b addon/filesync/cli.php restore "${NICK[b]}" "$set" --drill "$@" 2>&1; }
# Makes the set, once; sets `set`.
drill_set() {
	# shellcheck disable=SC2034 # set by fill_channel
	local photo folder_lost bytes_lost photo_alone
	set=$LAYOUT/scratch/sets/drill
	[ ! -f "$set/set.json" ] || return 0
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets"
	fill_channel && backup >"$LAYOUT/scratch/drilled" || { cat "$LAYOUT/scratch/drilled"; return 1; }
}
# A look as at a rehearsal, but for the certificate: drill_look <name>.
drill_look() {
	local REHEARSE_NOTES="$REHEARSE_NOTES|certificate"
	wait_quiet || return 1
	rehearse_look "$1"
}
# drill_red <what> <line> [option…]: it is red, and says so of this.
drill_red() {
	local said
	said=$(drill --sample all "${@:3}")
	[ $? = 1 ] || { echo "$1 was not seen: $(tail -n 1 <<<"$said")"; return 1; }
	grep -aqE -- "$2" <<<"$said" || { echo "$1 is not named:"; grep -a -A3 '^NOT' <<<"$said" | head -20; return 1; }
	red=$((red + 1))
}
# Has hub B lose each crop of a restore right after it was put in place: drill_loses_crops; drill_loses_none ends it.
drill_loses_crops() {
	local file
	file=$(hub_root b)/addon/filesync/Restore/Placing.php
	cp "$file" "$LAYOUT/scratch/Placing.php"
	# shellcheck disable=SC2016 # PHP
	php -r '$code = file_get_contents($argv[1]); $line = "\$this->publish(\$crop);"; $lost = "\n\t\t\t\t@unlink(Facts::of(\$this->channel, \$saved->hash, \$scale)->path ?? \"\");"; $code = str_replace($line, $line . $lost, $code, $count); $count === 1 || exit(1); file_put_contents($argv[1], $code);' "$file" || { echo 'Placing.php has no such line'; return 1; }
}
drill_loses_none() {
	[ -f "$LAYOUT/scratch/Placing.php" ] || return 0
	mv -f "$LAYOUT/scratch/Placing.php" "$(hub_root b)/addon/filesync/Restore/Placing.php"
	# PHP keeps what it compiled of a file that is as old as it was.
	touch "$(hub_root b)/addon/filesync/Restore/Placing.php"
}
# Flips the first bit of a file: drill_flips <path>.
drill_flips() { php -r '$f = fopen($argv[1], "r+b"); $c = fread($f, 1); rewind($f); fwrite($f, $c ^ "\x01");' "$1"; }

# BREAK=crop: each crop is removed right after it was put in place; the drill must fail.
scenario_drill() {
	local set said status a seconds red=0 one
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	trap 'drill_loses_none' EXIT
	drill_set || return 1
	# The first also makes what every hub with filesync soon has.
	drill >/dev/null
	[ "${BREAK:-}" != crop ] || drill_loses_crops || return 1
	drill_look before || return 1
	a=$(requests_to a) seconds=$SECONDS
	said=$(drill --sample all --seed one)
	status=$?
	seconds=$((SECONDS - seconds))
	cp /dev/null "$LAYOUT/scratch/certificate" && echo "$said" >"$LAYOUT/scratch/certificate"
	[ $status = 0 ] || { grep -a -A20 '^NOT' <<<"$said" || tail -n 3 <<<"$said"; return 1; }
	drill_look after || return 1
	rehearse_same before after || return 1
	[ "$a" = "$(requests_to a)" ] || { echo "$(($(requests_to a) - a)) requests to A"; return 1; }
	said=$(drill --seed two) || { grep -a -A20 '^NOT' <<<"$said" || tail -n 3 <<<"$said"; return 1; }
	[ "$(grep -a '% by' <<<"$said")" = "$(drill --seed two | grep -a '% by')" ] || { echo 'one seed takes other files'; return 1; }
	one=$(find "$set/data/files" -type f -name 'large-1.bin' | head -n 1)
	drill_flips "$one"
	drill_red 'a flipped bit' 'large-1.bin: file_damaged' || return 1
	drill_flips "$one"
	drill_loses_crops && drill_red 'a lost crop' 'set.jpg, scale [47]: the web server (gives 0 bytes|answers with status 404)' || return 1
	drill_loses_none
	web_down b
	drill_red 'a web server that is down' 'the hub does not reach its own web server'
	status=$?
	web_up b
	[ $status = 0 ] || return 1
	drill_look after || return 1
	rehearse_same before after || return 1
	echo "all of $(sed -n 's/.* by the seed one: //p' "$LAYOUT/scratch/certificate") in $seconds s; $red faults are red, and nothing is left"
}

# From home: of the set at $set, with a new key of the page: drill_home [option…].
drill_home() {
	local key status
	key=$(make_key b) && [ -n "$key" ] || { echo 'the page made no key'; return 2; }
	install -d -m 700 "$LAYOUT/scratch/owner"
	echo "$key" >"$LAYOUT/scratch/owner/drill-key"
	cli restore "$set" --to "$(hub_url b)/channel/${NICK[b]}" --drill --key-file "$LAYOUT/scratch/owner/drill-key" --cacert "$LAYOUT/ca/ca.pem" "$@"
	status=$?
	rm "$LAYOUT/scratch/owner/drill-key"
	return $status
}
# A look as at a drill of the hub's own, but for what is known of what was sent: drill_home_look <name>.
drill_home_look() {
	local REHEARSE_TABLES="$REHEARSE_TABLES filesync_door filesync_door_key"
	hub_php b Zotlabs/Daemon/Master.php Cronhooks >/dev/null
	drill_look "$1" || return 1
	[ "$(database_value hub_b "SELECT COUNT(*) FROM session WHERE sid LIKE 'filesync-scratch%'")" = 0 ] || { echo 'a session of the hidden channel is left'; return 1; }
}
drill_is_readable() { [ "$(database_value hub_b "SELECT COUNT(*) FROM filesync_door WHERE state = 'drilling' AND changed <> ''")" = 1 ]; }
drill_is_over() { [ "$(database_value hub_b "SELECT COUNT(*) FROM filesync_door WHERE state IN ('choosing', 'drilling')")" = 0 ]; }

# The owner's command drills a set on hub B, and reads it back from outside; a lost crop is red, and killed while it reads, it goes on, or hub B takes all away.
scenario_cli_drill() {
	local set said status a seconds running
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	[ -x "$COMMAND" ] || { echo "no command at $COMMAND"; return "$SKIPPED"; }
	trap 'drill_loses_none' EXIT
	drill_set || return 1
	chmod -R go+rX "$set"
	# The first also makes what every hub with filesync soon has.
	drill_home >"$LAYOUT/scratch/drilled" 2>&1 || { tail -n 5 "$LAYOUT/scratch/drilled"; return 1; }
	drill_home_look before || return 1
	a=$(requests_to a) seconds=$SECONDS
	said=$(drill_home --sample all --seed one 2>&1)
	status=$?
	seconds=$((SECONDS - seconds))
	echo "$said" >"$LAYOUT/scratch/certificate"
	[ $status = 0 ] || { grep -a -A20 '^NOT' <<<"$said" || tail -n 5 <<<"$said"; return 1; }
	drill_home_look after || return 1
	rehearse_same before after || return 1
	[ "$a" = "$(requests_to a)" ] || { echo "$(($(requests_to a) - a)) requests to A"; return 1; }
	drill_loses_crops || return 1
	said=$(drill_home --sample all 2>&1)
	status=$?
	drill_loses_none
	[ $status = 1 ] && grep -aqE 'set.jpg, scale [47]: the hub (gives 0 bytes|answers with status 404)' <<<"$said" || { echo "a lost crop is not named ($status): $(tail -n 3 <<<"$said")"; return 1; }
	# Killed, and run again without a key.
	drill_home --sample all --json >"$LAYOUT/scratch/drilled" 2>&1 &
	running=$!
	wait_for 120 'something to read' drill_is_readable || { tail -n 3 "$LAYOUT/scratch/drilled"; return 1; }
	pkill -9 -f "restore $set --to $(hub_url b)"
	wait $running 2>/dev/null
	said=$(cli restore "$set" --to "$(hub_url b)/channel/${NICK[b]}" --drill --sample all --cacert "$LAYOUT/ca/ca.pem" 2>&1) || { echo "killed, and run again: $(tail -n 5 <<<"$said")"; return 1; }
	# Killed, and never run again.
	drill_home --json >"$LAYOUT/scratch/drilled" 2>&1 &
	running=$!
	wait_for 120 'something to read' drill_is_readable || { tail -n 3 "$LAYOUT/scratch/drilled"; return 1; }
	pkill -9 -f "restore $set --to $(hub_url b)"
	wait $running 2>/dev/null
	echo 'UPDATE filesync_door SET asked = 0' | database_sql hub_b
	wait_for 60 'the end of what nobody reads' drill_is_over || return 1
	[ "$(database_value hub_b "SELECT code FROM filesync_door WHERE state = 'ended' ORDER BY ended DESC LIMIT 1")" = not_read ] || { echo 'it ended otherwise'; return 1; }
	drill_home_look after || return 1
	rehearse_same before after || return 1
	echo "all of $(sed -n 's/.* by the seed one: //p' "$LAYOUT/scratch/certificate") in $seconds s, read back from outside; a lost crop is red, killed it goes on, and nothing is left"
}

# drill_killed_at <statement>: ends the process before a statement, 0 for none.
drill_killed_at() {
	(export COUNTER="$LAYOUT/actions/count-statement.php" STATEMENTS="$LAYOUT/scratch/statements" KILL_AT=$1 COUNT; drill --seed one) >/dev/null 2>&1
}

# Killed before any statement, the next one or cron removes what is left. KILLS: so many of them, spread evenly.
scenario_drill_killed() {
	local set killed total COUNT='' REHEARSE_NOTES="$REHEARSE_NOTES|certificate"
	[ "$ADDON" != 0 ] || return "$SKIPPED"
	drill_set || return 1
	settle || return 1
	trap 'rehearse_counts_no_more' EXIT
	killed_at_each drill_killed_at "${KILLS:-10}" 4 || return 1
	echo "killed before $killed of $total statements, and nothing is left"
}

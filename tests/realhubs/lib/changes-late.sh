# shellcheck shell=bash
# What comes late, twice, back or not at all: see changes.sh.

# shellcheck disable=SC2034 # read by what sources this
LATE_CHANGES="redelivered echo offline-rename undo killed"

# Packets that come again change nothing, and bring nothing. A hub without the addon fetches all of it again.
change_redelivered() {
	local path file
	path=$(random_file redelivered.bin 3000000)
	file=$(upload_on "$1" "$path" redelivered.bin "$TOP-$1")
	rest || return 1
	sleep 2
	mark
	hub_do "$1" resend "$file" 3 >/dev/null
	rest && alike "$1" "$2" "$file" && no_bytes "$1" "$2" || return 1
	[ "$(sha_on "$2" "$file")" = "$(sha "$path")" ] || { echo "other bytes"; return 1; }
	[ "$(packets_to "$2")" = 3 ] || { echo "$(packets_to "$2") packets"; return 1; }
	no_answer "$1" "$2"
}
# Says that a hub with filesync did not answer what it was told: no_answer <from> <to>.
no_answer() { ! has_filesync "$2" || [ "$(packets_to "$1")" = 0 ] || { echo "$(packets_to "$1") packets came back"; return 1; }; }

# A hub overwrites a file that an item names. Importing the item makes a stock clone answer with a packet of its own; where the clone
# still has the old bytes, because the packet about the new ones comes late, the origin's new bytes would be lost.
change_echo() {
	local path file
	file=$(upload_on "$1" "$(random_file echo.bin 2000000)" echo.bin "$TOP-$1")
	rest || return 1
	mark
	sleep 1.1
	path=$(random_file echo.bin 2000000)
	hub_do "$1" post-naming-file "$file" >/dev/null && dav "$1" -T "$path" "$(dav_url "$1" "$TOP-$1/echo.bin")" -o /dev/null || return 1
	rest || return 1
	# The stock import gives the clone's row a new date and the file the item's audience.
	has "$1" "$file" "$path" && has "$2" "$file" "$path" && alike "$1" "$2" "$file" edited acl || { echo "named, then overwritten"; return 1; }
	sleep 1.1
	path=$(random_file echo.bin 2000000)
	server_down "$2"
	dav "$1" -T "$path" "$(dav_url "$1" "$TOP-$1/echo.bin")" -o /dev/null
	LEAVE_QUEUE=1 wait_quiet 60
	server_up "$2"
	hub_do "$1" post-naming-file "$file" >/dev/null
	# The earlier packet waits for the next cron run.
	LEAVE_QUEUE=1 wait_quiet 60
	has "$1" "$file" "$path" || { echo "$1 lost its new bytes to the echo"; return 1; }
	ten_minutes_later "$1"
	rest || return 1
	has "$1" "$file" "$path" && has "$2" "$file" "$path" && alike "$1" "$2" "$file" edited acl || { echo "overwritten while $2 was down, then named"; return 1; }
}
has() { [ "$(sha_on "$1" "$2")" = "$(sha "$3")" ] || { echo "$1 has other bytes"; return 1; }; }

# Two files get new names while the other hub is down. When it hears of them, nobody can be asked.
change_offline_rename() {
	local status=0
	offline_rename "$@" || status=1
	for hub in $1 $2; do [ -s "$LAYOUT/$hub/run/server.pid" ] || server_up "$hub"; done
	return $status
}
offline_rename() {
	local file photo path picture hub each harmed=
	path=$(random_file offline.bin 300020)
	picture=$(photo_file offline.jpg 1600 1200)
	file=$(upload_on "$1" "$path" offline.bin "$TOP-$1")
	photo=$(upload_on "$1" "$picture" offline.jpg "$TOP-$1")
	for hub in $(hubs_with_addon); do hub_php "$hub" addon/filesync/cli.php config set retry_first_seconds 2 >/dev/null; done
	rest || return 1
	mark
	server_down "$2"
	edit "$1" "$file" "$(column "$1" "$file" folder)" offline-new.bin && is "$1" "$file" filename offline-new.bin || return 1
	fails_with_photos "$1" >/dev/null || { edit "$1" "$photo" "$(column "$1" "$photo" folder)" offline-new.jpg && is "$1" "$photo" filename offline-new.jpg; } || return 1
	LEAVE_QUEUE=1 wait_quiet 60
	server_kill "$1"
	server_up "$2"
	ten_minutes_later "$1"
	ten_minutes_later "$1"
	LEAVE_QUEUE=1 wait_quiet 60
	has "$2" "$file" "$path" >/dev/null && has "$2" "$photo" "$picture" >/dev/null || harmed=1
	server_up "$1"
	# As often as cron needs: a hub that cannot be reached is tried at growing intervals.
	for hub in $(seq 12); do
		ten_minutes_later "$1"
		ten_minutes_later "$2"
		LEAVE_QUEUE=1 wait_quiet 30
		[ "$hub" -lt 3 ] || [ -n "$(for each in $(hubs_with_addon); do hub_php "$each" addon/filesync/cli.php missing | grep -v '^nothing is missing'; done)" ] || break
		sleep 5
	done
	has "$1" "$file" "$path" && has "$1" "$photo" "$picture" || { echo "the origin was harmed"; return 1; }
	if [ -n "$harmed" ]; then
		! has_filesync "$2" || { echo "$2 lost what it had"; return 1; }
		# A stock hub truncates what it cannot fetch, and asks no more; told again it has it.
		hub_do "$1" resend "$file" 1 >/dev/null
		hub_do "$1" resend "$photo" 1 >/dev/null
	fi
	rest && alike "$1" "$2" "$file" && alike "$1" "$2" "$photo" && has "$2" "$file" "$path" && has "$2" "$photo" "$picture" || return 1
	[ -z "$harmed" ] || echo "the stock hub emptied its copy until it was told again"
}

# A deleted photo comes back from the hub that received the delete, with its post, here and where it was deleted.
change_undo() {
	local photo id
	has_filesync "$2" || { skip "only filesync keeps what was deleted"; return; }
	photo=$(upload_on "$1" "$(photo_file regret.jpg 1200 900)" regret.jpg "$TOP-$1/regret")
	rest || return 1
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" regret.jpg '' -d delete=1 || return 1
	rest && gone "$1" "$photo" && gone "$2" "$photo" || return 1
	id=$(hub_php "$2" addon/filesync/cli.php kept | grep regret.jpg | head -n 1 | cut -c1-12)
	hub_php "$2" addon/filesync/cli.php undo "$id" || return 1
	rest && alike "$2" "$1" "$photo" || return 1
	[ "$(database_value "hub_$2" "SELECT COUNT(*) FROM photo WHERE resource_id = '$photo'")" = 4 ] || { echo "not all scales are back"; return 1; }
}

# A process is killed when all is changed and nothing sent: cron sends it, once.
change_killed() {
	local way name packets
	has_filesync "$1" || { skip "only filesync makes up for it"; return; }
	# The first finds all that core changed here unnoticed before, as the access of a picture in a post that came; that is sent, too.
	for way in first web dav cli import; do
		name=killed-$1-$TOP-$way.bin
		random_file "$name" 200001 >/dev/null
		touch "$LAYOUT/kill-before-send"
		chmod 777 "$LAYOUT" "$LAYOUT/kill-before-send"
		case $way in
			first | web) owner_page "$1" file_upload -o /dev/null -F "channick=${NICK[$1]}" -F "userfile=@$LAYOUT/scratch/$name" ;;
			dav) dav "$1" -T "$LAYOUT/scratch/$name" "$(dav_url "$1" "$name")" -o /dev/null ;;
			cli) hub_do "$1" upload "$LAYOUT/scratch/$name" "$name" '' ;;
			import) hub_php "$1" Zotlabs/Daemon/Master.php Importfile "$(channel_id "$1")" "$LAYOUT/scratch/$name" ;;
		esac >/dev/null 2>&1
		[ ! -e "$LAYOUT/kill-before-send" ] || { rm -f "$LAYOUT/kill-before-send"; echo "$way: nothing was killed"; return 1; }
		sleep 1
		mark
		[ -n "$(hash_of "$1" "$name")" ] && [ -z "$(hash_of "$2" "$name")" ] || { echo "$way: it was not killed in between"; return 1; }
		echo "UPDATE filesync_outbox SET created = created - 300 WHERE kind IN ('intent', 'deleting')" | database_sql "hub_$1" >/dev/null
		hub_php "$1" Zotlabs/Daemon/Master.php Cronhooks >/dev/null
		rest && alike "$1" "$2" "$(hash_of "$1" "$name")" || { echo "$way"; return 1; }
		hub_php "$1" Zotlabs/Daemon/Master.php Cronhooks >/dev/null
		rest || return 1
		packets=$(packets_to "$2")
		[ "$packets" = 1 ] || [ $way = first ] || { echo "$way: $packets packets"; return 1; }
	done
	echo "web, DAV, CLI, Importfile: one packet each"
}


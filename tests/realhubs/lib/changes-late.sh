# What comes late, twice, back or not at all: see changes.sh.

LATE_CHANGES="undo killed"

# A deleted photo comes back from the hub that was told of the delete, with its post, here and where it was deleted.
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
	for way in web dav cli import; do
		name=killed-$1-$TOP-$way.bin
		random_file "$name" 200001 >/dev/null
		touch "$LAYOUT/kill-before-send"
		chmod 777 "$LAYOUT" "$LAYOUT/kill-before-send"
		case $way in
			web) owner_page "$1" file_upload -o /dev/null -F "channick=${NICK[$1]}" -F "userfile=@$LAYOUT/scratch/$name" ;;
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
		[ "$packets" = 1 ] || { echo "$way: $packets packets"; return 1; }
	done
	echo "web, DAV, CLI, Importfile: one packet each"
}


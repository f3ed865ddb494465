# Every kind of change, made as a person makes it, on one hub and looked at on the other.
#
# A change is a function `change_<name> <from> <to>`. Each is run in both directions: with the addon on B that is once from a stock
# hub to filesync and once back; with ADDON=all both are filesync. What a hub without the addon makes of a change that it is told
# rightly is its own: where it is known to fall short, the scenario says so and looks at what can be told.

CHANGES="new dav-new overwrite rotate describe rename dav-rename move dav-move folder-rename folder-move copy dav-copy access access-recursive categories delete folder-delete
	twelve-at-once same-folder two-channels back-and-forth undo killed"

# Prints the hubs whose direction is what: stock>filesync, filesync>stock or filesync>filesync.
direction() {
	local name
	for name in "$1" "$2"; do
		case " $(hubs_with_addon) " in *" $name "*) printf 'filesync' ;; *) printf 'stock' ;; esac
		[ "$name" = "$2" ] || printf '>'
	done
}
has_filesync() { case " $(hubs_with_addon) " in *" $1 "*) ;; *) return 1 ;; esac; }

dav() { local hub=$1; shift; curl -sS --fail --cacert "$LAYOUT/ca/ca.pem" -u "${NICK[$hub]}:realhubs" "$@"; }
dav_url() { echo "$(hub_url "$1")/dav/${NICK[$1]}/$2"; }

# Logs the owner in at a hub, once: owner_page <hub> <path> [curl argument…].
owner_page() {
	local hub=$1 path=$2 jar=$LAYOUT/scratch/cookies-$1
	shift 2
	if [ ! -s "$jar" ]; then
		curl -sS --cacert "$LAYOUT/ca/ca.pem" -c "$jar" -o /dev/null "$(hub_url "$hub")/login"
		curl -sS --fail --cacert "$LAYOUT/ca/ca.pem" -b "$jar" -c "$jar" -o /dev/null -d auth-params=login -d "main_login_username=${NICK[$hub]}" -d main_login_password=realhubs "$(hub_url "$hub")/login"
	fi
	curl -sS --fail --cacert "$LAYOUT/ca/ca.pem" -b "$jar" -c "$jar" -H 'X-Requested-With: XMLHttpRequest' "$@" "$(hub_url "$hub")/$path"
}

column() { database_value "hub_$1" "SELECT $3 FROM attach WHERE hash = '$2'"; }
channel_id() { database_value "hub_$1" "SELECT channel_id FROM channel WHERE channel_address = '${NICK[$1]}'"; }

# Sends the file manager's form for one file or folder: edit <hub> <hash> [folder [name [categories [more curl arguments…]]]].
edit() {
	local hub=$1 hash=$2 folder name categories id
	folder=${3-$(column "$hub" "$hash" folder)}
	name=${4-$(column "$hub" "$hash" filename)}
	categories=${5-}
	id=$(column "$hub" "$hash" id)
	owner_page "$hub" attach_edit -o /dev/null -d "channel_id=$(channel_id "$hub")" -d "attach_id=$id" --data-urlencode "newfolder_$id=$folder" \
		--data-urlencode "newfilename_$id=$name" --data-urlencode "categories_$id=$categories" "${@:6}"
}

# Makes sure that a change was made where it was to be made: is <hub> <hash> <column> <value>.
is() { [ "$(column "$1" "$2" "$3")" = "$4" ] || { echo "hub $1 did not make the change"; return 1; }; }

upload_on() { hub_do "$1" upload "$2" "$3" "${4:-}" | sed -n 's/.*"hash":"\([^"]*\)".*/\1/p'; }
hash_of() { database_value "hub_$1" "SELECT hash FROM attach WHERE display_path = '$2'"; }

# Waits until nothing moves and the hub that receives lacks nothing.
rest() {
	local end=$((SECONDS + 100)) hub
	while :; do
		wait_quiet $((end - SECONDS)) || { echo "the hubs did not come to rest"; return 1; }
		for hub in $(hubs_with_addon); do
			[ -z "$(hub_php "$hub" addon/filesync/cli.php missing | grep -v -e '^parked' -e '^damaged' -e '^nothing is missing')" ] || continue 2
		done
		return 0
	done
}

# Compares a file, folder or photo on two hubs: alike <from> <to> <hash> [fact that may differ…].
alike() {
	hub_do "$1" rows "$3" >"$LAYOUT/scratch/rows-a.json"
	hub_do "$2" rows "$3" >"$LAYOUT/scratch/rows-b.json"
	# What core writes on its own hub: the type it finds itself, its own dates of a photo's rows.
	php "$HERE/hub/compare.php" "$LAYOUT/scratch/rows-a.json" "$LAYOUT/scratch/rows-b.json" '' "${@:4}"
}
gone() { [ "$(hub_do "$1" rows "$2" | php -r 'echo count(json_decode(stream_get_contents(STDIN), true)["chain"]);')" = 0 ] || { echo "$2 is still on $1"; return 1; }; }

# Counts since a moment: what was sent to a hub, and the bytes that it took from the other.
mark() { MARK_FROM=$(wc -l <"$LAYOUT/$1/log/access.log"); MARK_TO=$(wc -l <"$LAYOUT/$2/log/access.log"); }
packets_to() { tail -n +$((MARK_TO + 1)) "$LAYOUT/$1/log/access.log" | grep -c '"POST /zot' || true; }
bytes_from() {
	tail -n +$((MARK_FROM + 1)) "$LAYOUT/$1/log/access.log" | grep -E '"(POST /getfile |GET /getfile/|GET /dav/|GET /api/z/1.0/filedata|GET /api/z/1.0/photo)' \
		| awk '$9 == 200 || $9 == 206 { bytes += $10 } END { print bytes + 0 }'
}

# Says that nothing was fetched for a change of rows only; a hub without the addon fetches everything again.
no_bytes() {
	local bytes
	bytes=$(bytes_from "$1")
	# A hub without filesync dates what it moves, and cannot say that the bytes are the same: they are read again.
	! has_filesync "$1" || ! has_filesync "$2" || [ "$bytes" -lt 20000 ] || { echo "$bytes bytes were fetched for a change that needs none"; return 1; }
}

change_new() {
	local photo file
	file=$(upload_on "$1" "$(random_file new.bin 300001)" new.bin "$TOP-$1/new")
	photo=$(upload_on "$1" "$(photo_file new.jpg 1600 1200)" new.jpg "$TOP-$1/new")
	rest && alike "$1" "$2" "$file" && alike "$1" "$2" "$photo"
}

change_dav_new() {
	dav "$1" -X MKCOL "$(dav_url "$1" "$TOP-$1-dav")" -o /dev/null && dav "$1" -T "$(random_file dav.bin 300002)" "$(dav_url "$1" "$TOP-$1-dav/dav.bin")" -o /dev/null || return 1
	rest && alike "$1" "$2" "$(hash_of "$1" "$TOP-$1-dav/dav.bin")"
}

change_overwrite() {
	local file
	file=$(upload_on "$1" "$(random_file over.bin 300003)" over.bin "$TOP-$1")
	rest || return 1
	[ "$(column "$1" "$file" filesize)" = 300003 ] || return 1
	dav "$1" -T "$(random_file over2.bin 400004)" "$(dav_url "$1" "$TOP-$1/over.bin")" -o /dev/null || return 1
	rest && alike "$1" "$2" "$file"
}

post_of() { database_value "hub_$1" "SELECT id FROM item WHERE resource_id = '$2' AND item_deleted = 0 ORDER BY id LIMIT 1"; }

change_rotate() {
	local photo
	photo=$(upload_on "$1" "$(photo_file turn.jpg 1600 1200)" turn.jpg "$TOP-$1")
	rest || return 1
	sleep 1.1
	owner_page "$1" "photos/${NICK[$1]}/$photo" -o /dev/null -d desc=turned -d rotate=1 -d newtag= -d "item_id=$(post_of "$1" "$photo")" || return 1
	rest && alike "$1" "$2" "$photo" || return 1
	[ "$(database_value "hub_$2" "SELECT width FROM photo WHERE resource_id = '$photo' AND imgscale = 0")" = 1200 ] || { echo "it was not turned"; return 1; }
}

change_describe() {
	local photo before after
	photo=$(upload_on "$1" "$(photo_file say.jpg 1600 1200)" say.jpg "$TOP-$1")
	rest || return 1
	mark "$1" "$2"
	owner_page "$1" "photos/${NICK[$1]}/$photo" -o /dev/null -d "desc=what one sees" -d newtag= -d "item_id=$(post_of "$1" "$photo")" || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2" || return 1
	[ "$(database_value "hub_$2" "SELECT description FROM photo WHERE resource_id = '$photo' AND imgscale = 0")" = "what one sees" ] || { echo "the description did not come"; return 1; }
}

change_rename() {
	local photo
	photo=$(upload_on "$1" "$(photo_file before.jpg 1600 1200)" before.jpg "$TOP-$1")
	rest || return 1
	mark "$1" "$2"
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" "after.jpg" && is "$1" "$photo" filename after.jpg || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2"
}

# A stock hub of this version leaves its own display path stale after a rename by WebDAV (include/attach.php is right, Storage is not).
change_dav_rename() {
	local file
	file=$(upload_on "$1" "$(random_file before.bin 300005)" before.bin "$TOP-$1")
	rest || return 1
	mark "$1" "$2"
	dav "$1" -X MOVE -H "Destination: $(dav_url "$1" "$TOP-$1/later.bin")" "$(dav_url "$1" "$TOP-$1/before.bin")" -o /dev/null || return 1
	rest && alike "$1" "$2" "$file" display_path && no_bytes "$1" "$2"
}

change_move() {
	local photo folder
	photo=$(upload_on "$1" "$(photo_file moved.jpg 1600 1200)" moved.jpg "$TOP-$1")
	upload_on "$1" "$(random_file x.bin 10)" x.bin "$TOP-$1/target" >/dev/null
	rest || return 1
	folder=$(hash_of "$1" "$TOP-$1/target")
	mark "$1" "$2"
	edit "$1" "$photo" "$folder" && is "$1" "$photo" folder "$folder" || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2"
}

# A hub of this family sends nothing when a file is moved to another folder by WebDAV; one with filesync does.
change_dav_move() {
	local file
	file=$(upload_on "$1" "$(random_file davmoved.bin 300006)" davmoved.bin "$TOP-$1")
	upload_on "$1" "$(random_file x.bin 11)" y.bin "$TOP-$1/target" >/dev/null
	rest || return 1
	mark "$1" "$2"
	dav "$1" -X MOVE -H "Destination: $(dav_url "$1" "$TOP-$1/target/davmoved.bin")" "$(dav_url "$1" "$TOP-$1/davmoved.bin")" -o /dev/null || return 1
	rest || return 1
	has_filesync "$1" || { [ "$(packets_to "$2")" = 0 ] && echo "a stock hub tells nobody" && return 0; }
	alike "$1" "$2" "$file" && no_bytes "$1" "$2"
}

# Makes a folder with a file, a photo and a folder with a file: tree <hub> <name>; sets TREE_FOLDER, TREE_FILES.
tree() {
	local deep
	TREE_FILES="$(upload_on "$1" "$(random_file t1.bin 300007)" t1.bin "$TOP-$1/$2") $(upload_on "$1" "$(photo_file t2.jpg 1200 900)" t2.jpg "$TOP-$1/$2")"
	TREE_FILES="$TREE_FILES $(upload_on "$1" "$(random_file t3.bin 300008)" t3.bin "$TOP-$1/$2/deep")"
	TREE_FOLDER=$(hash_of "$1" "$TOP-$1/$2")
}
# Core dates all beneath a folder that it moves; what is told is the folder.
tree_alike() { local hash; for hash in $TREE_FILES; do alike "$1" "$2" "$hash" edited "${@:3}" || return 1; done; }

# A hub without the addon renames the folder alone: the display paths beneath it stay as they were there.
change_folder_rename() {
	tree "$1" old-name
	rest || return 1
	mark "$1" "$2"
	edit "$1" "$TREE_FOLDER" "$(column "$1" "$TREE_FOLDER" folder)" new-name && is "$1" "$TREE_FOLDER" filename new-name || return 1
	rest || return 1
	if has_filesync "$2"; then
		tree_alike "$1" "$2" && no_bytes "$1" "$2"
	else
		[ "$(column "$2" "$TREE_FOLDER" filename)" = new-name ] && tree_alike "$1" "$2" display_path album
	fi
}

change_folder_move() {
	tree "$1" wanders
	upload_on "$1" "$(random_file x.bin 12)" z.bin "$TOP-$1/home" >/dev/null
	rest || return 1
	mark "$1" "$2"
	edit "$1" "$TREE_FOLDER" "$(hash_of "$1" "$TOP-$1/home")" && is "$1" "$TREE_FOLDER" folder "$(hash_of "$1" "$TOP-$1/home")" || return 1
	rest || return 1
	tree_alike "$1" "$2" && no_bytes "$1" "$2"
}

change_copy() {
	local file id
	file=$(upload_on "$1" "$(random_file orig.bin 300009)" orig.bin "$TOP-$1")
	rest || return 1
	id=$(column "$1" "$file" id)
	edit "$1" "$file" "$(column "$1" "$file" folder)" twin.bin '' -d "copy_$id=1" || return 1
	rest && alike "$1" "$2" "$(hash_of "$1" "$TOP-$1/twin.bin")" && alike "$1" "$2" "$file"
}

change_dav_copy() {
	upload_on "$1" "$(random_file dorig.bin 300010)" dorig.bin "$TOP-$1" >/dev/null
	rest || return 1
	dav "$1" -X COPY -H "Destination: $(dav_url "$1" "$TOP-$1/dtwin.bin")" "$(dav_url "$1" "$TOP-$1/dorig.bin")" -o /dev/null || return 1
	rest && alike "$1" "$2" "$(hash_of "$1" "$TOP-$1/dtwin.bin")"
}

own_xchan() { database_value "hub_$1" "SELECT channel_hash FROM channel WHERE channel_address = '${NICK[$1]}'"; }

change_access() {
	local photo hash
	photo=$(upload_on "$1" "$(photo_file private.jpg 1200 900)" private.jpg "$TOP-$1")
	rest || return 1
	shows_file "$2" "photo/$photo-1" && shows_file "$2" "attach/$photo" || { echo "it was not public before"; return 1; }
	mark "$1" "$2"
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" private.jpg '' --data-urlencode "contact_allow[]=$(own_xchan "$1")" || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2" || return 1
	[ -n "$(column "$2" "$photo" allow_cid)" ] || { echo "the access list did not come"; return 1; }
	for hash in "photo/$photo-1" "photo/$photo-0" "attach/$photo" "cloud/${NICK[$2]}/$TOP-$1/private.jpg"; do
		! shows_file "$2" "$hash" || { echo "$hash is still shown to anybody"; return 1; }
	done
}
# Tells whether somebody who is not logged in is given a file of the hub: its bytes, whatever the status says.
shows_file() {
	local sum
	sum=$(curl -sS --cacert "$LAYOUT/ca/ca.pem" "$(hub_url "$1")/$2" | sha256sum)
	find "$(store_of "$1")" -type f -exec sha256sum {} + | grep -F "${sum%% *}" >/dev/null
}

change_access_recursive() {
	local id hash
	tree "$1" closed
	rest || return 1
	id=$(column "$1" "$TREE_FOLDER" id)
	mark "$1" "$2"
	edit "$1" "$TREE_FOLDER" "$(column "$1" "$TREE_FOLDER" folder)" closed '' --data-urlencode "contact_allow[]=$(own_xchan "$1")" -d "recurse_$id=1" || return 1
	rest && tree_alike "$1" "$2" && no_bytes "$1" "$2" || return 1
	for hash in $TREE_FILES; do
		[ -n "$(column "$2" "$hash" allow_cid)" ] || { echo "$hash is still public"; return 1; }
		! shows_file "$2" "attach/$hash" || { echo "$hash is still given to anybody"; return 1; }
	done
}

change_categories() {
	local file
	file=$(upload_on "$1" "$(random_file cat.bin 300011)" cat.bin "$TOP-$1")
	rest || return 1
	mark "$1" "$2"
	edit "$1" "$file" "$(column "$1" "$file" folder)" cat.bin "one,two" || return 1
	rest && alike "$1" "$2" "$file" && no_bytes "$1" "$2" || return 1
	[ "$(hub_do "$2" rows "$file" | grep -o '"terms":[^]]*]' | head -n 1)" = '"terms":["one/3","two/3"]' ] || { echo "the categories did not come"; return 1; }
}

change_delete() {
	local photo file
	photo=$(upload_on "$1" "$(photo_file away.jpg 1200 900)" away.jpg "$TOP-$1")
	file=$(upload_on "$1" "$(random_file away.bin 300012)" away.bin "$TOP-$1")
	rest || return 1
	dav "$1" -X DELETE "$(dav_url "$1" "$TOP-$1/away.bin")" -o /dev/null || return 1
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" away.jpg '' -d delete=1 || return 1
	rest && gone "$1" "$photo" && gone "$2" "$photo" && gone "$2" "$file" || return 1
	! has_filesync "$2" || [ "$(database_value "hub_$2" "SELECT COUNT(*) FROM item WHERE resource_id = '$photo' AND item_deleted = 0")" = 0 ] || { echo "the photo's post is still there"; return 1; }
	! has_filesync "$2" || hub_php "$2" addon/filesync/cli.php kept | grep -c away.bin >/dev/null || { echo "nothing is kept of it"; return 1; }
}

change_folder_delete() {
	local hash
	tree "$1" doomed
	rest || return 1
	dav "$1" -X DELETE "$(dav_url "$1" "$TOP-$1/doomed")" -o /dev/null || return 1
	rest || return 1
	for hash in $TREE_FILES $TREE_FOLDER; do gone "$2" "$hash" || return 1; done
}

change_twelve_at_once() {
	local n hash
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		(dav "$1" -T "$(random_file "at-once-$n.bin" $((100000 + n)))" "$(dav_url "$1" "$TOP-$1/at-once-$n.bin")" -o /dev/null) &
	done
	wait
	rest || return 1
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		hash=$(hash_of "$1" "$TOP-$1/at-once-$n.bin")
		[ -n "$hash" ] && alike "$1" "$2" "$hash" || return 1
	done
	echo "12 files"
}

# A folder of one name is made on both at the same moment, with a file in each.
change_same_folder() {
	local one other
	one=$(upload_on "$1" "$(random_file sf1.bin 100101)" sf1.bin "$TOP-$1-both") &
	wait
	for name in $1 $2; do dav "$name" -X MKCOL "$(dav_url "$name" "$TOP-$1-made")" -o /dev/null & done
	wait
	dav "$1" -T "$(random_file sf1.bin 100101)" "$(dav_url "$1" "$TOP-$1-made/one.bin")" -o /dev/null
	dav "$2" -T "$(random_file sf2.bin 100102)" "$(dav_url "$2" "$TOP-$1-made/two.bin")" -o /dev/null
	rest || return 1
	one=$(database_value "hub_$1" "SELECT hash FROM attach WHERE filename = 'one.bin' AND display_path LIKE '$TOP-$1-made%'")
	other=$(database_value "hub_$2" "SELECT hash FROM attach WHERE filename = 'two.bin' AND display_path LIKE '$TOP-$1-made%'")
	alike "$1" "$2" "$one" filename display_path album && alike "$2" "$1" "$other" filename display_path album && echo "both folders and both files on both"
}

# Another channel of the first hub, which has no clone, has the same bytes.
change_two_channels() {
	local file
	CHANNEL=Bob hub_do "$1" rows x >/dev/null 2>&1 || hub_do "$1" create-channel "$(cat "$LAYOUT/$1/account")" bob Bob >/dev/null
	file=$(upload_on "$1" "$(random_file both.bin 300013)" both.bin "$TOP-$1")
	CHANNEL=Bob hub_do "$1" upload "$LAYOUT/scratch/both.bin" both.bin "$TOP-$1" >/dev/null
	rest && alike "$1" "$2" "$file" && [ "$(database_value "hub_$2" "SELECT COUNT(*) FROM attach WHERE display_path = '$TOP-$1/both.bin'")" = 1 ]
}

change_back_and_forth() {
	local file name folder
	file=$(upload_on "$1" "$(random_file there.bin 300014)" there.bin "$TOP-$1")
	rest || return 1
	folder=$(column "$1" "$file" folder)
	for name in back.bin there.bin back.bin there.bin; do
		edit "$1" "$file" "$folder" "$name" && is "$1" "$file" filename "$name" || return 1
		rest || return 1
	done
	alike "$1" "$2" "$file"
}

# A deleted photo comes back from the hub that was told of the delete, with its post, here and where it was deleted.
change_undo() {
	local photo id
	has_filesync "$2" || { echo "only filesync keeps"; return 0; }
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
	has_filesync "$1" || { echo "only filesync makes up for it"; return 0; }
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
		mark "$1" "$2"
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

scenario_changes() {
	local name from to wrong=0 detail begin
	for name in ${CHANGE:-$CHANGES}; do
		for from in a b; do
			to=$([ $from = a ] && echo b || echo a)
			begin=$SECONDS
			mark $from $to
			if detail=$("change_${name//-/_}" $from $to 2>&1); then
				printf 'ok   %-18s %-20s (%d s) %s\n' "$name" "$(direction $from $to)" $((SECONDS - begin)) "${detail//$'\n'/; }"
			else
				printf 'FAIL %-18s %-20s (%d s) %s\n' "$name" "$(direction $from $to)" $((SECONDS - begin)) "${detail//$'\n'/; }"
				wrong=1
			fi >&3
		done
	done
	[ $wrong = 0 ]
}

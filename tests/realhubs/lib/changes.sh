# shellcheck shell=bash
# Every kind of change, made as a person makes it, on one hub and looked at on the other.
#
# A change is a function `change_<name> <from> <to>`. Each is run in both directions: with the addon on B that is once from a stock
# hub to filesync and once back; with ADDON=all both are filesync. What a hub without the addon makes of a change that it is told
# rightly is its own: where it is known to fall short, the scenario says so and looks at what can be told.
#
# Here are files and folders; changes-posts.sh has photos and the posts about them, changes-late.sh what comes late, twice or back.

FILE_CHANGES="new dav-new web-upload web-overwrite overwrite rename dav-rename move dav-move folder-rename dav-folder-rename folder-move dav-folder-move copy dav-copy
	access access-recursive categories delete folder-delete twelve-at-once same-folder two-channels back-and-forth"

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
# Where a COPY or MOVE goes. The hub's own WebDAV knows of no sub-directory; our web server takes it off the address, nobody does in a header.
dav_target() { echo "Destination: $SCHEME://$1.$DOMAIN/dav/${NICK[$1]}/$2"; }

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
			# shellcheck disable=SC2143 # grep -q would end the command before it
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
	# shellcheck disable=SC2046 # a word each, or none
	php "$HERE/hub/compare.php" "$LAYOUT/scratch/rows-a.json" "$LAYOUT/scratch/rows-b.json" '' $(loses_photos "$1" && echo lost) $(has_filesync "$2" && echo made) "${@:4}"
}
# A stock 8.9.3, and any on PostgreSQL, no longer knows where its photos are once they moved: what it sends of them is right all the same.
loses_photos() { ! has_filesync "$1" && { [ "$DB" = pgsql ] || [ "$(hub_version)" = 8.9.3 ]; }; }
hub_version() { sed -n "s/^define('STD_VERSION', *'\(.*\)');/\1/p" "$HUBZILLA_ROOT/boot.php"; }
gone() { [ "$(hub_do "$1" rows "$2" | php -r 'echo count(json_decode(stream_get_contents(STDIN), true)["chain"]);')" = 0 ] || { echo "$2 is still on $1"; return 1; }; }

# Counts from here on; what went before only made ready: mark.
mark() { local hub; for hub in $HUBS; do wc -l <"$LAYOUT/$hub/log/access.log" >"$LAYOUT/scratch/mark-$hub"; done; }
since_mark() { log_since "$1" "$(cat "$LAYOUT/scratch/mark-$1")"; }
# Prints how many packets came to a hub.
packets_to() { since_mark "$1" | grep -c '"POST /zot' || true; }
# Prints the bytes of files that a hub gave to others. Requests for tickets and facts, and their answers, are none.
bytes_from() {
	since_mark "$1" | grep -E '"(POST /getfile |GET /getfile/|GET /dav/|GET /api/z/1.0/filedata|GET /api/z/1.0/photo)' | awk '$9 == 200 || $9 == 206 { bytes += $10 } END { print bytes + 0 }'
}

# Says that no byte was fetched for a change of rows only. A hub without the addon fetches everything again; one with it reads what such
# a hub gives a new date, because its bytes may differ: no_bytes <from> <to> [dated].
no_bytes() {
	has_filesync "$2" && { has_filesync "$1" || [ "${3:-}" != dated ]; } || return 0
	[ "$(bytes_from "$1")" = 0 ] || { echo "$(bytes_from "$1") bytes were fetched for a change that needs none"; return 1; }
}

# What a change function returns where it has nothing to show, and why: skip <why>; return $SKIPPED.
SKIPPED=77
skip() { echo "$*"; return $SKIPPED; }

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

# Uploads a file as a page of the hub does, what is large in pieces: web_put <hub> <page> <path> [more curl arguments…].
web_put() {
	local piece=4194304 size name from to
	size=$(stat -c %s "$3")
	name=$(basename "$3")
	if [ "$size" -le $piece ]; then
		owner_page "$1" "$2" -F "files=@$3" "${@:4}"
		return
	fi
	for ((from = 0; from < size; from = to + 1)); do
		to=$((from + piece < size ? from + piece - 1 : size - 1))
		tail -c +$((from + 1)) "$3" | head -c $piece >"$LAYOUT/scratch/piece"
		owner_page "$1" "$2" -H "Content-Range: bytes $from-$to/$size" -F "files=@$LAYOUT/scratch/piece;filename=$name" "${@:4}" || return 1
	done
}
# The file manager's own upload: web_upload <hub> <path> <folder's hash>.
web_upload() { web_put "$1" file_upload "$2" -o /dev/null -F "channick=${NICK[$1]}" -F "folder=$3" -F "return_url=cloud/${NICK[$1]}"; }

# Prints the hash of a file that was just uploaded by a page, and says if it is not whole there: uploaded <hub> <path> [folder's path].
uploaded() {
	local hash
	hash=$(hash_of "$1" "${3:+$3/}$(basename "$2")")
	[ -n "$hash" ] && [ "$(sha_on "$1" "$hash")" = "$(sha "$2")" ] && echo "$hash"
}

change_web_upload() {
	local path hash folder
	upload_on "$1" "$(random_file x.bin 13)" x.bin "$TOP-$1/web" >/dev/null
	rest || return 1
	folder=$(hash_of "$1" "$TOP-$1/web")
	mark
	for path in "$(random_file "web-$1.bin" 300015)" "$(photo_file "web-$1.jpg" 1600 1200)" "$(random_file "pieces-$1.bin" 9000016)"; do
		web_upload "$1" "$path" "$folder" && hash=$(uploaded "$1" "$path" "$TOP-$1/web") || { echo "the page did not take $path"; return 1; }
		rest && alike "$1" "$2" "$hash" || return 1
	done
	path=$(random_file "wall-$TOP-$1.bin" 300017)
	web_put "$1" "wall_attach/${NICK[$1]}" "$path" -o /dev/null && hash=$(uploaded "$1" "$path" "$(date -u +%Y-%m)") || { echo "the editor did not take a file"; return 1; }
	rest && alike "$1" "$2" "$hash" && echo "a file, a photo, a file in pieces, a file in the editor"
}

# With the channel's own setting an upload of the same name replaces what is there. Hubs of this version lose the upload instead
# (attach_store looks the row up in a variable that it never set): then nobody else loses anything by it.
change_web_overwrite() {
	local name path file id folder replaced=0
	id=$(channel_id "$1")
	for name in again.bin again.jpg; do
		file=$(upload_on "$1" "$(photo_file first.jpg 1600 1200)" $name "$TOP-$1/again")
		rest || return 1
		folder=$(hash_of "$1" "$TOP-$1/again")
		path=$(case $name in *.bin) random_file $name 400018 ;; *) photo_file $name 1200 1600 ;; esac)
		sleep 1.1
		mark
		hub_php "$1" util/pconfig "$id" system overwrite_dup_files 1 >/dev/null
		web_upload "$1" "$path" "$folder"
		hub_php "$1" util/pconfig "$id" system overwrite_dup_files 0 >/dev/null
		rest || return 1
		if [ "$(uploaded "$1" "$path" "$TOP-$1/again")" = "$file" ]; then
			replaced=$((replaced + 1))
		else
			[ "$(sha_on "$1" "$file")" = "$(sha "$LAYOUT/scratch/first.jpg")" ] || { echo "$name is neither replaced nor as it was"; return 1; }
		fi
		# A stock hub makes a second post of a photo that is replaced, and tells nobody of it.
		# shellcheck disable=SC2046 # a word, or none
		alike "$1" "$2" "$file" $(has_filesync "$1" || echo items) || return 1
	done
	echo "$replaced of 2 replaced"
}

change_overwrite() {
	local file
	file=$(upload_on "$1" "$(random_file over.bin 300003)" over.bin "$TOP-$1")
	rest || return 1
	[ "$(column "$1" "$file" filesize)" = 300003 ] || return 1
	mark
	dav "$1" -T "$(random_file over2.bin 400004)" "$(dav_url "$1" "$TOP-$1/over.bin")" -o /dev/null || return 1
	rest && alike "$1" "$2" "$file"
}

post_of() { database_value "hub_$1" "SELECT id FROM item WHERE resource_id = '$2' AND item_deleted = 0 ORDER BY id LIMIT 1"; }

# A hub up to 8.9.3 ends in an error when a photo is renamed or moved on PostgreSQL, after its rows were changed and before anybody is told.
fails_with_photos() { [ "$DB" = pgsql ] && ! has_filesync "$1" && skip "a stock hub's own page ends in an error on PostgreSQL"; [ $? = $SKIPPED ]; }

change_rename() {
	local photo
	fails_with_photos "$1" && return $SKIPPED
	photo=$(upload_on "$1" "$(photo_file before.jpg 1600 1200)" before.jpg "$TOP-$1")
	rest || return 1
	mark
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" "after.jpg" && is "$1" "$photo" filename after.jpg || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2" dated
}

# A stock hub of this version leaves its own display path stale after a rename by WebDAV (include/attach.php is right, Storage is not).
change_dav_rename() {
	local file
	file=$(upload_on "$1" "$(random_file before.bin 300005)" before.bin "$TOP-$1")
	rest || return 1
	mark
	dav "$1" -X MOVE -H "$(dav_target "$1" "$TOP-$1/later.bin")" "$(dav_url "$1" "$TOP-$1/before.bin")" -o /dev/null || return 1
	rest && alike "$1" "$2" "$file" display_path && no_bytes "$1" "$2"
}

change_move() {
	local photo folder
	fails_with_photos "$1" && return $SKIPPED
	photo=$(upload_on "$1" "$(photo_file moved.jpg 1600 1200)" moved.jpg "$TOP-$1")
	upload_on "$1" "$(random_file x.bin 10)" x.bin "$TOP-$1/target" >/dev/null
	rest || return 1
	folder=$(hash_of "$1" "$TOP-$1/target")
	mark
	edit "$1" "$photo" "$folder" && is "$1" "$photo" folder "$folder" || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2" dated
}

# A hub of this family sends nothing when a file is moved to another folder by WebDAV; one with filesync does.
change_dav_move() {
	local file
	file=$(upload_on "$1" "$(random_file davmoved.bin 300006)" davmoved.bin "$TOP-$1")
	upload_on "$1" "$(random_file x.bin 11)" y.bin "$TOP-$1/target" >/dev/null
	rest || return 1
	mark
	dav "$1" -X MOVE -H "$(dav_target "$1" "$TOP-$1/target/davmoved.bin")" "$(dav_url "$1" "$TOP-$1/davmoved.bin")" -o /dev/null || return 1
	rest || return 1
	has_filesync "$1" || { [ "$(packets_to "$2")" = 0 ] && echo "a stock hub tells nobody" && return 0; }
	alike "$1" "$2" "$file" && no_bytes "$1" "$2"
}

# Makes a folder with a file, a photo and a folder with a file: tree <hub> <name>; sets TREE_FOLDER, TREE_FILES.
tree() {
	TREE_FILES="$(upload_on "$1" "$(random_file t1.bin 300007)" t1.bin "$TOP-$1/$2") $(upload_on "$1" "$(photo_file t2.jpg 1200 900)" t2.jpg "$TOP-$1/$2")"
	TREE_FILES="$TREE_FILES $(upload_on "$1" "$(random_file t3.bin 300008)" t3.bin "$TOP-$1/$2/deep")"
	TREE_FOLDER=$(hash_of "$1" "$TOP-$1/$2")
}
# Core dates all beneath a folder that it moves; what is told is the folder.
tree_alike() { local hash; for hash in $TREE_FILES; do alike "$1" "$2" "$hash" edited "${@:3}" || return 1; done; }

change_folder_rename() { folder_changes "$1" "$2" old-name new-name; }
change_folder_move()   { folder_changes "$1" "$2" wanders home; }
change_dav_folder_rename() { folder_changes "$1" "$2" dav-old-name dav-new-name dav; }
change_dav_folder_move()   { folder_changes "$1" "$2" dav-wanders dav-home dav; }

# A folder with all beneath it gets another name, or a place in a folder that is there: folder_changes <from> <to> <name> <new name or folder> [dav].
# A hub without the addon takes the folder's own row alone: what is beneath keeps its display path there, and its place on the disk.
folder_changes() {
	local folder name path=$4
	tree "$1" "$3"
	case $4 in *home) upload_on "$1" "$(random_file x.bin 12)" z.bin "$TOP-$1/$4" >/dev/null; path=$4/$3 ;; esac
	rest || return 1
	folder=$(column "$1" "$TREE_FOLDER" folder)
	name=$3
	case $4 in *home) folder=$(hash_of "$1" "$TOP-$1/$4") ;; *) name=$4 ;; esac
	mark
	if [ "${5:-}" = dav ]; then
		dav "$1" -X MOVE -H "$(dav_target "$1" "$TOP-$1/$path")" "$(dav_url "$1" "$TOP-$1/$3")" -o /dev/null || return 1
	else
		edit "$1" "$TREE_FOLDER" "$folder" "$name" || return 1
	fi
	is "$1" "$TREE_FOLDER" folder "$folder" && is "$1" "$TREE_FOLDER" filename "$name" || return 1
	rest || return 1
	folder_alike "$@"
}

# What of it must be the same on the other hub: folder_alike <from> <to> <name> <new name or folder> [dav].
folder_alike() {
	local hash may=
	case ${5:-}:$4 in dav:*home) has_filesync "$1" || { [ "$(packets_to "$2")" = 0 ] && echo "a stock hub tells nobody"; return; } ;; esac
	# Core leaves the display paths beneath a folder stale: where WebDAV renames it, and where it hears of a folder's new name.
	case ${5:-}:$4 in dav:*home | :*home) ;; dav:*) may="display_path album" ;; *) has_filesync "$2" || may="display_path album" ;; esac
	# shellcheck disable=SC2086 # facts, several or none
	tree_alike "$1" "$2" $may && no_bytes "$1" "$2" || return 1
	has_filesync "$2" || return 0
	for hash in $TREE_FILES; do
		[ "$(column "$2" "$hash" display_path)" = "$(path_by_folders "$2" "$hash")" ] || { echo "$hash shows $(column "$2" "$hash" display_path), its folders say $(path_by_folders "$2" "$hash")"; return 1; }
	done
}
# Prints a file's path as the names of its folders say.
path_by_folders() { hub_do "$1" rows "$2" | php -r 'echo implode("/", array_reverse(array_column(json_decode(stream_get_contents(STDIN), true)["chain"], "filename")));'; }

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
	dav "$1" -X COPY -H "$(dav_target "$1" "$TOP-$1/dtwin.bin")" "$(dav_url "$1" "$TOP-$1/dorig.bin")" -o /dev/null || return 1
	rest && alike "$1" "$2" "$(hash_of "$1" "$TOP-$1/dtwin.bin")"
}

own_xchan() { database_value "hub_$1" "SELECT channel_hash FROM channel WHERE channel_address = '${NICK[$1]}'"; }

# Asks as somebody who is not logged in; prints status, type and digest of what came: anonymous <hub> <path>.
anonymous() {
	local answer
	answer=$(curl -sS --cacert "$LAYOUT/ca/ca.pem" -o "$LAYOUT/scratch/anonymous" -w '%{http_code} %{content_type}' "$(hub_url "$1")/$2")
	echo "${answer%%;*} $(sha "$LAYOUT/scratch/anonymous")"
}
# Prints the digest of what a hub has on its disk: sha_on <hub> <hash> [scale of a photo].
sha_on() {
	hub_do "$1" rows "$2" | php -r '$rows = json_decode(stream_get_contents(STDIN), true);
		echo ($argv[1] === "" ? $rows["chain"][0] : array_column($rows["photos"], null, "imgscale")[$argv[1]])["disk"]["sha256"] ?? "none";' "${3:-}"
}
# Prints where anybody may ask for a file, and the digest of what he is to get: addresses <hub> <hash> <path of the file>.
addresses() {
	local scale sum
	sum=$(sha_on "$1" "$2")
	echo "attach/$2 $sum"
	echo "cloud/${NICK[$1]}/$3 $sum"
	echo "dav/${NICK[$1]}/$3 $sum"
	for scale in $(database_value "hub_$1" "SELECT imgscale FROM photo WHERE resource_id = '$2' AND photo_usage = 0 ORDER BY imgscale"); do
		echo "photo/$2-$scale $(sha_on "$1" "$2" "$scale")"
	done
}
# Says that anybody gets a file, right to the byte, by all its addresses: shown <hub> <hash> <path>.
shown() {
	local address sum
	while read -r address sum; do
		# What WebDAV asks of a guest first is a password.
		case $(anonymous "$1" "$address") in "200 "*" $sum" | "401 application/xml "*) ;; *) echo "$address on $1: $(anonymous "$1" "$address"), not $sum"; return 1 ;; esac
	done < <(addresses "$@")
}
# Says that nobody gets it: refused by its status, or by a page that says so where the hub knows no other refusal: hidden <hub> <hash> <path>.
hidden() {
	local address sum answer refusal='403 Forbidden|404 Not found'
	[ "$(hub_version)" != 7.8 ] || refusal="$refusal|id=\"login_nav_btn\""
	while read -r address sum; do
		answer=$(anonymous "$1" "$address")
		case $answer in
			*" $sum") echo "$address on $1 is given to anybody"; return 1 ;;
			"403 "* | "404 "*) ;;
			"401 "*) [ "${address%%/*}" = dav ] || { echo "$address on $1: $answer"; return 1; } ;;
			# Core's page tells the reason to a browser with scripts only, that of 7.8 to nobody.
			"200 text/html "*) case $address in attach/*) ;; cloud/*) grep -qE "$refusal" "$LAYOUT/scratch/anonymous" ;; *) false ;; esac \
				|| { echo "$address on $1: a page that does not refuse"; return 1; } ;;
			*) echo "$address on $1: $answer"; return 1 ;;
		esac
	done < <(addresses "$@")
}

change_access() {
	local photo file
	photo=$(upload_on "$1" "$(photo_file private.jpg 1200 900)" private.jpg "$TOP-$1")
	file=$(upload_on "$1" "$(random_file private.bin 300019)" private.bin "$TOP-$1")
	rest && shown "$2" "$photo" "$TOP-$1/private.jpg" && shown "$2" "$file" "$TOP-$1/private.bin" || return 1
	mark
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" private.jpg '' --data-urlencode "contact_allow[]=$(own_xchan "$1")" || return 1
	edit "$1" "$file" "$(column "$1" "$file" folder)" private.bin '' --data-urlencode "contact_allow[]=$(own_xchan "$1")" || return 1
	rest && alike "$1" "$2" "$photo" && alike "$1" "$2" "$file" && no_bytes "$1" "$2" || return 1
	[ -n "$(column "$2" "$photo" allow_cid)" ] || { echo "the access list did not come"; return 1; }
	hidden "$2" "$photo" "$TOP-$1/private.jpg" && hidden "$2" "$file" "$TOP-$1/private.bin" || return 1
	# And wide again.
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" private.jpg || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2" && shown "$2" "$photo" "$TOP-$1/private.jpg"
}

change_access_recursive() {
	local id hash
	tree "$1" closed
	rest || return 1
	for hash in $TREE_FILES; do shown "$2" "$hash" "$TOP-$1/closed/$(tree_path "$1" "$hash")" || return 1; done
	id=$(column "$1" "$TREE_FOLDER" id)
	mark
	edit "$1" "$TREE_FOLDER" "$(column "$1" "$TREE_FOLDER" folder)" closed '' --data-urlencode "contact_allow[]=$(own_xchan "$1")" -d "recurse_$id=1" || return 1
	rest && tree_alike "$1" "$2" && no_bytes "$1" "$2" || return 1
	for hash in $TREE_FILES; do
		[ -n "$(column "$2" "$hash" allow_cid)" ] || { echo "$hash is still public"; return 1; }
		hidden "$2" "$hash" "$TOP-$1/closed/$(tree_path "$1" "$hash")" || return 1
	done
}
# Prints a file's path beneath the folder of its tree.
tree_path() { case $(column "$1" "$2" filename) in t3.bin) echo deep/t3.bin ;; *) column "$1" "$2" filename ;; esac; }

change_categories() {
	local file
	file=$(upload_on "$1" "$(random_file cat.bin 300011)" cat.bin "$TOP-$1")
	rest || return 1
	mark
	edit "$1" "$file" "$(column "$1" "$file" folder)" cat.bin "one,two" || return 1
	rest && alike "$1" "$2" "$file" && no_bytes "$1" "$2" || return 1
	[ "$(hub_do "$2" rows "$file" | grep -o '"terms":[^]]*]' | head -n 1)" = '"terms":["one/3","two/3"]' ] || { echo "the categories did not come"; return 1; }
}

change_delete() {
	local photo file hub
	photo=$(upload_on "$1" "$(photo_file away.jpg 1200 900)" away.jpg "$TOP-$1")
	file=$(upload_on "$1" "$(random_file away.bin 300012)" away.bin "$TOP-$1")
	rest && [ -n "$(post_of "$1" "$photo")" ] && [ -n "$(post_of "$2" "$photo")" ] || { echo "the photo has no post to go with it"; return 1; }
	mark
	dav "$1" -X DELETE "$(dav_url "$1" "$TOP-$1/away.bin")" -o /dev/null || return 1
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" away.jpg '' -d delete=1 || return 1
	rest || return 1
	for hub in "$1" "$2"; do
		gone "$hub" "$photo" && gone "$hub" "$file" || return 1
		[ -z "$(post_of "$hub" "$photo")" ] || { echo "the photo's post is still on $hub"; return 1; }
	done
	! has_filesync "$2" || [ "$(hub_php "$2" addon/filesync/cli.php kept | grep -c -e "$TOP-$1/away.bin" -e "$TOP-$1/away.jpg")" = 2 ] || { echo "not all of it is kept"; return 1; }
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

# A folder of one name is made on both at the same moment, with a file in each. Both come to both; each hub numbers the other's.
change_same_folder() {
	local one other hub hash path
	for hub in $1 $2; do dav "$hub" -X MKCOL "$(dav_url "$hub" "$TOP-$1-made")" -o /dev/null & done
	wait
	dav "$1" -T "$(random_file sf1.bin 100101)" "$(dav_url "$1" "$TOP-$1-made/one.bin")" -o /dev/null && one=$(newest "$1" one.bin) || return 1
	dav "$2" -T "$(random_file sf2.bin 100102)" "$(dav_url "$2" "$TOP-$1-made/two.bin")" -o /dev/null && other=$(newest "$2" two.bin) || return 1
	rest && alike "$1" "$2" "$one" filename display_path && alike "$2" "$1" "$other" filename display_path || return 1
	for hub in $1 $2; do
		[ "$(for hash in $one $other; do path_by_folders "$hub" "$hash" | sed 's/.*-made//'; echo; done | sort | tr '\n' ' ')" = "$([ "$hub" = "$1" ] && echo "(1)/two.bin /one.bin " || echo "(1)/one.bin /two.bin ")" ] \
			|| { echo "$hub: $(path_by_folders "$hub" "$one"), $(path_by_folders "$hub" "$other")"; return 1; }
		for hash in $one $other; do
			path=$(path_by_folders "$hub" "$hash")
			[ "$(column "$hub" "$hash" display_path)" = "$path" ] || ! has_filesync "$hub" || { echo "$hub: $path is shown as $(column "$hub" "$hash" display_path)"; return 1; }
		done
	done
	echo "both folders and both files on both"
}
newest() { database_value "hub_$1" "SELECT hash FROM attach WHERE filename = '$2' ORDER BY id DESC LIMIT 1"; }

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

scenario_changes() {
	local name from to wrong=0 detail begin word
	for name in ${CHANGE:-$FILE_CHANGES $POST_CHANGES $LATE_CHANGES $BACKFILL_CHANGES}; do
		for from in a b; do
			to=$([ $from = a ] && echo b || echo a)
			begin=$SECONDS
			mark
			detail=$("change_${name//-/_}" "$from" "$to" 2>&1)
			case $? in
				0) word=ok ;;
				"$SKIPPED") word=skip ;;
				*) word=FAIL; wrong=1 ;;
			esac
			printf '%-4s %-18s %-18s %3d s, packets %d there %d back, bytes %d there %d back; %s\n' "$word" "$name" "$(direction "$from" "$to")" $((SECONDS - begin)) \
				"$(packets_to "$to")" "$(packets_to "$from")" "$(bytes_from "$from")" "$(bytes_from "$to")" "${detail//$'\n'/; }" >&3
		done
	done
	[ $wrong = 0 ]
}

# shellcheck shell=bash
# Changes of photos and of the posts about them: see changes.sh.

# shellcheck disable=SC2034 # read by what sources this
POST_CHANGES="rotate describe photo-likes photo-delete profile-photo cover-photo status-post"

change_rotate() {
	local photo
	[ "$DB" != pgsql ] || { skip "the hub's own page ends in an error on PostgreSQL"; return "$SKIPPED"; }
	photo=$(upload_on "$1" "$(photo_file turn.jpg 1600 1200)" turn.jpg "$TOP-$1")
	rest || return 1
	sleep 1.1
	turn "$1" "$photo" && rest && alike "$1" "$2" "$photo" || return 1
	[ "$(database_value "hub_$2" "SELECT width FROM photo WHERE resource_id = '$photo' AND imgscale = 0")" = 1200 ] || { echo "it was not turned"; return 1; }
}

# Turns a photo to the right on its page: turn <hub> <hash>.
turn() { owner_page "$1" "photos/${NICK[$1]}/$2" -o /dev/null -d desc=turned -d rotate=1 -d newtag= -d "item_id=$(post_of "$1" "$2")"; }

change_describe() {
	local photo
	photo=$(upload_on "$1" "$(photo_file say.jpg 1600 1200)" say.jpg "$TOP-$1")
	rest || return 1
	mark
	owner_page "$1" "photos/${NICK[$1]}/$photo" -o /dev/null -d "desc=what one sees" -d newtag= -d "item_id=$(post_of "$1" "$photo")" || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2" || return 1
	[ "$(database_value "hub_$2" "SELECT description FROM photo WHERE resource_id = '$photo' AND imgscale = 0")" = "what one sees" ] || { echo "the description did not come"; return 1; }
}

# Prints the conversation about a file: mid, verb and what each answers: thread <hub> <hash>. 7.8 calls a like by two ids, by its own on the hub
# where it was made.
thread() {
	database_value "hub_$1" "SELECT mid, verb, thr_parent FROM item WHERE uid = $(channel_id "$1") AND item_deleted = 0
		AND parent IN (SELECT id FROM item WHERE resource_id = '$2' AND resource_type = 'photo') ORDER BY mid" | { [ "$(hub_version)" = 7.8 ] && sed 's,/activity/,/item/,' | sort || cat; }
}
# Comments as the owner on the post of a photo, on a page of the hub, and likes it there, if asked: a second like would take the first back:
# converse <hub> <hash> [like].
converse() {
	local post
	post=$(post_of "$1" "$2")
	[ -n "$post" ] || { echo "no post on $1"; return 1; }
	[ "${3:-}" != like ] || owner_page "$1" "like/$post?verb=like" -o /dev/null || return 1
	# The same words twice are taken for a mistake.
	owner_page "$1" item -o /dev/null -d type=net-comment -d "profile_uid=$(channel_id "$1")" -d "parent=$post" -d "body=well seen on $1: $2" -d mimetype=text/bbcode
}

# The owner likes a photo and comments on it where it was received; that is seen where it came from, and the other way round.
change_photo_likes() {
	local photo hub threads
	photo=$(upload_on "$1" "$(photo_file liked.jpg 1200 900)" liked.jpg "$TOP-$1")
	rest || return 1
	mark
	for hub in $2 $1; do
		# shellcheck disable=SC2046 # a word, or none
		converse "$hub" "$photo" $([ "$hub" = "$1" ] || echo like) && rest || return 1
		threads=$(thread "$hub" "$photo")
		[ "$threads" = "$(thread "$([ "$hub" = "$1" ] && echo "$2" || echo "$1")" "$photo")" ] || { echo "said on $hub: $(diff <(thread "$1" "$photo") <(thread "$2" "$photo"))"; return 1; }
	done
	[ "$(cut -f2 <<<"$threads" | sed 's,.*/,,' | sort | tr '\n' ' ')" = 'like post post post ' ] || { echo "$threads"; return 1; }
	alike "$1" "$2" "$photo" && no_bytes "$1" "$2" && echo "a like, two comments"
}

# A photo is deleted that was liked and commented on on both hubs: the conversation goes with it.
change_photo_delete() {
	local photo hub
	photo=$(upload_on "$1" "$(photo_file discussed.jpg 1200 900)" discussed.jpg "$TOP-$1")
	rest && converse "$2" "$photo" like && rest && converse "$1" "$photo" && rest || return 1
	[ "$(thread "$1" "$photo" | wc -l) $(thread "$2" "$photo" | wc -l)" = '4 4' ] || { echo "the conversation is not on both"; return 1; }
	mark
	edit "$1" "$photo" "$(column "$1" "$photo" folder)" discussed.jpg '' -d delete=1 || return 1
	rest || return 1
	for hub in $1 $2; do
		gone "$hub" "$photo" || return 1
		# A stock hub that is told drops a photo's post only as long as nobody answered it.
		! has_filesync "$hub" && [ "$hub" = "$2" ] || [ -z "$(thread "$hub" "$photo")" ] || { echo "still said on $hub: $(thread "$hub" "$photo" | wc -l) posts"; return 1; }
	done
}

change_profile_photo() { new_look "$1" "$2" profile_photo 4; }
change_cover_photo()   { new_look "$1" "$2" cover_photo 7; }

# A post with a picture, written in the editor: the clone has it once, and so has a follower on a hub without a clone (hub D).
change_status_post() {
	local path name said hash hub body url wanted
	case " $HUBS " in *' d '*) follow "$1" || return 1 ;; esac
	name=status-$TOP-$1.jpg
	path=$(photo_file "$name" 1600 1200)
	mark
	said=$(web_put "$1" "wall_attach/${NICK[$1]}" "$path" | php -r 'echo json_decode(stream_get_contents(STDIN), true)["message"] ?? "";')
	hash=$(newest "$1" "$name")
	[ -n "$hash" ] && [ -n "$said" ] || { echo "the editor did not take the picture"; return 1; }
	owner_page "$1" item -o /dev/null -d type=wall -d "profile_uid=$(channel_id "$1")" -d mimetype=text/bbcode -d 'contact_allow[]=' -d 'group_allow[]=' \
		-d 'contact_deny[]=' -d 'group_deny[]=' --data-urlencode "body=Good morning from $1 $TOP $said" || return 1
	rest && alike "$1" "$2" "$hash" || return 1
	for hub in $HUBS; do
		body=$(database_value "hub_$hub" "SELECT body FROM item WHERE uid = $(channel_id "$hub") AND item_deleted = 0 AND body LIKE 'Good morning from $1 $TOP %'")
		[ "$(grep -c 'Good morning' <<<"$body")" = 1 ] || { echo "$(grep -c 'Good morning' <<<"$body") such posts on $hub"; return 1; }
		url=$(grep -o "https*://[^]]*photo/$hash-[0-9][^]]*" <<<"$body" | head -1)
		# A clone shows its own picture, which it may have made of the photo itself, a follower that of the hub where it was posted.
		case $hub in "$1") wanted=$1 ;; "$2") has_filesync "$2" && wanted=$2 || wanted= ;; *) wanted=$1 ;; esac
		[ -z "$wanted" ] || [ "${url#"$(hub_url "$wanted")/"}" != "$url" ] || { echo "the post on $hub shows ${url:-no picture}"; return 1; }
		is_picture "$url" "$(sha_on "${wanted:-$1}" "$hash" "$(sed 's/.*photo\/[^.]*-\([0-9]\).*/\1/' <<<"$url")")" || { echo "$url does not load"; return 1; }
	done
	echo "the post once on $(wc -w <<<"$HUBS") hubs"
}
is_picture() {
	[ "$(curl -sS --cacert "$LAYOUT/ca/ca.pem" -o "$LAYOUT/scratch/picture" -w '%{http_code} %{content_type}' "$1") $(sha "$LAYOUT/scratch/picture")" = "200 image/jpeg $2" ]
}
# Has the channel on hub D connect with ours, and ours with it, once.
follow() {
	[ "$(database_value hub_d "SELECT COUNT(*) FROM abook WHERE abook_self = 0 AND abook_pending = 0")" = 0 ] || return 0
	owner_page a "follow?url=${NICK[d]}@d.$DOMAIN" -o /dev/null
	rest
	owner_page d "follow?url=${NICK[a]}@a.$DOMAIN" -o /dev/null
	rest
	[ "$(database_value hub_d "SELECT COUNT(*) FROM abook WHERE abook_self = 0 AND abook_pending = 0")" = 1 ] || { echo "the follower could not connect"; return 1; }
}

# Changes of photos and of the posts about them: see changes.sh.

POST_CHANGES="rotate describe"

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
	mark
	owner_page "$1" "photos/${NICK[$1]}/$photo" -o /dev/null -d "desc=what one sees" -d newtag= -d "item_id=$(post_of "$1" "$photo")" || return 1
	rest && alike "$1" "$2" "$photo" && no_bytes "$1" "$2" || return 1
	[ "$(database_value "hub_$2" "SELECT description FROM photo WHERE resource_id = '$photo' AND imgscale = 0")" = "what one sees" ] || { echo "the description did not come"; return 1; }
}


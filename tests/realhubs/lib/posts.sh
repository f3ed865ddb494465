# shellcheck shell=bash
# The posts around files and photos: they arrive on hub B with B's own URLs, signed by the channel, and nothing of them is lost.

# shellcheck disable=SC2034 # read by what sources this
POST_SCENARIOS="posts profile-photo cover-photo early-comment further-posts file-share import-chain import-file all-posts pages"

# Compares all posts of the channel on both hubs: compare_posts [mid that B must have…].
compare_posts() { posts_alike a b "$@"; }

# The same from one hub to another: posts_alike <from> <to> [mid that it must have…]. ONLY=1 compares just those.
posts_alike() {
	hub_do "$1" scan-posts "$(hub_url "$2")" "${NICK[$2]}" >"$LAYOUT/scratch/posts-a.json"
	hub_do "$2" scan-posts "$(hub_url "$1")" "${NICK[$1]}" >"$LAYOUT/scratch/posts-b.json"
	ONLY=${ONLY:-} php "$HERE/hub/compare-posts.php" "$LAYOUT/scratch/posts-a.json" "$LAYOUT/scratch/posts-b.json" "$(hub_url "$1")" "$(hub_url "$2")" "${@:3}"
}

# Prints the mids in an action's answer.
mids() { grep -o "$(hub_url a)/[a-z]*/[0-9a-f-]*" | sort -u; }

# Prints the mids of a hub's posts that a condition finds.
posts_of() { database_value "hub_$1" "SELECT mid FROM item WHERE item_deleted = 0 AND ($2) ORDER BY id"; }
posts_of_a() { posts_of a "$1"; }

scenario_posts() {
	local hash mids
	hash=$(give "$(photo_file posts.jpg 1600 1200)" posts.jpg "$TOP")
	settle || return 1
	mids=$(hub_do a post-thread "$hash") || { echo "$mids"; return 1; }
	# shellcheck disable=SC2046 # mids, several
	settle && compare_posts $(mids <<<"$mids") $(posts_of_a "resource_id = '$hash'")
}

scenario_profile_photo() { new_look a b profile_photo 4; }
scenario_cover_photo()   { new_look a b cover_photo 7; }

# Sets a photo by a page of the hub, another, and none: its crops and the post about it arrive, the crops are in use and no more:
# new_look <from> <to> <page> <first scale of the crops>.
new_look() {
	local first hash each used
	first=$(set_photo "$1" "$3" "$(photo_file first.jpg 900 700)")
	rest && looks "$1" "$2" "$3" "$4" "$first" || return 1
	hash=$(set_photo "$1" "$3" "$(photo_file second.jpg 800 900)")
	rest && looks "$1" "$2" "$3" "$4" "$hash" "$first" || return 1
	# A stock hub tells no clone of the post, and its clone does not ask.
	# shellcheck disable=SC2046 # mids, several
	! has_filesync "$2" || ONLY=1 posts_alike "$1" "$2" $(posts_of "$1" "body LIKE '%$hash%' OR body LIKE '%$first%'") || return 1
	owner_page "$1" "$3" -o /dev/null -d "form_security_token=$(form_token "$1" "$3")" -d "profile=$(default_profile "$1")" -d remove=1 || return 1
	rest || return 1
	# shellcheck disable=SC2046 # a word, or none
	for each in "$first" "$hash"; do alike "$1" "$2" "$each" content $(has_filesync "$2" || [ "$3" = cover_photo ] || echo crops) || { echo "after it was removed: $each"; return 1; }; done
	used=$(in_use "$2" "$4" "$hash")$(in_use "$1" "$4" "$hash")
	[ -z "$used" ] || { echo "still in use: $used"; return 1; }
	[ "$3" != profile_photo ] || [ "$(anonymous "$2" "photo/profile/l/$(channel_id "$2")" | cut -d' ' -f3)" != "$(sha_on "$2" "$hash" 4)" ] || { echo "the avatar is still the old one"; return 1; }
}

# What is in use on the other hub is this photo: looks <from> <to> <page> <first scale> <hash> [hash of the one before].
looks() {
	local each used cut=$1
	# A hub without the addon that hears of the new avatar before the packet fetches the avatar and cuts crops of its own from it.
	has_filesync "$2" || [ "$3" = cover_photo ] || cut=$2
	# Profile crops that a hub made itself lie elsewhere in its store.
	# shellcheck disable=SC2046 # a word, or none
	for each in "${@:5}"; do alike "$1" "$2" "$each" content $([ "$cut" = "$1" ] || echo crops) || { echo "crops of $each"; return 1; }; done
	used=$(in_use "$2" "$4" "$5")
	[ "$used" = "$4 $(($4 + 1)) $(($4 + 2)) " ] || { echo "in use on $2: $used"; return 1; }
	[ -z "${6:-}" ] || [ -z "$(in_use "$2" "$4" "$6")" ] || { echo "the one before is still in use on $2"; return 1; }
	[ "$3" = cover_photo ] || [ "$(anonymous "$2" "photo/profile/l/$(channel_id "$2")")" = "200 image/jpeg $(sha_on "$cut" "$5" 4)" ] || { echo "$2 does not show it"; return 1; }
}
in_use() { database_value "hub_$1" "SELECT imgscale FROM photo WHERE photo_usage > 0 AND imgscale >= $2 AND resource_id = '$3' ORDER BY imgscale" | tr '\n' ' '; }
default_profile() { database_value "hub_$1" "SELECT id FROM profile WHERE is_default = 1 AND uid = $(channel_id "$1")"; }

# The thread of a photo is whole before its bytes come.
scenario_early_comment() {
	local path hash mids posts
	path=$(photo_file early.jpg 1200 900)
	hold_bytes a
	[ "$ADDON" = 0 ] || {
		hub_php b addon/filesync/cli.php config set retry_most_seconds 2
		hub_php b addon/filesync/cli.php config set linger_seconds 0
	}
	hash=$(give "$path" early.jpg "$TOP")
	wait_quiet 60
	mids=$(hub_do a comment "$hash" | mids)
	wait_quiet 60
	# shellcheck disable=SC2086 # mids, several
	posts=$(compare_posts $mids) || { echo "before the bytes: $posts"; let_bytes_go a; return 1; }
	hub_do b rows "$hash" | grep -q '"chain":\[\]' || { echo "B shows a photo that has no bytes"; let_bytes_go a; return 1; }
	let_bytes_go a
	sleep 3
	ten_minutes_later b
	# shellcheck disable=SC2086 # mids, several
	settle && equal "$hash" "$(sha "$path")" && compare_posts $mids
}

# A stock hub makes a second post of a photo that is overwritten. Its file packets hold one of them; a comment brings no post with it.
scenario_further_posts() {
	local path hash mids
	hash=$(give "$(photo_file further.jpg 1000 800)" further.jpg "$TOP")
	settle || return 1
	sleep 1.1
	path=$(photo_file further.jpg 800 1000)
	put "$path" "$TOP/further.jpg" || return 1
	settle || return 1
	mids=$(hub_do a comment "$hash" | mids)
	[ "$(wc -l <<<"$mids")" = 4 ] || { echo "A has no two posts: $mids"; return 1; }
	settle || return 1
	hub_do a send-posts "$hash" >/dev/null
	# shellcheck disable=SC2086 # mids, several
	settle && equal "$hash" "$(sha "$path")" && compare_posts $mids
}

# A file shared with a post when it was uploaded.
scenario_file_share() {
	local path hash
	path=$(random_file shared.bin 12345)
	hash=$(give "$path" shared.bin "$TOP/shared" notify)
	# shellcheck disable=SC2046 # mids, several
	settle && equal "$hash" "$(sha "$path")" && compare_posts $(posts_of_a "resource_id = '$hash'")
}

# A channel that has files, photos and posts with comments is cloned to hub B over the network: the hub's own pages of posts and of files.
scenario_import_chain() {
	[ -z "$SUBDIR" ] || { skip "the hub's own import asks no hub in a sub-directory"; return; }
	[ "$DB" != pgsql ] || [ "$(hub_version)" != 7.8 ] || { skip "7.8 on PostgreSQL lists no files to an import"; return; }
	[ "$SCHEME" = https ] || { skip "hubs refuse the pages of their own import over http"; return; }
	local -A NICK=([a]=carol [b]=$([ "${NICK[b]}" = "${NICK[a]}" ] && echo carol || echo caroline))
	local -x CHANNEL=Carol
	local file photo
	channel_with_posts || return 1
	hub_do b import-channel "$(cat "$LAYOUT/b/account")" "carol@a.$DOMAIN" "${NICK[b]}" posts >/dev/null
	wait_quiet 120
	settle || return 1
	# shellcheck disable=SC2046 # mids, several
	equal "$file" && equal "$photo" && compare_posts $(posts_of_a "uid = (SELECT channel_id FROM channel WHERE channel_address = 'carol')")
}

# The same from a file with posts. It holds no posts of files and photos; they come with the files.
scenario_import_file() {
	local -A NICK=([a]=dora [b]=$([ "${NICK[b]}" = "${NICK[a]}" ] && echo dora || echo dorothea))
	local -x CHANNEL=Dora
	local file photo
	channel_with_posts || return 1
	hub_do a export-channel "$LAYOUT/scratch/dora.json" items >/dev/null
	hub_do b import-channel "$(cat "$LAYOUT/b/account")" "$LAYOUT/scratch/dora.json" "${NICK[b]}" posts >/dev/null
	settle || return 1
	hub_do a resend "$file" 1 >/dev/null && hub_do a resend "$photo" 1 >/dev/null
	# shellcheck disable=SC2046 # mids, several
	settle && equal "$file" && equal "$photo" && compare_posts $(posts_of_a "uid = (SELECT channel_id FROM channel WHERE channel_address = 'dora')")
}

# Makes the channel $CHANNEL on hub A, with a file that was shared and a photo with its thread; sets `file` and `photo`.
channel_with_posts() {
	hub_do a create-channel "$(cat "$LAYOUT/a/account")" "${NICK[a]}" "$CHANNEL" >/dev/null || { echo "no channel $CHANNEL"; return 1; }
	file=$(give "$(random_file "$CHANNEL.bin" 300000)" "$CHANNEL.bin" "$TOP/one/two" notify)
	photo=$(give "$(photo_file "$CHANNEL.jpg" 1600 1200)" "$CHANNEL.jpg" "$TOP/pictures")
	hub_do a post-thread "$photo" >/dev/null && wait_quiet 60
}

# Everything that the scenarios before left.
scenario_all_posts() { compare_posts; }

# In a browser hub B's pages show the photo, and hub A is asked for nothing.
scenario_pages() {
	local browser colour=e0107f hash path page seen
	browser=$(a_browser) || { echo "skipped, no Chromium here"; return 0; }
	path=$LAYOUT/scratch/plain.png
	php -r '[, $path, $rgb] = $argv; $i = imagecreatetruecolor(640, 480); imagefill($i, 0, 0, hexdec($rgb)); imagepng($i, $path);' "$path" $colour
	chmod 644 "$path"
	hash=$(give "$path" plain.png "$TOP")
	settle || return 1
	hub_do a post-thread "$hash" >/dev/null
	settle || return 1
	for page in "channel/${NICK[b]}" "photos/${NICK[b]}/image/$hash"; do
		browse "$browser" "$(hub_url b)/$page" "$LAYOUT/scratch/${page%%/*}" || { echo "$page does not come to rest"; return 1; }
		seen="${seen:-}${page%%/*}: $(php "$HERE/hub/seen.php" "$LAYOUT/scratch/${page%%/*}.png" "$LAYOUT/scratch/${page%%/*}.netlog" \
			"$(hub_url b)" "$(hub_url a)" "$hash" $colour)" || { echo "$seen"; return 1; }
		seen="$seen; "
	done
	echo "${seen%; }"
}

a_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

# Renders a page, to <name>.png, <name>.images (see hub/browse.php) and <name>.netlog: browse <browser> <url> <name> [width,height]. In a wide window a
# cover photo hides the posts until one scrolls.
browse() {
	local profile status
	profile=$(mktemp -d)
	rm -f "$3.png" "$3.images" "$3.netlog"
	timeout 90 php "$HERE/hub/browse.php" "$3" "$2" "$1" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --ignore-certificate-errors --user-data-dir="$profile" --log-net-log="$3.netlog" \
		--window-size="${4:-740,2400}" >"$LAYOUT/log/browser.log" 2>&1
	status=$?
	rm -rf "$profile"
	return $status
}

# Prints the token of the form on a page of a hub: form_token <hub> <path>.
form_token() { owner_page "$1" "$2" | sed -n "s/.*name=.form_security_token. value='\([^']*\)'.*/\1/p" | head -1; }

# Sets a photo as profile_photo or cover_photo by the hub's own pages, cropped, and prints its hash: set_photo <hub> <page> <file>.
set_photo() {
	local hash
	owner_page "$1" "$2" -o /dev/null -F "form_security_token=$(form_token "$1" "$2")" -F "profile=$(default_profile "$1")" -F "userfile=@$3;type=image/jpeg"
	hash=$(database_value "hub_$1" "SELECT hash FROM attach WHERE is_photo = 1 ORDER BY id DESC LIMIT 1")
	crop_photo "$1" "$2" "$hash"
	echo "$hash"
}
# The same with a photo that the hub has: crop_photo <hub> <page> <hash>.
crop_photo() {
	owner_page "$1" "$2/$3-$([ "$2" = profile_photo ] && echo 3 || echo 0)" -o /dev/null -d "form_security_token=$(form_token "$1" "$2")" -d cropfinal=1 \
		-d "profile=$(default_profile "$1")" -d xstart=10 -d ystart=20 -d xfinal=210 -d yfinal="$([ "$2" = profile_photo ] && echo 220 || echo 92)"
}

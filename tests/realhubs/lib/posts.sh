# The posts around files and photos: they arrive on hub B with B's own URLs, signed by the channel, and nothing of them is lost.

POST_SCENARIOS="posts profile-photo cover-photo early-comment further-posts file-share import-chain import-file all-posts pages"

# Compares all posts of the channel on both hubs: compare_posts [mid that B must have…].
compare_posts() {
	hub_do a scan-posts "$(hub_url b)" "${NICK[b]}" >"$LAYOUT/scratch/posts-a.json"
	hub_do b scan-posts "$(hub_url a)" "${NICK[a]}" >"$LAYOUT/scratch/posts-b.json"
	php "$HERE/hub/compare-posts.php" "$LAYOUT/scratch/posts-a.json" "$LAYOUT/scratch/posts-b.json" "$(hub_url a)" "$@"
}

# Prints the mids in an action's answer.
mids() { grep -o "$(hub_url a)/[a-z]*/[0-9a-f-]*" | sort -u; }

# Prints the mids of hub A's posts that a condition finds.
posts_of_a() { database_value hub_a "SELECT mid FROM item WHERE item_deleted = 0 AND ($1) ORDER BY id"; }

scenario_posts() {
	local hash mids
	hash=$(give "$(photo_file posts.jpg 1600 1200)" posts.jpg "$TOP")
	settle || return 1
	mids=$(hub_do a post-thread "$hash") || { echo "$mids"; return 1; }
	settle && compare_posts $(mids <<<"$mids") $(posts_of_a "resource_id = '$hash'")
}

scenario_profile_photo() { new_look profile_photo 4; }
scenario_cover_photo()   { new_look cover_photo 7; }

# Sets a new photo by a page of the hub: its crops and the post about it arrive: new_look <page> <first scale of the crops>.
new_look() {
	local first hash sha scales
	sign_in || return 1
	first=$(set_photo "$1" "$(photo_file first.jpg 900 700)")
	settle || return 1
	hash=$(set_photo "$1" "$(photo_file second.jpg 800 900)")
	settle || return 1
	for sha in "$first" "$hash"; do
		# Profile crops that a hub made itself lie elsewhere in its store.
		equal "$sha" '' content || { echo "crops of $sha"; return 1; }
	done
	scales=$(database_value hub_b "SELECT imgscale FROM photo WHERE photo_usage > 0 AND imgscale >= $2 AND resource_id = '$hash' ORDER BY imgscale" | tr '\n' ' ')
	[ "$scales" = "$2 $(($2 + 1)) $(($2 + 2)) " ] || { echo "in use on B: $scales"; return 1; }
	compare_posts $(posts_of_a "body LIKE '%$hash%' OR body LIKE '%$first%'")
}

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
	posts=$(compare_posts $mids) || { echo "before the bytes: $posts"; let_bytes_go a; return 1; }
	hub_do b rows "$hash" | grep -q '"chain":\[\]' || { echo "B shows a photo that has no bytes"; let_bytes_go a; return 1; }
	let_bytes_go a
	sleep 3
	ten_minutes_later b
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
	settle && equal "$hash" "$(sha "$path")" && compare_posts $mids
}

# A file shared with a post when it was uploaded.
scenario_file_share() {
	local path hash
	path=$(random_file shared.bin 12345)
	hash=$(give "$path" shared.bin "$TOP/shared" notify)
	settle && equal "$hash" "$(sha "$path")" && compare_posts $(posts_of_a "resource_id = '$hash'")
}

# A channel that has files, photos and posts with comments is cloned to hub B over the network: the hub's own pages of posts and of files.
scenario_import_chain() {
	local -A NICK=([a]=carol [b]=$([ "${NICK[b]}" = "${NICK[a]}" ] && echo carol || echo caroline))
	local -x CHANNEL=Carol
	local file photo
	channel_with_posts || return 1
	hub_do b import-channel "$(cat "$LAYOUT/b/account")" "carol@a.$DOMAIN" "${NICK[b]}" posts >/dev/null
	wait_quiet 120
	settle || return 1
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
	browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "skipped, no Chromium here"; return 0; }
	path=$LAYOUT/scratch/plain.png
	php -r '[, $path, $rgb] = $argv; $i = imagecreatetruecolor(640, 480); imagefill($i, 0, 0, hexdec($rgb)); imagepng($i, $path);' "$path" $colour
	chmod 644 "$path"
	hash=$(give "$path" plain.png "$TOP")
	settle || return 1
	hub_do a post-thread "$hash" >/dev/null
	settle || return 1
	for page in "channel/${NICK[b]}" "photos/${NICK[b]}/image/$hash"; do
		browse "$browser" "$(hub_url b)/$page" "$LAYOUT/scratch/${page%%/*}"
		seen="${seen:-}${page%%/*}: $(php "$HERE/hub/seen.php" "$LAYOUT/scratch/${page%%/*}.png" "$LAYOUT/scratch/${page%%/*}.netlog" \
			"$(hub_url b)" "$(hub_url a)" "$hash" $colour)" || { echo "$seen"; return 1; }
		seen="$seen; "
	done
	echo "${seen%; }"
}

# Renders a page, to <name>.png and <name>.netlog: browse <browser> <url> <name>. In a wide window a cover photo hides the posts until one scrolls.
browse() {
	local profile
	profile=$(mktemp -d)
	rm -f "$3.png" "$3.netlog"
	timeout 90 "$1" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync \
		--ignore-certificate-errors --user-data-dir="$profile" --log-net-log="$3.netlog" --window-size=740,2400 --virtual-time-budget=8000 \
		--screenshot="$3.png" "$2" >"$LAYOUT/log/browser.log" 2>&1
	rm -rf "$profile"
}

# Logs the owner in at hub A with a cookie jar of the scenario's own, as a browser does.
sign_in() {
	JAR=$LAYOUT/scratch/cookies-$BASHPID
	rm -f "$JAR"
	page login -d auth-params=login -d "main_login_username=admin@a.$DOMAIN" -d main_login_password=realhubs >/dev/null
	[ -n "$(form_token profile_photo)" ] || { echo "cannot log in at hub A"; return 1; }
}

# Asks hub A for a page as the owner: page <path> [curl option…].
page() { curl -sS -L --cacert "$LAYOUT/ca/ca.pem" -b "$JAR" -c "$JAR" "${@:2}" "$(hub_url a)${BEHIND_RELAY:-}/$1"; }

# Prints the token of the form on a page of hub A: form_token <path>.
form_token() { page "$1" | sed -n "s/.*name=.form_security_token. value='\([^']*\)'.*/\1/p" | head -1; }

# Sets a photo as profile_photo or cover_photo at hub A by the hub's own pages, cropped, and prints its hash: set_photo <page> <file>.
set_photo() {
	local hash profile
	profile=$(database_value hub_a "SELECT id FROM profile WHERE is_default = 1 AND uid = (SELECT channel_id FROM channel WHERE channel_address = '${NICK[a]}')")
	page "$1" -F "form_security_token=$(form_token "$1")" -F "profile=$profile" -F "userfile=@$2;type=image/jpeg" >/dev/null
	hash=$(database_value hub_a "SELECT hash FROM attach WHERE is_photo = 1 ORDER BY id DESC LIMIT 1")
	page "$1/$hash-$([ "$1" = profile_photo ] && echo 3 || echo 0)" -d "form_security_token=$(form_token "$1")" -d cropfinal=1 \
		-d "profile=$profile" -d xstart=10 -d ystart=20 -d xfinal=210 -d yfinal=$([ "$1" = profile_photo ] && echo 220 || echo 92) >/dev/null
	echo "$hash"
}

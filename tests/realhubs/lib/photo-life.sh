# shellcheck shell=bash
# One photo from its upload to its end, changed on hub A in every way that its pages offer: after each step hub B has the same scales and shows them.

# A page that a step leaves is in scratch/photo-life: what one saw (.png), and what its pictures were (.images).
scenario_photo_life() {
	local hash folder other browser crops='' posts='' scale left_out=''
	local shots=$LAYOUT/scratch/photo-life all='0 1 2 3 4 5 6 7 8 9 ' photos=photos/${NICK[b]} channel=channel/${NICK[b]}
	browser=$(a_browser) || left_out=', its pages not looked at: no Chromium here'
	rm -rf "$shots"
	mkdir -p "$shots"
	hash=$(give "$(photo_file life.jpg 1600 1200)" life.jpg "$TOP/life")
	give "$(random_file x.bin 14)" x.bin "$TOP/later" >/dev/null
	folder=$(hash_of a "$TOP/life")
	other=$(hash_of a "$TOP/later")
	lives life '0 1 2 3 ' && shows 01-upload-photo "$photos/image/$hash" photo && shows 01-upload-album "$photos/album/$folder" photo || return 1

	crop_photo a profile_photo "$hash"
	lives life '0 1 2 3 4 5 6 ' && looks a b profile_photo 4 "$hash" && shows 02-profile "$channel" avatar || return 1

	crop_photo a cover_photo "$hash"
	lives life "$all" && looks a b cover_photo 7 "$hash" && shows 03-cover "$channel" avatar cover || return 1
	crops=$(crops_on a)

	# As change_rotate: whoever asks, the page ends in an error.
	[ "$DB" = pgsql ] || {
		sleep 1.1
		turn a "$hash" && is_sized 1200x1600 && lives life "$all" && shows 04-rotate "$photos/image/$hash" photo || return 1
	}

	# A hub makes a second, hidden post of a photo that is replaced, and tells nobody.
	posts=items
	sleep 1.1
	put "$(photo_file life.jpg 1800 900)" "$TOP/life/life.jpg" && is_sized 1800x900 && lives life "$all" || return 1
	shows 05-overwrite "$photos/image/$hash" photo && shows 05-overwrite-channel "$channel" avatar cover || return 1

	if fails_with_photos a >/dev/null; then
		left_out=", not moved: $(fails_with_photos a)$left_out"
		other=$folder
	else
		edit a "$hash" "$other" && is a "$hash" folder "$other" && lives later "$all" && shows 06-move-album "$photos/album/$other" photo || return 1
		shows_no_more 06-move-old-album "$photos/album/$folder" photo && shows 06-move-photo "$photos/image/$hash" photo && shows 06-move-channel "$channel" avatar cover || return 1
	fi

	edit a "$hash" "$other" life.jpg '' -d delete=1 && rest && gone a "$hash" && gone b "$hash" || return 1
	shows_no_more 07-delete-photo "$photos/image/$hash" && shows_no_more 07-delete-album "$photos/album/$other" && shows_no_more 07-delete-channel "$channel" || return 1
	for scale in $all; do
		case $(anonymous b "photo/$hash-$scale") in "404 "*) ;; *) echo "scale $scale is still given: $(anonymous b "photo/$hash-$scale")"; return 1 ;; esac
	done
	[ "$(anonymous b "photo/profile/l/$(channel_id b)")" = "$(anonymous a "photo/profile/l/$(channel_id a)")" ] || { echo "after the delete B's avatar is not A's"; return 1; }
	[ "$DB" != pgsql ] || left_out=", not turned: the hub's own page ends in an error on PostgreSQL$left_out"
	echo "ten scales, uploaded to deleted$left_out"
}

# Says that hub B has A's scales, these and no others, in their sizes, and gives their bytes: lives <folder> <scales>. Those that are not made here (the
# photo, the crops 4 and 7) are equal to the byte.
lives() {
	local scales
	# Profile crops that a hub made itself lie elsewhere in its store; a stock hub no longer finds them once it moved the photo.
	# shellcheck disable=SC2046,SC2086 # a word each, or none
	rest && alike a b "$hash" content $posts $(has_filesync a || echo lost) || return 1
	scales=$(database_value hub_b "SELECT imgscale FROM photo WHERE resource_id = '$hash' ORDER BY imgscale" | tr '\n' ' ')
	[ "$scales" = "$2" ] || { echo "scales $scales"; return 1; }
	[ -z "$crops" ] || [ "$(crops_on b)" = "$crops" ] || { echo "the crops on B are not those that A cut"; return 1; }
	shown b "$hash" "$TOP/$1/life.jpg"
}
crops_on() { sha_on "$1" "$hash" 4 && echo && sha_on "$1" "$hash" 7; }

# Hub A has the photo in this size: is_sized <width>x<height>.
is_sized() { [ "$(size_on a 0)" = "$1" ] || { echo "hub a did not make the change: $(size_on a 0)"; return 1; }; }
size_on()  { database_value "hub_$1" "SELECT width, height FROM photo WHERE resource_id = '$hash' AND imgscale = $2" | tr '\t' x; }

# Looks at a page of hub B: look_at <name> <page>. No picture of the photo is A's.
look_at() {
	[ -n "$browser" ] || return 0
	browse "$browser" "$(hub_url b)/$2" "$shots/$1" 1280,1000 || { echo "$2 does not come to rest"; return 1; }
	! grep -F "$(hub_url a)/photo/$hash" "$shots/$1.images" || { echo "$2 shows A's picture"; return 1; }
}
# Says that a browser shows the photo, avatar or cover on a page, each scale in its size and with B's bytes: shows <name> <page> <what>…
shows() {
	local what scale address size found
	look_at "$1" "$2" || return 1
	[ -n "$browser" ] || return 0
	for what in "${@:3}"; do
		found=0
		while read -r _ scale address size; do
			found=1
			[ "$size" = "$(size_on b "$scale")" ] || { echo "$2 shows scale $scale in $size, not $(size_on b "$scale")"; return 1; }
			[ "$(anonymous b "$address")" = "200 image/jpeg $(sha_on b "$hash" "$scale")" ] || { echo "$address is not scale $scale"; return 1; }
		done < <(pictures "$1" | grep "^$what ")
		[ $found = 1 ] || { echo "$2 shows no $what: $(tr '\n' ' ' <"$shots/$1.images")"; return 1; }
	done
}
# Prints the pictures of the photo on a page, one a line: what it is there, scale, address, size. An album shows the profile's crop where there is one.
pictures() {
	sed -n -e "s,^$(hub_url b)/,," -e "s,^photo/$hash-\([0-6]\).*,photo \1 &,p" -e "s,^photo/$hash-\([789]\).*,cover \1 &,p" \
		-e "s,^photo/profile/l/.*,avatar 4 &,p" -e "s,^photo/profile/m/.*,avatar 5 &,p" -e "s,^photo/profile/s/.*,avatar 6 &,p" "$shots/$1.images"
}
# Says that it no longer does: shows_no_more <name> <page> [what].
shows_no_more() {
	look_at "$1" "$2" || return 1
	[ -z "$browser" ] || ! pictures "$1" | grep -F "$hash" | grep "^${3:-}" | grep -v ' 0x0$' || { echo "$2 still shows it"; return 1; }
}

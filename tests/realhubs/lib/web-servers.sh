# shellcheck shell=bash disable=SC2154,SC2034
# What a web server passes on to the doors, at the front door of a hub: bodies of every kind, names, methods, and what doctor says of it. Scenarios drop-box, upload,
# cli-restore, cli-door and page send whole sets through it:
#
#   WEB=lighttpd tests/realhubs/run web-servers drop-box upload cli-restore cli-door page

# Bytes of a file that is larger than what PHP may use.
LONG_BYTES=$((200 << 20))

scenario_web_servers() {
	local boxed password taken found remedy
	read -r boxed _ <<<"$(hubs_with_addon)"
	[ -n "$boxed" ] || return "$SKIPPED"
	php -r 'require $argv[1]; exit((int) ! class_exists("Sabre\DAV\Server"));' "$(hub_root "$boxed")/vendor/autoload.php" 2>/dev/null || { echo 'the hub has no SabreDAV'; return "$SKIPPED"; }
	password=$(hub_do "$boxed" box-password) && [ -n "$password" ] || { echo 'no password was made'; return 1; }
	hub_do "$boxed" upload "$(random_file served.bin 100000)" served.bin "$TOP-web" >/dev/null || { echo 'no file to serve'; return 1; }
	# shellcheck disable=SC2064 # known now, and no longer when it ends
	trap "let_bytes_go $boxed; hub_do $boxed box-end >/dev/null" EXIT
	bodies_arrive && methods_arrive && names_arrive && doctor_knows && bytes_are_sent_by_it
}

# Puts a file into the box; prints the status: put_there <file or -> <name> [option of curl…].
put_there() { box "$2" -T "$1" --max-time 120 -o "$LAYOUT/scratch/said" -w '%{http_code}' "${@:3}"; }
# Prints size and digest of a file in the box, as it is listed.
listed() { box "$1" -X PROPFIND -H 'Depth: 0' | php -r '$said = stream_get_contents(STDIN); preg_match("#getcontentlength>(\d+)<#", $said, $size); preg_match("#getetag>(?:&quot;|\")([0-9a-f]+)#", $said, $digest); echo $size[1] ?? "no", " ", $digest[1] ?? "";'; }
is_listed() { [ "$(listed "$2")" = "$(stat -c %s "$1") $(sha "$1")" ] || { echo "$2 is listed as $(listed "$2"), $1 has $(stat -c %s "$1") $(sha "$1")"; return 1; }; }

bodies_arrive() {
	local long short empty=$LAYOUT/scratch/empty status
	long=$(random_file long.bin "$LONG_BYTES") short=$(random_file short.bin 3000000)
	: >"$empty"
	status=$(put_there "$long" long.bin) && [ "$status" = 201 ] && is_listed "$long" long.bin || { echo "a long file: $status"; return 1; }
	status=$(put_there - chunked.bin --http1.1 -H 'Transfer-Encoding: chunked' <"$short")
	case $status in
		201) is_listed "$short" chunked.bin && taken=taken || return 1 ;;
		411) [ "$(listed chunked.bin)" = 'no ' ] && taken='refused (411)' || { echo 'a file of which nothing came is listed'; return 1; } ;;
		*) echo "without a length: $status"; return 1 ;;
	esac
	[ "$WEB" = caddy ] || [ "$taken" = taken ] || { echo "without a length: $status"; return 1; }
	status=$(put_there - nothing.bin --http1.1 -H 'Transfer-Encoding: chunked' </dev/null)
	# Those that read all of it first tell PHP that its length is 0, which is the truth.
	case $WEB-$status in *-411) [ "$(listed nothing.bin)" = 'no ' ] || return 1 ;; lighttpd-201 | apache-fpm-201) is_listed "$empty" nothing.bin || return 1 ;; *) echo "an empty one without a length: $status"; return 1 ;; esac
	# HTTP/2 has no such encoding: a body has a length, or its end. Who is refused there may be cut off while still sending.
	status=$(put_there - second.bin --http2 <"$short" 2>/dev/null)
	case $WEB-$status in *-201) is_listed "$short" second.bin || return 1 ;; caddy-411 | caddy-000) [ "$(listed second.bin)" = 'no ' ] || return 1 ;; *) echo "without a length, HTTP/2: $status"; return 1 ;; esac
	status=$(put_there "$empty" placeholder.bin) && [ "$status" = 201 ] || { echo "an empty file: $status"; return 1; }
	# Cut in the middle.
	timeout 1.5 curl -sS --cacert "$LAYOUT/ca/ca.pem" -K <(echo "user = \"${NICK[$boxed]}:$password\"") -T "$long" --limit-rate 4M "$(hub_url "$boxed")/filesync/dav/${NICK[$boxed]}/cut.bin" >/dev/null 2>&1 && { echo 'it was not cut'; return 1; }
	wait_for 60 'the cut one to be given up' nothing_arrives || return 1
	[ "$(listed cut.bin)" = 'no ' ] || { echo "a file that was cut is listed: $(listed cut.bin)"; return 1; }
	echo "$WEB: files without a length are $taken"
}
# No request is on its way in the hub's PHP.
nothing_arrives() { [ -z "$(find "$(hub_root "$boxed")/store/[data]/filesync/$(channel_id "$boxed")/upload" -path '*arriving*' -type f 2>/dev/null)" ] && [ "$(database_value "hub_$boxed" 'SELECT count(*) FROM filesync_door_entry WHERE is_whole = 0')" = 0 ]; }

# As the Finder of macOS writes a file, and what else programs for folders ask.
methods_arrive() {
	local file token status to
	file=$(random_file locked.bin 70000)
	to="$(hub_url "$boxed")/filesync/dav/${NICK[$boxed]}"
	status=$(box 'folder/' -X MKCOL -o /dev/null -w '%{http_code}') && [ "$status" = 201 ] || { echo "MKCOL: $status"; return 1; }
	token=$(box folder/locked.bin -X LOCK -H 'Content-Type: application/xml' -d '<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>' \
		-D - -o /dev/null | tr -d '\r' | sed -n 's/^[Ll]ock-[Tt]oken: //p')
	[ -n "$token" ] || { echo 'LOCK gave no token'; return 1; }
	status=$(put_there "$file" folder/locked.bin) && [ "$status" = 423 ] || { echo "PUT without the token: $status"; return 1; }
	status=$(put_there "$file" folder/locked.bin -H "If: ($token)") && [ "$status" = 204 ] || { echo "PUT with the token: $status"; return 1; }
	status=$(box folder/locked.bin -X UNLOCK -H "Lock-Token: $token" -o /dev/null -w '%{http_code}') && [ "$status" = 204 ] || { echo "UNLOCK: $status"; return 1; }
	status=$(box folder/locked.bin -X MOVE -H "Destination: $to/folder/moved%20%C3%BC.bin" -o /dev/null -w '%{http_code}') && [ "$status" = 201 ] || { echo "MOVE: $status"; return 1; }
	is_listed "$file" 'folder/moved%20%C3%BC.bin' || return 1
	status=$(box 'folder/moved%20%C3%BC.bin' -X PROPPATCH -H 'Content-Type: application/xml' -o /dev/null -w '%{http_code}' \
		-d '<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop><Z:Win32LastModifiedTime>Fri, 03 May 2024 09:00:00 GMT</Z:Win32LastModifiedTime></D:prop></D:set></D:propertyupdate>')
	[ "$status" = 207 ] || { echo "PROPPATCH: $status"; return 1; }
	status=$(box 'folder/moved%20%C3%BC.bin' -X DELETE -o /dev/null -w '%{http_code}') && [ "$status" = 204 ] || { echo "DELETE: $status"; return 1; }
	status=$(box '' -X OPTIONS -D - -o /dev/null | grep -ci '^dav:.*1') && [ "$status" = 1 ] || { echo 'OPTIONS does not say that there is WebDAV'; return 1; }
}

# Which names it keeps to itself, that doctor says so, and that it passes all on as docs/web-servers.md says.
names_arrive() {
	local refused
	refused=$(refused_names)
	echo "names refused: ${refused:-none}"
	pass_all_names || return 1
	refused=$(refused_names)
	[ -z "$refused" ] || { echo "with what is documented it refuses $refused"; return 1; }
	doctor_looks
	doctor_says ok names 'every name'
}
refused_names() {
	local name status refused=()
	for name in a.log a.LOG a.md a.out a.tgz a.tpl a.gz a.php a.PHP .hidden ._a .htaccess a%20b a%26b=c%2Bd a%3Fb%23c %5Bx%5D%25 store/a util/a .git/a index.php; do
		[ "$name" = "${name#*/}" ] || box "${name%/*}/" -X MKCOL -o /dev/null
		# Over HTTP/2 it may cut off whom it refuses.
		status=$(put_there "$LAYOUT/scratch/short.bin" "$name" --http1.1)
		case $status in 201 | 204) is_listed "$LAYOUT/scratch/short.bin" "$name" >/dev/null || refused+=("$name (another arrives)") ;; *) refused+=("$name ($status)") ;; esac
	done
	echo "${refused[*]}"
}
# Writes into the web server's settings what docs/web-servers.md says; that of lighttpd and Caddy is there already.
pass_all_names() {
	case $WEB in
		nginx) documented "$boxed" 'Drop boxes' "$([ -n "$SUBDIR" ] && echo 2 || echo 1)" ;;
		apache*) documented "$boxed" 'Drop boxes' 3 ;;
		*) return 0 ;;
	esac >"$LAYOUT/$boxed/nginx/held.conf"
	server_reload "$boxed"
}

# Has the hub's doctor look; doctor_says reads what it said.
doctor_looks() { found=$(hub_php "$boxed" addon/filesync/cli.php doctor 2>&1); true; }
# doctor_says MARK CHECK WORDS: in a line, whose remedy is in $remedy.
doctor_says() {
	local line
	line=$(grep -nE "^$1 +$2 .*$3" <<<"$found" | head -n 1)
	[ -n "$line" ] || { echo "doctor does not say $1 $2 $3: $(grep -E " $2 " <<<"$found")"; return 1; }
	remedy=$(sed -n "$((${line%%:*} + 1))s/^ *-> //p" <<<"$found")
}

# Doctor finds nothing wrong, says what is when the web server is set up wrongly, and its remedy mends that.
doctor_knows() {
	local check
	for check in reachable tickets authorization ranges headers length source private doors methods bodies; do doctor_says ok $check '' || return 1; done
	case $WEB in
		caddy) doctor_says '\?' chunked 'does not arrive' ;;
		apache) doctor_says ok chunked arrives ;;
		nginx) drops_bodies nginx.conf 's,^\(\s*\)fastcgi_buffering .*,&\nfastcgi_request_buffering off;,' 's,fastcgi_request_buffering off;,,' 'nginx: leave fastcgi_request_buffering on' ;;
		apache-fpm) drops_bodies apache.conf 's,^SetEnv proxy-sendcl 1,,' "\$a $(documented "$boxed" Apache 1 | grep sendcl)" 'SetEnv proxy-sendcl 1' && drops_lengths ;;
		lighttpd) drops_bodies lighttpd.conf 's,^server.upload-dirs,server.stream-request-body = 1\n&,' 's,^server.stream-request-body = 1,,' 'lighttpd: leave server.stream-request-body at 0' ;;
	esac
}
# drops_bodies FILE HOW MENDED WORDS: with a change of the web server's settings doctor misses a body, and its remedy names what mends it.
drops_bodies() {
	local file=$LAYOUT/$boxed/nginx/$1 status
	doctor_says ok chunked arrives || return 1
	cp "$file" "$file.good"
	sed -i "$2" "$file"
	! cmp -s "$file" "$file.good" || { echo 'nothing was changed'; return 1; }
	server_reload "$boxed"
	doctor_looks
	doctor_says '\?' chunked 'does not arrive' || return 1
	grep -qF "$4" <<<"$remedy" || { echo "the remedy does not name $4: $remedy"; return 1; }
	status=$(put_there - dropped.bin --http1.1 -H 'Transfer-Encoding: chunked' <"$LAYOUT/scratch/short.bin")
	[ "$status" = 411 ] && [ "$(listed dropped.bin)" = 'no ' ] || { echo "a body that was dropped: $status"; return 1; }
	sed -i "$3" "$file"
	server_reload "$boxed"
	doctor_looks
	doctor_says ok chunked arrives || return 1
	status=$(put_there - dropped.bin --http1.1 -H 'Transfer-Encoding: chunked' <"$LAYOUT/scratch/short.bin")
	[ "$status" = 201 ] && is_listed "$LAYOUT/scratch/short.bin" dropped.bin || { echo "it is not mended: $status"; return 1; }
	echo 'doctor names the dropped body, its remedy mends it'
}

# Without a line that docs/web-servers.md has, HEAD gives no length: doctor names that line.
drops_lengths() {
	local file=$LAYOUT/$boxed/nginx/apache.conf
	sed -i.good '/^SetEnv ap_trust_cgilike_cl 1/d' "$file"
	server_reload "$boxed"
	doctor_looks
	doctor_says WRONG length "length ''" && grep -qF 'SetEnv ap_trust_cgilike_cl 1' <<<"$remedy" || { echo "the remedy is $remedy"; return 1; }
	cp "$file.good" "$file"
	server_reload "$boxed"
	doctor_looks
	doctor_says ok length '' && echo 'and the length that HEAD lacks'
}

# It sends the bytes that clones read, as docs/web-servers.md says.
bytes_are_sent_by_it() {
	case $WEB in
		nginx | caddy) set_accel X-Accel-Redirect:/filesync-files/ ;;
		lighttpd) set_accel X-Sendfile ;;
		apache*) [ ! -f /etc/apache2/mods-available/xsendfile.load ] || set_accel X-Sendfile ;;
	esac
}
set_accel() {
	hub_php "$boxed" addon/filesync/cli.php config set x_accel "$1" >/dev/null || return 1
	doctor_looks
	doctor_says ok ranges 'sent by the web server' && doctor_says ok headers '' && doctor_says ok length ''
	local result=$?
	hub_php "$boxed" addon/filesync/cli.php config clear x_accel >/dev/null
	[ $result = 0 ] && echo 'it sends bytes itself'
	return $result
}

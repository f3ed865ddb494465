# shellcheck shell=sh
# Where the tests of make install put their hubs. Sourced.
#
# Root installs nothing in folders that others may write, and no hub is root's: where root runs the tests, their hubs lie in a folder of root's and belong to somebody else.

me=$(id -u)
if [ "$me" = 0 ]; then
	hub_user=nobody
	work=$(mktemp -d /var/lib/filesync-test.XXXXXX)
	chmod 755 "$work"
else
	hub_user=$(id -un)
	work=$(mktemp -d)
fi

# make_hub FOLDER [OWNER OF ITS CODE]: a test hub whose code is its own, no links, so that whoever runs it may read it.
make_hub() {
	php tests/testhub/bin/make-hub.php "$1" --url http://127.0.0.1:9 --nick alice >/dev/null || return 1
	find "$1" -maxdepth 1 -type l -delete
	cp -r tests/testhub/core/. "$1"
	touch "$1/.htconfig.php"
	# Where the code is another's, its database lies with what the hub writes.
	mv "$1/hub.sqlite" "$1/store/hub.sqlite"
	sed -i 's,/hub.sqlite,/store/hub.sqlite,' "$1/hub.json"
	chmod -R u=rwX,go=rX "$1"
	[ "$me" != 0 ] || chown -R "${2:-$hub_user}:" "$1"
	[ "$me" != 0 ] || chown -R "$hub_user:" "$1/store"
}

# as_user COMMAND…: runs it as the hub's user.
as_user() {
	if [ "$me" = 0 ]; then setpriv --reuid="$hub_user" --regid="$(id -g "$hub_user")" --clear-groups -- "$@"; else "$@"; fi
}

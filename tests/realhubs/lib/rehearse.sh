# shellcheck shell=bash
# A rehearsal on hub B passes and leaves no row, no file and no outgoing byte: by dumps of the whole database and listings of the whole store before and after.

# What changes on its own, or is what a rehearsal is for:
#  - the outcome that it remembers, and what follows from it; the leases' rows (their names stay, nobody holds them); notes of cron;
#  - the templates that the hub compiles when they are first shown, and its cache;
#  - the session that the hub begins for a web request, such as that for the ticket;
#  - the numbers that the database gives next.
REHEARSE_TABLES='filesync_rehearsal filesync_lease session'
REHEARSE_NOTES='filesync_standing|filesync_looked|cron_at|cron_version|planned_at'
REHEARSE_FILES='/smarty3/|/\[data\]/cache/|/\[data\]/locks/'

rehearse() { hub_php b addon/filesync/cli.php rehearse 2>&1; }

# Prints all rows of hub B: without the tables and notes above, and without the numbers.
rehearse_rows() {
	local table
	for table in $(database_tables hub_b); do
		case " $REHEARSE_TABLES " in *" $table "*) continue ;; esac
		echo "== $table"
		database_dump hub_b "$table" | grep -avE '^(--|/\*!|$|LOCK|UNLOCK)|AUTO_INCREMENT=|Dump completed' | grep -avE "[|'](${REHEARSE_NOTES})[|']" | sort
	done
}

# Prints the tables of a database: database_tables <database>.
database_tables() {
	database_value "$1" "SELECT table_name FROM information_schema.tables WHERE table_schema = '$([ "$DB" = mysql ] && echo "$1" || echo public)' ORDER BY 1"
}

# Prints all files and folders of hub B's store, with sizes and times of change.
rehearse_files() { (cd "$(hub_root b)" && find store -type f -printf '%p %s %T@\n' -o -type d -printf '%p/\n' | grep -avE "$REHEARSE_FILES" | sort); }

rehearse_look() {
	rehearse_forgotten_jobs
	# Those of requests before end on their own, whenever it is time.
	[ "$1" != before ] || echo 'DELETE FROM filesync_nonce' | database_sql hub_b
	rehearse_rows >"$LAYOUT/scratch/rehearse-rows-$1"
	rehearse_files >"$LAYOUT/scratch/rehearse-files-$1"
}

# Core keeps a job that it did where its own statement to remove it failed, for a deadlock, say, and does it again after minutes: that is now.
rehearse_forgotten_jobs() {
	# A hub of 7.8 starts a process for each job, and keeps no list of them.
	database_tables hub_b | grep -qx workerq || return 0
	[ "$(database_value hub_b 'SELECT COUNT(*) FROM workerq WHERE workerq_reservationid IS NOT NULL')" != 0 ] || return 0
	echo "UPDATE workerq SET workerq_processtimeout = '2001-01-01 00:00:00' WHERE workerq_reservationid IS NOT NULL" | database_sql hub_b
	hub_php b Zotlabs/Daemon/Master.php Queueworker >/dev/null
	wait_quiet
}

# Compares two looks: rehearse_same <before> <after>.
rehearse_same() {
	local what
	for what in rows files; do
		diff "$LAYOUT/scratch/rehearse-$what-$1" "$LAYOUT/scratch/rehearse-$what-$2" >"$LAYOUT/scratch/rehearse-diff" || {
			echo "it left $what:"
			cut -c1-300 "$LAYOUT/scratch/rehearse-diff" | head -20
			return 1
		}
	done
}

# Makes as if the leases of killed processes had run out.
rehearse_later() { echo "UPDATE filesync_lease SET expires = 0, token = ''" | database_sql hub_b; }

# Prints what went wrong in a rehearsal, or how it ended: rehearse_why <what it said>.
rehearse_why() { grep -A1 -E '^WRONG|steps in' <<<"$1" || tail -n 3 <<<"$1"; }

# Prints the steps that were not tried and could have been: hubs with PostgreSQL make no previews.
rehearse_untried() { grep 'not tried' | grep -v PostgreSQL; }

requests_to() { wc -l <"$LAYOUT/$1/log/access.log"; }

scenario_rehearse() {
	local said a b seconds
	settle || return 1
	# With its web server, so that a ticket is served; the first time also makes what stays, such as the folder for partial files.
	seconds=$SECONDS
	said=$(rehearse) || { rehearse_why "$said"; return 1; }
	[ $((SECONDS - seconds)) -lt 60 ] || { echo "it took $((SECONDS - seconds)) s"; return 1; }
	! rehearse_untried <<<"$said" || return 1
	wait_quiet || return 1
	web_down b
	rehearse_look before
	a=$(requests_to a) b=$(requests_to b)
	seconds=$SECONDS
	said=$(rehearse)
	local status=$?
	seconds=$((SECONDS - seconds))
	# What it summoned is background work of hub B.
	wait_quiet
	rehearse_look after
	web_up b
	[ $status = 0 ] || { rehearse_why "$said"; return 1; }
	rehearse_same before after || return 1
	[ "$a $b" = "$(requests_to a) $(requests_to b)" ] || { echo "requests: $(($(requests_to a) - a)) to A, $(($(requests_to b) - b)) to B"; return 1; }
	echo "$(grep -c '^ok' <<<"$said") steps in $seconds s, and nothing is left"
}

# Lets the command count its own statements, those of core and ours, and end itself before a certain one: rehearse_counts.
rehearse_counts() {
	local driver
	driver=$(hub_root b)/include/dba/dba_pdo.php
	cp "$driver" "$LAYOUT/scratch/dba_pdo.php"
	cp "$HERE/hub/count-statement.php" "$LAYOUT/actions/" && chmod 644 "$LAYOUT/actions/count-statement.php"
	# The jobs that it summons have its environment, and are the hub's.
	# shellcheck disable=SC2016 # PHP
	sed '/^\tfunction q(\$sql) {/a\
		if (getenv("COUNTER")) { require_once getenv("COUNTER"); count_statement($sql); }' "$LAYOUT/scratch/dba_pdo.php" >"$driver.new"
	chmod 644 "$driver.new"
	mv -f "$driver.new" "$driver"
	touch "$LAYOUT/scratch/statements"
	chown "$HUB_USER:" "$LAYOUT/scratch/statements"
}

rehearse_counts_no_more() {
	[ ! -f "$LAYOUT/scratch/dba_pdo.php" ] || mv -f "$LAYOUT/scratch/dba_pdo.php" "$(hub_root b)/include/dba/dba_pdo.php"
}

# Rehearses, and ends the process before a statement, 0 for none: rehearse_killed_at <statement>.
rehearse_killed_at() {
	(export COUNTER="$LAYOUT/actions/count-statement.php" STATEMENTS="$LAYOUT/scratch/statements" KILL_AT=$1 COUNT; hub_php b addon/filesync/cli.php rehearse) >/dev/null 2>&1
}

# Kills a verb before statement after statement, and looks now and then whether nothing is left: killed_at_each <verb> <kills> <each>.
# The verb gets the statement before which it ends, 0 for none; a look comes after each so many kills. COUNT=writes: every statement that may
# change something, and no fewer. KILL_FROM: the first of them. Sets killed and total, and again: so many died only at a second try.
killed_at_each() {
	local verb=$1 kills=$2 each=$3 n a at step=1 last
	killed=0 again=0
	rehearse_counts
	[ "$DB" = pgsql ] || echo 'SET GLOBAL innodb_lock_wait_timeout = 3' | database_sql hub_b
	"$verb" 0 || { echo 'it does not pass'; return 1; }
	wait_quiet
	# What cron plans for people is not its own.
	hub_php b Zotlabs/Daemon/Master.php Cronhooks >/dev/null
	wait_quiet
	total=$(cat "$LAYOUT/scratch/statements")
	[ "$total" -gt 300 ] || { echo "only $total statements were counted"; return 1; }
	last=$((total - 2))
	[ "$COUNT" = writes ] || { step=$((total / kills)) last=$((total - 20)); }
	# Nor is the next comparison with hub A, which comes due meanwhile.
	echo 'UPDATE filesync_reconcile SET next_at = next_at + 86400' | database_sql hub_b
	rehearse_look before
	a=$(requests_to a)
	for ((at = ${KILL_FROM:-$((RANDOM % step + 1))}; at <= last; at += step)); do
		"$verb" "$at"
		n=$?
		# A worker that the killed one had begun keeps its connection open, and so its locks; whoever waits for these gives up.
		[ "$n" = 137 ] || { wait_quiet; rehearse_later; again=$((again + 1)); "$verb" "$at"; n=$?; }
		[ "$n" = 137 ] || { echo "killed before statement $at of $total, it ended with $n"; return 1; }
		killed=$((killed + 1))
		echo "$at of $total" >"$LAYOUT/scratch/killed"
		rehearse_later
		n=$(database_value hub_b "SELECT COUNT(*) FROM channel WHERE channel_address LIKE 'filesync-scratch-%'")
		[ "$n" -le 1 ] || { echo "$n scratch channels after statement $at"; return 1; }
		# Now and then cron comes before the next one.
		[ $((killed % each)) != 0 ] || rehearse_swept "$at" || return 1
	done
	rehearse_swept "$at" || return 1
	[ "$a" = "$(requests_to a)" ] || { echo "$(($(requests_to a) - a)) requests to A"; return 1; }
}

# Killed before any statement, the next one removes what is left. KILLS: so many of them, spread evenly; `writes`: each that may change something,
# between two of which the database stays as it is. KILL_FROM: the first of them.
scenario_rehearse_killed() {
	local killed again total each=8 COUNT=
	[ "${KILLS:-}" != writes ] || { COUNT=writes each=25; }
	settle || return 1
	web_down b
	trap 'rehearse_counts_no_more; web_up b' EXIT
	killed_at_each rehearse_killed_at "${KILLS:-12}" "$each" || return 1
	echo "killed before $killed of $total statements, $again of them only at a second try, and nothing is left"
}

# Lets cron remove what a killed one left, and looks whether all of it is gone: rehearse_swept <statement>.
rehearse_swept() {
	hub_php b Zotlabs/Daemon/Master.php Cronhooks >/dev/null
	wait_quiet
	rehearse_later
	rehearse_look after
	rehearse_same before after || { echo "killed last before statement $1"; return 1; }
}

# While three workers fetch files of a person.
scenario_rehearse_busy() {
	local n hashes=() said workers=()
	for n in $(seq 60); do hashes+=("$(give "$(random_file "busy$n.bin" 200001)" "$TOP-busy$n.bin")"); done
	for n in 1 2 3; do
		hub_php b addon/filesync/cli.php work --until-idle --seconds 60 >/dev/null 2>&1 &
		workers+=($!)
	done
	said=$(rehearse) || { rehearse_why "$said"; return 1; }
	wait "${workers[@]}"
	settle 120 || return 1
	for n in "${hashes[@]}"; do equal "$n" || return 1; done
	[ "$(database_value hub_b "SELECT COUNT(*) FROM channel WHERE channel_address LIKE 'filesync-scratch-%'")" = 0 ] || { echo "the channel is still there"; return 1; }
	echo "$(grep -c '^ok' <<<"$said") steps beside ${#hashes[@]} files"
}

# A note that names a person's channel touches nothing of it.
scenario_rehearse_note() {
	local said id hash
	settle || return 1
	id=$(database_value hub_b "SELECT channel_id FROM channel WHERE channel_address = '${NICK[b]}'")
	hash=$(database_value hub_b "SELECT channel_hash FROM channel WHERE channel_address = '${NICK[b]}'")
	rehearse_look before
	echo "INSERT INTO filesync_scratch (nick, uid, hash, attempt, created) VALUES ('filesync-scratch-0123456789abcdef', $id, '$hash', '', 1)" | database_sql hub_b
	said=$(rehearse)
	echo "DELETE FROM filesync_scratch WHERE created = 1" | database_sql hub_b
	grep -q 'nothing of it was touched' <<<"$said" || { echo "it does not say so: $(tail -n 2 <<<"$said")"; return 1; }
	wait_quiet
	rehearse_look after
	# It asked for a ticket.
	for n in before after; do sed -i '/== filesync_\(key\|nonce\)/,/^== /d' "$LAYOUT/scratch/rehearse-rows-$n"; done
	rehearse_same before after && echo "it is named, and left alone"
}

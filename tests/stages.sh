# shellcheck shell=bash
# shellcheck disable=SC2030,SC2031 # what a row did comes back by files
# Stages of a test run, one line each with its time beside its budget: what it takes on two idle cores with all that is built once. A red one hides no other: the end
# of its log is shown, what needs it is skipped, the others run. A slow one is named at the end, and not red: it says as much about the machine as about the stage.
# Sourced. Lines come as stages end: those that run beside others come among them. `run_stages FUNCTION [MOST]` runs the stages that the function names, whose budgets may be so many seconds together. `gives WORD` before a stage says what
# it makes; `beside FUNCTION` runs a row of stages beside those that follow it, until `together`, and a row waits for what it needs of an earlier one. As many stages as
# there are cores, and one more, run at once: most wait for something much of the time. ONLY=word,word runs the stages whose names hold such a word, and those that give what these need.

stages_only=${ONLY:-}
unset ONLY
stages_folder=$(mktemp -d)
mkdir "$stages_folder/given"
: >"$stages_folder/ended"
stages_log=$stages_folder/log
stages_at_once=${STAGES_AT_ONCE:-$(($(nproc) + 1))}
# The process of each row that runs.
declare -A stages_rows_of=()
# shellcheck disable=SC2329 # the trap calls it
stages_leave() {
	for child in "${stages_rows_of[@]}"; do kill -- "-$child" 2>/dev/null; done
	rm -rf "$stages_folder"
}
trap stages_leave EXIT
trap 'exit 130' INT TERM
stages_begun=$(date +%s)
# Row 0 is that of run_stages itself. By word: the row that gives it.
declare -A stages_givers=()
stages_gives='' stages_wanted='' stages_planning='' stages_budget=0 stages_row=0 stages_rows=0

gives() { stages_gives=$1; }

# Prints the word of these that a stage should have given and did not. The first row waits for all rows, a later one for those before it: so none waits in a circle.
stages_lacks() {
	for word in "$@"; do
		row=${stages_givers[$word]:-0}
		if [ "$row" != "$stages_row" ] && [ "$row" != 0 ] && { [ "$stages_row" = 0 ] || [ "$row" -lt "$stages_row" ]; }; then
			until [ -e "$stages_folder/given/$word" ]; do
				kill -0 "${stages_rows_of[$row]}" 2>/dev/null || stages_give "$word" ''
				sleep 0.1
			done
		fi
		[ ! -e "$stages_folder/given/$word" ] || [ -s "$stages_folder/given/$word" ] || { echo "$word"; return; }
	done
}

# stages_give WORD yes|'': a word is given, or cannot be.
stages_give() {
	[ -z "$1" ] || { printf '%s' "$2" >"$stages_folder/given/.$1" && mv "$stages_folder/given/.$1" "$stages_folder/given/$1"; }
}

# stages_count passed|failed|skipped|slow NAME [WHICH TESTS]
stages_count() { printf '%s\t%s\n' "$1" "${*:2}" >>"$stages_folder/ended"; }
stages_number() { grep -c "^$1	" "$stages_folder/ended"; }

# stages_say COMMAND…: what it prints stands together.
stages_say() {
	{
		flock 8
		"$@"
	} 8>"$stages_folder/lock"
}

# stages_chosen NAME NEEDS: whether the stage shall run; while stages are planned, what it needs is noted.
stages_chosen() {
	[ -n "$stages_only" ] || return 0
	case " $stages_wanted " in *" ${stages_gives:-none of them} "*) chosen=yes ;; *) chosen='' ;; esac
	[ -n "$chosen" ] || printf '%s\n' "$stages_only" | tr , '\n' | { while read -r word; do case $1 in *"$word"*) exit 0 ;; esac; done; exit 1; } || return 1
	stages_wanted="$stages_wanted $2"
}

# skip NAME WHY
skip() {
	if [ -z "$stages_planning" ] && stages_chosen "$1" ''; then
		stages_count skipped "$1"
		stages_say printf '%-46s skipped: %s\n' "$1" "$2"
		stages_give "$stages_gives" ''
	fi
	stages_gives=''
}

# stage NAME BUDGET NEEDS COMMAND…: the budget is in seconds; NEEDS holds words that other stages give, or none.
stage() {
	name=$1 budget=$2 needs=$3
	shift 3
	if ! stages_chosen "$name" "$needs"; then
		:
	elif [ -n "$stages_planning" ]; then
		stages_budget=$((stages_budget + budget))
		[ -z "$stages_gives" ] || stages_givers[$stages_gives]=$stages_row
	else
		# shellcheck disable=SC2086 # words
		lack=$(stages_lacks $needs)
		if [ -n "$lack" ]; then
			skip "$name" "it needs $lack"
		else
			stages_run "$@"
		fi
	fi
	stages_gives=''
}

# stages_run COMMAND…: runs the stage `name` once there is room for it.
stages_run() {
	until stages_take_place; do sleep 0.1; done
	start=$(date +%s%N)
	"$@" >"$stages_log" 2>&1 9>&-
	status=$?
	exec 9>&-
	seconds=$(awk "BEGIN { print ($(date +%s%N) - $start) / 1e9 }")
	if [ $status = 0 ]; then
		stages_count passed "$name"
		stages_say printf '%-46s ok %7.1f of %4d s  %s\n' "$name" "$seconds" "$budget" "$(grep -aE '^(OK|Tests: |Number of|stub and|PHP-FPM|[0-9]+ (of [0-9]+ files|files in)|test result|real hubs|converged)' "$stages_log" | tail -n 1)"
		stages_give "$stages_gives" yes
	else
		stages_count failed "$name$(stages_which)"
		stages_say stages_failure
		stages_give "$stages_gives" ''
	fi
	[ "${seconds%.*}" -lt "$budget" ] || stages_count slow "$name"
}

# Takes one of the places of stages that run at once, as file descriptor 9; it is free again once that is closed.
stages_take_place() {
	for place in $(seq "$stages_at_once"); do
		exec 9>"$stages_folder/place-$place"
		! flock -n 9 || return 0
	done
	exec 9>&-
	return 1
}

# Prints which tests were red, the first of them: who sees the last lines alone knows where to look.
stages_which() {
	grep -aE '^([0-9]+\) |test .* \.\.\. FAILED$|FAIL |not ok )' "$stages_log" | cut -c 1-160 | head -n 5 | sed 's/^/: /' | tr -d '\n'
}

stages_failure() {
	tail -n 150 "$stages_log"
	printf '%-46s FAILED with status %d after %.1f s\n' "$name" "$status" "$seconds"
}

# beside FUNCTION: its stages run beside those that follow, in their order.
beside() {
	stages_rows=$((stages_rows + 1))
	if [ -n "$stages_planning" ]; then
		stages_row=$stages_rows
		"$1"
		stages_row=0
		return
	fi
	# A process group of its own, which can be ended with all that it runs.
	set -m
	(
		stages_row=$stages_rows stages_log=$stages_folder/log-$stages_rows
		trap stages_end_row EXIT
		"$1"
		stages_count whole "$stages_row"
	) </dev/null &
	stages_rows_of[$stages_rows]=$!
	set +m
}

# Nobody waits for what a row can give no more.
# shellcheck disable=SC2329 # a trap calls it
stages_end_row() {
	for word in "${!stages_givers[@]}"; do
		[ "${stages_givers[$word]}" != "$stages_row" ] || [ -e "$stages_folder/given/$word" ] || stages_give "$word" ''
	done
}

# Waits for the stages beside.
together() {
	[ -z "$stages_planning" ] || return 0
	for row in "${!stages_rows_of[@]}"; do
		wait "${stages_rows_of[$row]}"
		grep -qx "whole	$row" "$stages_folder/ended" || stages_count failed 'the stages beside, which did not come to their end'
	done
	stages_rows_of=()
}

# run_stages FUNCTION [MOST]: runs its stages, prints what came of all, last `N passed, M failed, K skipped`, and ends with 1 if a stage was red.
run_stages() {
	case ",$stages_only," in ,,) ;; *,,*) echo 'ONLY holds an empty word' >&2; exit 2 ;; esac
	# What a stage needs is given by an earlier one, which may need another.
	stages_planning=yes before=none
	until [ "$stages_wanted" = "$before" ]; do
		before=$stages_wanted stages_budget=0 stages_rows=0 stages_givers=()
		"$1"
		# shellcheck disable=SC2086 # words
		stages_wanted=$(printf '%s\n' $stages_wanted | sort -u | tr '\n' ' ')
	done
	stages_planning='' stages_rows=0
	if [ "$stages_budget" -gt "${2:-$stages_budget}" ]; then
		echo "the budgets of the stages are $stages_budget s together, and may be $2" >&2
		exit 2
	fi
	"$1"
	local passed failed skipped slow
	passed=$(stages_number passed) failed=$(stages_number failed) skipped=$(stages_number skipped)
	if [ $((passed + failed + skipped)) = 0 ]; then
		echo "no stage has a name with: $stages_only" >&2
		exit 2
	fi
	[ "$failed" = 0 ] || { echo red:; sed -n 's/^failed	/    /p' "$stages_folder/ended"; }
	slow=$(sed -n 's/^slow	/, /p' "$stages_folder/ended" | tr -d '\n')
	[ -z "$slow" ] || echo "longer than their budget: ${slow#, }"
	echo "all stages took $(($(date +%s) - stages_begun)) of $stages_budget s"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

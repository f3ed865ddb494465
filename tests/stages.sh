# shellcheck shell=bash
# shellcheck disable=SC2030,SC2031 # what a subshell counted comes back by a file
# Stages of a test run, one line each with its time beside its budget: what it takes on two idle cores with all that is built once. A red one hides no other: the end
# of its log is shown, what needs it is skipped, the others run. A slow one is named at the end, and not red: it says as much about the machine as about the stage.
# Sourced. Lines come as stages end: those that run beside others come among them. `run_stages FUNCTION [MOST]` runs the stages that the function names, whose budgets may be so many seconds together. `gives WORD` before a stage says what
# it makes; `beside FUNCTION` runs stages beside those that follow it, until `together`. ONLY=word,word runs the stages whose names hold such a word, and those that give what these need.

stages_only=${ONLY:-}
unset ONLY
stages_folder=$(mktemp -d)
stages_log=$stages_folder/log
stages_child=''
trap '[ -z "$stages_child" ] || kill -- "-$stages_child" 2>/dev/null; rm -rf "$stages_folder"' EXIT
trap 'exit 130' INT TERM
stages_begun=$(date +%s)
stages_passed=0 stages_failed=0 stages_skipped=0 stages_red='' stages_lacking='' stages_gives='' stages_wanted='' stages_planning='' stages_budget=0 stages_slow=''

gives() { stages_gives=$1; }

# Prints the word of these that a red stage should have given.
stages_lacks() {
	for word in "$@"; do
		case " $stages_lacking " in *" $word "*) echo "$word"; return ;; esac
	done
}

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
	[ -z "$stages_planning" ] && stages_chosen "$1" '' || { stages_gives=''; return 0; }
	stages_skipped=$((stages_skipped + 1))
	stages_say printf '%-46s skipped: %s\n' "$1" "$2"
	stages_lacking="$stages_lacking $stages_gives"
	stages_gives=''
}

# stage NAME BUDGET NEEDS COMMAND…: the budget is in seconds; NEEDS holds words that earlier stages give, or none.
stage() {
	name=$1 budget=$2 needs=$3
	shift 3
	stages_chosen "$name" "$needs" || { stages_gives=''; return 0; }
	[ -z "$stages_planning" ] || stages_budget=$((stages_budget + budget))
	[ -z "$stages_planning" ] || { stages_gives=''; return 0; }
	# shellcheck disable=SC2086 # words
	lack=$(stages_lacks $needs)
	if [ -n "$lack" ]; then
		skip "$name" "it needs $lack"
		return
	fi
	start=$(date +%s%N)
	"$@" >"$stages_log" 2>&1
	status=$?
	seconds=$(awk "BEGIN { print ($(date +%s%N) - $start) / 1e9 }")
	if [ $status = 0 ]; then
		stages_passed=$((stages_passed + 1))
		stages_say printf '%-46s ok %7.1f of %4d s  %s\n' "$name" "$seconds" "$budget" "$(grep -aE '^(OK|Tests: |Number of|stub and|PHP-FPM|[0-9]+ (of [0-9]+ files|files in)|test result|real hubs|converged)' "$stages_log" | tail -n 1)"
	else
		stages_failed=$((stages_failed + 1))
		stages_red="$stages_red
    $name$(stages_which)"
		stages_lacking="$stages_lacking $stages_gives"
		stages_say stages_failure
	fi
	[ "${seconds%.*}" -lt "$budget" ] || stages_slow="$stages_slow, $name"
	stages_gives=''
}

# Prints which tests were red, the first of them: who sees the last lines alone knows where to look.
stages_which() {
	grep -aE '^([0-9]+\) |test .* \.\.\. FAILED$|FAIL |not ok )' "$stages_log" | cut -c 1-160 | head -n 5 | sed 's/^/: /' | tr -d '\n'
}

stages_failure() {
	tail -n 150 "$stages_log"
	printf '%-46s FAILED with status %d after %.1f s\n' "$name" "$status" "$seconds"
}

# beside FUNCTION: its stages run beside those that follow, and neither learn what the others give until `together`.
beside() {
	if [ -n "$stages_planning" ]; then
		"$1"
		return
	fi
	rm -f "$stages_folder/beside"
	# A process group of its own, which can be ended with all that it runs.
	set -m
	(
		stages_log=$stages_folder/log-beside stages_passed=0 stages_failed=0 stages_skipped=0 stages_red='' stages_slow=''
		"$1"
		{
			printf '%s\n' "passed $stages_passed" "failed $stages_failed" "skipped $stages_skipped" "lacking $stages_lacking" "slow $stages_slow"
			printf '%s\n' "$stages_red" | sed -n 's/^    /red /p'
			echo ended
		} >"$stages_folder/beside"
	) </dev/null &
	stages_child=$!
	set +m
}

# Waits for the stages beside.
together() {
	[ -z "$stages_planning" ] || return 0
	wait "$stages_child"
	stages_child='' ended=''
	while read -r kind value; do
		case $kind in
			passed) stages_passed=$((stages_passed + value)) ;;
			failed) stages_failed=$((stages_failed + value)) ;;
			skipped) stages_skipped=$((stages_skipped + value)) ;;
			lacking) stages_lacking="$stages_lacking $value" ;;
			slow) stages_slow="$stages_slow${value:+, ${value#, }}" ;;
			red) stages_red="$stages_red
    $value" ;;
			ended) ended=yes ;;
		esac
	done <"$stages_folder/beside"
	if [ -z "$ended" ]; then
		stages_failed=$((stages_failed + 1)) stages_red="$stages_red
    the stages beside, which did not come to their end"
	fi
}

# run_stages FUNCTION [MOST]: runs its stages, prints what came of all, last `N passed, M failed, K skipped`, and ends with 1 if a stage was red.
run_stages() {
	case ",$stages_only," in ,,) ;; *,,*) echo 'ONLY holds an empty word' >&2; exit 2 ;; esac
	# What a stage needs is given by an earlier one, which may need another.
	stages_planning=yes before=none
	until [ "$stages_wanted" = "$before" ]; do
		before=$stages_wanted stages_budget=0
		"$1"
		# shellcheck disable=SC2086 # words
		stages_wanted=$(printf '%s\n' $stages_wanted | sort -u | tr '\n' ' ')
	done
	stages_planning=''
	if [ "$stages_budget" -gt "${2:-$stages_budget}" ]; then
		echo "the budgets of the stages are $stages_budget s together, and may be $2" >&2
		exit 2
	fi
	"$1"
	if [ $((stages_passed + stages_failed + stages_skipped)) = 0 ]; then
		echo "no stage has a name with: $stages_only" >&2
		exit 2
	fi
	[ -z "$stages_red" ] || printf 'red:%s\n' "$stages_red"
	[ -z "$stages_slow" ] || echo "longer than their budget: ${stages_slow#, }"
	echo "all stages took $(($(date +%s) - stages_begun)) of $stages_budget s"
	echo "$stages_passed passed, $stages_failed failed, $stages_skipped skipped"
	[ $stages_failed = 0 ]
	exit
}

#!/bin/sh
# A tour of the toolkit on a made-up tenant. Run it with `make demo`, which puts the binaries
# on PATH. Each command is printed before its output.
set -eu

export PAGER=cat # a tour stops for nobody

if [ -z "${SESS_SANDBOX_URL:-}" ]; then
	exec sess-sandbox run --sessions 300 --seed 7 -- sh "$0"
fi

show() {
	printf '\n$ %s\n' "$1"
	sh -c "$1"
}

if command -v jq >/dev/null 2>&1; then
	busy="jq -c 'select(.highEvents>3)'"
else
	busy="grep -E '\"highEvents\":([4-9]|[1-9][0-9])'"
fi

echo 'A tenant of 300 sessions runs on this machine. Nothing here leaves it.'
show 'sess-search --severity HIGH --state OPEN --limit 8 | sess-fmt --columns session_id,begin_time,actor_name,high_events,states'
show 'sess-search --count --state OPEN'
show "sess-search --state OPEN | $busy | sess-update --state IN_PROGRESS --note 'taken by the demo' | sess-fmt -f columns"
show 'sess-search --count --state OPEN'
show 'sess-search --state IN_PROGRESS --limit 1 | sess-show | sess-fmt -f rich'
show 'sessions --explain search --state OPEN --format csv'

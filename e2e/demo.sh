#!/usr/bin/env bash
# The main job on real input: the real binary against the AWS emulator behind the test proxy. Prints each command and its
# answer, and fails when one is not as expected. KEEP=1 leaves everything running and says how to go on by hand.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
log=$work/proxy.log

"$here/bin/testproxy" >"$work/env" 2>"$log" &
proxy=$!
finish() {
	code=$?
	if [ "$code" -ne 0 ]; then
		printf '\nThe demo FAILED (exit %s). The proxy said:\n' "$code" >&2
		tail -5 "$log" >&2 || true
	fi
	if [ -z "${KEEP:-}" ] || [ "$code" -ne 0 ]; then
		kill "$proxy" 2>/dev/null || true
		wait "$proxy" 2>/dev/null || true
		rm -rf "$work"
	fi
	exit "$code"
}
trap finish EXIT
# The first time, the emulator is installed, which takes as long as the network does. The last line of the environment
# is awaited: without all of it the commands below would reach a real account.
waited=0
until grep -q DEPLOYER_PREFERENCES_RESOLVE_IMAGES "$work/env"; do
	kill -0 "$proxy" 2>/dev/null || { cat "$log" >&2; exit 1; }
	[ "$waited" -ne 20 ] || cat "$log" >&2
	waited=$((waited + 1))
	sleep 0.2
done
# shellcheck source=/dev/null
. "$work/env"
: "${AWS_ENDPOINT_URL:?the emulator does not run}"
export HOME=$work/home AWS_REGION=us-east-1 NO_COLOR=1
unset CI DEPLOYER_ENVIRONMENT
mkdir -p "$HOME" "$work/repo/stacks"
cp -r "$here/examples/user-platform" "$work/repo/stacks/user-platform"
cd "$work/repo"
PATH=$here/bin:$PATH

# run EXIT PATTERN... -- COMMAND: the command must exit with EXIT and its output must hold every PATTERN.
run() {
	local want=$1 patterns=() out code=0
	shift
	while [ "$1" != -- ]; do patterns+=("$1"); shift; done
	shift
	printf '\n$ %s\n' "$*"
	out=$("$@" 2>&1) || code=$?
	printf '%s\n' "$out"
	if [ "$code" -ne "$want" ]; then
		printf 'expected exit code %s, got %s\n' "$want" "$code" >&2
		exit 1
	fi
	for p in "${patterns[@]}"; do
		if ! grep -qE -- "$p" <<<"$out"; then
			printf 'expected to see: %s\n' "$p" >&2
			exit 1
		fi
	done
}

dev=(-e dev --var VERSION=1.0.0)
run 3 'config.yaml' 'does not exist' -- deployer init --yes --region us-east-1 --bucket demo-deployer-state --table demo-deployer-locks
run 0 'demo-deployer-state' -- deployer backend create --bucket demo-deployer-state --table demo-deployer-locks
run 0 -- deployer backend check
run 0 'user-platform' 'production' -- deployer stack list
run 0 -- deployer validate
run 0 'Plan: [0-9]+ to create' -- deployer plan "${dev[@]}"
run 2 -- deployer plan "${dev[@]}" --detailed-exitcode
run 0 'Applied' 'v1' -- deployer apply "${dev[@]}" --auto-approve
run 0 'No changes' -- deployer plan "${dev[@]}"
run 0 'healthy' '1.0.0' -- deployer status -e dev
run 0 'user-service/api' 'url' -- deployer outputs -e dev
run 0 'update' '- .*user-api:1\.0\.0' '\+ .*user-api:1\.1\.0' 'rolling' -- deployer plan -e dev --var VERSION=1.1.0
run 0 'Applied' 'v2' -- deployer apply -e dev --var VERSION=1.1.0 --auto-approve
run 0 'healthy' '1.1.0' -- deployer status -e dev
run 1 'Rollout failed' 'exit(ed with)? code 1' -- deployer apply -e dev --var VERSION=1.2.0-crash --auto-approve
run 0 'v3' 'failed' 'v1' -- deployer history -e dev
run 1 'user-api:1.1.0' 'unhealthy' 'Rollout failed' -- deployer status -e dev
run 0 'Applied' -- deployer apply -e dev --var VERSION=1.2.1 --auto-approve
run 0 'user-service/api' -- deployer graph -e dev --var VERSION=1.2.1
run 0 'digraph' -- sh -c "deployer graph -e dev --output graph.dot && cat graph.dot"
run 0 -- deployer locks list
run 0 'user-platform' -- deployer state list
run 0 'Plan: [0-9]+ to update' -- deployer plan -e dev --var VERSION=1.3.0 --out approved.plan
run 0 'Applied' -- deployer apply approved.plan --auto-approve
run 5 -- deployer apply approved.plan --auto-approve
run 3 'Protected component' 'user-service/database:instance' 'Nothing was touched' -- deployer destroy -e dev --auto-approve
run 0 'user-service/database +RDS +healthy' -- deployer status -e dev
run 0 'Destroyed' -- deployer destroy -e dev --auto-approve --allow-data-loss user-service/uploads --allow-data-loss user-service/database
run 0 'destroyed' -- deployer history -e dev

printf '\nThe demo passed.\n'
if [ -n "${KEEP:-}" ]; then
	printf '\nEverything still runs (process %s). To go on by hand:\n\n' "$proxy"
	cat "$work/env"
	# shellcheck disable=SC2016 # $PATH is for the shell that reads the line
	printf 'export HOME=%q AWS_REGION=us-east-1 PATH=%q:$PATH\ncd %q\n\nTo end it: kill %s; rm -r %q\n' "$HOME" "$here/bin" "$work/repo" "$proxy" "$work"
fi

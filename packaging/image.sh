#!/usr/bin/env bash
# Builds the image deployer/cli from a binary with buildah and runs it as the documents say, against the emulator.
# Usage: image.sh BINARY PLATFORM, after packaging/assets.sh. It needs bin/testproxy (make testproxy).
set -euo pipefail
binary=$(realpath "$1")
platform=$2
cd "$(dirname "$0")/.."
work=$(mktemp -d)
proxy=
finish() {
	[ -z "$proxy" ] || kill "$proxy" 2>/dev/null || true
	buildah rm "$container" >/dev/null 2>&1 || true
	rm -rf "$work"
}
container=none
trap finish EXIT
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

# The context is what goreleaser makes: the binary in a folder of its platform, and the extra files.
mkdir -p "$work/context/$platform" "$work/context/.cache/release"
cp "$binary" "$work/context/$platform/deployer"
cp .cache/release/ca-certificates.crt "$work/context/.cache/release/"
buildah build --quiet --platform "$platform" --file packaging/Dockerfile --tag deployer/cli:latest "$work/context" >/dev/null

config=$(buildah inspect --type image --format \
	'{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Env}} {{.OCIv1.Config.WorkingDir}}' deployer/cli:latest)
for part in '^\[/usr/local/bin/deployer\] ' '[ []HOME=/root[] ]' ' /workspace$'; do
	grep -q -- "$part" <<<"$config" || { echo "the image has another configuration: $config" >&2; exit 1; }
done

# What `docker run -v ~/.deployer:/root/.deployer -v "$PWD:/workspace" deployer/cli:latest …` does. The entrypoint is
# written out, because buildah does not run it.
container=$(buildah from deployer/cli:latest)
run() {
	echo "\$ docker run -v ~/.deployer:/root/.deployer -v \"\$PWD:/workspace\" deployer/cli:latest $*"
	buildah run -v "$work/home/.deployer:/root/.deployer" -v "$work/repo:/workspace" "${environment[@]}" "$container" \
		-- /usr/local/bin/deployer "$@"
}
environment=()
mkdir -p "$work/home/.deployer" "$work/repo/stacks"
cp -r examples/user-platform "$work/repo/stacks/"
grep -q 'BEGIN CERTIFICATE' "$(buildah mount "$container")/etc/ssl/certs/ca-certificates.crt" # for TLS
run version
printf 'version: v1\nbackend: {bucket: states, region: us-east-1}\nlocks: {table: locks}\n' >"$work/home/.deployer/config.yaml"
run config show --origin | tee "$work/out"
grep -q 'states.*~/.deployer/config.yaml' "$work/out"

bin/testproxy >"$work/env" 2>"$work/proxy" &
proxy=$!
until grep -q AWS_ENDPOINT_URL "$work/env"; do
	kill -0 "$proxy" || { cat "$work/proxy" >&2; exit 1; }
	sleep 0.2
done
while read -r line; do
	line=${line#export }
	environment+=(--env "$(eval "printf '%s' $line")")
done < <(grep AWS_ "$work/env")
environment+=(--env AWS_REGION=us-east-1 --env DEPLOYER_VAR_VERSION=1.0.0 --env DEPLOYER_ENVIRONMENT=dev)
run backend create | tail -1
run apply --stack user-platform --auto-approve | tail -5
run status --stack user-platform | tail -5
echo "the image works"

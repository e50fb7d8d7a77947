#!/usr/bin/env bash
# Makes a release twice without publishing it, compares the bytes, and lets try.sh open and try its files.
# PLATFORMS=host makes it for this machine only.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
goreleaser=$root/.cache/tools/goreleaser
export PACKAGES_TOKEN=none CHOCOLATEY_API_KEY=none
os=$(go env GOOS) arch=$(go env GOARCH)
# goreleaser takes date and commit from git only where there is a remote; the bytes depend on them.
if [ -z "$(git remote)" ]; then
	export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url
	export GIT_CONFIG_VALUE_0=https://github.com/company/deployer.git
fi

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null; }

config=$root/.goreleaser.yaml
skip=docker,sign,sbom
if [ "${PLATFORMS:-all}" = host ]; then
	config=$work/goreleaser.yaml
	sed -e "s/^    goos: .*/    goos: [$os]/" -e "s/^    goarch: .*/    goarch: [$arch]/" .goreleaser.yaml >"$config"
	skip=$skip,chocolatey,winget,scoop # they are for Windows
fi

# Chocolatey's own program runs on Windows only. This one keeps what goreleaser gives to it, so that it can be read.
mkdir "$work/bin" "$work/choco"
cat >"$work/bin/choco" <<CHOCO
#!/bin/sh
[ "\$1" = pack ] || exit 1
cp -R "\$(dirname "\$2")" "$work/choco/package"
while [ "\$1" != --out ]; do shift; done
: >"\$2/deployer.$(date +%s).nupkg"
CHOCO
chmod +x "$work/bin/choco"

release() { # FOLDER
	# Six compiles without a cache take longer than goreleaser's hour on a small machine.
	PATH=$work/bin:$PATH "$goreleaser" release --config "$config" --snapshot --clean --timeout 4h --skip="$skip" \
		>"$work/log" 2>&1 || { cat "$work/log" >&2; fail "goreleaser"; }
	mv dist "$1"
}

say "two builds"
"$goreleaser" check --config "$config" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "goreleaser check"; }
release "$work/one"
release "$work/two"
mv "$work/one" dist
cd dist
grep -q "$(git rev-parse HEAD)" metadata.json || fail "the release does not know its commit"
diff checksums.txt "$work/two/checksums.txt" || fail "two builds of the same commit differ"
[ "$(wc -l <checksums.txt)" -ge 6 ] || fail "checksums.txt is too short"
grep -q ' install.sh$' checksums.txt || fail "checksums.txt does not list install.sh"
grep -q ' deployer-manifest.schema.json$' checksums.txt || fail "checksums.txt does not list the schemas"

../packaging/try.sh . "$work/choco" "$skip"
say "done: dist has a release that two builds made with the same bytes"

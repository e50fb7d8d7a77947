#!/usr/bin/env bash
# Makes a release twice without publishing it, compares the bytes, and opens and tries its files.
# PLATFORMS=host makes it for this machine only. What needs a tool that is missing here is left out, and said.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
goreleaser=$root/.cache/tools/goreleaser
export PACKAGES_TOKEN=none CHOCOLATEY_API_KEY=none
os=$(go env GOOS) arch=$(go env GOARCH)
left=()
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
	PATH=$work/bin:$PATH "$goreleaser" release --config "$config" --snapshot --clean --skip="$skip" \
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
version=$(sed -n 's/.*"version":"\([^"]*\)".*/\1/p' metadata.json | head -1)
diff checksums.txt "$work/two/checksums.txt" || fail "two builds of the same commit differ"
[ "$(wc -l <checksums.txt)" -ge 6 ] || fail "checksums.txt is too short"
grep -q ' install.sh$' checksums.txt || fail "checksums.txt does not list install.sh"

say "the archive, by install.sh"
name=deployer_${version}_${os}_${arch}.tar.gz
tar -tzf "$name" | sort
for file in LICENSE README.md CHANGELOG.md deployer man/deployer.1.gz completions/deployer.bash completions/deployer.zsh \
	completions/deployer.fish; do
	tar -tzf "$name" | grep -qx "$file" || fail "$name has no $file"
done
mkdir -p "$work/site/latest" "$work/site/download/v$version"
cp ./*.tar.gz checksums.txt "$work/site/download/v$version"
ln -s "../download/v$version" "$work/site/latest/download"
python3 -u -m http.server --bind 127.0.0.1 --directory "$work/site" 0 >"$work/port" 2>/dev/null &
server=$!
trap 'kill "$server"; rm -rf "$work"' EXIT
until grep -q 'port [0-9]' "$work/port"; do sleep 0.1; done
port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$work/port")
sh ../install.sh -u "http://127.0.0.1:$port" -b "$work/installed"
"$work/installed/deployer" version | grep -qF "v$version" || fail "the version is not v$version"
tar -xzOf "$name" man/deployer.1.gz | gunzip | grep -q '^\.SH apply' || fail "the man page has no apply"
tar -xzOf "$name" completions/deployer.bash | bash -n || fail "the completion for bash is no script"

say "the bare binary"
bare=$(find . -type f -name "deployer*" -path "*${os}_${arch}*" ! -name '*.*' | head -1)
cmp "$bare" "$work/installed/deployer"
grep -q " deployer-$os-$arch\$" checksums.txt || fail "checksums.txt does not list deployer-$os-$arch"

say "packages"
paths='usr/bin/deployer usr/share/man/man1/deployer.1.gz usr/share/bash-completion/completions/deployer
usr/share/fish/vendor_completions.d/deployer.fish usr/share/doc/deployer/copyright'
try() { # FOLDER: what a package puts on a machine
	for path in $paths; do [ -f "$1/$path" ] || fail "$1 has no $path"; done
	find "$1" -name '_deployer' | grep -q . || fail "$1 has no completion for zsh"
	"$1/usr/bin/deployer" version
}
if has dpkg-deb; then
	dpkg-deb --info ./*_"$arch".deb | grep -E 'Package|Version|Recommends'
	dpkg-deb -x ./*_"$arch".deb "$work/deb"
	try "$work/deb"
else
	left+=("the .deb, because dpkg-deb is missing")
fi
if has rpm2cpio && has cpio; then
	mkdir "$work/rpm"
	rpm2cpio "$(find . -name '*.rpm' | grep -E 'x86_64|amd64' | head -1)" | (cd "$work/rpm" && cpio -idm --quiet)
	try "$work/rpm"
else
	left+=("the .rpm, because rpm2cpio or cpio is missing")
fi
mkdir "$work/apk"
tar -xzf "$(find . -name '*.apk' | grep -E 'x86_64|amd64' | head -1)" -C "$work/apk" 2>/dev/null
try "$work/apk"

say "manifests of package managers"
python3 ../packaging/manifests.py . "$work/choco" "$version" "$skip"

say "the image"
if has buildah; then
	../packaging/image.sh "$work/installed/deployer" "linux/$arch"
else
	left+=("the image, because buildah is missing")
fi

say "done: dist has a release $version, which two builds made with the same bytes"
for reason in "${left[@]}"; do echo "not tried: $reason"; done

#!/usr/bin/env bash
# Opens and tries the files of a release that goreleaser has made.
# Usage: try.sh DIST CHOCOLATEY SKIPPED. What needs a tool that is missing here is left out, and said.
set -euo pipefail
packaging=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$1"
choco=$2 skip=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
os=$(go env GOOS) arch=$(go env GOARCH)
left=()
version=$(sed -n 's/.*"version":"\([^"]*\)".*/\1/p' metadata.json)
tag=$(sed -n 's/.*"tag":"\([^"]*\)".*/\1/p' metadata.json) # that of a snapshot is not its version

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null; }

say "the archive, by install.sh"
name=deployer_${version}_${os}_${arch}.tar.gz
tar -tzf "$name" | sort | tee "$work/list"
for file in LICENSE README.md CHANGELOG.md deployer man/deployer.1.gz completions/deployer.bash completions/deployer.zsh \
	completions/deployer.fish; do
	grep -qx "$file" "$work/list" || fail "$name has no $file"
done
mkdir -p "$work/site/latest" "$work/site/download/v$version"
cp ./*.tar.gz checksums.txt "$work/site/download/v$version"
ln -s "../download/v$version" "$work/site/latest/download"
python3 -u -m http.server --bind 127.0.0.1 --directory "$work/site" 0 >"$work/port" 2>/dev/null &
server=$!
trap 'kill "$server"; rm -rf "$work"' EXIT
until grep -q 'port [0-9]' "$work/port"; do sleep 0.1; done
port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$work/port")
sh "$packaging/../install.sh" -u "http://127.0.0.1:$port" -b "$work/installed"
[[ $("$work/installed/deployer" version) == *"v$version "* ]] || fail "the version is not v$version"
tar -xzOf "$name" man/deployer.1.gz | gunzip >"$work/page"
grep -q '^\.SH apply' "$work/page" || fail "the man page has no apply"
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
	[ -n "$(find "$1" -name _deployer)" ] || fail "$1 has no completion for zsh"
	"$1/usr/bin/deployer" version
}
if has dpkg-deb; then
	dpkg-deb --info ./*_"$arch".deb | grep -E 'Package|Version|Recommends'
	dpkg-deb -x ./*_"$arch".deb "$work/deb"
	try "$work/deb"
else
	left+=("the .deb, because dpkg-deb is missing")
fi
if has rpm2archive; then
	cp "$(find . -name '*.rpm' | grep -E 'x86_64|amd64' | head -1)" "$work/package.rpm"
	rpm2archive "$work/package.rpm"
	mkdir "$work/rpm"
	tar -xzf "$work/package.rpm.tgz" -C "$work/rpm"
	try "$work/rpm"
else
	left+=("the .rpm, because rpm2archive is missing")
fi
mkdir "$work/apk"
tar -xzf "$(find . -name '*.apk' | grep -E 'x86_64|amd64' | head -1)" -C "$work/apk" 2>/dev/null
try "$work/apk"

say "manifests of package managers"
"$packaging/manifests.py" . "$choco" "$version" "$tag" "$skip"

say "the image"
if has buildah; then
	"$packaging/image.sh" "$work/installed/deployer" "linux/$arch"
else
	left+=("the image, because buildah is missing")
fi

for reason in "${left[@]}"; do echo "not tried: $reason"; done

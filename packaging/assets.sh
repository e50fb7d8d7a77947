#!/usr/bin/env bash
# Writes what a release holds beside the binaries into .cache/release: the man page, completions for shells,
# schemas for editors, and the certificate authorities of the image. The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
out=.cache/release
rm -rf "$out"
mkdir -p "$out/completions"

# The page has no date of its own: it is that of the commit.
made=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%d)
make --no-print-directory .cache/tools/go-md2man
{
	printf '# deployer 1 "%s" "" "deployer"\n\n# NAME\ndeployer - deploy applications to AWS from YAML\n\n' "$made"
	printf '# SYNOPSIS\n**deployer** *command* [*flags*]\n\n'
	# The reference of the commands, without what is for the web only: its title, its note and its links.
	sed -e '/^<!--/d' -e 's/^# Commands and flags$/# DESCRIPTION/' -e 's/\[\([^]]*\)\]([^)]*)/\1/g' \
		docs/reference/commands.md
} | .cache/tools/go-md2man | gzip -9n >"$out/deployer.1.gz"

go build -trimpath -o "$out/deployer" ./cmd/deployer
for shell in bash zsh fish powershell; do
	HOME=$PWD/$out "$out/deployer" completion "$shell" >"$out/completions/deployer.$shell"
done
# The schemas of editors, whose address SchemaStore has: see schemastore.json.
mkdir "$out/schema"
for schema in manifest overlay config; do
	HOME=$PWD/$out "$out/deployer" schema "$schema" >"$out/schema/deployer-$schema.schema.json"
done
rm -rf "$out/deployer" "$out/.deployer"

# Where Debian, Alpine, Fedora and macOS keep them.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
	if [ -f "$bundle" ]; then
		cp "$bundle" "$out/ca-certificates.crt"
		break
	fi
done
[ -s "$out/ca-certificates.crt" ] || {
	echo "There are no certificate authorities on this machine: install ca-certificates." >&2
	exit 1
}

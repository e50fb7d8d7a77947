#!/usr/bin/env bash
# Installs deployer for the steps that follow, unless that version is there already.
# In: FOLDER, VERSION. RELEASES: a mirror of the releases.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$FOLDER"
if [ ! -x "$FOLDER/deployer" ] || [ "$(cat "$FOLDER/.version" 2>/dev/null)" != "$VERSION" ]; then
	PATH=$FOLDER:$PATH sh "$here/install.sh" -b "$FOLDER" ${RELEASES:+-u "$RELEASES"} "$VERSION"
	printf '%s\n' "$VERSION" >"$FOLDER/.version"
fi
printf '%s\n' "$FOLDER" >>"$GITHUB_PATH"

#!/bin/sh
# Installs deployer from its GitHub releases:
#
#   curl -sSL https://github.com/company/deployer/releases/latest/download/install.sh | sh
#   curl -sSL https://github.com/company/deployer/releases/latest/download/install.sh | sh -s -- -b ~/bin v1.4.2
#
# Everything is in a function that the last line calls, so that a script that was cut off does nothing.

usage() {
	cat <<-'TEXT'
		Usage: install.sh [-b FOLDER] [-v] [-u URL] [VERSION]

		Downloads deployer, checks its SHA-256 and puts it into a folder. When cosign is on PATH, the signature of
		the checksums is checked, too.

		  VERSION              a release such as v1.4.2; default: the newest one
		  -b, --bin-dir FOLDER where to put it; default: /usr/local/bin if you may write there, else ~/.local/bin
		  -v, --verify         stop when cosign is missing
		  -u, --url URL        a mirror of https://github.com/company/deployer/releases; also
		                       DEPLOYER_RELEASES_URL
		  -h, --help           show this text

		A proxy is taken from https_proxy, as curl and wget do. sudo is never used.
	TEXT
}

say() {
	printf '%s\n' "$*" >&2
}

# fail MESSAGE [NEXT STEP] ends the script.
fail() {
	say "Error: $1"
	shift
	for line in "$@"; do
		say "  $line"
	done
	exit 1
}

has() {
	command -v "$1" >/dev/null 2>&1
}

operating_system() {
	case $(uname -s) in
	Linux) echo linux ;;
	Darwin) echo darwin ;;
	MINGW* | MSYS* | CYGWIN* | Windows_NT)
		fail "this script does not install on Windows" \
			"Use scoop, winget or choco, or unpack the .zip file from $releases."
		;;
	*) fail "there is no deployer for $(uname -s)" "There are releases for Linux, macOS and Windows." ;;
	esac
}

architecture() {
	case $(uname -m) in
	x86_64 | amd64)
		# A shell that Rosetta translates sees x86_64 on an Arm Mac.
		if [ "$os" = darwin ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then
			echo arm64
		else
			echo amd64
		fi
		;;
	aarch64 | arm64) echo arm64 ;;
	*) fail "there is no deployer for the processor $(uname -m)" "There are releases for amd64 and arm64." ;;
	esac
}

# fetch URL FILE downloads a file. A redirection from https never leads to http.
fetch() {
	if has curl; then
		case $1 in
		https://*) curl -fsSL --proto '=https' --tlsv1.2 --connect-timeout 20 --retry 3 -o "$2" "$1" ;;
		*) curl -fsSL --connect-timeout 20 --retry 3 -o "$2" "$1" ;;
		esac
	elif has wget; then
		wget -q -T 60 -O "$2" "$1"
	else
		fail "curl and wget are missing" "Install one of them."
	fi
}

# must_fetch URL FILE ends the script when the file cannot be downloaded completely.
must_fetch() {
	fetch "$1" "$2" || fail "cannot download $1" "$3" \
		"Behind a proxy, set https_proxy. Nothing was installed."
}

sha256() {
	if has sha256sum; then
		sha256sum "$1" | cut -d ' ' -f 1
	elif has shasum; then
		shasum -a 256 "$1" | cut -d ' ' -f 1
	elif has openssl; then
		openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
	else
		fail "sha256sum, shasum and openssl are missing" "Install one of them: nothing is installed unchecked."
	fi
}

# newest prints the version whose files a list of checksums names.
newest() {
	sed -n "s/^[0-9a-f]*  deployer_\\(.*\\)_${os}_${arch}\\.tar\\.gz\$/\\1/p" "$1"
}

# check_signature verifies that the release workflow has signed the checksums for exactly this tag.
check_signature() {
	if ! has cosign; then
		[ "$verify" = no ] || fail "cosign is missing, so the signature cannot be checked" \
			"Install cosign (https://docs.sigstore.dev), or leave -v out. Nothing was installed."
		say "The signature was not checked, because cosign is not installed. The SHA-256 was."
		return
	fi
	must_fetch "$releases/download/v$version/checksums.txt.sigstore.json" "$folder/bundle" \
		"It is the signature of the release."
	cosign verify-blob --bundle "$folder/bundle" \
		--certificate-identity "https://github.com/company/deployer/.github/workflows/release.yml@refs/tags/v$version" \
		--certificate-oidc-issuer https://token.actions.githubusercontent.com \
		"$folder/checksums.txt" >"$folder/cosign" 2>&1 || {
		cat "$folder/cosign" >&2
		fail "the signature of deployer $version is not valid" \
			"Nothing was installed. cosign must be version 3 or newer."
	}
	say "The signature is valid."
}

# check_target ends the script when the program cannot be put into the target folder.
check_target() {
	if [ -z "$target" ]; then
		target=/usr/local/bin
		if [ ! -d "$target" ] || [ ! -w "$target" ]; then
			target=${HOME:?}/.local/bin
		fi
	fi
	if ! mkdir -p "$target" 2>/dev/null || [ ! -w "$target" ]; then
		fail "cannot write to $target" \
			"Choose another folder with -b, or run this script as a user who may write there." "Nothing was installed."
	fi
	[ ! -d "$target/deployer" ] || fail "$target/deployer is a folder" "Choose another folder with -b."
}

main() {
	set -eu
	releases=${DEPLOYER_RELEASES_URL:-https://github.com/company/deployer/releases}
	releases=${releases%/}
	target='' version='' verify=no
	while [ $# -gt 0 ]; do
		case $1 in
		-h | --help)
			usage
			return
			;;
		-v | --verify) verify=yes ;;
		-b | --bin-dir | -u | --url)
			[ -n "${2-}" ] || fail "$1 needs a value" "install.sh --help shows how."
			case $1 in
			-b | --bin-dir) target=$2 ;;
			*) releases=${2%/} ;;
			esac
			shift
			;;
		-*) fail "unknown option $1" "install.sh --help lists the options." ;;
		*)
			[ -z "$version" ] || fail "two versions: $version and $1" "Give one."
			version=$1
			;;
		esac
		shift
	done
	version=${version#v}
	case $version in
	'' | latest) version=latest ;;
	*[!0-9A-Za-z.+-]* | [!0-9]*) fail "\"$version\" is not a version" "Versions look like v1.4.2." ;;
	esac

	os=$(operating_system)
	arch=$(architecture)
	check_target

	folder=$(mktemp -d)
	new=''
	trap 'rm -rf "$folder" ${new:+"$new"}' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP

	if [ "$version" = latest ]; then
		must_fetch "$releases/latest/download/checksums.txt" "$folder/checksums.txt" \
			"It says which release is the newest."
		version=$(newest "$folder/checksums.txt")
		[ -n "$version" ] || fail "the newest release has no file for $os/$arch" "See $releases."
	else
		must_fetch "$releases/download/v$version/checksums.txt" "$folder/checksums.txt" \
			"Does release v$version exist? See $releases."
	fi
	check_signature

	archive=deployer_${version}_${os}_${arch}.tar.gz
	must_fetch "$releases/download/v$version/$archive" "$folder/$archive" "It is the program for $os/$arch."
	wanted=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$folder/checksums.txt")
	[ ${#wanted} -eq 64 ] || fail "checksums.txt of release v$version does not list $archive" "Nothing was installed."
	got=$(sha256 "$folder/$archive")
	[ "$got" = "$wanted" ] || fail "$archive is damaged or was changed" \
		"Its SHA-256 is $got," "and must be     $wanted." \
		"Nothing was installed. Run the script again. If it fails again, report it."
	tar -xzf "$folder/$archive" -C "$folder" deployer || fail "cannot unpack $archive" "Nothing was installed."

	# The program is tried beside its place and then moved there, so that one that works is never lost.
	new=$(mktemp "$target/.deployer.XXXXXX")
	cat "$folder/deployer" >"$new"
	chmod 755 "$new"
	"$new" version >"$folder/version" 2>&1 || {
		cat "$folder/version" >&2
		fail "deployer $version does not run here" "Nothing was installed. Is $target mounted with noexec?"
	}
	mv -f "$new" "$target/deployer"
	say "$(cat "$folder/version") is installed: $target/deployer"
	case :${PATH-}: in
	*":$target:"*) ;;
	*) say "$target is not on PATH. Add it: export PATH=\"$target:\$PATH\"" ;;
	esac
}

# The shell reads all of this before it runs any of it.
{
	main "$@"
	exit
}

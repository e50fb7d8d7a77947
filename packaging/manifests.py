#!/usr/bin/env python3
"""Reads the manifests for package managers that goreleaser has made, and compares them with the files of the release.

Usage: manifests.py DIST CHOCOLATEY VERSION TAG SKIPPED
"""

import hashlib
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

dist, choco = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
version, tag, skipped = sys.argv[3], sys.argv[4], sys.argv[5].split(",")
problems = []


def check(good, text):
    if not good:
        problems.append(text)


def read(pattern, folder=dist):
    found = sorted(folder.glob(pattern))
    check(found, f"there is no {pattern}")
    return found[0].read_text() if found else ""


def digests_are_those_of_files(manifest, text, addresses, digests):
    """Each address is of the release, and its digest, which stands at the same place, is that of the file."""
    check(addresses and len(addresses) == len(digests), f"{manifest}: {len(addresses)} addresses, {len(digests)} digests")
    for address, digest in zip(addresses, digests):
        check(address.startswith(f"https://github.com/company/deployer/releases/download/{tag}/"),
              f"{manifest}: {address} is no file of the release")
        file = dist / address.rsplit("/", 1)[1]
        check(file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest.lower(),
              f"{manifest}: the digest of {file.name} is wrong")


cask = read("homebrew/Casks/deployer.rb")
addresses = [a.replace("#{version}", version) for a in re.findall(r'url "([^"]+)"', cask)]
digests_are_those_of_files("cask", cask, addresses, re.findall(r'sha256 "([0-9a-f]{64})"', cask))
for line in ('binary "deployer"', 'manpage "man/deployer.1.gz"', 'bash_completion "completions/deployer.bash"'):
    check(line in cask, f"cask: no {line}")
print("cask:", len(addresses), "archives")

if "scoop" not in skipped:
    scoop = json.loads(read("scoop/bucket/deployer.json") or "{}")
    parts = list(scoop.get("architecture", {}).values())
    digests_are_those_of_files("scoop", scoop, [p["url"] for p in parts], [p["hash"] for p in parts])
    check(scoop.get("version") == version and scoop.get("license") == "MIT", "scoop: version or licence is wrong")
    print("scoop:", len(parts), "archives")

if "winget" not in skipped:
    installer = read("winget/**/company.deployer.installer.yaml")
    digests_are_those_of_files("winget", installer, re.findall(r"InstallerUrl: (\S+)", installer),
                               re.findall(r"InstallerSha256: ([0-9a-fA-F]{64})", installer))
    locale = read("winget/**/company.deployer.locale.en-US.yaml")
    for field in ("PackageIdentifier: company.deployer", "License: MIT", "ShortDescription: "):
        check(field in locale, f"winget: no {field}")
    print("winget:", len(re.findall(r"InstallerUrl", installer)), "archives")

if "chocolatey" not in skipped:
    nuspec = ET.fromstring(read("**/*.nuspec", choco))
    space = nuspec.tag.split("}")[0] + "}"
    data = {e.tag.removeprefix(space): (e.text or "").strip() for e in nuspec.find(space + "metadata")}
    # What the community repository asks for: docs.chocolatey.org, "Package validator rules".
    for field in ("id", "version", "title", "authors", "owners", "projectUrl", "licenseUrl", "tags", "summary", "description",
                  "releaseNotes", "packageSourceUrl", "docsUrl", "bugTrackerUrl", "projectSourceUrl"):
        check(data.get(field), f"nuspec: no {field}")
    check(data.get("id") == "deployer" and data.get("version") == version, "nuspec: id or version is wrong")
    check(len(data.get("description", "")) >= 30, "nuspec: the description is too short")
    check("," not in data.get("tags", ""), "nuspec: tags are separated by blanks")
    script = read("**/chocolateyinstall.ps1", choco)
    digests_are_those_of_files("chocolatey", script, re.findall(r"url(?:64bit)?\s*=\s*'([^']+)'", script),
                               re.findall(r"checksum(?:64)?\s*=\s*'([0-9a-f]{64})'", script))
    print("chocolatey: nuspec and script")

for problem in problems:
    print("FAILED:", problem, file=sys.stderr)
sys.exit(1 if problems else 0)

"""Copies the pages into a folder from which Zensical builds the site: site.py FOLDER.

In: the Markdown of the repository. Out: FOLDER/docs and FOLDER/zensical.toml. Links that lead out of docs/ go to GitHub.
It must not change what a page says.
"""

import os
import re
import shutil
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
ASIDE = "---\nsearch:\n  exclude: true\n---\n"  # those who use the program do not look for decisions
GITHUB = "https://github.com/company/deployer/blob/main/"
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
FENCE = re.compile(r"(^ *`{3,}.*?^ *`{3,} *$)", re.DOTALL | re.MULTILINE)


def moved(page, place):
    """The text of a page of the repository as the page at place of the site."""
    def link(m):
        target = m[2]
        if "://" in target or target.startswith("mailto:"):
            return m[0]
        path = Path(os.path.normpath(page.parent / target))
        if path == ROOT / "README.md":
            path = DOCS / "index.md"
        elif path == DOCS / "adr":
            path = DOCS / "adr/index.md"
        elif not path.is_relative_to(DOCS) or path.is_dir():
            return m[1] + GITHUB + path.relative_to(ROOT).as_posix() + m[3]
        return m[1] + os.path.relpath(path, place.parent).replace(os.sep, "/") + m[3]

    parts = FENCE.split(page.read_text())
    parts[::2] = [LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts)


def main():
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    for page in sorted([*DOCS.rglob("*.md"), ROOT / "README.md"]):
        place = DOCS / "index.md" if page.parent == ROOT else page
        target = out / "docs" / place.relative_to(DOCS)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((ASIDE if page.parent.name == "adr" else "") + moved(page, place))
    decisions = ["# Decisions\n", "Why the code is as it is, one page per decision.\n"]
    for page in sorted((DOCS / "adr").glob("*.md")):
        title = page.read_text().partition("\n")[0].removeprefix("# ")
        decisions.append(f"* [{title.replace('. ', ': ', 1)}]({page.name})")
    (out / "docs/adr/index.md").write_text("\n".join(decisions) + "\n")
    shutil.copytree(DOCS / "pictures", out / "docs/pictures", ignore=shutil.ignore_patterns("*.py"))
    shutil.copytree(DOCS / "reference/schema", out / "docs/reference/schema")
    shutil.copy(DOCS / "zensical.toml", out)


main()

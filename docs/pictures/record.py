"""Makes demo.svg (moving) and rollout.svg (its frame with the failed rollout) from a real run.

In: bin/deployer and bin/testproxy, and the stack of the README. Out: the two pictures beside this file. It must not
show anything that the program has not written. Run it by `make pictures`.
"""

import fcntl
import html
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
import urllib.request
from pathlib import Path

import pyte

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COLUMNS, ROWS = 84, 43
WIDTH, HEIGHT = 8.4, 18  # of a character
PAUSE = 1.2  # seconds that nothing may last longer, of what was recorded
READ = 3.5  # seconds to read the result of a command

FILES = {
    "stacks/shop/stack.yaml": "apiVersion: core.deployer.io/v1\nkind: Stack\nmetadata: {name: shop}\nspec:\n"
    "  provider: {name: aws, region: us-east-1}\n",
    "stacks/shop/environments/production.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\n"
    "metadata: {name: production}\nspec: {}\n",
    "stacks/shop/services/web/jobs.yaml": "apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: jobs}\n"
    "spec: {}\n",
}
# 1.5.0 needs a variable that the manifest does not have.
RULE = {
    "image": "*:1.5.0", "behaviour": "crash",
    "log": ["connecting to database", "FATAL: DATABASE_URL is not set"],
}
COLOURS = {
    "default": "#d0d4dc", "black": "#5c6370", "red": "#f0717b", "green": "#8ccf7e", "brown": "#e5c076", "blue": "#67b0e8",
    "magenta": "#c47fd5", "cyan": "#6cbfbf", "white": "#e8eaee",
}
COLOURS |= {"bright" + name: colour for name, colour in COLOURS.items()}


class Recorder:
    """A terminal whose screens are kept with the time for which each is shown."""

    def __init__(self):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.frames = []  # (lines, seconds)

    def show(self, seconds):
        lines = tuple(self.line(y) for y in range(ROWS))
        if self.frames and self.frames[-1][0] == lines:
            seconds += self.frames.pop()[1]
        self.frames.append((lines, seconds))

    def line(self, y):
        """The line as runs of text in one colour: ((column, text, colour, bold), ...)."""
        runs = []
        for x in range(COLUMNS):
            char = self.screen.buffer[y][x]
            colour = COLOURS.get(char.fg, "#" + char.fg if re.fullmatch("[0-9a-f]{6}", char.fg) else COLOURS["default"])
            style = (colour, char.bold)
            if runs and runs[-1][2:] == style and runs[-1][0] + len(runs[-1][1]) == x:
                runs[-1] = (runs[-1][0], runs[-1][1] + char.data, *style)
            else:
                runs.append((x, char.data, *style))
        return tuple((x, text.rstrip(), *style) for x, text, *style in runs if text.strip())

    def type(self, text):
        self.stream.feed(b"\x1b[32m$\x1b[0m ")
        self.show(0.6)
        for word in re.findall(r"\S+\s*", text):
            self.stream.feed(word.encode())
            self.show(0.12)
        self.stream.feed(b"\r\n")

    def run(self, command, env, answer=None):
        self.type(command)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe("deployer", command.split(), env)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        last, seen = time.monotonic(), b""
        while True:
            ready, _, _ = select.select([terminal], [], [], 0.05)
            if not ready:
                continue
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            now = time.monotonic()
            self.show(min(now - last, PAUSE))
            last, seen = now, seen + data
            self.stream.feed(data)
            if answer and seen.endswith(b": "):
                self.show(READ)
                os.write(terminal, answer.encode() + b"\n")
                answer, last = None, time.monotonic()
        _, status = os.waitpid(pid, 0)
        self.show(READ)
        self.stream.feed(b"\r\n")
        return os.waitstatus_to_exitcode(status)


def text_of(line, y):
    spans = []
    for x, text, colour, bold in line:
        style = f' fill="{colour}"' + (' font-weight="bold"' if bold else "")
        spans.append(f'<tspan x="{x * WIDTH:.1f}"{style}>{html.escape(text)}</tspan>')
    return f'<text y="{y}">{"".join(spans)}</text>'


def frame_of(body, title, style=""):
    width, height = COLUMNS * WIDTH + 32, ROWS * HEIGHT + 56
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">\n'
        f"<title>{html.escape(title)}</title>\n"
        "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        f"white-space:pre}}{style}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#1d2027"/>\n'
        '<g fill="#5c6370"><circle cx="18" cy="18" r="5"/><circle cx="36" cy="18" r="5"/>'
        '<circle cx="54" cy="18" r="5"/></g>\n'
        f'<g transform="translate(16 {36 + HEIGHT - 4})">\n{body}\n</g>\n</svg>\n'
    )


def still(lines, title):
    return frame_of("\n".join(text_of(line, y * HEIGHT) for y, line in enumerate(lines) if line), title)


def moving(frames, title):
    """All frames above each other, each visible for its time. A line that is on several frames is there once."""
    total = sum(seconds for _, seconds in frames)
    known, definitions, groups, style, at = {}, [], [], [], 0.0
    for n, (lines, seconds) in enumerate(frames):
        uses = []
        for y, line in enumerate(lines):
            if not line:
                continue
            if line not in known:
                known[line] = f"l{len(known)}"
                definitions.append(text_of(line, 0).replace("<text", f'<text id="{known[line]}"', 1))
            uses.append(f'<use href="#{known[line]}" y="{y * HEIGHT}"/>')
        begin, end = 100 * at / total, 100 * (at + seconds) / total
        at += seconds
        # Without animation (a printer, a picture of the page) the last frame is shown.
        last = n == len(frames) - 1
        style.append(
            f"#f{n}{{visibility:{'visible' if last else 'hidden'};animation:k{n} {total:.1f}s step-end infinite}}"
            f"@keyframes k{n}{{0%{{visibility:{'visible' if n == 0 else 'hidden'}}}{begin:.3f}%{{visibility:visible}}"
            f"{'' if last else f'{end:.3f}%{{visibility:hidden}}'}}}"
        )
        groups.append(f'<g id="f{n}">{"".join(uses)}</g>')
    return frame_of("<defs>" + "\n".join(definitions) + "</defs>\n" + "\n".join(groups), title, "".join(style))


def thin(frames, least=0.15):
    """Frames that are shown too short to be seen are left out; their time goes to the one before."""
    out = []
    for lines, seconds in frames:
        if out and seconds < least:
            out[-1] = (out[-1][0], out[-1][1] + seconds)
        else:
            out.append((lines, seconds))
    return out


def main():
    work = Path(tempfile.mkdtemp())
    proxy = subprocess.Popen(
        [ROOT / "bin/testproxy", "-region", "us-east-1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        env = {"HOME": str(work), "PATH": f"{ROOT}/bin:{os.environ['PATH']}", "TERM": "xterm-256color",
               "GITHUB_ACTOR": "ada"}
        for line in proxy.stdout:
            if found := re.match(r"export (\w+)=(.*)", line):
                env[found[1]] = found[2].strip("'\"")
            if "AWS_ENDPOINT_URL" in env and "AWS_REGION" in env and "AWS_SECRET_ACCESS_KEY" in env:
                break
        env["DEPLOYER_PREFERENCES_RESOLVE_IMAGES"] = "false"
        urllib.request.urlopen(urllib.request.Request(
            env["AWS_ENDPOINT_URL"] + "/_proxy/ecs/rules", json.dumps(RULE).encode(), method="POST"))
        blocks = re.findall(r"```yaml\n# (stacks/\S+).*?\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        for path, text in [*FILES.items(), *blocks]:
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
        os.chdir(work)
        quiet = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        place = ["--bucket", "company-deployer-state", "--table", "company-deployer-locks"]
        subprocess.run(["deployer", "init", "--yes", "--region", "us-east-1", *place], **quiet)
        subprocess.run(["deployer", "backend", "create"], check=True, **quiet)
        recorder = Recorder()
        for command, answer, code in (
            ("deployer apply -e production --var VERSION=1.4.2", "yes", 0),
            ("deployer apply -e production --var VERSION=1.5.0", "yes", 1),
            ("deployer rollback -e production --auto-approve", None, 0),
            ("deployer status -e production", None, 0),
        ):
            got = recorder.run(command, env, answer)
            if got != code:
                sys.exit(f"{command}: exit code {got}, not {code}")
            if code == 1:
                failed = recorder.frames[-1][0]
    finally:
        proxy.terminate()
        proxy.wait()
    (HERE / "rollout.svg").write_text(still(failed, "A rollout that fails, with the cause and the last lines of the log"))
    (HERE / "demo.svg").write_text(moving(
        thin(recorder.frames), "Apply, a version that does not start, rollback and status, recorded from a real run"))


main()

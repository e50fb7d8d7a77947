#!/usr/bin/env python3
"""Runs one command of deployer in a GitHub workflow: the second step of action.yml.

In: the inputs of the action as environment variables, and GitHub's own variables. Out: the command's exit code, the
outputs of the step, its summary and, after a plan, the comment of the pull request. It needs nothing but Python.
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

# A comment of GitHub has at most 65,536 characters. What is longer goes on in a second comment.
LIMIT = 65_000
PER_PAGE = 100
HASH = re.compile(r"^<sub>Plan `(sha256:[0-9a-f]{64})`</sub>$", re.M)


def main(env):
    command = env["COMMAND"]
    if command not in ("plan", "apply", "status"):
        return stop(f'"{command}" is no command of this action. It is install, plan, apply or status.')
    try:
        run = Run(env)
        return getattr(run, command)()
    except Stop as problem:
        return stop(str(problem))


class Stop(Exception):
    """A problem whose text says all."""


def stop(text):
    print("::error::" + text.replace("%", "%25").replace("\n", "%0A"))
    return 3


def warn(text):
    print("::warning::" + text.replace("%", "%25").replace("\n", "%0A"), flush=True)


class Run:
    def __init__(self, env):
        self.env = env
        self.github = GitHub(env)
        self.words = []
        for flag, name in (("--stack", "STACK"), ("--environment", "ENVIRONMENT")):
            if env.get(name):
                self.words += [flag, env[name]]
        # Values go through the environment: a list of processes shows arguments.
        self.process = {**env, **variables(env.get("VARIABLES", "")), "NO_COLOR": "1"}
        for name in ("TOKEN", "VARIABLES"):
            self.process.pop(name, None)

    def deployer(self, *words, capture=False):
        """Runs deployer. Progress goes to the log at once; stdout also, unless it is captured."""
        sys.stdout.flush()
        words = ["deployer", *words, *self.words]
        try:
            if not capture:
                return subprocess.run(words, env=self.process, check=False)
            done = subprocess.run(words, env=self.process, check=False, text=True, encoding="utf-8",
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except FileNotFoundError:
            raise Stop("deployer is not on PATH. Does the step that installs it run?") from None
        sys.stderr.write(done.stderr)
        sys.stderr.flush()
        return done

    def plan(self):
        done = self.deployer("plan", "--markdown", "--detailed-exitcode", capture=True)
        print(done.stdout)
        planned = done.returncode in (0, 2)
        if planned:
            body = done.stdout
            marker = body.split("\n", 1)[0]
            found = HASH.findall(body)
            if not marker.startswith("<!-- deployer plan ") or not found:
                raise Stop("deployer plan --markdown did not print a plan. Use the version of deployer that belongs to "
                           "this action.")
            self.output("hash", found[-1])
            self.output("changes", "true" if done.returncode == 2 else "false")
        else:
            # An old plan must not be taken for the plan of the newest commit.
            marker = self.marker()
            body = "\n".join([marker, f"### Plan for `{self.name()}`", "", "**The plan failed.** Nothing was changed.",
                              "", *fenced(done.stderr)]) + "\n"
        self.summary(body)
        number = self.github.pull_request()
        if number and self.env.get("COMMENT", "true") != "false":
            try:
                self.output("comment", self.github.comment(number, marker, body))
            except Refused as problem:
                # A workflow of a fork has a token that may only read. The plan is in the summary.
                warn(f"The plan could not be written as a comment: {problem}. It is in the summary of this run.")
        return 0 if planned else done.returncode

    def apply(self):
        words = ["apply", "--auto-approve"]
        approved = self.env.get("APPROVED", "")
        if approved == "pull-request":
            approved = self.approved()
        if approved:
            words += ["--plan-hash", approved]
        return self.deployer(*words).returncode

    def status(self):
        done = self.deployer("status", capture=True)
        print(done.stdout)
        self.summary("\n".join([f"### Status of `{self.name()}`", "", *fenced(done.stdout or done.stderr)]) + "\n")
        return done.returncode

    def approved(self):
        """The hash in the comment of the pull request that was merged as this commit."""
        commit = self.env["GITHUB_SHA"]
        number = self.github.merged(commit)
        if number is None:
            raise Stop(f"Commit {commit} was not merged by a pull request, so no plan was approved. Nothing was changed. "
                       "Run the workflow that needs no approved plan.")
        text = "\n".join(c["body"] for c in self.github.parts(number, self.marker()))
        found = HASH.findall(text.replace("\r\n", "\n"))
        if not found:
            raise Stop(f"Pull request {number} has no comment with a plan for {self.name()}. Nothing was changed.")
        print(f"Pull request {number} approved the plan {found[-1]}.")
        return found[-1]

    def name(self):
        return "/".join(self.env.get(name) or default for name, default in
                        (("STACK", "the stack"), ("ENVIRONMENT", "the environment")))

    def marker(self):
        """The first line of the comment. deployer prints it when it can plan; the inputs must name it otherwise."""
        for name in ("STACK", "ENVIRONMENT"):
            if not self.env.get(name):
                raise Stop(f"Give the input {name.lower()}: the comment of the plan is found by it.")
        return f"<!-- deployer plan {self.name()} -->"

    def output(self, name, value):
        with open(self.env["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")

    def summary(self, text):
        with open(self.env["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:
            file.write(text + "\n")


def variables(text):
    """KEY=VALUE lines as the variables of the environment that deployer reads."""
    out = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        key = key.strip()
        if not line.strip():
            continue
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            raise Stop("Each line of the input variables is KEY=VALUE. One line is not.")  # it may be a secret
        out["DEPLOYER_VAR_" + key] = value
    return out


def fenced(text):
    """The text in a fence that it cannot end, cut in front where it is too long."""
    text = text.strip()[-60_000:]
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, text, fence]


class Refused(Exception):
    """GitHub does not allow it."""


class GitHub:
    def __init__(self, env):
        self.env = env
        self.base = f"{env.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{env.get('GITHUB_REPOSITORY', '')}"

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method, headers={
            "Authorization": "Bearer " + self.env.get("TOKEN", ""), "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "deployer-action",
        }, data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as problem:
            said = problem.read().decode(errors="replace")
            try:
                said = json.loads(said)["message"]
            except (ValueError, KeyError, TypeError):
                said = said[:200]
            if problem.code in (401, 403, 404):
                raise Refused(f"GitHub answered {problem.code} to {method} {path.split('?')[0]}: {said}") from None
            raise Stop(f"GitHub answered {problem.code} to {method} {path.split('?')[0]}: {said}") from None
        except urllib.error.URLError as problem:
            raise Stop(f"GitHub cannot be reached: {problem.reason}") from None
        return json.loads(text) if text else None

    def all(self, path):
        """Every item of a list, of all its pages."""
        page = 1
        while True:
            items = self.call("GET", f"{path}?per_page={PER_PAGE}&page={page}")
            yield from items
            if len(items) < PER_PAGE:
                return
            page += 1

    def pull_request(self):
        """The number of the pull request that the workflow runs for; None when it is another event."""
        try:
            with open(self.env.get("GITHUB_EVENT_PATH", ""), encoding="utf-8") as file:
                return json.load(file).get("pull_request", {}).get("number")
        except FileNotFoundError:
            return None

    def merged(self, commit):
        """The number of the pull request that was merged as this commit."""
        try:
            found = [p for p in self.all(f"/commits/{urllib.parse.quote(commit)}/pulls")
                     if p.get("merged_at") and p.get("merge_commit_sha") == commit]
        except Refused as problem:
            raise Stop(f"{problem}. The workflow needs the permission pull-requests: read.") from None
        return found[0]["number"] if found else None

    def parts(self, number, marker):
        """The comments of one plan: that with the marker, and those in which it goes on."""
        mine = []
        for comment in self.all(f"/issues/{number}/comments"):
            first = comment["body"].replace("\r\n", "\n").split("\n", 1)[0]
            author = (comment["user"] or {}).get("login")  # the user may be deleted
            if author == self.env.get("AUTHOR") and (
                    first == marker or first.startswith(marker[:-len("-->")] + "part ")):
                mine.append(comment)
        return mine

    def comment(self, number, marker, body):
        """Writes the comment, in place of the one before; the address of the first part."""
        wanted = split(marker, body)
        there = self.parts(number, marker)
        written = []
        for old, text in zip(there, wanted):
            written.append(self.call("PATCH", f"/issues/comments/{old['id']}", {"body": text}))
        for text in wanted[len(there):]:
            written.append(self.call("POST", f"/issues/{number}/comments", {"body": text}))
        for old in there[len(wanted):]:
            self.call("DELETE", f"/issues/comments/{old['id']}")
        return written[0]["html_url"]


def split(marker, body):
    """The body as texts that GitHub takes. Nothing is cut off; each text has a marker."""
    texts, text = [], ""
    for line in body.splitlines(keepends=True):
        while len(text) + len(line) > LIMIT:
            room = LIMIT - len(text)
            if len(line) > LIMIT:  # a line that fits nowhere
                text, line = text + line[:room], line[room:]
            texts.append(text)
            text = f"{marker[:-len('-->')]}part {len(texts) + 1} -->\n"
        text += line
    return [*texts, text]


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))

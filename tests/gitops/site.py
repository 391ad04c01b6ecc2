"""A repository on a forge, with people who push, open pull requests and merge them, and the workflows that this starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.forges.github_api import GitHubApi
from tests.gitops.runner import Job, Runner, git


@dataclass
class Site:
    """``local``: a person's clone. ``ran``: the jobs of every event, newest last."""

    api: GitHubApi
    local: Path
    origin: Path
    runner: Runner
    ran: list[tuple[str, Job]] = field(default_factory=list)

    @classmethod
    def around(cls, api: GitHubApi, home: Path, local: Path) -> Site:
        """``local`` holds the files of a new project; they become the first commit of ``main``."""
        origin, workspace = home / "origin.git", home / "work"
        git(home, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
        git(local, "init", "--quiet", "--initial-branch=main")
        git(local, "add", "--all")
        git(local, "commit", "--quiet", "--message", "A new project")
        git(local, "remote", "add", "origin", str(origin))
        git(local, "push", "--quiet", "origin", "main")
        git(home, "clone", "--quiet", str(origin), str(workspace))
        return cls(api, local, origin, Runner(home / "runner", workspace, api))

    def open_pull_request(self, branch: str, files: Mapping[str, str], title: str = "A change") -> int:
        """Commit, push, open; and what that starts."""
        git(self.local, "checkout", "--quiet", "-b", branch, "main")
        number = self.api.open_pull_request(self._commit(branch, files, title), title).number
        self._plan(number, "opened")
        return number

    def push(self, number: int, files: Mapping[str, str], title: str = "More of it") -> None:
        """Another commit to the branch of a pull request that is open."""
        branch = git(self.local, "branch", "--show-current")
        self.api.push(number, self._commit(branch, files, title))
        self._plan(number, "synchronize")

    def merge(self, number: int) -> str:
        """A merge commit on ``main``; and what that starts."""
        head = self.api.issues[number].head
        assert head is not None
        git(self.local, "checkout", "--quiet", "main")
        git(self.local, "merge", "--quiet", "--no-ff", "--message", f"Merge pull request #{number}", head)
        return self._pushed_main(lambda sha: self.api.merge(number, sha))

    def push_to_main(self, files: Mapping[str, str], title: str = "Straight to main") -> str:
        git(self.local, "checkout", "--quiet", "main")
        self._write(files, title)
        return self._pushed_main(lambda _sha: None)

    def dispatch(self, workflow: str, inputs: Mapping[str, str], ref: str = "refs/heads/main") -> None:
        """Somebody starts a workflow by hand."""
        sha = git(self.local, "rev-parse", ref)
        self._start("workflow_dispatch", {"inputs": dict(inputs)}, ref, sha, only=f"reconciler-{workflow}.yml")

    def schedule(self) -> None:
        self._start("schedule", {}, "refs/heads/main", git(self.local, "rev-parse", "main"))

    def last(self, workflow: str) -> Job:
        """The newest job of a workflow."""
        return next(job for name, job in reversed(self.ran) if name == f"reconciler-{workflow}.yml")

    def _commit(self, branch: str, files: Mapping[str, str], title: str) -> str:
        self._write(files, title)
        git(self.local, "push", "--quiet", "origin", branch)
        return git(self.local, "rev-parse", "HEAD")

    def _write(self, files: Mapping[str, str], title: str) -> None:
        for path, text in files.items():
            (self.local / path).parent.mkdir(parents=True, exist_ok=True)
            (self.local / path).write_text(text, encoding="utf-8")
        git(self.local, "add", "--all")
        git(self.local, "commit", "--quiet", "--message", title)

    def _plan(self, number: int, action: str) -> None:
        """On the commit that would merge it, as GitHub makes one for ``refs/pull/N/merge``."""
        head, branch = self.api.issues[number].head, git(self.local, "branch", "--show-current")
        git(self.local, "checkout", "--quiet", "--detach", "main")
        git(self.local, "merge", "--quiet", "--no-ff", "--message", "A try", str(head))
        sha = git(self.local, "rev-parse", "HEAD")
        git(self.local, "push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/merge")
        git(self.local, "checkout", "--quiet", branch)
        repository = {"full_name": self.api.repository}
        pull_request = {"number": number, "head": {"sha": head, "repo": repository}}
        self._start("pull_request", {"action": action, "pull_request": pull_request}, f"refs/pull/{number}/merge", sha)

    def _pushed_main(self, tell: Any) -> str:
        git(self.local, "push", "--quiet", "origin", "main")
        sha = git(self.local, "rev-parse", "HEAD")
        tell(sha)
        self._start("push", {}, "refs/heads/main", sha)
        return sha

    def _start(self, event: str, payload: Mapping[str, Any], ref: str, sha: str, only: str = "*.yml") -> None:
        """What the commit's own workflows say, one after the other."""
        git(self.runner.workspace, "fetch", "--quiet", "origin", "+refs/*:refs/remotes/origin/*")
        git(self.runner.workspace, "checkout", "--quiet", "--force", "--detach", sha)
        for path in sorted((self.runner.workspace / ".github" / "workflows").glob(only)):
            if _is_started(yaml.safe_load(path.read_text(encoding="utf-8")), event, ref):
                self.ran += [(path.name, job) for job in self.runner.run(path, event, payload, ref, sha)]


def _is_started(workflow: Mapping[Any, Any], event: str, ref: str) -> bool:
    """YAML 1.1 reads the key ``on`` as true."""
    on = workflow[True]
    branches = (on[event] or {}).get("branches") if event in on and isinstance(on[event], dict) else None
    return event in on and (branches is None or ref.removeprefix("refs/heads/") in branches)

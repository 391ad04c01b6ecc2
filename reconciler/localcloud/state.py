"""The folder in which a server keeps its state, and how others find the server there."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_STATE_DIR = Path(".reconciler/local")
TOKEN_HEADER = "X-Local-Token"  # noqa: S105 - a header's name
"""Every admin request bears the token of the announcement in it."""


@dataclass(frozen=True)
class Announcement:
    """Where a running server is, and the token that its admin requests must bear."""

    pid: int
    host: str
    port: int
    token: str

    @property
    def endpoint_url(self) -> str:
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True)
class StateDir:
    """server.json: the announcement (0600) · server.log · cloud.snapshot · cloud.snapshot.values/: its large values · two lock files ·
    port: the one used last · mode: execute or simulate, where somebody chose · execution/: what is being worked on."""

    path: Path

    @property
    def snapshot(self) -> Path:
        return self.path / "cloud.snapshot"

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def running_lock(self) -> Path:
        """Held by a server as long as it lives, however it dies."""
        return self.path / "running.lock"

    @property
    def starting_lock(self) -> Path:
        """Held while a server is being started or stopped."""
        return self.path / "starting.lock"

    def create(self) -> None:
        """Make the folder, which version control shall not see."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.path / ".gitignore").write_text("*\n")

    def announce(self, *, host: str, port: int, token: str) -> None:
        """Written whole before it gets its name, readable by this user only."""
        text = json.dumps({"pid": os.getpid(), "host": host, "port": port, "token": token})
        temporary = self.path / f"server.json.{os.getpid()}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(temporary, self._announcement)
        (self.path / "port").write_text(str(port))

    def withdraw(self) -> None:
        self._announcement.unlink(missing_ok=True)

    def announced(self) -> Announcement | None:
        """The last announcement, which a killed server leaves behind; None when there is none or it cannot be read."""
        try:
            return Announcement(**json.loads(self._announcement.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def last_port(self) -> int:
        """The port of the last server here, 0 when there was none."""
        try:
            return int((self.path / "port").read_text())
        except (OSError, ValueError):
            return 0

    def remember(self, mode: str) -> None:
        (self.path / "mode").write_text(mode)

    def chosen_mode(self) -> str | None:
        """The mode that was last asked for here; None where nobody ever asked."""
        try:
            return (self.path / "mode").read_text().strip() or None
        except OSError:
            return None

    @property
    def _announcement(self) -> Path:
        return self.path / "server.json"

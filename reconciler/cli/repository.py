"""Where a project lies within its Git repository: forges count paths from the repository's root."""

from __future__ import annotations

from pathlib import Path


def folder_in_repository(root: Path) -> str:
    """``teams/support`` of a project in that folder of a checkout; empty at its top, and where there is no repository.

    A linked worktree or a submodule has a file ``.git`` instead of a folder.
    """
    here = root.resolve()
    top = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    return "" if top == here else here.relative_to(top).as_posix()

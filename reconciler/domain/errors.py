"""The errors that cross rooms.

ReconcilerError            expected trouble: exit 1, message without traceback
├── InvalidInput           carries Diagnostics (manifests, data, flags)
├── LockHeld               somebody else holds the project's lock: exit 75
├── PlanChanged            a saved or approved plan no longer holds
├── CloudUnavailable       the cloud could not be reached or asked (credentials, network, permission)
├── Interrupted            Ctrl-C or SIGTERM was obeyed between two calls: exit 130
└── DeadlinePassed         --timeout ended the run before everything converged

Everything else that escapes is our own bug: exit 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.domain.diagnostic import Diagnostic


class ReconcilerError(Exception):
    """Expected trouble. ``hint`` says what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InvalidInput(ReconcilerError):
    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(diagnostic.summary for diagnostic in diagnostics))
        self.diagnostics = tuple(diagnostics)


class LockHeld(ReconcilerError):
    """``holder`` describes who holds it, since when and until when."""


class PlanChanged(ReconcilerError):
    """What was approved is not what would be done now; the message says what differs."""


class CloudUnavailable(ReconcilerError):
    """``transient``: the same may work in a moment."""

    def __init__(self, message: str, *, hint: str = "", transient: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.transient = transient


class Interrupted(ReconcilerError):
    pass


class DeadlinePassed(ReconcilerError):
    pass

"""Copies of base weights in the project's bucket that nothing refers to any more: told in the plan, deleted once an apply is done."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic, Severity
from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.observation import Snapshot
from reconciler.domain.ports import Event, EventKind, UnusedWeights
from reconciler.engine.outside import Outside


def unused_weights(desired: Sequence[DesiredModel], snapshot: Snapshot, outside: Outside) -> tuple[UnusedWeights, ...]:
    """Raises CloudUnavailable."""
    wanted = {model.root_weights.digest for model in desired if model.root_weights}
    trained_here = (model for model in snapshot.models if model.provider is ProviderName.SAGEMAKER)
    versions = {(model.name, version.fingerprint) for model in trained_here for version in model.versions}
    return outside.artifacts.unused_weights(wanted, versions)


def told_unused(unused: UnusedWeights) -> Diagnostic:
    return Diagnostic(
        code="unused-weights",
        severity=Severity.NOTE,
        summary=f"{unused.uri} ({unused.size_bytes:,} bytes): no manifest and no version refers to these base weights any more; "
        "the next apply with changes to make deletes this copy",
    )


def delete_unused(before: Sequence[UnusedWeights], now: Sequence[UnusedWeights], outside: Outside) -> None:
    """Those that the run found when it began, and finds still: nothing goes in the run that ended its use. What cannot be deleted
    now goes with a later apply."""
    try:
        for unused in (each for each in now if each in before):
            outside.artifacts.delete_weights(unused)
            told = (
                f"Deleted {unused.uri} ({unused.size_bytes:,} bytes): nothing referred to these base weights any more"
            )
            outside.progress.report(Event(kind=EventKind.NOTE, message=told))
    except CloudUnavailable:
        return

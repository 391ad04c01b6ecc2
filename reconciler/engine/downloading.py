"""Which artifact of a model can be downloaded, and why others cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import Configuration
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.naming import is_meant, short
from reconciler.domain.observation import Artifact, ModelObservation, Snapshot, Version
from reconciler.domain.ports import Discarded
from reconciler.engine.choosing import Held, models_named, versions_of


@dataclass(frozen=True)
class Wares:
    """The artifact of a version, in S3."""

    model: ModelObservation
    version: Version
    artifact: Artifact


def downloadable(
    name: str,
    asked: str | None,
    snapshot: Snapshot,
    configuration: Configuration,
    trash: Callable[[], Sequence[Discarded]],
) -> Wares:
    """The version whose fingerprint begins with ``asked``; without it the one that serves, else the one trained last.

    Raises ReconcilerError; of a version that lies in the trash, how it comes back.
    """
    try:
        versions = versions_of(name, models_named(name, snapshot, configuration), asked)
        return _wares(_chosen(name, versions))
    except ReconcilerError as missing:
        _tell_trash(name, asked, trash(), missing)
        raise


def _chosen(name: str, versions: Sequence[Held]) -> Held:
    if not versions:
        raise ReconcilerError(
            f"{name} is not trained", hint="`reconciler apply` trains it, where its manifest asks for that"
        )
    trained = [held for held in versions if held.version.artifact] or versions
    serving = {d.fingerprint for held in trained for d in held.model.deployments}
    return next((held for held in trained if held.version.fingerprint in serving), trained[-1])


def _wares(held: Held) -> Wares:
    name, version, artifact = held.model.name, held.version, held.version.artifact
    if held.model.provider is ProviderName.BEDROCK:
        hint = f"`reconciler logs {name}` shows the metrics of its training, which are all that Bedrock gives away"
        raise ReconcilerError(f"the weights of {name} stay with Bedrock: they cannot be downloaded", hint=hint)
    if artifact is None:
        run = version.latest_run
        stands = f"its training is {run.phase}" if run else "nothing is left of it"
        raise ReconcilerError(f"version {short(version.fingerprint)} of {name} has no artifact: {stands}")
    return Wares(held.model, version, artifact)


def _tell_trash(name: str, asked: str | None, entries: Sequence[Discarded], missing: ReconcilerError) -> None:
    own = [entry for entry in entries if entry.model == name]
    meant = [entry for entry in own if asked is None or is_meant(entry.version.fingerprint, asked)]
    if meant:
        entry = meant[-1]
        version = short(entry.version.fingerprint)
        raise ReconcilerError(
            f"version {version} of {name} was deleted on {entry.deleted_on}; the trash keeps it until {entry.expires_on}",
            hint=f"`reconciler restore {name} {version}` brings it back without training",
        ) from missing

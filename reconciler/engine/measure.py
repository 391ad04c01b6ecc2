"""After a training: what it really took, beside what was predicted, written to its artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reconciler.catalog.query import base_of
from reconciler.cost.options import on_instance, with_resources
from reconciler.cost.training import training_cost
from reconciler.domain.catalog import Catalog, FoundationModel, InstanceType, ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.measurement import History, Measured, Measurement, Predicted
from reconciler.domain.observation import Snapshot, TrainingPhase, TrainingRun
from reconciler.domain.quantity import Exact
from reconciler.engine.outside import Outside
from reconciler.estimators.correction import memory_correction, time_correction
from reconciler.estimators.duration import sagemaker_hours
from reconciler.estimators.fit import peak_gib
from reconciler.estimators.intended import method_of

_GIB = Decimal(2**30)

Ended = tuple[str, str, TrainingRun]
"""Model, fingerprint and run."""


def record_measurements(snapshot: Snapshot, history: History, outside: Outside) -> None:
    """Each completed training that is not in ``history`` yet, once. What cannot be written now is written by a later apply."""
    try:
        for model, fingerprint, run in unmeasured(snapshot, history):
            recorded = outside.artifacts.recorded(model, fingerprint)
            found = measurement(recorded, run, snapshot, history, outside.catalog) if recorded else None
            if found is not None:
                outside.artifacts.put_measurement(found)
    except CloudUnavailable:
        return


def unmeasured(snapshot: Snapshot, history: History) -> Iterator[Ended]:
    """On Bedrock nobody knows the machine, nor how long it worked. What another project trained, that one measures."""
    known = {measured.run for measured in history.measurements}
    for model in (model for model in snapshot.models if model.provider is ProviderName.SAGEMAKER):
        for version in (version for version in model.versions if version.promoted_from is None):
            run = version.latest_run
            if run is not None and run.phase is TrainingPhase.COMPLETED and run.name not in known:
                yield model.name, version.fingerprint, run


def measurement(
    model: DesiredModel, run: TrainingRun, snapshot: Snapshot, history: History, catalog: Catalog
) -> Measurement | None:
    """``None`` where base model or machine are not known, or there is no time of its end.

    Predicted is what the estimators of this version say of what was recorded, on the machines that it ran on.
    """
    base = base_of(model, catalog)
    instance = catalog.instance(run.instance_type) if run.instance_type else None
    if base is None or instance is None or run.ended_at is None or model.resolved.resources is None:
        return None
    count = run.instance_count or 1
    placed = with_resources(on_instance(model, instance.name), instance_count=count)
    earlier = history.before(run.created_at or run.ended_at)
    return Measurement(
        model=model.name,
        fingerprint=model.fingerprint,
        run=run.name,
        base_model=base.key,
        instance_type=instance.name,
        instance_count=count,
        method=str(method_of(model.resolved.hyperparameters)),
        ended_at=run.ended_at,
        spot=model.resolved.resources.spot,
        simulated=snapshot.cloud == "local",
        predicted=_predicted(placed, base, instance, count, catalog, snapshot.region),
        time_factor=time_correction(earlier, base.key, instance.name).factor,
        memory_factor=memory_correction(earlier, base.key, instance.name).factor,
        measured=_measured(run, catalog.training_price(instance.name, snapshot.region).usd, count, snapshot.cloud),
    )


def _predicted(
    placed: DesiredModel, base: FoundationModel, instance: InstanceType, count: int, catalog: Catalog, region: str
) -> Predicted:
    hours = sagemaker_hours(placed, base, instance, count).amount
    return Predicted(
        hours=hours,
        usd=training_cost(placed, catalog, region).amount if hours else None,
        peak_gib=peak_gib(placed, base, instance, count),
    )


def _measured(run: TrainingRun, price: Decimal | None, count: int, cloud: str) -> Measured:
    """On the embedded cloud a training's memory is this machine's, not a GPU's."""
    seconds, metrics = run.billable_seconds, run.metrics
    usd = None if price is None or seconds is None else price * count * seconds / 3600
    peak = metrics.get("peak_memory_bytes") if cloud != "local" else None
    return Measured(
        billable_seconds=seconds,
        usd=usd,
        tokens=_whole(metrics.get("billable_tokens")),
        tokens_per_second=_float(metrics.get("tokens_per_second")),
        peak_gib=None if peak is None else round(float(peak / _GIB), 3),
    )


def _whole(value: Exact | None) -> int | None:
    return None if value is None else int(value)


def _float(value: Exact | None) -> float | None:
    return None if value is None else float(value)

"""Estimates as the cloud has taught: corrected by trainings of the same base model on the same instance type, and saying so."""

from __future__ import annotations

from decimal import Decimal

from reconciler.domain.catalog import FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel
from reconciler.domain.measurement import History
from reconciler.domain.plan import Fit
from reconciler.estimators.correction import Correction, memory_correction, time_correction
from reconciler.estimators.duration import sagemaker_hours
from reconciler.estimators.estimate import Estimate
from reconciler.estimators.fit import fit


def corrected_hours(
    model: DesiredModel, base: FoundationModel, instance: InstanceType, count: int, history: History
) -> Estimate:
    """Billed hours of one instance."""
    found = sagemaker_hours(model, base, instance, count)
    correction = time_correction(history, base.key, instance.name)
    if found.amount is None or not correction.trainings:
        return found
    told = (*found.assumptions, _told("time", correction, base, instance))
    return found.times(correction.factor).model_copy(update={"assumptions": told})


def corrected_fit(
    model: DesiredModel, base: FoundationModel, instance: InstanceType, count: int, history: History
) -> Fit:
    correction = memory_correction(history, base.key, instance.name)
    found = fit(model, base, instance, count, factor=float(correction.factor))
    if correction.factor == Decimal(1) or found.needed_gib is None:
        return found
    told = (*found.assumptions, _told("memory", correction, base, instance))
    return found.model_copy(update={"assumptions": told})


def _told(what: str, correction: Correction, base: FoundationModel, instance: InstanceType) -> str:
    times = "the last training" if correction.trainings == 1 else f"the last {correction.trainings} trainings"
    return f"{what}: corrected by × {correction.factor} after {times} of {base.key} on {instance.name}"

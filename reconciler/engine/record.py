"""What is written beside a version."""

from __future__ import annotations

from reconciler.domain.desired import DesiredModel


def recorded_model(model: DesiredModel, *, deployed: bool) -> DesiredModel:
    """What is written beside the version. It says ``deployed`` only once that was asked of the cloud: a deployment that is
    missing then was taken away, and one that was never asked for was not."""
    said = model.resolved.deployment.deployed and deployed
    deployment = model.resolved.deployment.model_copy(update={"deployed": said})
    return model.model_copy(update={"resolved": model.resolved.model_copy(update={"deployment": deployment})})

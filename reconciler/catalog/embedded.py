"""``embedded_models.yaml``: base models of the embedded cloud alone, and what is known of a folder of weights: how it is trained."""

from __future__ import annotations

from typing import Any

from reconciler.catalog.files import Sourced, Sources
from reconciler.catalog.rules import dataset, hyperparameters
from reconciler.catalog.sagemaker import ArchitectureRow, SageMakerFile, architecture
from reconciler.domain.base import Value
from reconciler.domain.catalog import LOCAL_FOLDER, FoundationModel, ProviderName, Requirement, SageMakerOffer

_INSTANCE_TYPE = "ml.g5.xlarge"
"""Where the manifest names none. This machine does the work whatever it says."""


class EmbeddedRow(Sourced):
    key: str
    name: str
    family: str
    weights_uri: str
    architecture: ArchitectureRow


class EmbeddedFile(Value):
    models: tuple[EmbeddedRow, ...]


def embedded_models(file: EmbeddedFile, trainer: SageMakerFile, sources: Sources) -> list[FoundationModel]:
    """Trained by the program, and within the bounds, of ``trainer``."""
    return [
        _tuned_here(
            trainer,
            sources,
            key=row.key,
            name=row.name,
            family=row.family,
            sagemaker=_offer(weights_uri=row.weights_uri, source=row.cite(sources)),
            architecture=architecture(row.architecture, sources),
        )
        for row in file.models
    ]


def local_folder(trainer: SageMakerFile, sources: Sources) -> FoundationModel:
    """Any folder of weights on this machine (``baseModel: {path: …}``). Its dimensions stand in its own ``config.json``."""
    return _tuned_here(
        trainer, sources, key=LOCAL_FOLDER, name="A folder of weights", family="yours", sagemaker=_offer()
    )


def _offer(**more: Any) -> SageMakerOffer:
    return SageMakerOffer(
        jumpstart_id=None,
        hugging_face_repo=None,
        default_training_instance_type=_INSTANCE_TYPE,
        default_hosting_instance_type=_INSTANCE_TYPE,
        **more,
    )


def _tuned_here(trainer: SageMakerFile, sources: Sources, **more: Any) -> FoundationModel:
    here = ProviderName.SAGEMAKER
    return FoundationModel(
        hyperparameters={here: hyperparameters(trainer.hyperparameters, sources)},
        validation={here: Requirement.OPTIONAL},
        dataset={here: dataset(trainer.dataset, sources)},
        local_only=True,
        **more,
    )

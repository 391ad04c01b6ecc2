"""The kinds of a manifest: what a user writes. Shapes only; sense is checked by ``reconciler.manifest``."""

from reconciler.domain.kinds.dataset import DatasetManifest, DatasetSpec
from reconciler.domain.kinds.fine_tuned_model import FineTunedModelManifest, FineTunedModelSpec
from reconciler.domain.kinds.metadata import API_VERSION, Metadata
from reconciler.domain.kinds.policy import PolicyManifest, PolicySpec
from reconciler.domain.kinds.project import ProjectManifest, ProjectSpec

__all__ = [
    "API_VERSION",
    "DatasetManifest",
    "DatasetSpec",
    "FineTunedModelManifest",
    "FineTunedModelSpec",
    "Metadata",
    "PolicyManifest",
    "PolicySpec",
    "ProjectManifest",
    "ProjectSpec",
]

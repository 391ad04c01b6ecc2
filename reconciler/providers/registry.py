"""Which class stands behind which provider. A new cloud service is one line here and one folder beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.domain.catalog import ProviderName
from reconciler.domain.ports import Provider
from reconciler.providers.bedrock.provider import BedrockProvider
from reconciler.providers.sagemaker.provider import SageMakerProvider
from reconciler.providers.settings import ProviderSettings

FACTORIES: Mapping[ProviderName, Callable[[ProviderSettings], Provider]] = {
    ProviderName.SAGEMAKER: SageMakerProvider,
    ProviderName.BEDROCK: BedrockProvider,
}


def providers(settings: ProviderSettings) -> dict[ProviderName, Provider]:
    """One of each. Nothing is asked of the cloud yet."""
    return {name: make(settings) for name, make in FACTORIES.items()}

"""Which class stands behind which provider. A new cloud service is one line here and one folder beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.domain.catalog import ProviderName
from reconciler.domain.conversing import Conversation
from reconciler.domain.logs import Logs
from reconciler.domain.ports import Provider
from reconciler.domain.survey import Surveyor
from reconciler.providers.bedrock.conversing import BedrockConversation
from reconciler.providers.bedrock.logs import BedrockLogs
from reconciler.providers.bedrock.provider import BedrockProvider
from reconciler.providers.bedrock.survey import BedrockSurveyor
from reconciler.providers.sagemaker.conversing import EndpointConversation
from reconciler.providers.sagemaker.logs import SageMakerLogs
from reconciler.providers.sagemaker.provider import SageMakerProvider
from reconciler.providers.sagemaker.survey import SageMakerSurveyor
from reconciler.providers.settings import ProviderSettings

FACTORIES: Mapping[ProviderName, Callable[[ProviderSettings], Provider]] = {
    ProviderName.SAGEMAKER: SageMakerProvider,
    ProviderName.BEDROCK: BedrockProvider,
}

SURVEYORS: Mapping[ProviderName, Callable[[ProviderSettings], Surveyor]] = {
    ProviderName.SAGEMAKER: SageMakerSurveyor,
    ProviderName.BEDROCK: BedrockSurveyor,
}

CONVERSATIONS: Mapping[ProviderName, Callable[[ProviderSettings], Conversation]] = {
    ProviderName.SAGEMAKER: EndpointConversation,
    ProviderName.BEDROCK: BedrockConversation,
}

LOGS: Mapping[ProviderName, Callable[[ProviderSettings], Logs]] = {
    ProviderName.SAGEMAKER: SageMakerLogs,
    ProviderName.BEDROCK: BedrockLogs,
}


def providers(settings: ProviderSettings) -> dict[ProviderName, Provider]:
    """One of each. Nothing is asked of the cloud yet."""
    return {name: make(settings) for name, make in FACTORIES.items()}


def surveyors(settings: ProviderSettings) -> dict[ProviderName, Surveyor]:
    """Likewise, for what an account holds whoever made it."""
    return {name: make(settings) for name, make in SURVEYORS.items()}


def conversations(settings: ProviderSettings) -> dict[ProviderName, Conversation]:
    """Likewise, for questions to what is deployed."""
    return {name: make(settings) for name, make in CONVERSATIONS.items()}


def logs(settings: ProviderSettings) -> dict[ProviderName, Logs]:
    """Likewise, for what trainings and deployments wrote."""
    return {name: make(settings) for name, make in LOGS.items()}

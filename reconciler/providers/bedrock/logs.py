"""Bedrock writes no log: a customization job leaves files with its metrics beside what it made."""

from __future__ import annotations

from reconciler.domain.observation import Deployment, TrainingRun
from reconciler.domain.tags import Owner
from reconciler.providers.aws.faults import looks
from reconciler.providers.bedrock.client import BedrockApi
from reconciler.providers.bedrock.observe import training_run
from reconciler.providers.settings import ProviderSettings


class BedrockLogs:
    """See :class:`reconciler.domain.logs.Logs`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._api = BedrockApi(settings.aws, page_size=settings.page_size)

    def of_training(self, run: TrainingRun) -> None:
        return None

    def of_deployment(self, deployment: Deployment) -> None:
        return None

    @looks("looking at the training")
    def look(self, run: TrainingRun) -> TrainingRun | None:
        described = self._api.job(run.identifier)
        owner = Owner(project=self._settings.project, model="", attempt=run.attempt, created_by=run.created_by)
        return training_run(described, owner, discarded=run.discarded) if described else None

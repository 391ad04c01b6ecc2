"""The logs of trainings and endpoints.

Groups and the names of streams: https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html.
"""

from __future__ import annotations

from reconciler.domain.observation import Deployment, TrainingRun
from reconciler.domain.tags import Owner
from reconciler.providers.aws.faults import looks
from reconciler.providers.aws.logs import CloudWatchLog
from reconciler.providers.aws.session import AwsSession
from reconciler.providers.sagemaker.client import SageMakerApi
from reconciler.providers.sagemaker.observe import training_run
from reconciler.providers.settings import ProviderSettings

TRAININGS = "/aws/sagemaker/TrainingJobs"
ENDPOINTS = "/aws/sagemaker/Endpoints"


class SageMakerLogs:
    """See :class:`reconciler.domain.logs.Logs`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._api = SageMakerApi(settings.aws, page_size=settings.page_size)

    def of_training(self, run: TrainingRun) -> CloudWatchLog:
        return training_log(self._settings.aws, run)

    def of_deployment(self, deployment: Deployment) -> CloudWatchLog:
        return CloudWatchLog(self._settings.aws, f"{ENDPOINTS}/{deployment.name}")

    @looks("looking at the training")
    def look(self, run: TrainingRun) -> TrainingRun | None:
        described = self._api.training_job(run.name)
        owner = Owner(project=self._settings.project, model="", attempt=run.attempt, created_by=run.created_by)
        return training_run(described, owner) if described else None


def training_log(aws: AwsSession, run: TrainingRun) -> CloudWatchLog:
    """What every host of the training wrote."""
    return CloudWatchLog(aws, TRAININGS, f"{run.name}/", source_of=host_of)


def host_of(stream: str) -> str:
    """``job/algo-1-1700000000`` → ``algo-1``."""
    return stream.rpartition("/")[2].rpartition("-")[0] or stream

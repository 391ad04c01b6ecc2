"""Bedrock behind the Provider port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.observation import Deployment, ForeignResource, ModelObservation, TrainingRun, Version
from reconciler.domain.outcome import FaultKind, Outcome
from reconciler.domain.plan import Action, Change
from reconciler.domain.ports import (
    DeleteOrder,
    DeployOrder,
    Observed,
    RegisterOrder,
    TrainOrder,
    UndeployOrder,
    UpdateOrder,
)
from reconciler.domain.tags import FINGERPRINT, Owner
from reconciler.providers.assembly import assemble
from reconciler.providers.aws.faults import Refused, answers, looks
from reconciler.providers.aws.schedules import Schedule, Schedules, wanted
from reconciler.providers.bedrock import deployment, observe, training, translate
from reconciler.providers.bedrock.client import BedrockApi, Described
from reconciler.providers.ownership import Standing, foreign
from reconciler.providers.rescheduling import reschedule, rule_of
from reconciler.providers.retagging import disown, retag
from reconciler.providers.settings import ProviderSettings, needed

NOT_PORTABLE = "Bedrock gives no file of a custom model away, so it cannot be copied: train it in this environment"


class BedrockProvider:
    """See :class:`reconciler.domain.ports.Provider`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._api = BedrockApi(settings.aws, page_size=settings.page_size)
        self._schedules = Schedules(
            settings.aws,
            project=settings.project,
            service="bedrock",
            role=settings.roles.scheduler,
            page_size=settings.page_size,
        )

    @property
    def name(self) -> ProviderName:
        return ProviderName.BEDROCK

    @looks("looking at Bedrock")
    def observe(self) -> Observed:
        found = [*observe.pieces(self._api, self._settings.project)]
        return Observed(models=assemble(self.name, found, self._schedules.observe()))

    @looks("looking for names on Bedrock")
    def foreign(self, changes: Sequence[Change]) -> tuple[ForeignResource, ...]:
        """``train``: the job's and the custom model's name; ``deploy``: that of a throughput or a deployment."""
        return tuple(found for change in changes if change.provider is self.name for found in self._foreign(change))

    def impediments(self, changes: Sequence[Change], models: Sequence[DesiredModel]) -> tuple[Diagnostic, ...]:
        """None: Bedrock brings its own machines and images."""
        return ()

    @answers
    def train(self, order: TrainOrder) -> Outcome:
        return training.train(self._api, order, self._settings)

    @answers
    def stop(self, run: TrainingRun) -> Outcome:
        return training.stop(self._api, run)

    @answers
    def deploy(self, order: DeployOrder) -> Outcome:
        self._require_deployable(order)
        outcome = deployment.deploy(self._api, order)
        self._schedules.bring_to(self._wanted_schedules(order))
        return outcome

    @answers
    def roll(self, order: DeployOrder) -> Outcome:
        self._require_deployable(order)
        outcome = deployment.roll(self._api, order)
        self._schedules.bring_to(self._wanted_schedules(order))
        return outcome

    @answers
    def undeploy(self, order: UndeployOrder) -> Outcome:
        """Schedules go first: one that deploys again must not fire in between."""
        if not order.keep_schedules:
            self._schedules.remove(schedule.name for schedule in order.schedules)
        if order.deployment is None:
            return Outcome.done("nothing is deployed")
        owner = Owner(project=self._settings.project, model=order.model)
        return deployment.undeploy(self._api, order.deployment, owner)

    @answers
    def require_unused(self, order: DeleteOrder) -> Outcome:
        self._require_unused(order)
        return Outcome.done("nothing serves it")

    @answers
    def delete(self, order: DeleteOrder) -> Outcome:
        """The custom model, for good; its jobs stay on record, marked, because Bedrock deletes none."""
        artifact = order.version.artifact
        if order.retain:
            disown(self._api, _identifiers(order.version))
            return Outcome.done(f"kept, and no longer owned: {order.version.fingerprint}")
        self._require_unused(order)
        if artifact is not None:
            training.delete_model(self._api, artifact.identifier)
        for run in order.version.runs:
            training.discard(self._api, run)
        return Outcome.done("the custom model is deleted; its jobs stay on record" if artifact else "discarded")

    @answers
    def register(self, order: RegisterOrder) -> Outcome:
        """Bedrock gives no file of a custom model away: nothing that could be copied."""
        raise Refused(FaultKind.TERMINAL, "NotPortable", NOT_PORTABLE)

    @answers
    def update(self, order: UpdateOrder) -> Outcome:
        if rule_of(order.model) is not None:
            needed(scheduler_role=self._settings.roles.scheduler)
        retag(self._api, _owned_arns(order.observed), order)
        for deployed in order.observed.deployments:
            self._settle_tags(deployed, order)
        reschedule(self._schedules, order, self._wanted_schedules)
        return Outcome.done("tags and schedules are as they should be")

    def log_tail(self, run: TrainingRun, lines: int = 20) -> tuple[str, ...]:
        """Bedrock's customization jobs write no log."""
        return ()

    # -- foreign names

    def _foreign(self, change: Change) -> Iterator[ForeignResource]:
        owner = Owner(project=self._settings.project, model=change.address.partition("/")[2])
        name = change.target
        standing = (Standing(kind, name, found[arn]) for kind, found, arn in self._named(change) if found is not None)
        return foreign(self._api, self.name, standing, owner)

    def _named(self, change: Change) -> Iterator[tuple[str, Described | None, str]]:
        """What stands under the name that a change would create: kind, description, the ARN's key in it."""
        match change.action:
            case Action.TRAIN:
                yield "customization job", self._api.job(change.target), "jobArn"
                yield "custom model", self._api.custom_model(change.target), "modelArn"
            case Action.DEPLOY:
                for service in deployment.SERVICES.values():
                    yield service.words, service.get(self._api, change.target), service.arn
            case _:
                return

    # -- deleting and updating

    def _require_unused(self, order: DeleteOrder) -> None:
        """What serves may have gone back to this version since it was looked at."""
        artifact = order.version.artifact
        if artifact is not None and deployment.serves(self._api, order.model, artifact.identifier):
            raise Refused(FaultKind.CONFLICT, "InUse", f"{order.model} serves {artifact.name}: not deleted")

    def _settle_tags(self, deployed: Deployment, order: UpdateOrder) -> None:
        """What serves is what is wanted: then it counts as asked for, whatever was rolled back or cut off before."""
        asked = deployed.owner.fingerprint if deployed.owner else None
        if deployed.fingerprint == order.model.fingerprint != asked:
            self._api.add_tags(deployed.identifier, {FINGERPRINT: order.model.fingerprint})

    # -- schedules

    def _wanted_schedules(self, order: DeployOrder) -> tuple[Schedule, ...]:
        service = deployment.SERVICES[order.model.resolved.deployment.kind]
        now = self._settings.clock.now()
        return wanted(
            order.owner.model,
            order.model.resolved.deployment.undeploy,
            undeploy=service.undeploy_call(order.name),
            deploy=service.deploy_call(order),
            deployed_at=(order.current and order.current.created_at) or now,
            now=now,
        )

    def _require_deployable(self, order: DeployOrder) -> None:
        translate.require_servable(order.model, self._settings)
        if order.model.resolved.deployment.undeploy is not None:
            needed(scheduler_role=self._settings.roles.scheduler)


def _owned_arns(observed: ModelObservation) -> tuple[str, ...]:
    """Models, jobs that still count, and what serves."""
    models = [version.artifact.identifier for version in observed.versions if version.artifact]
    jobs = [run.identifier for version in observed.versions for run in version.runs if not run.discarded]
    return (*models, *jobs, *(deployed.identifier for deployed in observed.deployments))


def _identifiers(version: Version) -> tuple[str, ...]:
    models = [version.artifact.identifier] if version.artifact else []
    return (*models, *(run.identifier for run in version.runs))

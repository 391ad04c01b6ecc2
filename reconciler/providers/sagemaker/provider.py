"""SageMaker behind the Provider port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from botocore.exceptions import ClientError

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.naming import version_name
from reconciler.domain.observation import (
    Deployment,
    ForeignResource,
    ModelObservation,
    TrainingRun,
    Version,
)
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
from reconciler.domain.tags import Owner
from reconciler.providers.assembly import assemble
from reconciler.providers.aws.faults import Refused, answers, looks
from reconciler.providers.aws.schedules import Schedule, ScheduledCall, Schedules, wanted
from reconciler.providers.ownership import Standing, foreign, require_ours
from reconciler.providers.rescheduling import reschedule, rule_of
from reconciler.providers.retagging import disown, retag
from reconciler.providers.sagemaker import deployment, observe, training, translate
from reconciler.providers.sagemaker.client import Described, SageMakerApi
from reconciler.providers.sagemaker.logs import training_log
from reconciler.providers.settings import ProviderSettings, missing_images, needed


class SageMakerProvider:
    """See :class:`reconciler.domain.ports.Provider`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._api = SageMakerApi(settings.aws, page_size=settings.page_size)
        self._schedules = Schedules(
            settings.aws,
            project=settings.project,
            service="sagemaker",
            role=settings.roles.scheduler,
            page_size=settings.page_size,
        )

    @property
    def name(self) -> ProviderName:
        return ProviderName.SAGEMAKER

    @looks("looking at SageMaker")
    def observe(self) -> Observed:
        found = [*observe.pieces(self._api, self._settings.project)]
        return Observed(models=assemble(self.name, found, self._schedules.observe()))

    @looks("looking for names on SageMaker")
    def foreign(self, changes: Sequence[Change]) -> tuple[ForeignResource, ...]:
        """``train``: the training job's name; ``deploy``: the endpoint's and the SageMaker model's."""
        return tuple(found for change in changes if change.provider is self.name for found in self._foreign(change))

    def impediments(self, changes: Sequence[Change], models: Sequence[DesiredModel]) -> tuple[Diagnostic, ...]:
        """A container image that is not known."""
        ours = [change for change in changes if change.provider is self.name]
        return tuple(missing_images(self._settings, ours, {model.address: model for model in models}))

    @answers
    def train(self, order: TrainOrder) -> Outcome:
        return training.train(self._api, order, self._settings)

    @answers
    def stop(self, run: TrainingRun) -> Outcome:
        return training.stop(self._api, run)

    @answers
    def deploy(self, order: DeployOrder) -> Outcome:
        self._require_settings(order.model)
        outcome = deployment.deploy(self._api, order, self._settings)
        self._schedules.bring_to(self._wanted_schedules(order))
        return outcome

    @answers
    def roll(self, order: DeployOrder) -> Outcome:
        self._require_settings(order.model)
        outcome = deployment.roll(self._api, order, self._settings)
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
        return deployment.undeploy(self._api, order.deployment.name, lambda what, tags: require_ours(what, tags, owner))

    @answers
    def require_unused(self, order: DeleteOrder) -> Outcome:
        self._require_unused(order)
        return Outcome.done("nothing serves it")

    @answers
    def delete(self, order: DeleteOrder) -> Outcome:
        """Configurations, SageMaker models, and the training job last: while it is there, the rest is found again."""
        if order.retain:
            disown(self._api, _identifiers(order.version))
            return Outcome.done(f"kept, and no longer owned: {order.version.fingerprint}")
        self._require_unused(order)
        for arn in sorted(order.version.leftovers):
            self._delete_leftover(arn)
        for run in order.version.runs:
            training.delete(self._api, run)
        return Outcome.done("the version's training jobs and what belonged to them are deleted")

    @answers
    def register(self, order: RegisterOrder) -> Outcome:
        """A SageMaker model of the copied artifact: a version without a training here."""
        self._require_settings(order.model, scheduled=False)
        request = translate.promoted_model(order, self._settings)
        try:
            arn = self._api.create_model(request)
        except ClientError:
            existing = self._api.model(order.name)
            if existing is None:
                raise
            return self._registered(existing, order)
        return Outcome.done(f"model {order.name} is registered", arn)

    @answers
    def update(self, order: UpdateOrder) -> Outcome:
        if rule_of(order.model) is not None:
            self._require_settings(order.model, scheduled=True)
        retag(self._api, self._owned_arns(order.observed), order)
        for deployed in order.observed.deployments:
            self._settle_tags(deployed, order)
        reschedule(self._schedules, order, self._wanted_schedules)
        return Outcome.done("tags and schedules are as they should be")

    def log_tail(self, run: TrainingRun, lines: int = 20) -> tuple[str, ...]:
        """What hinders reading is told in place of the log: it is for people, and no reason to fail."""
        try:
            return tuple(line.text for line in training_log(self._settings.aws, run).tail(lines))
        except CloudUnavailable as trouble:
            return (f"({trouble})",)

    def _registered(self, existing: Described, order: RegisterOrder) -> Outcome:
        """What stands under the name: of this promotion, cut off before, or something else."""
        arn, uri = existing["ModelArn"], (existing.get("PrimaryContainer") or {}).get("ModelDataUrl")
        require_ours(f"model {order.name}", self._api.tags(arn), order.owner)
        if uri != order.artifact.identifier:
            told = f"model {order.name} exists and serves another artifact: {uri}"
            raise Refused(FaultKind.CONFLICT, "OtherArtifact", told)
        return Outcome.done(f"model {order.name} is registered already", arn)

    # -- foreign names

    def _foreign(self, change: Change) -> Iterator[ForeignResource]:
        owner = Owner(project=self._settings.project, model=change.address.partition("/")[2])
        named = self._named(change, owner.model)
        standing = (Standing(kind, name, found[arn]) for kind, name, found, arn in named if found is not None)
        return foreign(self._api, self.name, standing, owner)

    def _named(self, change: Change, model: str) -> Iterator[tuple[str, str, Described | None, str]]:
        """What stands under the names that a change would create: kind, name, description, the ARN's key in it."""
        match change.action:
            case Action.TRAIN:
                yield "training job", change.target, self._api.training_job(change.target), "TrainingJobArn"
            case Action.DEPLOY:
                yield "endpoint", change.target, self._api.endpoint(change.target), "EndpointArn"
                if change.fingerprint:
                    name = version_name(model, change.fingerprint, change.attempt or 1)
                    yield "model", name, self._api.model(name), "ModelArn"
            case _:
                return

    # -- deleting

    def _require_unused(self, order: DeleteOrder) -> None:
        """The endpoint may have gone back to this version since it was looked at."""
        used = deployment.in_use(self._api, order.model)
        artifact = order.version.artifact
        names = {arn.rpartition("/")[2] for arn in order.version.leftovers}
        own = {name for name in used if artifact and (name == artifact.name or name.startswith(f"{artifact.name}-"))}
        if found := (used & names) | own:
            told = f"endpoint {order.model} uses {', '.join(sorted(found))}: not deleted"
            raise Refused(FaultKind.CONFLICT, "InUse", told)

    def _delete_leftover(self, arn: str) -> None:
        """Deleting the absent is done."""
        kind, _, name = arn.rpartition(":")[2].partition("/")
        delete, describe = {
            "endpoint-config": (self._api.delete_endpoint_config, self._api.endpoint_config),
            "model": (self._api.delete_model, self._api.model),
        }[kind]
        try:
            delete(name)
        except ClientError:
            if describe(name) is not None:
                raise

    # -- updating

    def _owned_arns(self, observed: ModelObservation) -> tuple[str, ...]:
        """Endpoints last: what is retagged for a rename is found by either name until all is done."""
        versions = [arn for version in observed.versions for arn in _identifiers(version)]
        configs = [_config_arn(deployed) for deployed in observed.deployments if deployed.configuration]
        endpoints = [deployed.identifier for deployed in observed.deployments]
        return (*versions, *configs, *endpoints)

    def _settle_tags(self, deployed: Deployment, order: UpdateOrder) -> None:
        """What serves is what is wanted: then it counts as asked for, whatever was rolled back or cut off before."""
        asked = deployed.owner.fingerprint if deployed.owner else None
        unsettled = deployed.rolled_back or asked != order.model.fingerprint
        if unsettled and deployed.fingerprint == order.model.fingerprint and deployed.configuration:
            owner = order.owner.model_copy(update={"attempt": deployed.owner.attempt if deployed.owner else 1})
            tags = translate.endpoint_tags(owner, deployed.configuration, order.model.fingerprint)
            self._api.add_tags(deployed.identifier, tags)

    # -- schedules

    def _wanted_schedules(self, order: DeployOrder) -> tuple[Schedule, ...]:
        rule = order.model.resolved.deployment.undeploy
        if rule is None:
            return ()
        if rule.hours is not None:
            deployment.prepare(self._api, order, self._settings)
        now = self._settings.clock.now()
        return wanted(
            order.owner.model,
            rule,
            undeploy=ScheduledCall("sagemaker", "deleteEndpoint", {"EndpointName": order.name}),
            deploy=ScheduledCall("sagemaker", "createEndpoint", translate.endpoint(order, self._settings)),
            deployed_at=(order.current and order.current.created_at) or now,
            now=now,
        )

    def _require_settings(self, model: DesiredModel, *, scheduled: bool | None = None) -> None:
        """``scheduled``: whether schedules are made; ``None``: where the model asks for them."""
        wanted = model.resolved.deployment
        schedules = wanted.undeploy is not None if scheduled is None else scheduled
        needed(
            training_role=self._settings.roles.training,
            serving_image=wanted.image or self._settings.serving_image,
            **({"scheduler_role": self._settings.roles.scheduler} if schedules else {}),
        )


def _identifiers(version: Version) -> tuple[str, ...]:
    return (*version.leftovers, *(run.identifier for run in version.runs))


def _config_arn(deployed: Deployment) -> str:
    return (
        deployed.identifier.replace(":endpoint/", ":endpoint-config/").rpartition("/")[0] + f"/{deployed.configuration}"
    )

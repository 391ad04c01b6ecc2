"""Manifests → Configuration: the one door to this package. Every problem of every file is told at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.domain.base import Value
from reconciler.domain.catalog import Catalog, ProviderName, Requirement
from reconciler.domain.desired import (
    Configuration,
    DatasetSource,
    Origin,
    ProjectSettings,
    ValidationPlan,
    WeightsFolder,
)
from reconciler.domain.diagnostic import Diagnostic, Location, has_errors
from reconciler.domain.diagnostic import allow as allowed
from reconciler.domain.fingerprint import digest
from reconciler.domain.kinds.dataset import DatasetSpec
from reconciler.domain.kinds.fine_tuned_model import (
    DatasetValidation,
    FineTunedModelSpec,
    LocalWeights,
    SplitValidation,
)
from reconciler.domain.kinds.project import ProjectSpec
from reconciler.manifest import defaults
from reconciler.manifest.checks.base_model import check_base_model
from reconciler.manifest.checks.data import check_data
from reconciler.manifest.checks.deployment import check_deployment
from reconciler.manifest.checks.hyperparameters import check_hyperparameters
from reconciler.manifest.checks.names import check_names
from reconciler.manifest.checks.optional import check_optional
from reconciler.manifest.checks.policy import check_policies, policies
from reconciler.manifest.checks.project import check_count, check_project
from reconciler.manifest.checks.resources import check_resources
from reconciler.manifest.checks.trainer import check_trainer
from reconciler.manifest.document import Document
from reconciler.manifest.lineage import Lineage, lineages
from reconciler.manifest.merge import applicable, merge
from reconciler.manifest.optional import normalised
from reconciler.manifest.overlay import name_suffix, overlaid, suffixed
from reconciler.manifest.parse import parse
from reconciler.manifest.resolve import resolve
from reconciler.manifest.shape import Shaped, shape, typed
from reconciler.manifest.sources import Folder, choose, locate
from reconciler.manifest.text import decode
from reconciler.manifest.view import ModelView, Surroundings

_CHECKS = (
    check_base_model,
    check_data,
    check_hyperparameters,
    check_optional,
    check_resources,
    check_deployment,
    check_trainer,
)


class SourceFile(Value):
    """A manifest file. ``path`` is what diagnostics show, with forward slashes; relative to the project's folder or absolute."""

    path: str
    text: str | bytes


class Environment(Value):
    """What ``environments/<name>.yaml`` says otherwise than the manifests."""

    name: str
    file: SourceFile


@dataclass(frozen=True, slots=True)
class Loaded:
    """``configuration`` is ``None`` where an error remains. ``resources`` are the documents of known kinds, in file order."""

    configuration: Configuration | None
    diagnostics: tuple[Diagnostic, ...]
    resources: tuple[Shaped, ...]


def load(
    files: Sequence[SourceFile],
    catalog: Catalog,
    *,
    allow: Collection[str] = (),
    cloud_override: str | None = None,
    root: str | None = None,
    environment: Environment | None = None,
) -> Loaded:
    """Read, check and resolve everything. Raises nothing for bad input, whatever it is.

    ``allow`` names overridable errors that become warnings. ``cloud_override`` stands in for the Project's ``cloud``.
    ``root`` is the project's folder, to which relative paths of ``files`` count; without it, it is the folder of the file that
    holds the Project. ``environment`` is merged over the manifests first.
    """
    return _Loading(files, catalog, allow, cloud_override, root, environment).run()


class _Loading:
    """One load. The parts are in the order in which they run."""

    def __init__(
        self,
        files: Sequence[SourceFile],
        catalog: Catalog,
        allow: Collection[str],
        cloud_override: str | None,
        root: str | None,
        environment: Environment | None,
    ) -> None:
        self.files = files
        self.environment = environment
        self.catalog = catalog
        self.allow = allow
        self.cloud_override = cloud_override
        self.root = root
        self.problems: list[Diagnostic] = []
        self.complete = True

    def run(self) -> Loaded:
        resources = tuple(self._read())
        projects = [each for each in resources if each.kind == "Project"]
        self.problems += check_count(projects, files=[file.path for file in self.files], complete=self.complete)
        self.problems += check_names(resources)
        self.problems += check_policies(resources, self._sources())
        project = projects[0] if projects else None
        folder = Folder.of(self.root, project.document.file if project else None)
        datasets = self._datasets(resources, folder)
        validations = self._validations(resources, datasets, folder)
        around = self._surroundings(project, datasets)
        views = self._views(resources, around, folder)
        for view in views:
            self.problems += (problem for check in _CHECKS for problem in check(view))
        if project is not None:
            names = [view.shaped.name for view in views if view.shaped.name is not None]
            self.problems += check_project(
                project, cloud=around.cloud, needed_roles=_needed_roles(views), catalog=self.catalog, models=names
            )
        return self._loaded(resources, project, around, views, validations, folder)

    def _read(self) -> Iterator[Shaped]:
        for document in suffixed(self._documents(), self.environment.name if self.environment else ""):
            shaped, problems = shape(document)
            self.problems += problems
            self.complete = self.complete and shaped is not None
            if shaped is not None:
                yield shaped

    def _documents(self) -> Sequence[Document]:
        """Of all files, with what the environment says otherwise."""
        documents = [document for file in self.files for document in self._parsed(file)]
        if self.environment is None:
            return documents
        patches = [*self._parsed(self.environment.file)]
        merged, problems = overlaid(documents, patches, self.environment.name, complete=self.complete)
        self.problems += problems
        return merged

    def _sources(self) -> dict[str, str]:
        files = (*self.files, *([self.environment.file] if self.environment else []))
        return {file.path: decode(file.text, file.path)[0] for file in files}

    def _parsed(self, file: SourceFile) -> Iterator[Document]:
        parsed = parse(file.text, file.path)
        self.problems += parsed.diagnostics
        self.complete = self.complete and parsed.complete
        yield from parsed.documents

    def _datasets(self, resources: Sequence[Shaped], folder: Folder) -> dict[str, DatasetSource]:
        sources: dict[str, DatasetSource] = {}
        for each in resources:
            if isinstance(each.spec, DatasetSpec) and each.name is not None:
                source = locate(each.spec.source, each.document.at(("spec", "source")), folder)
                if isinstance(source, DatasetSource):
                    sources.setdefault(each.name, source.model_copy(update={"name": each.name}))
                else:
                    self.problems.append(source.model_copy(update={"address": each.address}))
        return sources

    def _validations(
        self, resources: Sequence[Shaped], datasets: Mapping[str, DatasetSource], folder: Folder
    ) -> dict[str, ValidationPlan]:
        known = [each.name for each in resources if each.kind == "Dataset" and each.name is not None]
        plans: dict[str, ValidationPlan] = {}
        for each in resources:
            choice = each.spec.validation if isinstance(each.spec, DatasetSpec) else None
            match choice:
                case SplitValidation():
                    plan = ValidationPlan(split_percent=choice.split, split_seed=defaults.SPLIT_SEED)
                    plans.setdefault(each.name or "", plan)
                case DatasetValidation():
                    where = each.document.at(("spec", "validation", "dataset"))
                    source = choose(choice.dataset, where, folder, datasets, known)
                    if isinstance(source, Diagnostic):
                        self.problems.append(source.model_copy(update={"address": each.address}))
                    elif source is not None:
                        plans.setdefault(each.name or "", ValidationPlan(source=source))
        return plans

    def _surroundings(self, project: Shaped | None, datasets: Mapping[str, DatasetSource]) -> Surroundings:
        spec = project.spec if project is not None and isinstance(project.spec, ProjectSpec) else ProjectSpec()
        return Surroundings(
            cloud=self.cloud_override or spec.cloud,
            region=spec.region,
            catalog=self.catalog,
            project=project,
            datasets=datasets,
            has_hugging_face_secret=spec.hugging_face_token_secret is not None,
            complete=self.complete,
        )

    def _views(self, resources: Sequence[Shaped], around: Surroundings, folder: Folder) -> list[ModelView]:
        """Parents before children, then by name, whatever the order of the files."""
        models = [each for each in resources if isinstance(each.spec, FineTunedModelSpec)]
        inherited = around.project.data.get("defaults", {}) if around.project else {}
        lines, problems = lineages(models, around, inherited)
        self.problems += problems
        known = [each.name for each in resources if each.kind == "Dataset" and each.name is not None]
        lined = sorted(zip(models, lines, strict=True), key=lambda pair: (pair[1].depth, pair[0].name or ""))
        library = {each.name: each for each in reversed(resources) if isinstance(each.spec, DatasetSpec)}
        views = [_view(model, around, inherited, line) for model, line in lined]
        return [self._with_data(view, folder, known, library) for view in views]

    def _with_data(
        self, view: ModelView, folder: Folder, known: Sequence[str], library: Mapping[str | None, Shaped]
    ) -> ModelView:
        chosen = view.spec.dataset
        named = library.get(chosen.training) if chosen else None
        of_dataset = named if named and _leaves_validation_to(named, view) else None
        if of_dataset:
            view = _with_validation_of(of_dataset, view)
        dataset = view.spec.dataset
        training = dataset.training if dataset else None
        choice = dataset.validation if dataset else None
        validation = choice.dataset if isinstance(choice, DatasetValidation) else None
        return replace(
            view,
            training=self._source(view, training, ("dataset", "training"), folder, known),
            validation=self._source(
                view, validation, ("dataset", "validation", "dataset"), folder, known, of_dataset=of_dataset
            ),
            weights=_weights(view, folder),
        )

    def _source(
        self,
        view: ModelView,
        text: str | None,
        path: tuple[str, ...],
        folder: Folder,
        known: Sequence[str],
        *,
        of_dataset: Shaped | None = None,
    ) -> DatasetSource | None:
        """``of_dataset``: the Dataset that says it, from whose folder a path counts."""
        if text is None:
            return None
        where = of_dataset.document.at(("spec", *path[1:])) if of_dataset else view.at(*path)
        source = choose(text, where, folder, view.around.datasets, known)
        if isinstance(source, Diagnostic):
            if view.around.complete or source.code != "unknown-reference":
                self.problems.append(source.model_copy(update={"address": view.shaped.address}))
            return None
        return source

    def _loaded(
        self,
        resources: tuple[Shaped, ...],
        project: Shaped | None,
        around: Surroundings,
        views: Sequence[ModelView],
        validations: dict[str, ValidationPlan],
        folder: Folder,
    ) -> Loaded:
        diagnostics = tuple(sorted(_once(allowed(self.problems, self.allow)), key=self._place))
        if has_errors(diagnostics) or project is None:
            return Loaded(None, diagnostics, resources)
        models = tuple(resolve(view) for view in views)
        configuration = Configuration(
            project=self._settings(project, around),
            datasets=dict(around.datasets),
            validations=validations,
            models=models,
            policies=policies(resources),
        )
        sealed = configuration.model_copy(update={"digest": _digest(configuration, folder)})
        return Loaded(sealed, diagnostics, resources)

    def _settings(self, project: Shaped, around: Surroundings) -> ProjectSettings:
        environment = self.environment.name if self.environment else ""
        given = project.spec.name_suffix if isinstance(project.spec, ProjectSpec) else None
        told = {"environment": environment, "name_suffix": name_suffix(given, environment)}
        return _settings(project, around).model_copy(update=told)

    def _place(self, diagnostic: Diagnostic) -> tuple[int, int, int]:
        where = diagnostic.where
        files = (*self.files, *([self.environment.file] if self.environment else []))
        order = {file.path: number for number, file in enumerate(files)}
        return (order.get(where.file, -1), where.line, where.column) if where else (-1, 0, 0)


def _view(model: Shaped, around: Surroundings, inherited: Mapping[str, Any], line: Lineage) -> ModelView:
    fitting = applicable(_one_spelling(inherited), line.provider, line.base)
    data, origins = merge(_one_spelling(model.data), fitting)
    own = model.spec if isinstance(model.spec, FineTunedModelSpec) else FineTunedModelSpec()
    return ModelView(
        shaped=model,
        around=around,
        spec=typed(FineTunedModelSpec, data) or own,
        data=data,
        origins=origins,
        provider=line.provider,
        base=line.base,
        parent=line.parent,
    )


def _leaves_validation_to(dataset: Shaped, view: ModelView) -> bool:
    """Whether the Dataset decides: neither the model nor the Project says anything, and the base model takes validation data."""
    decides = isinstance(dataset.spec, DatasetSpec) and dataset.spec.validation is not None
    needs = view.base.validation.get(view.provider) if view.base and view.provider else None
    return decides and not view.given("dataset", "validation") and needs is not Requirement.UNSUPPORTED


def _with_validation_of(dataset: Shaped, view: ModelView) -> ModelView:
    data = {**view.data, "dataset": {**view.data["dataset"], "validation": dataset.data["validation"]}}
    origins = {**view.origins, ("dataset", "validation"): Origin.MANIFEST}
    return replace(view, data=data, spec=typed(FineTunedModelSpec, data) or view.spec, origins=origins)


def _weights(view: ModelView, folder: Folder) -> WeightsFolder | None:
    if not isinstance(view.spec.base_model, LocalWeights):
        return None
    where = view.at("baseModel", "path")
    return WeightsFolder(path=folder.anywhere(view.spec.base_model.path, where.file), where=where)


def _one_spelling(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    hyperparameters = spec.get("hyperparameters", {})
    if not isinstance(hyperparameters.get("optional"), dict):
        return spec
    return {**spec, "hyperparameters": {**hyperparameters, "optional": normalised(hyperparameters["optional"])}}


def _needed_roles(views: Sequence[ModelView]) -> frozenset[str]:
    roles = {ProviderName.SAGEMAKER: "training", ProviderName.BEDROCK: "bedrock"}
    needed = {roles[view.provider] for view in views if view.provider}
    scheduled = any(view.given("deployment", "autoUndeploy") for view in views)
    return frozenset(needed | ({"scheduler"} if scheduled else set()))


def _once(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What the Project's defaults get wrong is found again in every model: told once."""
    told: dict[tuple[str, Location | None, str], Diagnostic] = {}
    for diagnostic in diagnostics:
        told.setdefault((diagnostic.code, diagnostic.where, diagnostic.detail), diagnostic)
    return list(told.values())


def _settings(project: Shaped, around: Surroundings) -> ProjectSettings:
    spec, name = project.spec, project.name or ""
    assert isinstance(spec, ProjectSpec)
    roles = spec.roles
    if not around.is_aws:
        local = {field: defaults.local_role(name, field) for field in ("training", "bedrock", "scheduler")}
        roles = roles.model_copy(update={field: getattr(roles, field) or role for field, role in local.items()})
    return ProjectSettings(
        name=name,
        cloud=around.cloud,
        region=spec.region,
        bucket=spec.bucket or defaults.local_bucket(name),
        roles=roles,
        hugging_face_token_secret=spec.hugging_face_token_secret,
        notifications=spec.notifications,
        budget=spec.budget,
        drift=spec.drift,
        where=project.where,
    )


def _digest(configuration: Configuration, folder: Folder) -> str:
    """Over the meaning: not over positions, nor over where the checkout lies, nor over whether a default was written out."""
    empty = {name: True for name in ("policies", "validations") if not getattr(configuration, name)}
    told = configuration.model_dump(mode="json", exclude=_NO_MEANING | empty)
    for model in told["models"]:
        _without_what_came_later(model)
    project = {key: value for key, value in told["project"].items() if value or key not in _ONLY_WHERE_GIVEN}
    project["budget"] = {
        key: value for key, value in project["budget"].items() if value or key not in _ONLY_WHERE_GIVEN
    }
    return digest(_meaning(told | {"project": project}, folder))


def _without_what_came_later(model: dict[str, Any]) -> None:
    """A model that does not use these fields keeps its digest."""
    for holder, name in (
        (model, "weights"),
        (model, "weightsUri"),
        (model, "acceptEula"),
        (model, "systemPrompt"),
        (model["deployment"], "image"),
    ):
        if not holder[name]:
            del holder[name]
    if model["resources"] and not model["resources"]["image"]:
        del model["resources"]["image"]


_NO_MEANING: Any = {
    "digest": True,
    "project": {"where", "drift"},
    "datasets": {"__all__": {"where"}},
    "validations": {"__all__": {"source": {"where"}}},
    "policies": {"__all__": {"where"}},
    "models": {
        "__all__": {
            "where": True,
            "origins": True,
            "training_data": {"where"},
            "validation": {"source": {"where"}},
            "weights": {"where"},
        }
    },
}
_ONLY_WHERE_GIVEN = frozenset({"environment", "name_suffix", "perLabel"})
"""Came later: a project without them keeps its digest."""


def _meaning(value: Any, folder: Folder) -> Any:
    match value:
        case dict():
            return {key: _meaning(item, folder) for key, item in value.items()}
        case list():
            return [_meaning(item, folder) for item in value]
        case str():
            return folder.relative(value)
        case _:
            return value

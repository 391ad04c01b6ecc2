"""What each model is built on: base model, provider, parent; and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.domain.catalog import LOCAL_FOLDER, Catalog, FoundationModel, ProviderName
from reconciler.domain.diagnostic import Diagnostic, Location, error
from reconciler.domain.kinds.fine_tuned_model import FineTunedModelSpec, LocalWeights, ParentModel, WeightsChoice
from reconciler.domain.naming import is_legal_name
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.explain import found
from reconciler.manifest.shape import Shaped
from reconciler.manifest.view import Surroundings, is_inherited

_PATH = ("baseModel",)


@dataclass(frozen=True, slots=True)
class Lineage:
    """``depth`` counts the models above. ``base`` and ``provider`` are ``None`` where they could not be determined; that has been told."""

    base: FoundationModel | None
    provider: ProviderName | None
    parent: str | None
    depth: int


def lineages(
    models: Sequence[Shaped], around: Surroundings, defaults: Mapping[str, Any]
) -> tuple[tuple[Lineage, ...], tuple[Diagnostic, ...]]:
    """One for each model, in their order. Models on a cycle, or built on one, have no base."""
    keys = _keys(models)
    tree = _Tree(dict(zip(keys, models, strict=True)), around, defaults)
    problems = [*tree.cycles()]
    for key in sorted(keys, key=lambda key: len(tree.ancestors(key))):
        problems += tree.resolve(key)
    return tuple(tree.resolved[key] for key in keys), tuple(problems)


def _keys(models: Sequence[Shaped]) -> list[str]:
    """The first model of a name is known by it; the others, and those without one, by what no reference can name."""
    taken: set[str] = set()
    keys = []
    for number, model in enumerate(models):
        key = model.name if model.name and model.name not in taken else f"({number})"
        taken.add(key)
        keys.append(key)
    return keys


class _Tree:
    def __init__(self, models: Mapping[str, Shaped], around: Surroundings, defaults: Mapping[str, Any]) -> None:
        self.models = models
        self.around = around
        self.defaults = defaults
        self.resolved: dict[str, Lineage] = {}
        self._ancestors: dict[str, tuple[str, ...]] = {}

    def choice(self, name: str) -> str | ParentModel | LocalWeights | None:
        """What the model builds on, by itself or by the Project's defaults: a key, another model, or a folder."""
        spec = self.models[name].spec
        assert isinstance(spec, FineTunedModelSpec)
        chosen = spec.base_model
        if chosen is None:
            chosen = FineTunedModelSpec.model_validate({"baseModel": self.defaults.get("baseModel")}).base_model
        return chosen.key if isinstance(chosen, WeightsChoice) else chosen

    def parent(self, name: str) -> str | None:
        choice = self.choice(name) if name in self.models else None
        return choice.fine_tuned_model if isinstance(choice, ParentModel) else None

    def ancestors(self, name: str) -> tuple[str, ...]:
        """From the parent to the root; ends where a name comes again."""
        if name not in self._ancestors:
            line: dict[str, None] = {}
            above = self.parent(name)
            while above is not None and above not in line:
                line[above] = None
                above = self.parent(above)
            self._ancestors[name] = tuple(line)
        return self._ancestors[name]

    def cycles(self) -> Iterator[Diagnostic]:
        """Each cycle once, beginning with the first of its models."""
        told: set[str] = set()
        for name in self.models:
            line = self.ancestors(name)
            if name in line and name not in told:
                cycle = (name, *line[: line.index(name)])
                told.update(cycle)
                yield self._cycle(cycle)

    def _cycle(self, cycle: Sequence[str]) -> Diagnostic:
        first, *others = (self.models[name] for name in cycle)
        return error(
            "cyclic-reference",
            "Models are built on each other in a circle",
            detail=" → ".join((*cycle, cycle[0])),
            hint="build one of them on a base model of the catalog",
            where=self._at(first, *_PATH),
            related=tuple(self._at(model, *_PATH) for model in others),
            address=first.address,
        )

    def resolve(self, name: str) -> Iterator[Diagnostic]:
        model, parent = self.models[name], self.parent(name)
        depth = len(self.ancestors(name))
        if parent is None:
            base, problem = self._base(model, self.choice(name))
            provider, provider_problem = self._provider(model, base)
            self.resolved[name] = Lineage(base, provider, None, depth)
            yield from filter(None, (problem, provider_problem))
            return
        above = self.resolved.get(parent) if parent not in (name, *self.ancestors(parent)) else None
        self.resolved[name] = Lineage(above.base if above else None, above.provider if above else None, parent, depth)
        if parent not in self.models and self.around.complete:
            yield self._dangling(model, parent)
        if above is not None and above.provider is not None:
            yield from self._differs(model, parent, above.provider)

    def _dangling(self, model: Shaped, parent: str) -> Diagnostic:
        return error(
            "unknown-reference",
            "A reference leads nowhere",
            detail=f"`spec.baseModel.fineTunedModel` is `{parent}`; no FineTunedModel has that name.",
            hint=did_you_mean(parent, (name for name in self.models if name != model.name and is_legal_name(name))),
            **self._placed(model, *_PATH, "fineTunedModel"),
        )

    def _differs(self, model: Shaped, parent: str, provider: ProviderName) -> Iterator[Diagnostic]:
        own = model.data.get("provider")
        if own is not None and own != provider:
            yield error(
                "provider-differs-from-parent",
                "A model and the model it is built on have different providers",
                detail=f"`{parent}` is trained on {provider}; its artifacts cannot be tuned on {own}.",
                hint=f"leave `provider` out, or write `provider: {provider}`",
                where=model.document.at(("spec", "provider")),
                related=(self.models[parent].where,),
                address=model.address,
            )

    def _base(
        self, model: Shaped, key: str | ParentModel | LocalWeights | None
    ) -> tuple[FoundationModel | None, Diagnostic | None]:
        catalog = self.around.catalog
        if key is None:
            return None, _no_base(model) if self.around.intact(model, _PATH) else None
        if isinstance(key, LocalWeights):
            return catalog.model(LOCAL_FOLDER), None
        known = catalog.model(str(key))
        if known is not None and known.key != LOCAL_FOLDER:
            return known, None
        return None, error(
            "unknown-base-model",
            "The base model is not in the catalog",
            detail=f"`spec.baseModel` is {found(key)}.",
            hint=" ".join(
                (did_you_mean(str(key), _spellings(catalog)), "`reconciler catalog models` lists them")
            ).strip(),
            **self._placed(model, *_PATH),
        )

    def _provider(self, model: Shaped, base: FoundationModel | None) -> tuple[ProviderName | None, Diagnostic | None]:
        """Own choice, then the only offer, then the Project's default."""
        own = model.data.get("provider")
        if base is None:
            return (ProviderName(own) if own else None), None
        offers = base.providers
        if own is not None:
            return (ProviderName(own), None) if own in offers else (None, _not_offered(model, base, own))
        if len(offers) == 1:
            return offers[0], None
        inherited = self.defaults.get("provider")
        if inherited in offers:
            return ProviderName(inherited), None
        if not self.around.intact(model, ("provider",)):
            return None, None
        return None, self._needs_provider(model, base)

    def _needs_provider(self, model: Shaped, base: FoundationModel) -> Diagnostic:
        return error(
            "provider-needed",
            "The base model leaves a choice of provider",
            detail=f"`{base.key}` can be tuned on {' and on '.join(base.providers)}.",
            hint=f"write `provider: {base.providers[0]}` or `provider: {base.providers[-1]}`",
            **self._placed(model, *_PATH),
        )

    def _at(self, model: Shaped, *path: str) -> Location:
        return self.around.at(model, path)

    def _placed(self, model: Shaped, *path: str) -> dict[str, Any]:
        """Where the value stands, the model it was inherited by, whom it concerns."""
        where = self._at(model, *path)
        related = (model.where,) if is_inherited(where) else ()
        return {"where": where, "related": related, "address": model.address}


def _spellings(catalog: Catalog) -> Iterator[str]:
    for model in catalog.models:
        yield from (model.key, *model.aliases)


def _no_base(model: Shaped) -> Diagnostic:
    return error(
        "missing-field",
        "A required field is missing",
        detail="`spec.baseModel` is required.",
        hint="name a base model of the catalog, such as llama-3.1-8b-instruct, {fineTunedModel: NAME}, or {path: FOLDER}",
        where=model.document.at(("spec", *_PATH)),
        address=model.address,
    )


def _not_offered(model: Shaped, base: FoundationModel, provider: str) -> Diagnostic:
    offers = " or ".join(base.providers)
    return error(
        "provider-unavailable",
        "The provider does not offer the base model",
        detail=f"`{base.key}` is not tuned on {provider}, but on {offers}.",
        hint=f"write `provider: {offers}`, or leave it out",
        where=model.document.at(("spec", "provider")),
        address=model.address,
    )

"""One FineTunedModel as the checks see it: merged with the Project's defaults, with its lineage, at home in its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.domain.catalog import Catalog, FoundationModel, ProviderName
from reconciler.domain.desired import DatasetSource, Origin, WeightsFolder
from reconciler.domain.diagnostic import Diagnostic, Location, Severity
from reconciler.domain.kinds.fine_tuned_model import FineTunedModelSpec
from reconciler.manifest.document import Path
from reconciler.manifest.optional import LORA_CONFIG
from reconciler.manifest.shape import Shaped
from reconciler.training.hyperparameters import LORA_SPELLINGS


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all models of a project share."""

    cloud: str
    region: str
    catalog: Catalog
    project: Shaped | None
    datasets: Mapping[str, DatasetSource]
    """The Datasets by name."""
    has_hugging_face_secret: bool = False
    complete: bool = True
    """Whether every document could be read: a name that is missing may stand in one that could not."""

    @property
    def is_aws(self) -> bool:
        return self.cloud == "aws"

    def at(self, model: Shaped, path: Path) -> Location:
        """Where a value of the model's spec stands: in its own document, or in the Project's defaults."""
        paths = [*_spellings(path)]
        places = [(model.document, ("spec", *each)) for each in paths]
        if self.project is not None:
            places += [(self.project.document, ("spec", "defaults", *each)) for each in paths]
        document, place = next((each for each in places if each[0].has(each[1])), places[0])
        return document.at(place)

    def intact(self, model: Shaped, path: Path) -> bool:
        """Whether nothing was refused there, by the model or by the Project's defaults."""
        inherited = self.project is None or self.project.intact(("spec", "defaults", *path))
        return inherited and model.intact(("spec", *path))


@dataclass(frozen=True, slots=True)
class ModelView:
    shaped: Shaped
    around: Surroundings
    spec: FineTunedModelSpec
    """Merged."""
    data: Mapping[str, Any]
    """The merged spec as plain values."""
    origins: Mapping[Path, Origin]
    provider: ProviderName | None
    base: FoundationModel | None
    parent: str | None
    training: DatasetSource | None = None
    validation: DatasetSource | None = None
    weights: WeightsFolder | None = None

    @property
    def base_name(self) -> str:
        return self.base.key if self.base else ""

    def given(self, *path: str) -> bool:
        """Whether the merged spec names the field."""
        data: Any = self.data
        for step in path:
            if not isinstance(data, Mapping) or step not in data:
                return False
            data = data[step]
        return True

    def intact(self, *path: str) -> bool:
        """Whether nothing at, above or under the path was refused for its shape: what is missing has not been told yet."""
        return self.around.intact(self.shaped, path)

    def at(self, *path: str | int) -> Location:
        """Where the value stands: in the model's own document, or in the Project's defaults."""
        return self.around.at(self.shaped, path)

    def error(self, code: str, summary: str, *path: str | int, **more: Any) -> Diagnostic:
        return self._diagnostic(Severity.ERROR, code, summary, path, more)

    def warning(self, code: str, summary: str, *path: str | int, **more: Any) -> Diagnostic:
        return self._diagnostic(Severity.WARNING, code, summary, path, more)

    def note(self, code: str, summary: str, *path: str | int, **more: Any) -> Diagnostic:
        return self._diagnostic(Severity.NOTE, code, summary, path, more)

    def _diagnostic(
        self, severity: Severity, code: str, summary: str, path: Path, more: Mapping[str, Any]
    ) -> Diagnostic:
        where = self.at(*path)
        related = (self.shaped.where,) if is_inherited(where) else ()
        known = {"where": where, "related": related, "address": self.shaped.address, **more}
        return Diagnostic(code=code, severity=severity, summary=summary, **known)


def is_inherited(where: Location) -> bool:
    """Whether the value stands in the Project's defaults."""
    return where.path.startswith("spec.defaults.")


def _spellings(path: Path) -> Iterator[Path]:
    """The path, then those in which the value may have been written instead."""
    yield path
    if path[:-1] == LORA_CONFIG:
        yield from ((*LORA_CONFIG, other) for other, name in LORA_SPELLINGS.items() if name == path[-1])

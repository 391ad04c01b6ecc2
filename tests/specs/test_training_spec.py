"""specs/training.md says what is: its hyperparameters are the program's, with their defaults, and so are its metrics."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from reconciler.catalog import load as load_catalog
from reconciler.domain.catalog import ImagePurpose
from reconciler.training.failure import BadInput, NotGiven, failure_of
from reconciler.training.hyperparameters import LORA_DEFAULTS, NAMES, Hyperparameters
from reconciler.training.metrics import NAMES as METRICS
from tests.unit.planner.tables import tables

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "specs" / "training.md").read_text(encoding="utf-8")
LIBRARIES, _, _, ENDINGS = tables(PAGE)
ROWS = dict(
    re.findall(r"^\| `(\w+)` \| (.*?) \| ", PAGE.partition("## Hyperparameters")[2].partition("\n## ")[0], re.MULTILINE)
)
DEFAULTS = Hyperparameters()
OTHER_NAMES = {"per_device_train_batch_size": "batch_size"}


def test_every_hyperparameter_is_there() -> None:
    assert ROWS.keys() == NAMES


def test_what_counts_where_it_is_not_sent() -> None:
    told = {name: text for name, text in ROWS.items() if re.fullmatch(r"[\d.]+|true|false", text)}
    assert len(told) > 5
    for name, text in told.items():
        value = getattr(DEFAULTS, OTHER_NAMES.get(name, name))
        assert (value or 0) == ast.literal_eval(text.capitalize()), name
    assert all(f"`{name}` {value:g}" in ROWS["lora_config"] for name, value in LORA_DEFAULTS.items())


def test_the_libraries_are_those_of_the_image_and_of_the_extra() -> None:
    image = load_catalog().image(ImagePurpose.TRAINING, "us-east-1")
    assert image is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {each.name: each.specifier for each in map(Requirement, project["optional-dependencies"]["train"])}
    told = {row["Library"]: (row["AWS's container"], row["`[train]`"]) for row in LIBRARIES}
    assert told == {name: (image.libraries[name], _from_and_below(extra[name])) for name in told}
    assert told.keys() == extra.keys() & image.libraries.keys()


def _from_and_below(bounds: SpecifierSet) -> str:
    limits = {each.operator: each.version for each in bounds}
    return f"from {limits['>=']}, below {limits['<']}"


def test_how_it_ends() -> None:
    codes = {row["Ends with"]: int(row["Exit code"]) for row in ENDINGS}
    assert codes["input that can never work"] == failure_of(BadInput("")).exit_code
    assert {code for told, code in codes.items() if "error" in told or "nothing" in told} == {
        failure_of(trouble).exit_code for trouble in (NotGiven(""), ValueError(""))
    }


def test_every_metric_is_in_a_line_of_the_log() -> None:
    lines = PAGE.partition("## What it tells")[2].partition("```\n")[2].partition("```")[0]
    told = {name for line in lines.splitlines() for name in ast.literal_eval(line)}
    assert set(METRICS) <= told

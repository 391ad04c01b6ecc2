"""specs/training.md says what is: its hyperparameters are the program's, with their defaults, and so are its metrics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from reconciler.training.hyperparameters import LORA_DEFAULTS, NAMES, Hyperparameters
from reconciler.training.metrics import NAMES as METRICS

PAGE = (Path(__file__).parents[2] / "specs" / "training.md").read_text(encoding="utf-8")
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


def test_every_metric_is_in_a_line_of_the_log() -> None:
    lines = PAGE.partition("## What it tells")[2].partition("```\n")[2].partition("```")[0]
    told = {name for line in lines.splitlines() for name in ast.literal_eval(line)}
    assert set(METRICS) <= told

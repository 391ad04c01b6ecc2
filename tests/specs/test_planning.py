"""specs/planning.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.planner import decide, guard, status
from reconciler.planner.diff import EFFECTS
from reconciler.planner.training import failed_state
from tests.unit.planner.tables import Row, tables

SPEC = (Path(__file__).parents[2] / "specs" / "planning.md").read_text(encoding="utf-8")
STATUS, TRAINING, FAILURES, SERVING, _, FORCES, GUARDS = tables(SPEC)


def test_the_truth_tables_are_those_of_the_code() -> None:
    training, serving = tables(decide.__doc__ or "")
    (statuses,) = tables(status.__doc__ or "")
    (failures,) = tables(failed_state.__doc__ or "")
    assert (training, failures, serving, statuses) == (TRAINING, FAILURES, SERVING, STATUS)


def test_the_effects_are_those_of_the_code() -> None:
    told = {row["manifest path"].strip("`"): row["effect"] for row in FORCES}
    assert told == {path: str(effect) for path, effect in EFFECTS.items()}


def test_every_guard_is_told_and_every_told_guard_exists() -> None:
    source = Path(guard.__file__).read_text(encoding="utf-8")
    coded = set(re.findall(r'(error|warning)\(\s*"([a-z-]+)"', source))
    assert {(row["severity"], row["code"].strip("`")) for row in GUARDS} == coded


def test_which_guards_can_be_overridden() -> None:
    source = Path(guard.__file__).read_text(encoding="utf-8")
    calls = re.findall(r'error\(\s*"([a-z-]+)"(.*?)\n {4,16}\)|yield error\("([a-z-]+)"(.*)\)', source, re.DOTALL)
    overridable = {code or short for code, body, short, tail in calls if "overridable=True" in body + tail}
    assert overridable == {_code(row) for row in GUARDS if row["`--allow`"] == "yes"}


def _code(row: Row) -> str:
    return row["code"].strip("`")

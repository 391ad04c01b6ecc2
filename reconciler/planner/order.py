"""The order in which changes can be carried out, and the order in which models are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from reconciler.domain.desired import DesiredModel
from reconciler.domain.plan import Action, Change

_WITHIN_A_MODEL = (
    Action.STOP,
    Action.ADOPT,
    Action.UPDATE,
    Action.TRAIN,
    Action.WAIT,
    Action.ROLL,
    Action.UNDEPLOY,
    Action.DEPLOY,
    Action.DELETE,
    Action.NO_OP,
)
"""Where no dependency says otherwise."""


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Each after those it depends on; else by address and action, so that equal changes come in one order."""
    by_id = {change.id: change for change in sorted(changes, key=_rank)}
    sorter = TopologicalSorter({change.id: change.depends_on for change in by_id.values()})
    sorter.prepare()
    ordered: list[Change] = []
    while sorter.is_active():
        ready = sorted((by_id[identifier] for identifier in sorter.get_ready()), key=_rank)
        ordered.extend(ready)
        sorter.done(*(change.id for change in ready))
    return tuple(ordered)


def parents_first(desired: Iterable[DesiredModel]) -> tuple[DesiredModel, ...]:
    """Raises graphlib.CycleError for models that build on each other: manifests are checked for that before."""
    by_name = {model.name: model for model in sorted(desired, key=lambda model: model.name)}
    parents = {m.name: [m.resolved.parent] if m.resolved.parent in by_name else [] for m in by_name.values()}
    return tuple(by_name[name] for name in _sorted_topologically(parents))


def children_first(parents: Mapping[str, str | None]) -> tuple[str, ...]:
    """Names, each before the one it builds on. ``parents`` are read from tags, where anything may stand: a circle is cut."""
    ordered: list[str] = []
    for name in sorted(parents):
        lineage = _lineage(name, parents)
        ordered.extend(ancestor for ancestor in reversed(lineage) if ancestor not in ordered)
    return tuple(reversed(ordered))


def _lineage(name: str, parents: Mapping[str, str | None]) -> list[str]:
    """The model and what it builds on, nearest first."""
    lineage: list[str] = []
    at: str | None = name
    while at is not None and at in parents and at not in lineage:
        lineage.append(at)
        at = parents[at]
    return lineage


def _sorted_topologically(parents: Mapping[str, Sequence[str | None]]) -> list[str]:
    sorter = TopologicalSorter(parents)
    sorter.prepare()
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(name for name in sorter.get_ready() if name is not None)
        ordered.extend(ready)
        sorter.done(*ready)
    return ordered


def _rank(change: Change) -> tuple[str, int, str, str]:
    return change.address, _WITHIN_A_MODEL.index(change.action), str(change.provider), change.target

"""Where everything came from, as a graph: data and base models → versions → what serves; a parent's version → its children's.

Each node is a box in the column of its kind; a version that builds on another one stands one column further right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count

from reconciler.domain.naming import short
from reconciler.domain.observation import Deployment, Version
from reconciler.reports.view.model import Dossier

BOX_WIDTH, BOX_HEIGHT = 176, 44
_GAP_X, _GAP_Y, _MARGIN = 56, 14, 8
_MOST = 24
"""Characters of a name that a box holds."""


@dataclass(frozen=True)
class Node:
    key: str
    kind: str
    """``data``, ``base``, ``version`` or ``deployment``."""
    name: str
    note: str
    x: int = 0
    y: int = 0

    @property
    def short_name(self) -> str:
        return self.name if len(self.name) <= _MOST else f"{self.name[: _MOST - 9]}…{self.name[-8:]}"


@dataclass(frozen=True)
class Edge:
    source: Node
    target: Node

    @property
    def path(self) -> str:
        """A curve of SVG from the right of one box to the left of the other."""
        x1, y1 = self.source.x + BOX_WIDTH, self.source.y + BOX_HEIGHT // 2
        x2, y2 = self.target.x, self.target.y + BOX_HEIGHT // 2
        middle = (x1 + x2) // 2
        return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"


@dataclass(frozen=True)
class Graph:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


Links = tuple[tuple[str, str], ...]


def draw_lineage(dossiers: Iterable[Dossier]) -> Graph:
    """Empty where there is nothing."""
    known = tuple(dossiers)
    nodes = {node.key: node for dossier in known for node in _nodes(dossier)}
    links = tuple(dict.fromkeys(link for dossier in known for link in _links(dossier, known)))
    linked = tuple((source, target) for source, target in links if source in nodes and target in nodes)
    placed = _placed(nodes, linked)
    return Graph(
        nodes=tuple(placed.values()),
        edges=tuple(Edge(placed[source], placed[target]) for source, target in linked),
        width=max((node.x for node in placed.values()), default=0) + BOX_WIDTH + _MARGIN,
        height=max((node.y for node in placed.values()), default=0) + BOX_HEIGHT + _MARGIN,
    )


def _nodes(dossier: Dossier) -> Iterator[Node]:
    desired = dossier.desired
    if desired:
        source = desired.data.training.source
        yield Node(_data(dossier), "data", source.name or source.uri, f"data {short(desired.data.training.digest)}")
        yield Node(f"base:{desired.resolved.root}", "base", desired.resolved.root, "base model")
    for fingerprint, version in _versions(dossier).items():
        yield Node(
            _version(dossier.name, fingerprint), "version", dossier.name, f"{short(fingerprint)} {_standing(version)}"
        )
    for deployment in _deployments(dossier):
        yield Node(
            f"deployment:{deployment.identifier}",
            "deployment",
            deployment.name,
            f"{deployment.kind}, {deployment.phase}",
        )


def _links(dossier: Dossier, known: Iterable[Dossier]) -> Iterator[tuple[str, str]]:
    desired = dossier.desired
    if desired:
        own = _version(dossier.name, desired.fingerprint)
        yield _data(dossier), own
        yield _origin(dossier, known), own
    for deployment in _deployments(dossier):
        if deployment.fingerprint:
            yield _version(dossier.name, deployment.fingerprint), f"deployment:{deployment.identifier}"


def _origin(dossier: Dossier, known: Iterable[Dossier]) -> str:
    """The version that the manifest's parent asks for; without a parent the base model."""
    assert dossier.desired is not None, "callers ask only of what a manifest wants"
    resolved = dossier.desired.resolved
    parent = next((each.desired for each in known if each.name == resolved.parent and each.desired), None)
    return _version(parent.name, parent.fingerprint) if parent else f"base:{resolved.root}"


def _versions(dossier: Dossier) -> Mapping[str, Version | None]:
    """What is there, and what the manifest wants; not what was deleted."""
    seen = {v.fingerprint: v for model in dossier.observed for v in model.versions if not v.is_gone}
    wanted = {dossier.desired.fingerprint: None} if dossier.desired else {}
    return {**wanted, **seen}


def _deployments(dossier: Dossier) -> Iterator[Deployment]:
    return (deployment for model in dossier.observed for deployment in model.deployments)


def _standing(version: Version | None) -> str:
    if version is None:
        return "to be trained"
    run = version.latest_run
    return "trained" if version.artifact else str(run.phase) if run else "not trained"


def _data(dossier: Dossier) -> str:
    return f"data:{dossier.desired.data.training.digest}" if dossier.desired else ""


def _version(model: str, fingerprint: str) -> str:
    return f"version:{model}:{fingerprint}"


def _placed(nodes: Mapping[str, Node], links: Links) -> Mapping[str, Node]:
    """Each version has a row of its own, and what leads to it or serves it stands there too, so that few lines pass behind other boxes."""
    columns = _columns(nodes, links)
    rows = {key: row for row, key in enumerate(key for key, node in nodes.items() if node.kind == "version")}
    taken = {(columns[key], row) for key, row in rows.items()}
    for key in nodes:
        if key not in rows:
            cell = _free(columns[key], _beside(key, links, rows), taken)
            rows[key] = cell[1]
            taken.add(cell)
    return {key: _at(node, columns[key], rows[key]) for key, node in nodes.items()}


def _columns(nodes: Mapping[str, Node], links: Links) -> Mapping[str, int]:
    """By the longest way that leads there; what serves is the last column. References have no cycles."""
    columns = {key: int(node.kind == "version") for key, node in nodes.items()}
    for _ in nodes:
        moved = {target: columns[source] + 1 for source, target in links if columns[target] <= columns[source]}
        if not moved:
            break
        columns |= moved
    last = max((at for key, at in columns.items() if nodes[key].kind != "deployment"), default=0) + 1
    return {key: last if nodes[key].kind == "deployment" else at for key, at in columns.items()}


def _beside(key: str, links: Links, rows: Mapping[str, int]) -> int:
    """The row of the first version that it is linked with."""
    others = (source if target == key else target for source, target in links if key in (source, target))
    return next((rows[other] for other in others if other in rows), 0)


def _free(column: int, row: int, taken: Collection[tuple[int, int]]) -> tuple[int, int]:
    """The first free cell from there downwards."""
    return next((column, at) for at in count(row) if (column, at) not in taken)


def _at(node: Node, column: int, row: int) -> Node:
    x, y = _MARGIN + column * (BOX_WIDTH + _GAP_X), _MARGIN + row * (BOX_HEIGHT + _GAP_Y)
    return replace(node, x=x, y=y)

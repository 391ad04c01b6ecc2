"""YAML text → documents with the position of every key and value.

The parser's events are read one by one, so that what is refused is refused before anything is built from it: depth, number
of nodes, aliases, tags. Scalars mean what YAML 1.2 says (``scalars.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from reconciler.domain.diagnostic import Diagnostic, Location, error
from reconciler.manifest import text as characters
from reconciler.manifest.document import Document, Path, Position, spelled
from reconciler.manifest.scalars import ScalarRefused, plain
from reconciler.manifest.syntax import friendly

MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_SCALAR = 64 * 1024
MAX_SYNTAX_ERRORS = 20
"""Per file; after each, reading goes on at the next ``---``."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}


@dataclass(frozen=True, slots=True)
class ParsedFile:
    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    complete: bool = True
    """Whether every document could be read; what seems to be missing may stand in one that could not."""


def parse(text: str | bytes, file: str) -> ParsedFile:
    """Every document of a file that can be read, and every problem found in reading. Raises nothing, whatever the text."""
    decoded, problems = characters.decode(text, file)
    reader = _Reader(file, [*problems], {problem.where.line for problem in problems if problem.where})
    for part, first_line in _restarts(decoded, reader):
        reader.read(part, first_line)
    complete = not reader.gave_up and (bool(decoded) or not problems)
    return ParsedFile(tuple(reader.documents), tuple(reader.diagnostics), complete)


def _restarts(text: str, reader: _Reader) -> Iterator[tuple[str, int]]:
    """The whole text; after a syntax error, what follows the next document marker, so that one mistake hides no others."""
    first_line = 0
    for _ in range(MAX_SYNTAX_ERRORS):
        reader.failed_at = None
        yield text, first_line
        if reader.failed_at is None:
            return
        reader.gave_up = True
        lines = text.split("\n")
        following = (n for n in range(max(reader.failed_at, 1), len(lines)) if re.match(r"---(\s|$)", lines[n]))
        start = next(following, None)
        if start is None:
            return
        text, first_line = "\n".join(lines[start:]), first_line + start


class _Refused(Exception):
    """The document cannot be read on; its diagnostic has been reported."""


@dataclass(slots=True)
class _Open:
    """A collection that is being read. ``key`` is the key whose value comes next."""

    path: Path
    value: dict[str, Any] | list[Any]
    key: str | None = None
    skips: bool = False
    """The next value belongs to a key that was refused."""


@dataclass(slots=True)
class _Reader:
    file: str
    diagnostics: list[Diagnostic]
    reported_lines: set[int]
    documents: list[Document] = field(default_factory=list)
    failed_at: int | None = None
    """The line, from 0 within the part, at which the YAML could no longer be read."""
    gave_up: bool = False
    first_line: int = 0
    nodes: int = 0
    values: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)
    refused: set[Path] = field(default_factory=set)
    stack: list[_Open] = field(default_factory=list)
    root: Any = None

    def read(self, text: str, first_line: int) -> None:
        self.first_line = first_line
        last: Any = None
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                last = event
                self._event(event)
        except _Refused:
            self.failed_at = last.start_mark.line + 1 if last else 0
        except yaml.MarkedYAMLError as wrong:
            self._syntax(wrong)
        except (yaml.YAMLError, ValueError, RecursionError) as wrong:
            self.failed_at = 0 if last is None else last.end_mark.line
            self._report("invalid-yaml", "The file is not valid YAML", str(wrong).split("\n")[0][:200], "", None)

    def _event(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._begin()
            case yaml.DocumentEndEvent():
                self._end()
            case yaml.AliasEvent():
                self._refuse_alias(event)
            case yaml.ScalarEvent():
                self._check_node(event)
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._check_node(event)
                self._open(event, {})
            case yaml.SequenceStartEvent():
                self._check_node(event)
                self._open(event, [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.stack.pop()

    def _begin(self) -> None:
        self.values, self.keys, self.refused, self.stack, self.root = {}, {}, set(), [], None

    def _end(self) -> None:
        """Empty documents are skipped; what else is no mapping is told by whoever reads kinds."""
        if self.root is not None or self.refused:
            self.documents.append(Document(self.file, self.root, self.values, self.keys, frozenset(self.refused)))

    def _check_node(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop(
                event, "too-many-values", "A manifest file holds too many values", f"At most {MAX_NODES:,} are read."
            )
        if event.anchor is not None:
            self._refuse_alias(event)
        if event.tag is not None and event.tag not in ("!", *_CORE_TAGS):
            detail = f"`{event.tag[:80]}` asks the reader to build something; manifests are plain data."
            self._stop(event, "yaml-tag", "YAML tags are not accepted", detail, "remove the tag")

    def _refuse_alias(self, event: Any) -> None:
        detail = "`&` names a value and `*` repeats it; what a manifest says stands in it in full."
        self._stop(
            event,
            "yaml-alias",
            "YAML anchors and aliases are not accepted",
            detail,
            "write the value out, or use the Project's spec.defaults",
        )

    def _open(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        if self._expects_key():
            self._stop(
                event,
                "invalid-key",
                "A key is not text",
                "Keys of a mapping are words; this one is a collection.",
                "quote it",
            )
        if len(self.stack) >= MAX_DEPTH:
            self._stop(
                event, "nesting-too-deep", "A manifest is nested too deeply", f"At most {MAX_DEPTH} levels are read."
            )
        self._tag_fits(event, "map" if isinstance(value, dict) else "seq")
        path = self._path()
        self._place(path, value, event)
        self.stack.append(_Open(path, value))

    def _tag_fits(self, event: Any, expected: str) -> None:
        if _CORE_TAGS.get(event.tag or "", expected) != expected:
            self._stop(
                event,
                "yaml-tag",
                "A YAML tag contradicts its value",
                f"`!!{_CORE_TAGS[event.tag]}` does not fit.",
                "remove the tag",
            )

    def _scalar(self, event: Any) -> None:
        if self._expects_key():
            self._key(event)
        else:
            path = self._path()
            self._place(path, self._value(event, path), event)

    def _expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _key(self, event: Any) -> None:
        """The first of two equal keys counts; the value of a refused key is read and dropped."""
        parent = self.stack[-1]
        path = (*parent.path, event.value)
        position = self._position(event)
        parent.key, parent.skips = event.value, True
        match self._key_problem(event, path):
            case None:
                parent.skips = False
                self.keys[path] = position
            case (code, summary, detail, hint):
                related = (self._location(self.keys[path], path),) if path in self.keys else ()
                shown = parent.path if code == "secret-in-manifest" else path
                self._report(code, summary, detail, hint, position, path=shown, related=related)
            case _:
                pass

    def _key_problem(self, event: Any, path: Path) -> tuple[str, str, str, str] | tuple[()] | None:
        """What is wrong with a key; ``()`` where it has been told already."""
        key = event.value
        if self._is_suspect(key, event, self.stack[-1].path):
            return ()
        if len(key) > 1024:
            return ("invalid-key", "A key is too long", f"It has {len(key):,} characters.", "")
        if key == "<<" and event.implicit[0]:
            return (
                "yaml-alias",
                "YAML merge keys are not accepted",
                "`<<` is YAML 1.1.",
                "use the Project's spec.defaults",
            )
        if path in self.keys:
            return (
                "duplicate-key",
                "A key is given twice",
                f"`{key[:60]}` already stands in line {self.keys[path].line}; the first one counts.",
                "remove one of them",
            )
        if event.implicit[0] and not _is_text(key):
            return (
                "invalid-key",
                "A key is not text",
                f"`{key[:60]}` reads as a number, a boolean or nothing.",
                f'write "{key[:60]}" with quotes',
            )
        return None

    def _value(self, event: Any, path: Path) -> Any:
        try:
            return self._meaning(event, path)
        except ScalarRefused as refused:
            self.refused.add(path)
            summary = "A number is not accepted" if refused.code != "yaml-tag" else "A YAML tag contradicts its value"
            self._report(refused.code, summary, f"{refused}.", refused.hint, self._position(event), path=path)
            return None

    def _meaning(self, event: Any, path: Path) -> Any:
        if len(event.value) > MAX_SCALAR:
            self.refused.add(path)
            detail = f"It has {len(event.value):,} characters; at most {MAX_SCALAR:,} are read."
            self._report(
                "value-too-long", "A value is too long", detail, "shorten it", self._position(event), path=path
            )
            return None
        if self._is_suspect(event.value, event, path):
            self.refused.add(path)
            return None
        return _tagged(event)

    def _is_suspect(self, text: str, event: Any, path: Path) -> bool:
        """Secrets and control characters, which escapes and line folds may have hidden from the look at the raw text."""
        if characters.looks_secret(text):
            if not self._is_told(event):
                self.diagnostics.append(characters.secret_found(self._location(self._position(event), path)))
            return True
        if characters.has_control(text):
            where = self._location(self._position(event), path)
            self.diagnostics.append(characters.control_found(characters.first_control(text), where))
            return True
        return False

    def _is_told(self, event: Any) -> bool:
        lines = range(event.start_mark.line, event.end_mark.line + 1)
        return any(self.first_line + line + 1 in self.reported_lines for line in lines)

    def _path(self) -> Path:
        if not self.stack:
            return ()
        parent = self.stack[-1]
        return (*parent.path, len(parent.value) if isinstance(parent.value, list) else parent.key or "")

    def _place(self, path: Path, value: Any, event: Any) -> None:
        if not self.stack:
            self.root = value
            self.values[()] = self._position(event)
            return
        parent = self.stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif not parent.skips:
            parent.value[parent.key or ""] = value
        if not (isinstance(parent.value, dict) and parent.skips):
            self.values[path] = self._position(event)
        parent.key = None

    def _position(self, event: Any) -> Position:
        return Position(self.first_line + event.start_mark.line + 1, event.start_mark.column + 1)

    def _location(self, position: Position, path: Path) -> Location:
        return Location(file=self.file, line=position.line, column=position.column, path=spelled(path))

    def _stop(self, event: Any, code: str, summary: str, detail: str, hint: str = "") -> NoReturn:
        """Report and give the document up."""
        self._report(code, summary, detail, hint, self._position(event), path=self._path())
        raise _Refused

    def _report(
        self,
        code: str,
        summary: str,
        detail: str,
        hint: str,
        position: Position | None,
        *,
        path: Path = (),
        related: tuple[Location, ...] = (),
    ) -> None:
        where = self._location(position or Position(1, 1), path)
        found = error(code, summary, detail=detail, hint=hint, where=where, related=related)
        if found not in self.diagnostics[-1:]:  # reading may start again at the line that failed
            self.diagnostics.append(found)

    def _syntax(self, wrong: yaml.MarkedYAMLError) -> None:
        mark = wrong.problem_mark or wrong.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        self.failed_at = line
        detail, hint = friendly(str(wrong.problem or ""), str(wrong.context or ""))
        self._report(
            "invalid-yaml", "The file is not valid YAML", detail, hint, Position(self.first_line + line + 1, column + 1)
        )


_TAGGED_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}


def _is_text(key: str) -> bool:
    try:
        return isinstance(plain(key), str)
    except ScalarRefused:
        return False


def _tagged(event: Any) -> Any:
    """The value of a scalar; an explicit core tag must agree with it."""
    quoted = event.style in ("'", '"', "|", ">")  # libyaml's plain style is an empty string
    if event.tag is None or event.tag == "!":
        return event.value if quoted or event.tag == "!" else plain(event.value)
    name = _CORE_TAGS[event.tag]
    if name == "str":
        return event.value
    value = plain(event.value)
    if type(value) not in _TAGGED_TYPES.get(name, ()):
        raise ScalarRefused("yaml-tag", f"`!!{name}` does not fit this value", "remove the tag")
    return value

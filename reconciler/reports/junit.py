"""Drift as JUnit XML: a test a model, which fails where it drifted and is skipped where the drift is ignored."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reconciler.reports.sanitize import printable
from reconciler.reports.view.drift import DriftItem, DriftView, since_text


def drift_junit(view: DriftView) -> str:
    drifted = {(item.address, item.provider) for item in view.items}
    tolerated = {(item.address, item.provider) for item in view.ignored} - drifted
    head = {"name": "reconciler drift", "tests": str(len(view.models)), "failures": str(len(drifted))}
    root = Element("testsuites", head)
    counts = {"tests": len(view.models), "failures": len(drifted), "errors": 0, "skipped": len(tolerated)}
    told = {"name": _clean(view.project)} | {name: str(count) for name, count in counts.items()}
    suite = SubElement(root, "testsuite", told)
    for address, provider in view.models:
        named = {"classname": f"drift.{_clean(provider)}", "name": _clean(address), "time": "0"}
        case = SubElement(suite, "testcase", named)
        _judge(case, view, address, provider)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _judge(case: Element, view: DriftView, address: str, provider: str) -> None:
    """One failure or skip a test, as the format has it; every difference is a line of its text."""
    mine = [item for item in view.items if (item.address, item.provider) == (address, provider)]
    ignored = [item for item in view.ignored if (item.address, item.provider) == (address, provider)]
    if mine:
        failure = SubElement(case, "failure", type=str(mine[0].kind), message=_clean(mine[0].message))
        failure.text = "\n".join(_line(item, view.observed) for item in mine)
    elif ignored:
        SubElement(case, "skipped", message=_clean("; ".join(dict.fromkeys(item.ignored for item in ignored))))


def _line(item: DriftItem, observed: str) -> str:
    values = f": applied {item.was}, found {item.found}" if item.was or item.found else ""
    return _clean(f"{item.target} {item.path}{values} ({item.message}; {since_text(item, observed)})")


def _clean(text: str) -> str:
    """XML 1.0 has no place for most control characters, nor for these two."""
    return printable(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")

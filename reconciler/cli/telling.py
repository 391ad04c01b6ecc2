"""How an apply tells what it does: to a person in words, to a program one JSON object a line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from reconciler import __version__
from reconciler.cli.invocation import Invocation
from reconciler.cli.plan import show_plan
from reconciler.cli.project import Watch, watching

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan
    from reconciler.engine.reconverge import RunResult
    from reconciler.reports.progress import JsonProgress


class Teller(Protocol):
    @property
    def progress(self) -> Watch: ...

    def planned(self, plan: Plan) -> None: ...

    def cancelled(self) -> None: ...

    def finished(self, result: RunResult) -> None: ...


def teller(invocation: Invocation, operation: str) -> Teller:
    """``operation``: ``apply`` or ``destroy``."""
    invocation.stream = invocation.json
    return JsonTeller(operation) if invocation.json else PersonTeller(invocation, operation)


class PersonTeller:
    """The plan and the result on stdout; what happens in between on stderr."""

    def __init__(self, invocation: Invocation, operation: str) -> None:
        self._invocation = invocation
        self._operation = operation
        self.progress: Watch = watching(invocation)

    def planned(self, plan: Plan) -> None:
        show_plan(self._invocation, plan)

    def cancelled(self) -> None:
        self._invocation.screen().line("Cancelled. Nothing was changed.")

    def finished(self, result: RunResult) -> None:
        from reconciler.cli.results import draw_result

        draw_result(self._invocation.screen(), result, self._operation)


class JsonTeller:
    """Terraform's stream: ``version``, ``planned_change``, ``diagnostic``, ``change_summary``, then what happens."""

    def __init__(self, operation: str) -> None:
        from reconciler.domain.plan import FORMAT_VERSION
        from reconciler.reports.progress import JsonProgress

        self._operation = operation
        self._stream: JsonProgress = JsonProgress(sys.stdout)
        self.progress: Watch = self._stream
        about = {"reconciler": __version__, "ui": FORMAT_VERSION}
        self._stream.write("version", f"reconciler {__version__}", more=about)

    def planned(self, plan: Plan) -> None:
        from reconciler.reports.json import plan_document
        from reconciler.reports.view.plan import summary_sentence

        document = plan_document(plan)
        pending = {change.id for change in plan.pending}
        for entry in (entry for entry in document["changes"] if entry["id"] in pending):
            kind = "resource_drift" if entry["drift"] else "planned_change"
            self._stream.write(kind, f"{entry['address']}: {entry['action']} {entry['target']}", more={"change": entry})
        self._stream.problems(plan.diagnostics)
        changes = {**document["summary"], "operation": "plan"}
        more = {"changes": changes, "digest": plan.digest, "totals": document["totals"]}
        self._stream.write("change_summary", summary_sentence(plan), more=more)

    def cancelled(self) -> None:
        self._stream.write("log", "Cancelled. Nothing was changed.")

    def finished(self, result: RunResult) -> None:
        from collections import Counter

        from reconciler.cli.results import applied_sentence

        done = Counter(str(each.change.action) for each in result.performed if each.outcome.fault is None)
        more: dict[str, Any] = {
            "changes": {**done, "operation": self._operation},
            "state": str(result.state),
            "run": result.run,
        }
        level = "info" if result.state in ("converged", "waiting") else "error"
        self._stream.write("change_summary", applied_sentence(result, self._operation), level=level, more=more)

"""``reconciler policy``: the project's policies, and the tests that stand beside them. Asks no cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.domain.policy import Policy
    from reconciler.policy.examine import Examined


@click.group()
def policy() -> None:
    """List and test the policies: rules in the project that every plan must keep.

    `plan` and `apply` judge every plan by them; a rule that is not kept is the error or warning `policy-NAME`.
    """


@policy.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@project_options
@json_option
@pass_invocation
def test(invocation: Invocation, names: tuple[str, ...]) -> int:
    """Run the tests that stand beside the rules; of the policies NAME, or of all.

    Works offline and without credentials. Exit code 1 where a test fails.
    """
    from reconciler.policy.examine import examine

    results = [*examine(_chosen(invocation, names))]
    if invocation.json:
        print_json({"passed": all(each.passed for each in results), "tests": [_entry(each) for each in results]})
    else:
        _draw_results(invocation, results)
    return ExitCode.OK if all(each.passed for each in results) else ExitCode.ERROR


@policy.command("list")
@project_options
@json_option
@pass_invocation
def list_policies(invocation: Invocation) -> int:
    """List the policies: severity, what is judged, how many tests, and where each stands."""
    found = _chosen(invocation, ())
    if invocation.json:
        print_json({"policies": [each.model_dump(mode="json", by_alias=True) for each in found]})
        return ExitCode.OK
    screen = invocation.screen()
    for each in found:
        tests = f"{len(each.spec.tests)} {'test' if len(each.spec.tests) == 1 else 'tests'}"
        kind = f"{each.spec.severity}, each {each.spec.for_each}, {tests}"
        screen.line((each.name, "bold"), f"  {kind}  {each.where or ''}")
        if each.spec.description:
            screen.entry("  ", each.spec.description)
    if not found:
        screen.line("No policies.")
    return ExitCode.OK


def _chosen(invocation: Invocation, names: Sequence[str]) -> tuple[Policy, ...]:
    """Raises InvalidInput for broken manifests, and ReconcilerError for a name that no policy has."""
    from reconciler.domain.errors import ReconcilerError
    from reconciler.domain.spelling import did_you_mean

    policies = checked(opened(invocation)).policies
    known = {each.name for each in policies}
    for name in names:
        if name not in known:
            raise ReconcilerError(f"there is no policy {name!r}", hint=did_you_mean(name, sorted(known)))
    return tuple(each for each in policies if not names or each.name in names)


def _entry(each: Examined) -> dict[str, object]:
    return {**each.model_dump(mode="json", by_alias=True), "passed": each.passed}


def _draw_results(invocation: Invocation, results: Sequence[Examined]) -> None:
    screen = invocation.screen()
    for each in results:
        mark = ("pass  ", "green") if each.passed else ("FAIL  ", "bold red")
        screen.line(mark, f"{each.policy}: {each.test}")
        if each.problem:
            screen.entry("      ", each.problem)
    failed = sum(not each.passed for each in results)
    screen.line((f"{len(results)} run, {failed} failed.", "bold"))

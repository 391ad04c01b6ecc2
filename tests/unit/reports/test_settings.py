"""What a reviewer reads of a new model's settings and of what the costs rest on."""

from __future__ import annotations

import io

from reconciler.domain.desired import Origin
from reconciler.domain.plan import Action, Change, ChangeCost, Effect, FieldChange, Plan, Reason
from reconciler.domain.quantity import Cost
from reconciler.domain.status import Status
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.plan import draw_plan
from reconciler.reports.view.plan import view_plan
from tests.unit.reports.plans import a_change, a_plan, exactly


def setting(path: str, after: object, origin: Origin, before: object = None) -> FieldChange:
    return FieldChange(path=path, before=before, after=after, effect=Effect.RETRAIN, origin=origin)


def a_training(*fields: FieldChange, cost: ChangeCost | None = None) -> Change:
    return a_change(Action.TRAIN, "bot", "bot-1a2b3c4d", Status.ABSENT, Status.TRAINING, fields=fields, cost=cost)


def drawn(plan: Plan, *, wide: bool = False) -> str:
    stream = io.StringIO()
    draw_plan(Screen(stream), plan, wide=wide)
    return stream.getvalue()


NEW = a_training(
    setting("spec.baseModel", "nova-micro", Origin.MANIFEST),
    setting("spec.hyperparameters.epochs", 3, Origin.PROJECT),
    setting("spec.hyperparameters.batchSize", 4, Origin.DEFAULT),
    setting("spec.revision", 1, Origin.DEFAULT),
)


def test_what_the_author_wrote_is_told_apart_from_what_nobody_wrote() -> None:
    (change,) = view_plan(a_plan(NEW)).changes
    assert change.made_with == ("baseModel=nova-micro",)
    assert change.from_project == ("hyperparameters: epochs=3",)
    assert change.by_default == ("revision=1; hyperparameters: batchSize=4",)


def test_what_it_costs_stands_before_its_settings() -> None:
    text = drawn(a_plan(a_training(*NEW.fields, cost=ChangeCost(one_off=exactly("12.50")))))
    assert (
        text.index("because")
        < text.index("$12.50, once")
        < text.index("baseModel=nova-micro")
        < text.index("batchSize=4")
    )


def test_a_field_that_falls_back_to_its_default_says_so() -> None:
    (change,) = view_plan(
        a_plan(a_training(setting("spec.hyperparameters.epochs", 5, Origin.DEFAULT, before=3)))
    ).changes
    assert [field.note for field in change.fields] == ["forces retrain, the default"]


def test_writing_a_default_out_does_not_change_the_digest() -> None:
    plans = [a_plan(a_training(setting("spec.revision", 1, origin))) for origin in (Origin.DEFAULT, Origin.MANIFEST)]
    assert plans[0].digest == plans[1].digest


def test_what_rests_by_its_own_rule_is_told() -> None:
    resting = a_change(Action.NO_OP, "bot", "bot", Status.NOT_DEPLOYED, Status.NOT_DEPLOYED, "its 8h ended, as asked")
    text = drawn(a_plan(resting))
    assert "  = FineTunedModel/bot  its 8h ended, as asked\n\nNo changes." in text


def test_what_is_as_desired_needs_no_word() -> None:
    reason = Reason(code="as-desired", message="serves version 1a2b3c4d")
    quiet = a_change(Action.NO_OP, "bot", "bot", Status.DEPLOYED, Status.DEPLOYED, reasons=(reason,))
    assert "serves version" not in drawn(a_plan(quiet))


COSTS = ChangeCost(
    one_off=exactly("1", "tokens estimated"), monthly=Cost.zero().warned("bot: nothing by the hour; by the token")
)


def test_caveats_are_told_and_the_rest_is_counted() -> None:
    text = drawn(a_plan(a_training(cost=COSTS)))
    assert "assuming  prices as of 2026-11-23, us-east-1\n          bot: nothing by the hour; by the token\n" in text
    assert "and 1 more: `reconciler plan --wide`" in text
    assert "tokens estimated" not in text


def test_wide_tells_every_assumption() -> None:
    text = drawn(a_plan(a_training(cost=COSTS)), wide=True)
    assert "tokens estimated" in text
    assert " more" not in text

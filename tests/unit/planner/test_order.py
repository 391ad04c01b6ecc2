from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.plan import Action
from reconciler.planner.order import children_first, in_order, parents_first
from tests.builders import a_model
from tests.unit.planner.test_check import a_change


def test_parents_before_children_else_by_name() -> None:
    leaf = a_model("a-leaf", parent="root")
    twig = a_model("b-twig", parent="a-leaf")
    models = [twig, a_model("root"), leaf, a_model("alone")]
    assert [m.name for m in parents_first(models)] == ["alone", "root", "a-leaf", "b-twig"]


def test_a_parent_that_is_not_wanted_does_not_matter() -> None:
    assert [m.name for m in parents_first([a_model("x", parent="gone")])] == ["x"]


def test_children_first() -> None:
    assert children_first({"root": None, "leaf": "root", "twig": "leaf"}) == ("twig", "leaf", "root")


def test_a_circle_in_the_tags_is_cut() -> None:
    assert sorted(children_first({"a": "b", "b": "a", "c": "a"})) == ["a", "b", "c"]


names = st.sampled_from("abcdef")


@given(st.dictionaries(names, st.none() | names))
def test_every_child_comes_before_what_it_builds_on(parents: dict[str, str | None]) -> None:
    forest = {name: parent if parent is not None and parent < name else None for name, parent in parents.items()}
    ordered = children_first(forest)
    assert sorted(ordered) == sorted(forest)
    for name, parent in forest.items():
        assert parent not in ordered or ordered.index(name) < ordered.index(parent)


def test_dependencies_first_else_by_address_and_action() -> None:
    undeploy = a_change(Action.UNDEPLOY)
    deploy = a_change(Action.DEPLOY, depends_on=(undeploy.id,))
    other = a_change(Action.STOP, "z", address="FineTunedModel/a-bot")
    assert in_order([deploy, undeploy, other]) == (other, undeploy, deploy)
    assert in_order([other, deploy, undeploy]) == (other, undeploy, deploy)

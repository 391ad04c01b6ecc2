from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.catalog import load
from reconciler.cost.hosting import Hosting, hosting_cost, observed_hosting_cost
from reconciler.cost.storage import observed_storage_cost, storage_cost
from reconciler.cost.training import training_cost
from reconciler.domain.desired import DeploymentKind, DesiredModel, UndeployRule
from reconciler.domain.observation import DeploymentPhase
from reconciler.domain.quantity import Cost, Range
from tests.builders import (
    BEDROCK,
    NOW,
    a_deployment,
    a_model,
    a_schedule,
    a_training_machine,
    a_version,
    an_artifact,
    an_observation,
    some_data,
)

CATALOG = load()
EAST, WEST, ELSEWHERE = "us-east-1", "us-west-2", "eu-west-1"


def on_bedrock(key: str = "llama-3.1-8b-instruct", **more: Any) -> DesiredModel:
    return a_model(provider=BEDROCK, base_model=key, **more)


def trained_on(tokens: int, *, records: int = 1000, **more: Any) -> DesiredModel:
    """Bedrock's Llama 3.1 8B; all records are trained, and characters agree with tokens."""
    facts = some_data(records=records).model_copy(update={"tokens": tokens, "characters": tokens * 4})
    model = on_bedrock(**more)
    data = model.data.model_copy(update={"training": facts, "training_records": records, "validation_records": 0})
    return model.model_copy(update={"data": data})


def known(cost: Cost) -> Range:
    assert cost.amount is not None, cost.unknown
    return cost.amount


def likely(cost: Cost) -> Decimal:
    return known(cost).likely


def test_bedrock_training_by_hand() -> None:
    """1,000,000 tokens × 3 epochs × 0.00149 USD for 1,000; at six characters a token two thirds of it."""
    amount = known(training_cost(trained_on(1_000_000), CATALOG, WEST))
    assert amount.likely == Decimal("4.47")
    assert amount.low == Decimal(4_000_000) / 6 * 3 * Decimal("0.00149") / 1000
    assert amount.high == Decimal("5.5875")


def test_bedrock_training_says_where_its_figures_come_from() -> None:
    cost = training_cost(on_bedrock("nova-micro"), CATALOG, EAST)
    assert any("0.001 USD for 1,000 tokens in us-east-1 (not verified: two secondary" in a for a in cost.assumptions)
    assert any("108,000 tokens × 3 epochs" in assumption for assumption in cost.assumptions)
    (caveat,) = cost.caveats
    assert "not verified" in caveat


def test_a_price_that_is_verified_needs_no_caveat() -> None:
    assert training_cost(on_bedrock("llama-3.1-8b-instruct"), CATALOG, WEST).caveats == ()


@pytest.mark.parametrize(
    ("key", "region"), [("nova-lite", EAST), ("nova-pro", EAST), ("titan-text-lite", EAST), ("nova-micro", ELSEWHERE)]
)
def test_a_training_without_a_price_is_unknown_and_never_zero(key: str, region: str) -> None:
    cost = training_cost(on_bedrock(key), CATALOG, region)
    assert cost.amount is None
    assert cost.unknown == (f"training of {key} in {region}",)


@given(tokens=st.integers(1, 10**10), more=st.integers(0, 10**9), passes=st.integers(1, 9))
def test_bedrock_training_grows_with_tokens_and_epochs(tokens: int, more: int, passes: int) -> None:
    def cost(count: int, times: int) -> Range:
        return known(training_cost(trained_on(count, hyperparameters={"epochs": times}), CATALOG, WEST))

    little = cost(tokens, passes)
    assert Decimal(0) < little.low <= little.likely <= little.high
    assert all(getattr(little, p) <= getattr(cost(tokens + more, passes), p) for p in ("low", "likely", "high"))
    assert all(getattr(little, p) < getattr(cost(tokens, passes + 1), p) for p in ("low", "likely", "high"))


@given(passes=st.integers(1, 200), count=st.integers(1, 8), hours=st.integers(1, 100))
def test_sagemaker_training_is_bounded_by_max_runtime(passes: int, count: int, hours: int) -> None:
    resources = a_training_machine(instance_count=count, max_runtime=timedelta(hours=hours))
    model = a_model(resources=resources, hyperparameters={"epochs": passes})
    amount = known(training_cost(model, CATALOG, EAST))
    assert Decimal(0) < amount.low <= amount.likely <= amount.high <= Decimal("7.09") * count * hours


def test_sagemaker_training_prices_the_type_of_the_attempt() -> None:
    model = a_model()
    first = training_cost(model, CATALOG, EAST)
    fallback = training_cost(model, CATALOG, EAST, "ml.g6.12xlarge")
    assert "ml.g5.12xlarge: 7.09 USD for an instance-hour in us-east-1" in first.assumptions
    assert "ml.g6.12xlarge: 5.752 USD for an instance-hour in us-east-1" in fallback.assumptions


def test_spot_has_the_on_demand_price_as_its_bound() -> None:
    spot, full = a_model(resources=a_training_machine(spot=True)), a_model()
    cheap, dear = known(training_cost(spot, CATALOG, EAST)), known(training_cost(full, CATALOG, EAST))
    assert cheap.high == dear.high
    assert cheap.low == dear.low * Decimal("0.3")


@pytest.mark.parametrize(
    ("model", "region", "unknown"),
    [
        (a_model(), ELSEWHERE, "training on ml.g5.12xlarge in eu-west-1"),
        (a_model(resources=a_training_machine("auto")), EAST, "training of support-bot: no instance type is chosen"),
        (
            a_model(base_model="qwen3.5-9b"),
            EAST,
            "training of support-bot: the dimensions of qwen3.5-9b are not known; at most 85.08 USD by maxRuntime 12h",
        ),
    ],
)
def test_sagemaker_training_unknown(model: DesiredModel, region: str, unknown: str) -> None:
    cost = training_cost(model, CATALOG, region)
    assert cost.amount is None
    assert cost.unknown == (unknown,)


def test_a_volume_without_a_price_is_named() -> None:
    cost = training_cost(a_model(resources=a_training_machine("ml.p3.2xlarge")), CATALOG, EAST)
    assert cost.amount is not None
    assert cost.unknown == ("training volume of ml.p3.2xlarge in us-east-1",)


def test_estimated_prices_say_so() -> None:
    cost = training_cost(a_model(resources=a_training_machine("ml.p5.48xlarge")), CATALOG, EAST)
    assert any("63.296 USD" in note and "(estimated: EC2 on-demand price times" in note for note in cost.assumptions)


def deployed(**deployment: Any) -> DesiredModel:
    return a_model(deployment={"deployed": True, **deployment})


def provisioned(key: str, commitment: str, units: int = 1) -> Hosting:
    model = on_bedrock(key, deployment={"deployed": True, "model_units": units, "commitment": commitment})
    return hosting_cost(model, CATALOG, WEST if key.startswith("llama") else EAST)


def test_endpoint() -> None:
    """1.515 USD an hour; 730 hours a month."""
    hosting = hosting_cost(deployed(), CATALOG, EAST)
    assert (likely(hosting.hourly), likely(hosting.monthly)) == (Decimal("1.515"), Decimal("1105.950"))


def test_endpoint_of_several_instances() -> None:
    assert likely(hosting_cost(deployed(instance_count=3), CATALOG, EAST).hourly) == Decimal("4.545")


def test_the_count_that_autoscaling_set_is_priced() -> None:
    model = deployed()
    current = a_deployment(model, instance_count=4, autoscaled=True)
    assert likely(hosting_cost(model, CATALOG, EAST, current=current).hourly) == Decimal("6.060")


@pytest.mark.parametrize(
    ("rule", "hours"),
    [
        ({"after": timedelta(hours=8)}, Decimal(8)),
        ({"after": timedelta(days=90)}, Decimal(730)),
        ({"at": NOW + timedelta(hours=100)}, Decimal(100)),
        ({"at": NOW - timedelta(hours=1)}, Decimal(0)),
        ({"hours": "Mon-Fri 08:00-20:00", "timezone": "Europe/Berlin"}, Decimal(730) * 60 / 168),
        ({"hours": "00:00-24:00"}, Decimal(730)),
    ],
)
def test_auto_undeploy_shortens_the_month(rule: dict[str, Any], hours: Decimal) -> None:
    hosting = hosting_cost(deployed(undeploy=UndeployRule(**rule)), CATALOG, EAST, now=NOW)
    assert likely(hosting.hourly) == Decimal("1.515")
    assert float(likely(hosting.monthly)) == pytest.approx(float(Decimal("1.515") * hours))
    assert hosting.monthly.assumptions[-1].startswith("support-bot: ")
    assert hosting.monthly.caveats == hosting.monthly.assumptions[-1:]


@pytest.mark.parametrize(
    ("key", "commitment", "hourly"),
    [
        ("llama-3.1-8b-instruct", "none", "24"),
        ("llama-3.1-8b-instruct", "1 month", "21.18"),
        ("llama-3.1-70b-instruct", "6 months", "13.08"),
        ("cohere-command", "none", "49.5"),
        ("cohere-command-light", "6 months", "4.11"),
    ],
)
def test_provisioned_throughput(key: str, commitment: str, hourly: str) -> None:
    hosting = provisioned(key, commitment, units=2)
    assert likely(hosting.hourly) == Decimal(hourly) * 2
    assert likely(hosting.monthly) == Decimal(hourly) * 2 * 730


def test_a_commitment_is_paid_to_its_end_whatever_the_rule_says() -> None:
    rule = UndeployRule(after=timedelta(hours=1))
    wanted = {"deployed": True, "model_units": 1, "commitment": "1 month", "undeploy": rule}
    hosting = hosting_cost(on_bedrock(deployment=wanted), CATALOG, WEST)
    assert likely(hosting.monthly) == Decimal("21.18") * 730
    assert "committed for 1 month" in hosting.monthly.assumptions[-1]


def test_provisioned_throughput_without_a_price_is_unknown() -> None:
    hosting = provisioned("nova-micro", "none")
    assert hosting.hourly.amount is None
    assert hosting.monthly.unknown == ("provisioned throughput of nova-micro without commitment in us-east-1",)


def test_a_term_that_nobody_knows_yet_has_no_known_price() -> None:
    model = on_bedrock(deployment={"deployed": True, "model_units": 1})
    running = a_deployment(model, commitment="OneYear")
    found = observed_hosting_cost(
        running, an_observation(model), CATALOG.model(model.resolved.base_model), CATALOG, WEST
    )
    assert found.hourly.unknown == ("provisioned throughput of llama-3.1-8b-instruct for OneYear in us-west-2",)


def test_on_demand_costs_nothing_by_the_hour_and_tells_its_rates() -> None:
    model = on_bedrock("nova-micro", deployment={"deployed": True, "kind": DeploymentKind.ON_DEMAND})
    hosting = hosting_cost(model, CATALOG, EAST)
    assert likely(hosting.hourly) == 0
    assert hosting.monthly.is_complete
    assert "0.035 USD for a million tokens in, 0.14 USD out" in hosting.hourly.assumptions[0]
    assert hosting.hourly.caveats == hosting.hourly.assumptions


def test_on_demand_without_rates_is_not_free() -> None:
    model = on_bedrock("llama-3.3-70b-instruct", deployment={"deployed": True, "kind": DeploymentKind.ON_DEMAND})
    hosting = hosting_cost(model, CATALOG, WEST)
    assert hosting.hourly.unknown == ("inference of llama-3.3-70b-instruct on demand in us-west-2",)


@pytest.mark.parametrize(
    ("instance_type", "region"), [("ml.trn2.48xlarge", EAST), ("ml.g5.2xlarge", ELSEWHERE), (None, EAST)]
)
def test_endpoint_without_a_price_is_unknown(instance_type: str | None, region: str) -> None:
    hosting = hosting_cost(deployed(instance_type=instance_type), CATALOG, region)
    assert hosting.hourly.amount is None
    assert hosting.monthly.amount is None
    assert hosting.monthly.unknown


@pytest.mark.parametrize("phase", DeploymentPhase)
def test_what_runs_is_billed_unless_it_failed_or_goes(phase: DeploymentPhase) -> None:
    model = deployed()
    seen = an_observation(model)
    found = observed_hosting_cost(a_deployment(model, phase=phase), seen, None, CATALOG, EAST)
    free = phase in (DeploymentPhase.DELETING, DeploymentPhase.FAILED)
    assert likely(found.hourly) == (0 if free else Decimal("1.515"))


def test_what_runs_is_priced_under_its_own_schedule() -> None:
    model = deployed(undeploy=UndeployRule(after=timedelta(hours=10)))
    seen = an_observation(model, schedules=(a_schedule(model),))
    found = observed_hosting_cost(a_deployment(model), seen, None, CATALOG, EAST)
    assert likely(found.monthly) == Decimal("15.15")


def test_storage_of_what_is_asked_for() -> None:
    """16.08 GB of merged weights at 0.023 USD; 1.95 USD for a custom model."""
    assert float(likely(storage_cost(a_model(), CATALOG, EAST))) == pytest.approx(0.3699, abs=0.0001)
    assert likely(storage_cost(on_bedrock(), CATALOG, WEST)) == Decimal("1.95")
    assert storage_cost(a_model(), CATALOG, ELSEWHERE).unknown == ("S3 storage in eu-west-1",)
    assert storage_cost(on_bedrock(), CATALOG, EAST).unknown == ("storage of support-bot on Bedrock in us-east-1",)
    assert not storage_cost(a_model(base_model="qwen3.5-4b"), CATALOG, EAST).is_complete


def test_storage_of_what_is_there() -> None:
    model, custom = a_model(), on_bedrock("nova-micro")
    version = a_version(model.fingerprint)
    assert likely(observed_storage_cost(version, an_observation(model), None, CATALOG, EAST)) == Decimal("0.001932")
    assert likely(observed_storage_cost(version, an_observation(custom), None, CATALOG, EAST)) == Decimal("1.95")
    unsized = a_version(model.fingerprint, artifact=an_artifact(size_bytes=None))
    assert not observed_storage_cost(unsized, an_observation(model), None, CATALOG, EAST).is_complete
    by_manifest = observed_storage_cost(unsized, an_observation(model), None, CATALOG, EAST, wanted=model)
    assert by_manifest == storage_cost(model, CATALOG, EAST)
    nothing = a_version(model.fingerprint, artifact=None)
    assert likely(observed_storage_cost(nothing, an_observation(model), None, CATALOG, EAST)) == 0

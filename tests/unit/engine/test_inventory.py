"""What costs money: whose it is, what it costs, whether it is used."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from reconciler.engine.inventory import Entry, Standing, Use, take
from tests.stage import BEDROCK, SAGEMAKER, Stage
from tests.unit.engine import adoption


def taken(stage: Stage) -> dict[str, Entry]:
    found = take(stage.configuration(), stage.outside())
    return {f"{entry.kind}/{entry.name}": entry for entry in found.entries}


def count(stage: Stage, namespace: str, metric: str, endpoint: str, variant: str, value: float, at: datetime) -> None:
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    data = {"MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Value": value}
    stage.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[data])


class Mute:
    def count(self, *_: object) -> None:
        """A cloud that emits no metrics of its own."""


def test_managed_orphaned_and_foreign(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("open.yaml", SAGEMAKER)
    stage.write("nova.yaml", BEDROCK)
    stage.apply()
    adoption.their_endpoint(stage, "forgotten")
    stage.remove("open.yaml")
    entries = taken(stage)
    assert entries["endpoint/open-bot"].standing is Standing.ORPHANED
    assert entries["endpoint/forgotten"].standing is Standing.FOREIGN
    assert entries["custom-model-deployment/nova-bot"].standing is Standing.MANAGED
    assert Standing.OTHER_PROJECT not in {entry.standing for entry in entries.values()}
    assert not any(name.startswith("training-job/") for name in entries)


def test_prices_are_the_catalogs_and_unknown_is_never_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage, "forgotten")
    adoption.their_custom_model(stage)
    entries = taken(stage)
    price = stage.outside().catalog.hosting_price("ml.g5.xlarge", stage.region).usd
    assert price is not None
    assert entries["endpoint/forgotten"].hourly.likely == 2 * price
    assert entries["endpoint/forgotten"].monthly.likely == 2 * price * 730
    assert entries["custom-model/their-nova"].monthly.likely == Decimal("1.95")
    config = {"VariantName": "v", "ModelName": "their-model", "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
    sagemaker = stage.client("sagemaker")
    sagemaker.create_endpoint_config(EndpointConfigName="small", ProductionVariants=[config])
    sagemaker.create_endpoint(EndpointName="unpriced", EndpointConfigName="small")
    adoption.until_settled(stage)
    unpriced = taken(stage)["endpoint/unpriced"]
    assert (unpriced.hourly.likely, unpriced.hourly.is_complete) == (None, False)


def test_a_training_that_runs_costs_by_the_hour(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("open.yaml", SAGEMAKER)
    stage.apply(wait=False)
    (training,) = (entry for entry in taken(stage).values() if entry.kind == "training-job")
    assert training.standing is Standing.MANAGED
    assert training.hourly.likely == stage.outside().catalog.training_price("ml.g5.2xlarge", stage.region).usd


def test_another_projects_are_told_apart(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("open.yaml", SAGEMAKER)
    stage.apply()
    stage.edit("reconciler.yaml", "name: stage", "name: second")
    entry = taken(stage)["endpoint/open-bot"]
    assert (entry.standing, entry.project, entry.model) == (Standing.OTHER_PROJECT, "stage", "open-bot")


@pytest.mark.parametrize(
    ("alive", "invocations", "use"),
    [(True, 5, Use.USED), (True, None, Use.IDLE), (True, 0, Use.IDLE), (False, None, Use.UNKNOWN)],
)
def test_idle_is_what_lives_and_is_not_called(alive: bool, invocations: int | None, use: Use, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.cloud.metrics = Mute()
    adoption.their_endpoint(stage, "forgotten")
    stage.cloud.advance(15 * 86_400)
    at = stage.now() - timedelta(days=3)
    if alive:
        count(stage, "/aws/sagemaker/Endpoints", "CPUUtilization", "forgotten", "Blue", 3.0, at)
    if invocations is not None:
        count(stage, "AWS/SageMaker", "Invocations", "forgotten", "Blue", invocations, at)
    entry = taken(stage)["endpoint/forgotten"]
    assert entry.use is use
    if use is Use.USED:
        assert entry.traffic is not None
        assert entry.traffic.invocations == invocations


def test_what_was_made_just_now_is_new_and_not_idle(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage, "forgotten")
    assert taken(stage)["endpoint/forgotten"].use is Use.NEW
    stage.cloud.advance(14 * 86_400)
    count(
        stage, "/aws/sagemaker/Endpoints", "CPUUtilization", "forgotten", "Blue", 3.0, stage.now() - timedelta(hours=1)
    )
    assert taken(stage)["endpoint/forgotten"].use is Use.IDLE


def test_without_permission_nothing_is_known(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage, "forgotten")
    stage.fault("error", "cloudwatch:GetMetricData", code="AccessDenied")
    assert taken(stage)["endpoint/forgotten"].use is Use.UNKNOWN


def variants(stage: Stage, *instance_types: str) -> None:
    """An endpoint `several` with a variant on each."""
    adoption.their_endpoint(stage, "forgotten")
    sagemaker = stage.client("sagemaker")
    listed = [
        {"VariantName": f"v{number}", "ModelName": "their-model", "InstanceType": each, "InitialInstanceCount": 1}
        for number, each in enumerate(instance_types)
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="several", ProductionVariants=listed)
    sagemaker.create_endpoint(EndpointName="several", EndpointConfigName="several")
    adoption.until_settled(stage)


def test_all_variants_are_paid_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    variants(stage, "ml.g5.xlarge", "ml.g5.xlarge", "ml.g5.xlarge")
    entry = taken(stage)["endpoint/several"]
    price = stage.outside().catalog.hosting_price("ml.g5.xlarge", stage.region).usd
    assert price is not None
    assert (entry.runs_on, entry.hourly.likely) == ("ml.g5.xlarge x3", 3 * price)


def test_variants_on_several_types_have_no_price_rather_than_one_that_is_too_low(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    variants(stage, "ml.g5.xlarge", "ml.g5.2xlarge")
    assert taken(stage)["endpoint/several"].hourly.unknown


def test_an_endpoint_is_used_where_one_of_its_variants_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    variants(stage, "ml.g5.xlarge", "ml.g5.xlarge")
    before = stage.now() - timedelta(hours=1)
    count(stage, "AWS/SageMaker", "Invocations", "several", "v1", 7, before)
    count(stage, "/aws/sagemaker/Endpoints", "CPUUtilization", "several", "v0", 1, before)
    entry = taken(stage)["endpoint/several"]
    assert entry.traffic is not None
    assert (entry.use, entry.traffic.invocations) == (Use.USED, 7)

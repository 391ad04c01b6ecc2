"""specs/providers.md says what the code says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from reconciler.providers.aws.cron import beginnings, endings
from reconciler.providers.aws.faults import fault_from_reason, fault_of
from reconciler.providers.bedrock import statuses as bedrock
from reconciler.providers.sagemaker import statuses as sagemaker
from tests.unit.planner.tables import Row, tables

PAGE = (Path(__file__).parents[2] / "specs" / "providers.md").read_text(encoding="utf-8")
JOBS, ENDPOINTS, CUSTOMIZATIONS, THROUGHPUTS, DEPLOYMENTS, _, _, FAULTS, _, HOURS = tables(PAGE)


@pytest.mark.parametrize(
    ("rows", "table"),
    [
        (JOBS, sagemaker.TRAINING),
        (ENDPOINTS, sagemaker.ENDPOINT),
        (CUSTOMIZATIONS, bedrock.JOB),
        (THROUGHPUTS, bedrock.THROUGHPUT),
    ],
    ids=["training jobs", "endpoints", "customization jobs", "throughputs"],
)
def test_the_status_tables_are_those_of_the_code(rows: list[Row], table: Any) -> None:
    assert [tuple(row.values()) for row in rows] == [(status, str(phase)) for status, phase in table.items()]


def test_the_deployments_table_is_that_of_the_code() -> None:
    told = {(row["status"], row["update status"] or None): row["phase"] for row in DEPLOYMENTS}
    assert told == {key: str(phase) for key, phase in bedrock.DEPLOYMENT.items()}


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: str(row["error or reason"]))
def test_faults_are_sorted_as_told(row: Row) -> None:
    code, _, message = row["error or reason"].partition(": ")
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    of_call = fault_of(ClientError(response, "CreateEndpoint"))
    of_job = fault_from_reason(row["error or reason"])
    assert row["kind"] == str(of_job.kind if code == "AlgorithmError" else of_call.kind)


@pytest.mark.parametrize("row", HOURS, ids=lambda row: str(row["hours"]))
def test_hours_are_written_as_told(row: Row) -> None:
    assert " ".join(beginnings(row["hours"])) == row["deploy"]
    assert " ".join(endings(row["hours"])) == row["undeploy"]

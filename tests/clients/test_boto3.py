"""boto3's own waiters and paginators over HTTP."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError

from reconciler.localcloud import control
from reconciler.localcloud.control import LocalStatus
from tests.unit.localcloud.story import job_request, put_config, put_data, put_model

FAST = {"Delay": 1, "MaxAttempts": 60}

pytestmark = pytest.mark.clients


class Session:
    """Like boto3's session, with the endpoint filled in."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._session = boto3.Session(aws_access_key_id="dummy", aws_secret_access_key="dummy", region_name="us-east-1")

    def client(self, name: str) -> Any:
        return self._session.client(name, endpoint_url=self._endpoint_url)  # type: ignore[call-overload]


@pytest.fixture
def aws(served: LocalStatus) -> Session:
    return Session(served.endpoint_url)


def test_waiters_see_jobs_and_endpoints_through(aws: Session, served: LocalStatus) -> None:
    control.set_speed(served.state_dir, 3600)
    put_data(aws)
    sagemaker = aws.client("sagemaker")
    sagemaker.create_training_job(**job_request("job"))
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="job", WaiterConfig=FAST)
    artifact = sagemaker.describe_training_job(TrainingJobName="job")["ModelArtifacts"]["S3ModelArtifacts"]
    put_model(aws, "model", data=artifact)
    put_config(aws, "config", "model")
    sagemaker.create_endpoint(EndpointName="bot", EndpointConfigName="config")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="bot", WaiterConfig=FAST)
    sagemaker.delete_endpoint(EndpointName="bot")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="bot", WaiterConfig=FAST)


def test_a_waiter_gives_up_on_a_failed_endpoint(aws: Session, served: LocalStatus) -> None:
    control.add_fault(served.state_dir, "capacity", operation="sagemaker:CreateEndpoint")
    put_model(aws, "model")
    put_config(aws, "config", "model")
    sagemaker = aws.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="bot", EndpointConfigName="config")
    with pytest.raises(WaiterError, match="terminal failure state"):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="bot", WaiterConfig=FAST)


def test_paginators_see_everything_once(aws: Session) -> None:
    sagemaker = aws.client("sagemaker")
    for number in range(12):
        put_model(aws, f"model-{number:02}")
        put_config(aws, f"config-{number:02}", f"model-{number:02}")
    for operation, member, key in (
        ("list_models", "Models", "ModelName"),
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    ):
        pages = list(sagemaker.get_paginator(operation).paginate(PaginationConfig={"PageSize": 5}))
        assert [len(page[member]) for page in pages] == [5, 5, 2]
        assert len({entry[key] for page in pages for entry in page[member]}) == 12
    found = sagemaker.get_paginator("search").paginate(Resource="Model", PaginationConfig={"PageSize": 5})
    assert sum(len(page["Results"]) for page in found) == 12


def test_tags_page_by_page(aws: Session) -> None:
    sagemaker = aws.client("sagemaker")
    tags = [{"Key": f"k{number}", "Value": str(number)} for number in range(50)]
    arn = sagemaker.create_model(ModelName="model", Tags=tags)["ModelArn"]
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    assert [tag for page in pages for tag in page["Tags"]] == tags


def test_large_objects_go_through_the_transfer_manager(aws: Session, tmp_path: Any) -> None:
    put_data(aws)
    content = bytes(range(256)) * 40_000
    (tmp_path / "large").write_bytes(content)
    s3 = aws.client("s3")
    s3.upload_file(str(tmp_path / "large"), "story-bucket", "large")
    s3.download_file("story-bucket", "large", str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == content

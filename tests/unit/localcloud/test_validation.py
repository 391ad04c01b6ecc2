from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.unit.localcloud.story import error_of, job_request

UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})


def _refused(aws: Any, request: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as raised:
        aws.client("sagemaker", config=UNCHECKED).create_training_job(**request)
    code, message = error_of(raised)
    assert code == "ValidationException"
    return message


def test_all_problems_come_at_once_in_awss_words(aws: Any) -> None:
    request = job_request("under_score", RoleArn=None, ResourceConfig={"InstanceType": "ml.none", "VolumeSizeInGB": 0})
    message = _refused(aws, request)
    assert message.startswith("4 validation errors detected: ") or message.startswith("3 validation errors detected: ")
    assert "Value 'under_score' at 'trainingJobName' failed to satisfy constraint" in message
    assert "Value null at 'roleArn' failed to satisfy constraint: Member must not be null" in message
    assert "'ml.none' at 'resourceConfig.instanceType'" in message


@pytest.mark.parametrize("name", ["a" * 64, "-a", "a-", "a.b", ""])
def test_names_follow_the_models_pattern(aws: Any, name: str) -> None:
    assert "trainingJobName" in _refused(aws, job_request(name))


@pytest.mark.parametrize("name", ["a", "A-9", "a--b", "a" * 63])
def test_legal_names_pass(aws: Any, name: str) -> None:
    aws.client("sagemaker").create_training_job(**job_request(name))


def test_tags_may_use_every_script(aws: Any) -> None:
    sagemaker = aws.client("sagemaker")
    arn = sagemaker.create_model(ModelName="m", Tags=[{"Key": "équipe/チーム", "Value": "a_b.c:d/e=f+g-h@i j"}])[
        "ModelArn"
    ]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "équipe/チーム", "Value": "a_b.c:d/e=f+g-h@i j"}]
    with pytest.raises(ClientError, match="regular expression pattern"):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "{json}", "Value": ""}])


def test_a_body_of_the_wrong_shape_is_a_serialization_error(aws: Any) -> None:
    client = aws.client("sagemaker", config=UNCHECKED)
    with pytest.raises(ClientError) as raised:
        client.list_models(MaxResults="many")
    assert error_of(raised)[0] == "SerializationException"


def test_what_the_cloud_lacks_is_named(aws: Any) -> None:
    for service, operation in (("sagemaker", "list_pipelines"), ("dynamodb", "list_tables")):
        with pytest.raises(ClientError) as raised:
            getattr(aws.client(service), operation)()
        code, message = error_of(raised)
        assert code == "NotImplemented"
        assert service in message
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501

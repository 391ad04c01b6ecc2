from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.faults import Fault
from tests.unit.localcloud.story import BUCKET, DATA, NO_RETRIES, error_of, put_config, put_data, put_model

HOUR = 3600


@pytest.fixture
def sagemaker(aws: Any) -> Any:
    put_model(aws, "model")
    put_config(aws, "config-1", "model")
    put_config(aws, "config-2", "model", count=2)
    return aws.client("sagemaker")


def _describe(sagemaker: Any) -> dict[str, Any]:
    return dict(sagemaker.describe_endpoint(EndpointName="bot"))


def _create(sagemaker: Any, cloud: LocalCloud) -> None:
    sagemaker.create_endpoint(EndpointName="bot", EndpointConfigName="config-1")
    cloud.advance(HOUR)


def _refused(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    code, message = error_of(raised)
    assert code == "ValidationException"
    return message


def test_from_creating_to_gone(cloud: LocalCloud, sagemaker: Any) -> None:
    sagemaker.create_endpoint(EndpointName="bot", EndpointConfigName="config-1")
    assert _describe(sagemaker)["EndpointStatus"] == "Creating"
    cloud.advance(HOUR)
    endpoint = _describe(sagemaker)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "config-1")
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    sagemaker.delete_endpoint(EndpointName="bot")
    assert _describe(sagemaker)["EndpointStatus"] == "Deleting"
    cloud.advance(HOUR)
    assert _refused(sagemaker.describe_endpoint, EndpointName="bot").startswith('Could not find endpoint "arn:aws:')


def test_an_update_shows_the_new_configuration_only_when_it_serves(cloud: LocalCloud, sagemaker: Any) -> None:
    _create(sagemaker, cloud)
    sagemaker.update_endpoint(EndpointName="bot", EndpointConfigName="config-2")
    endpoint = _describe(sagemaker)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("Updating", "config-1")
    variant = endpoint["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 2)
    cloud.advance(HOUR)
    endpoint = _describe(sagemaker)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "config-2")
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_a_rolled_back_update_is_silent(cloud: LocalCloud, sagemaker: Any) -> None:
    _create(sagemaker, cloud)
    cloud.world.faults.append(Fault("rollback", name="bot", times=1))
    sagemaker.update_endpoint(EndpointName="bot", EndpointConfigName="config-2")
    cloud.advance(300)
    assert _describe(sagemaker)["EndpointStatus"] == "RollingBack"
    cloud.advance(HOUR)
    endpoint = _describe(sagemaker)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "config-1")
    assert "FailureReason" not in endpoint


def test_scaling_by_hand(cloud: LocalCloud, sagemaker: Any) -> None:
    _create(sagemaker, cloud)
    desired = [{"VariantName": "main", "DesiredInstanceCount": 4}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName="bot", DesiredWeightsAndCapacities=desired)
    variant = _describe(sagemaker)["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 4)
    cloud.advance(HOUR)
    assert _describe(sagemaker)["ProductionVariants"][0]["CurrentInstanceCount"] == 4
    sagemaker.update_endpoint(EndpointName="bot", EndpointConfigName="config-2", RetainAllVariantProperties=True)
    cloud.advance(HOUR)
    endpoint = _describe(sagemaker)
    assert endpoint["EndpointConfigName"] == "config-2"
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 4


def test_want_of_capacity_fails_it_and_then_it_can_only_be_deleted(cloud: LocalCloud, sagemaker: Any) -> None:
    cloud.world.faults.append(Fault("capacity", operation="sagemaker:CreateEndpoint", times=1))
    _create(sagemaker, cloud)
    endpoint = _describe(sagemaker)
    assert endpoint["EndpointStatus"] == "Failed"
    assert "InsufficientInstanceCapacity" in endpoint["FailureReason"]
    refusal = _refused(sagemaker.update_endpoint, EndpointName="bot", EndpointConfigName="config-2")
    assert "can only be deleted" in refusal
    sagemaker.delete_endpoint(EndpointName="bot")


def test_a_failing_update_keeps_the_old_one_in_service(cloud: LocalCloud, sagemaker: Any) -> None:
    _create(sagemaker, cloud)
    cloud.world.faults.append(Fault("fail", operation="sagemaker:UpdateEndpoint", message="ping health check"))
    sagemaker.update_endpoint(EndpointName="bot", EndpointConfigName="config-2")
    cloud.advance(HOUR)
    endpoint = _describe(sagemaker)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "config-1")
    assert endpoint["FailureReason"] == "ping health check"


def test_an_endpoint_in_motion_is_not_touched(cloud: LocalCloud, sagemaker: Any) -> None:
    sagemaker.create_endpoint(EndpointName="bot", EndpointConfigName="config-1")
    assert _refused(sagemaker.delete_endpoint, EndpointName="bot").startswith("Cannot update in-progress endpoint")
    refusal = _refused(sagemaker.update_endpoint, EndpointName="bot", EndpointConfigName="config-2")
    assert refusal.startswith("Cannot update in-progress endpoint")


def test_what_is_missing_and_what_is_taken(cloud: LocalCloud, sagemaker: Any) -> None:
    missing = _refused(sagemaker.create_endpoint, EndpointName="bot", EndpointConfigName="none")
    assert missing.startswith("Could not find endpoint configuration")
    _create(sagemaker, cloud)
    taken = _refused(sagemaker.create_endpoint, EndpointName="bot", EndpointConfigName="config-1")
    assert taken.startswith("Cannot create already existing endpoint")
    assert _refused(sagemaker.create_model, ModelName="model").startswith("Cannot create already existing model")
    missing = _refused(sagemaker.describe_model, ModelName="none")
    assert missing == 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/none".'
    assert _refused(sagemaker.delete_endpoint_config, EndpointConfigName="none").startswith("Could not find")


def test_an_update_needs_the_configuration_it_comes_from(cloud: LocalCloud, sagemaker: Any) -> None:
    _create(sagemaker, cloud)
    sagemaker.delete_endpoint_config(EndpointConfigName="config-1")
    refusal = _refused(sagemaker.update_endpoint, EndpointName="bot", EndpointConfigName="config-2")
    assert refusal.startswith("Could not find endpoint configuration")


def test_model_data_that_is_not_there_fails_the_endpoint(cloud: LocalCloud, aws: Any) -> None:
    put_data(aws)
    put_model(aws, "lost", data=f"s3://{BUCKET}/none/model.tar.gz")
    put_model(aws, "there", data=f"{DATA}train.jsonl")
    for name in ("lost", "there"):
        put_config(aws, name, name)
        aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    cloud.advance(HOUR)
    lost = aws.client("sagemaker").describe_endpoint(EndpointName="lost")
    assert (lost["EndpointStatus"], "none/model.tar.gz" in lost["FailureReason"]) == ("Failed", True)
    assert aws.client("sagemaker").describe_endpoint(EndpointName="there")["EndpointStatus"] == "InService"


def test_a_configuration_needs_its_models_and_distinct_variants(aws: Any, sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="Could not find model"):
        put_config(aws, "config-3", "none")
    variant = {"VariantName": "a", "ModelName": "model", "InstanceType": "ml.g6e.xlarge", "InitialInstanceCount": 1}
    with pytest.raises(ClientError, match="must be unique"):
        sagemaker.create_endpoint_config(EndpointConfigName="config-3", ProductionVariants=[variant, variant])


def test_prompts_are_answered_in_service_only_and_say_that_it_is_simulated(
    cloud: LocalCloud, aws: Any, sagemaker: Any
) -> None:
    runtime = aws.client("sagemaker-runtime", config=NO_RETRIES)
    body = json.dumps({"messages": [{"role": "user", "content": "Hello"}]})
    with pytest.raises(ClientError) as raised:
        runtime.invoke_endpoint(EndpointName="bot", Body=body)
    assert error_of(raised) == ("ValidationError", "Endpoint bot of account 123456789012 not found.")
    sagemaker.create_endpoint(EndpointName="bot", EndpointConfigName="config-1")
    with pytest.raises(ClientError, match="status Creating"):
        runtime.invoke_endpoint(EndpointName="bot", Body=body)
    cloud.advance(HOUR)
    answer = runtime.invoke_endpoint(EndpointName="bot", Body=body, ContentType="application/json")
    completion = json.loads(answer["Body"].read())
    assert completion["simulated"] is True
    assert "simulated" in completion["choices"][0]["message"]["content"]
    assert answer["InvokedProductionVariant"] == "main"
    with pytest.raises(ClientError) as raised:
        runtime.invoke_endpoint(EndpointName="bot", Body="no json")
    assert error_of(raised)[0] == "ModelError"


def test_streamed_answers_come_in_parts(cloud: LocalCloud, aws: Any, sagemaker: Any) -> None:
    _create(sagemaker, cloud)
    runtime = aws.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint_with_response_stream(EndpointName="bot", Body=json.dumps({"inputs": "Hello"}))
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert len(parts) > 3
    assert parts[-1] == b"data: [DONE]\n\n"
    first = json.loads(parts[0].removeprefix(b"data: "))
    assert (first["object"], first["simulated"]) == ("chat.completion.chunk", True)

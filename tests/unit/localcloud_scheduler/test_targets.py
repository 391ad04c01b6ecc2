"""Universal targets: from an ARN and JSON to an API call."""

import json

import pytest

from reconciler.localcloud.scheduler.targets import ApiCall, InvalidTarget, api_call, check_target

SDK = "arn:aws:scheduler:::aws-sdk"


def test_parameters_take_the_apis_own_spelling() -> None:
    text = json.dumps({"ProvisionedModelId": "support-bot"})
    expected = ApiCall("bedrock", "DeleteProvisionedModelThroughput", {"provisionedModelId": "support-bot"})
    assert api_call(f"{SDK}:bedrock:deleteProvisionedModelThroughput", text) == expected


@pytest.mark.parametrize("key", ["endpointName", "EndpointName"])
def test_either_first_letter_will_do(key: str) -> None:
    call = api_call(f"{SDK}:sagemaker:deleteEndpoint", json.dumps({key: "e"}))
    assert call.parameters == {"EndpointName": "e"}


def test_nested_parameters_are_respelled_and_map_keys_kept() -> None:
    text = json.dumps({"JobName": "j", "HyperParameters": {"epochCount": "2"}, "JobTags": [{"Key": "k", "Value": "v"}]})
    call = api_call(f"{SDK}:bedrock:createModelCustomizationJob", text)
    expected = {"jobName": "j", "hyperParameters": {"epochCount": "2"}, "jobTags": [{"key": "k", "value": "v"}]}
    assert call.parameters == expected


@pytest.mark.parametrize(
    ("arn", "text", "complaint"),
    [
        (f"{SDK}:sagemaker:describeEndpoint", "{}", "only read"),
        (f"{SDK}:sagemaker:dropEndpoint", "{}", "no action"),
        (f"{SDK}:sagemaking:deleteEndpoint", "{}", "not known"),
        (f"{SDK}:sagemaker", "{}", "is not arn"),
        (f"{SDK}:sagemaker:deleteEndpoint", "{", "not valid JSON"),
        (f"{SDK}:sagemaker:deleteEndpoint", "[]", "JSON object"),
    ],
)
def test_refuses(arn: str, text: str, complaint: str) -> None:
    with pytest.raises(InvalidTarget, match=complaint):
        check_target(arn, text)


def test_an_unknown_parameter_is_found_only_when_it_fires() -> None:
    arn, text = f"{SDK}:sagemaker:deleteEndpoint", json.dumps({"Name": "e"})
    check_target(arn, text)
    with pytest.raises(InvalidTarget, match="no parameter Name"):
        api_call(arn, text)


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("deleteEndpoint", {"EndpointName": 5}),
        ("createEndpoint", {"EndpointName": "e", "Tags": "none"}),
        ("createEndpoint", {"EndpointName": "e", "Tags": ["none"]}),
    ],
)
def test_a_parameter_of_the_wrong_type_is_named(action: str, parameters: dict[str, object]) -> None:
    with pytest.raises(InvalidTarget, match=r"Input\.(EndpointName|Tags).* must be a"):
        api_call(f"{SDK}:sagemaker:{action}", json.dumps(parameters))


def test_a_listing_like_name_is_not_taken_for_a_reader() -> None:
    check_target(f"{SDK}:sagemaker:stopTrainingJob", None)

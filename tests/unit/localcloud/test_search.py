from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import moment
from tests.unit.localcloud.story import job_request, put_config, put_data, put_model


@pytest.fixture
def sagemaker(cloud: LocalCloud, aws: Any) -> Any:
    """Jobs 0 to 11, a minute apart: team is a, b or c in turn, epochs is the number, every fourth is ours."""
    put_data(aws)
    client = aws.client("sagemaker")
    for number in range(12):
        tags = [{"Key": "team", "Value": "abc"[number % 3]}, {"Key": "nr", "Value": f"{number:02}"}]
        tags += [{"Key": "ours", "Value": "yes"}] if number % 4 == 0 else []
        client.create_training_job(
            **job_request(f"job-{number:02}", Tags=tags, HyperParameters={"epochs": str(number)})
        )
        cloud.advance(60)
    return client


def _filter(name: str, value: str | None = None, operator: str = "Equals") -> dict[str, str]:
    return {"Name": name, "Operator": operator} | ({} if value is None else {"Value": value})


def _found(sagemaker: Any, expression: dict[str, Any], **more: Any) -> list[int]:
    result = sagemaker.search(Resource="TrainingJob", SearchExpression=expression, MaxResults=100, **more)
    names = [record["TrainingJob"]["TrainingJobName"] for record in result["Results"]]
    assert result["TotalHits"] == {"Value": len(names), "Relation": "EqualTo"}
    return sorted(int(name.removeprefix("job-")) for name in names)


def test_filters_are_anded_unless_told_otherwise(sagemaker: Any) -> None:
    both = [_filter("Tags.team", "a"), _filter("Tags.ours", "yes")]
    assert _found(sagemaker, {"Filters": both}) == [0]
    assert _found(sagemaker, {"Filters": both, "Operator": "Or"}) == [0, 3, 4, 6, 8, 9]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (_filter("Tags.team", "a"), [0, 3, 6, 9]),
        (_filter("Tags.team", "a", "NotEquals"), [1, 2, 4, 5, 7, 8, 10, 11]),
        (_filter("Tags.nr", "01, 05,11", "In"), [1, 5, 11]),
        (_filter("Tags.ours", None, "Exists"), [0, 4, 8]),
        (_filter("Tags.ours", None, "NotExists"), [1, 2, 3, 5, 6, 7, 9, 10, 11]),
        (_filter("TrainingJobName", "-1", "Contains"), [10, 11]),
        (_filter("HyperParameters.epochs", "7"), [7]),
        (_filter("ResourceConfig.InstanceType", "ml.g5.2xlarge", "NotEquals"), []),
        (_filter("ResourceConfig.InstanceCount", "1", "GreaterThanOrEqualTo"), list(range(12))),
        (_filter("ResourceConfig.InstanceCount", "1", "GreaterThan"), []),
        (_filter("TrainingJobStatus", "InProgress"), [3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ],
)
def test_operators(sagemaker: Any, condition: dict[str, str], expected: list[int]) -> None:
    assert _found(sagemaker, {"Filters": [condition]}) == expected


def test_times_are_compared_as_times(cloud: LocalCloud, sagemaker: Any) -> None:
    now = moment(cloud.world.clock.now())
    assert now is not None
    third = (now - timedelta(minutes=9, seconds=30)).isoformat()
    assert _found(sagemaker, {"Filters": [_filter("CreationTime", third, "LessThan")]}) == [0, 1, 2]
    later = _filter("CreationTime", third, "GreaterThan")
    assert _found(sagemaker, {"Filters": [later, _filter("Tags.ours", "yes")]}) == [4, 8]


def test_sub_expressions_nest(sagemaker: Any) -> None:
    either = {"Operator": "Or", "Filters": [_filter("Tags.nr", "03"), _filter("Tags.nr", "04")]}
    assert _found(sagemaker, {"SubExpressions": [either], "Filters": [_filter("Tags.team", "a")]}) == [3]


def test_nested_filters_must_hold_for_one_element(sagemaker: Any) -> None:
    def nested(name: str, uri: str) -> dict[str, Any]:
        filters = [
            _filter("InputDataConfig.ChannelName", name),
            _filter("InputDataConfig.DataSource.S3DataSource.S3Uri", uri, "Contains"),
        ]
        return {"NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": filters}]}

    assert len(_found(sagemaker, nested("training", "data/"))) == 12
    assert _found(sagemaker, nested("validation", "data/")) == []


def test_pages_cover_everything_once_in_order(sagemaker: Any) -> None:
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = sagemaker.search(
            Resource="TrainingJob", MaxResults=5, SortBy="TrainingJobName", SortOrder="Ascending", **token
        )
        names += [record["TrainingJob"]["TrainingJobName"] for record in page["Results"]]
        assert page["TotalHits"]["Value"] == 12
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == [f"job-{number:02}" for number in range(12)]


def test_the_newest_change_comes_first(cloud: LocalCloud, sagemaker: Any) -> None:
    cloud.advance(1)
    sagemaker.stop_training_job(TrainingJobName="job-09")
    first = sagemaker.search(Resource="TrainingJob", MaxResults=1)["Results"][0]["TrainingJob"]
    assert first["TrainingJobName"] == "job-09"
    by_tag = sagemaker.search(Resource="TrainingJob", SortBy="Tags.nr", SortOrder="Descending", MaxResults=1)
    assert by_tag["Results"][0]["TrainingJob"]["TrainingJobName"] == "job-11"


def test_a_filter_without_value_and_a_bad_token_are_refused(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="Value is required"):
        sagemaker.search(Resource="TrainingJob", SearchExpression={"Filters": [_filter("Tags.team")]})
    with pytest.raises(ClientError, match="pagination token"):
        sagemaker.search(Resource="TrainingJob", NextToken="nonsense")


def test_endpoints_and_models_carry_their_tags(cloud: LocalCloud, aws: Any) -> None:
    sagemaker = aws.client("sagemaker")
    put_model(aws, "m")
    put_config(aws, "c", "m")
    tags = [{"Key": "owner", "Value": "us"}]
    arn = sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c", Tags=tags)["EndpointArn"]
    sagemaker.add_tags(ResourceArn=sagemaker.describe_model(ModelName="m")["ModelArn"], Tags=tags)
    ours = {"Filters": [_filter("Tags.owner", "us")]}
    endpoint = sagemaker.search(Resource="Endpoint", SearchExpression=ours)["Results"][0]["Endpoint"]
    assert (endpoint["EndpointArn"], endpoint["Tags"], endpoint["EndpointStatus"]) == (arn, tags, "Creating")
    model = sagemaker.search(Resource="Model", SearchExpression=ours)["Results"][0]["Model"]["Model"]
    assert (model["ModelName"], model["Tags"]) == ("m", tags)
    assert sagemaker.search(Resource="ModelPackage")["Results"] == []

"""Whatever is sent, the answer is one that AWS's clients can read, and the cloud goes on."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.inprocess import session
from tests.unit.localcloud.story import BUCKET, NO_RETRIES, put_data, put_model

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
operations = st.sampled_from(
    ["CreateTrainingJob", "DescribeTrainingJob", "Search", "CreateEndpoint", "ListModels", "AddTags", "CreateModel"]
)
members = st.sampled_from(
    ["TrainingJobName", "EndpointName", "ModelName", "Resource", "SearchExpression", "Tags", "MaxResults", "NextToken",
     "InputDataConfig", "ResourceConfig", "HyperParameters", "StoppingCondition", "ResourceArn", "CreationTimeAfter"]
)  # fmt: skip


def _headers(service: str, **more: str) -> dict[str, str]:
    scope = f"dummy/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0", **more}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operation=operations, body=st.dictionaries(members, values, max_size=6) | values)
def test_any_json_is_answered_in_json(cloud: LocalCloud, operation: str, body: Any) -> None:
    headers = _headers("sagemaker", **{"X-Amz-Target": f"SageMaker.{operation}"})
    answer = Client(cloud).post("/", data=json.dumps(body), headers=headers)
    told = json.loads(answer.data)
    assert answer.status_code in (200, 400), told
    assert answer.status_code == 200 or told["__type"] in ("ValidationException", "SerializationException")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"text"', b"{" * 100_000, b'{"MaxResults": 1e999}']
)
def test_what_is_no_json_is_refused(cloud: LocalCloud, body: bytes) -> None:
    headers = _headers("sagemaker", **{"X-Amz-Target": "SageMaker.DescribeModel"})
    answer = Client(cloud).post("/", data=body, headers=headers)
    assert answer.status_code == 400
    assert "__type" in json.loads(answer.data)


@pytest.mark.parametrize("service", ["sagemaker", "bedrock", "scheduler", "nonsense"])
@pytest.mark.parametrize("path", ["/", "/nowhere", "/endpoints//invocations", "/%00", "/a/../b", "/" + "x" * 5000])
def test_unknown_paths_and_targets_are_named(cloud: LocalCloud, service: str, path: str) -> None:
    answer = Client(cloud).post(path, data=b"{}", headers=_headers(service, **{"X-Amz-Target": "No.Such"}))
    assert 400 <= answer.status_code < 600
    assert answer.status_code != 500
    assert "__type" in json.loads(answer.data)


@pytest.mark.parametrize("service", ["s3", "sts", "iam", "sns", "logs", "secretsmanager", "tagging"])
def test_motos_services_never_answer_with_a_page(cloud: LocalCloud, service: str) -> None:
    for method, path, body in (("POST", "/", b"Action=No"), ("PUT", "/b", b"<x"), ("GET", "/a/b?c=%zz", b"")):
        answer = Client(cloud).open(path, method=method, data=body, headers=_headers(service))
        assert not answer.data.lstrip().lower().startswith((b"<!doctype", b"<html"))


def test_many_threads_on_two_clouds_do_not_mix_them_up() -> None:
    clouds = [LocalCloud(), LocalCloud()]
    sessions: list[Any] = [session(cloud) for cloud in clouds]
    clients = [(made.client("s3"), made.client("sagemaker")) for made in sessions]
    for made in sessions:
        put_data(made)
        put_model(made, "shared")

    def work(number: int) -> None:
        s3, sagemaker = clients[number % 2]
        s3.put_object(Bucket=BUCKET, Key=f"key-{number}", Body=b"x")
        sagemaker.create_model(ModelName=f"model-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(80)))
    for parity, (s3, sagemaker) in enumerate(clients):
        keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]} - {"data/train.jsonl"}
        assert keys == {f"key-{number}" for number in range(parity, 80, 2)}
        assert len(sagemaker.list_models(MaxResults=100)["Models"]) == 41


def test_one_of_many_conditional_writers_wins(cloud: LocalCloud, aws: Any) -> None:
    put_data(aws)
    s3 = aws.client("s3", config=NO_RETRIES)

    def take(number: int) -> bool:
        try:
            s3.put_object(Bucket=BUCKET, Key="lock", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(40))) == 1

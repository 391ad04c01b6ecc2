"""Endpoints that really serve: created, asked, streamed, rolled under load, deleted, and what goes wrong."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.faults import Fault
from tests.unit.localcloud.story import BUCKET, NO_RETRIES, ROLE, job_request, put_config, put_model
from tests.unit.localcloud_execution.story import endpoint, put_version, rest, running, until


@pytest.fixture
def runtime(aws: Any) -> Any:
    return aws.client("sagemaker-runtime", config=NO_RETRIES)


def _deploy(aws: Any, version: str = "one", **files: str) -> dict[str, Any]:
    put_version(aws, version, **(files or {"answer_txt": version}))
    aws.client("sagemaker").create_endpoint(EndpointName="bot", EndpointConfigName=version)
    return rest(aws)


def _ask(runtime: Any, **body: Any) -> str:
    return str(runtime.invoke_endpoint(EndpointName="bot", Body=json.dumps(body))["Body"].read().decode())


def test_an_endpoint_is_in_service_once_its_model_answers(aws: Any, runtime: Any) -> None:
    assert _deploy(aws)["EndpointStatus"] == "InService"
    answer = runtime.invoke_endpoint(EndpointName="bot", Body=b"{}", ContentType="application/json")
    assert answer["Body"].read() == b"one"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("application/json", "main")


def test_what_the_container_is_given_beside_its_artifact_is_there(aws: Any, runtime: Any) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="bases/one/answer.txt", Body=b"the base model's")
    put_version(aws, "adapters")
    base = {"S3Uri": f"s3://{BUCKET}/bases/one/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {
        "Image": "image",
        "ModelDataUrl": f"s3://{BUCKET}/models/adapters.tar.gz",
        "AdditionalModelDataSources": [{"ChannelName": "base", "S3DataSource": base}],
    }
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(ModelName="tuned", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    put_config(aws, "tuned", "tuned")
    sagemaker.create_endpoint(EndpointName="bot", EndpointConfigName="tuned")
    assert rest(aws)["EndpointStatus"] == "InService"
    assert _ask(runtime) == "the base model's"


def test_a_model_that_does_not_load_fails_it_with_the_logs_reason(aws: Any, cloud: LocalCloud) -> None:
    found = _deploy(aws, config_json="{}")
    assert found["EndpointStatus"] == "Failed"
    assert found["FailureReason"] == (
        "The primary container for production variant main did not pass the ping health check. "
        "OSError: there is no answer.txt in the model"
    )
    assert running(cloud) == []
    logged = aws.client("logs").filter_log_events(logGroupName="/aws/sagemaker/Endpoints/bot")["events"]
    assert "loading" in logged[0]["message"]


def test_what_is_no_archive_fails_it(aws: Any) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="models/bad.tar.gz", Body=b"no archive" * 1000)
    put_model(aws, "bad", data=f"s3://{BUCKET}/models/bad.tar.gz")
    put_config(aws, "bad", "bad")
    aws.client("sagemaker").create_endpoint(EndpointName="bot", EndpointConfigName="bad")
    found = rest(aws)
    assert found["EndpointStatus"] == "Failed"
    assert "Failed to extract model data archive" in found["FailureReason"]


def test_a_refusal_of_the_container_is_a_model_error(aws: Any, runtime: Any) -> None:
    _deploy(aws)
    with pytest.raises(ClientError, match="messages is missing") as raised:
        _ask(runtime, refuse=True)
    assert raised.value.response["Error"]["Code"] == "ModelError"
    assert "client error (400)" in raised.value.response["Error"]["Message"]


def test_an_update_under_load_drops_no_request(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    _deploy(aws)
    put_version(aws, "two", answer_txt="two")
    seen: list[str] = []
    rolled = threading.Event()

    def ask_on(_: int) -> None:
        while not (rolled.is_set() and "two" in seen[-4:]):
            seen.append(_ask(runtime, seconds=0.02))

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask_on, number) for number in range(4)]
        until(lambda: len(seen) > 8, "answers of the first")
        aws.client("sagemaker").update_endpoint(EndpointName="bot", EndpointConfigName="two")
        assert rest(aws)["EndpointConfigName"] == "two"
        rolled.set()
        for each in asking:
            each.result()
    assert set(seen) == {"one", "two"}
    assert _ask(runtime) == "two"
    until(lambda: len(running(cloud)) == 1, "the end of the old server")


def test_a_slow_answer_of_the_old_model_is_still_given(aws: Any, runtime: Any) -> None:
    _deploy(aws)
    put_version(aws, "two", answer_txt="two")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(_ask, runtime, seconds=2)
        aws.client("sagemaker").update_endpoint(EndpointName="bot", EndpointConfigName="two")
        rest(aws)
        assert _ask(runtime) == "two"
        assert slow.result() == "one"


def test_what_still_answers_ends_with_the_cloud(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    _deploy(aws)
    pid = running(cloud)[0]["pid"]
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(_ask, runtime, seconds=600)
        until(lambda: _reads(cloud), "the question")
        aws.client("sagemaker").delete_endpoint(EndpointName="bot")
        cloud.runtime.close()
        with pytest.raises(ClientError, match="does not answer"):
            slow.result()
    assert not Path(f"/proc/{pid}").exists()


def _reads(cloud: LocalCloud) -> bool:
    """Whether a question has reached the one server."""
    hosting: Any = cloud.runtime
    [server] = hosting._hosting._servers.values()
    return bool(server._answering)


def test_an_update_that_does_not_load_leaves_the_old_one_in_service(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    _deploy(aws)
    put_version(aws, "broken")
    aws.client("sagemaker").update_endpoint(EndpointName="bot", EndpointConfigName="broken")
    found = rest(aws)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "one")
    assert "no answer.txt" in found["FailureReason"]
    assert _ask(runtime) == "one"
    until(lambda: len(running(cloud)) == 1, "the end of the broken server")


def test_an_ordered_roll_back_keeps_the_old_one(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    _deploy(aws)
    put_version(aws, "two", answer_txt="two")
    cloud.world.faults.append(Fault("rollback", times=1))
    aws.client("sagemaker").update_endpoint(EndpointName="bot", EndpointConfigName="two")
    cloud.advance(3600)
    assert endpoint(aws)["EndpointConfigName"] == "one"
    assert _ask(runtime) == "one"


def test_scaling_keeps_the_server(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    _deploy(aws)
    before = running(cloud)
    wanted = [{"VariantName": "main", "DesiredInstanceCount": 2}]
    aws.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="bot", DesiredWeightsAndCapacities=wanted
    )
    assert rest(aws)["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert running(cloud) == before


def test_it_goes_on_serving_without_its_model_configuration_and_artifact(aws: Any, runtime: Any) -> None:
    _deploy(aws)
    aws.client("sagemaker").delete_model(ModelName="one")
    aws.client("sagemaker").delete_endpoint_config(EndpointConfigName="one")
    aws.client("s3").delete_object(Bucket=BUCKET, Key="models/one.tar.gz")
    assert _ask(runtime) == "one"


def test_a_deleted_endpoint_ends_its_server(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    _deploy(aws)
    aws.client("sagemaker").delete_endpoint(EndpointName="bot")
    assert running(cloud) == []
    assert aws.client("sagemaker").list_endpoints()["Endpoints"] == []
    with pytest.raises(ClientError, match="not found"):
        _ask(runtime)


def test_a_server_that_dies_is_started_again(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    _deploy(aws)
    before = running(cloud)[0]["pid"]
    with pytest.raises(EventStreamError):
        _stream(runtime, go_on="/", break_off=True)
    until(lambda: not running(cloud)[0]["ready"], "the server's end")
    assert _ask(runtime) == "one"
    assert running(cloud)[0]["pid"] != before


def test_after_a_restart_of_the_cloud_it_serves_again(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    _deploy(aws)
    executing: Any = cloud.runtime
    executing.close()
    cloud.runtime = type(executing)(executing.settings)
    cloud.resume()
    assert endpoint(aws)["EndpointStatus"] == "InService"
    assert _ask(runtime) == "one"


def test_what_was_being_created_is_created_after_a_restart(
    aws: Any, cloud: LocalCloud, runtime: Any, tmp_path: Path
) -> None:
    put_version(aws, "one", answer_txt="one", load_until_txt=str(tmp_path / "loaded"))
    aws.client("sagemaker").create_endpoint(EndpointName="bot", EndpointConfigName="one")
    executing: Any = cloud.runtime
    executing.close()
    assert endpoint(aws)["EndpointStatus"] == "Creating"
    cloud.runtime = type(executing)(executing.settings)
    (tmp_path / "loaded").touch()
    cloud.resume()
    assert rest(aws)["EndpointStatus"] == "InService"
    assert _ask(runtime) == "one"


def test_the_model_of_a_simulated_training_is_served_by_nobody(aws: Any, cloud: LocalCloud, runtime: Any) -> None:
    aws.client("sagemaker").create_training_job(**job_request("simulated"))
    cloud.advance(3600)
    put_model(aws, "simulated", data=f"s3://{BUCKET}/out/simulated/output/model.tar.gz")
    put_config(aws, "simulated", "simulated")
    aws.client("sagemaker").create_endpoint(EndpointName="bot", EndpointConfigName="simulated")
    cloud.advance(3600)
    assert endpoint(aws)["EndpointStatus"] == "InService"
    assert json.loads(_ask(runtime, inputs="Hello"))["simulated"] is True
    assert running(cloud) == []
    put_version(aws, "one", answer_txt="one")
    aws.client("sagemaker").update_endpoint(EndpointName="bot", EndpointConfigName="one")
    rest(aws)
    assert _ask(runtime) == "one"


def test_an_answer_that_breaks_off_is_told_as_such(aws: Any, runtime: Any, tmp_path: Path) -> None:
    _deploy(aws)
    (tmp_path / "go").touch()
    with pytest.raises(EventStreamError, match="broke off"):
        _stream(runtime, go_on=str(tmp_path / "go"), break_off=True)


def test_a_stream_in_this_process_comes_whole(aws: Any, runtime: Any) -> None:
    _deploy(aws)
    assert _stream(runtime, go_on="/") == [b"data: one", b"data: two"]


def _stream(runtime: Any, **body: Any) -> list[bytes]:
    answer = runtime.invoke_endpoint_with_response_stream(EndpointName="bot", Body=json.dumps({"stream": True, **body}))
    assert answer["ContentType"] == "text/event-stream"
    return [event["PayloadPart"]["Bytes"] for event in answer["Body"]]

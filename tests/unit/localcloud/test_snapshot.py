from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.inprocess import session
from reconciler.localcloud.snapshot import VERSION, Saver, UnreadableSnapshot, forget, load, save, sweep
from reconciler.localcloud.values import INLINE
from tests.unit.localcloud.story import BUCKET, job_request, put_data, put_model


def _restored(path: Path) -> tuple[LocalCloud, Any]:
    cloud = LocalCloud()
    load(cloud, path)
    return cloud, session(cloud)


def test_every_service_comes_back(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    put_data(aws)
    aws.client("s3").put_object(Bucket=BUCKET, Key="data/train.jsonl", Body=b"second version")
    aws.client("secretsmanager").create_secret(Name="token", SecretString="hidden")
    topic = aws.client("sns").create_topic(Name="news")["TopicArn"]
    aws.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")
    aws.client("logs").create_log_group(logGroupName="/group")
    put_model(aws, "m")
    save(cloud, tmp_path / "snapshot")
    cloud.reset()
    _, again = _restored(tmp_path / "snapshot")
    assert again.client("s3").get_object(Bucket=BUCKET, Key="data/train.jsonl")["Body"].read() == b"second version"
    assert again.client("secretsmanager").get_secret_value(SecretId="token")["SecretString"] == "hidden"
    assert [found["TopicArn"] for found in again.client("sns").list_topics()["Topics"]] == [topic]
    assert again.client("iam").get_role(RoleName="role")["Role"]["RoleName"] == "role"
    groups = again.client("logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/group"]
    assert again.client("sagemaker").describe_model(ModelName="m")["ModelName"] == "m"
    assert again.client("s3").create_bucket(Bucket="another-bucket")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_what_was_under_way_goes_on(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    put_data(aws)
    aws.client("sagemaker").create_training_job(**job_request("job"))
    cloud.advance(240)
    save(cloud, tmp_path / "snapshot")
    restored, again = _restored(tmp_path / "snapshot")
    assert restored.world.clock.now() == cloud.world.clock.now()
    assert again.client("sagemaker").describe_training_job(TrainingJobName="job")["SecondaryStatus"] == "Training"
    restored.advance(3600)
    assert again.client("sagemaker").describe_training_job(TrainingJobName="job")["TrainingJobStatus"] == "Completed"
    assert again.client("s3").head_object(Bucket=BUCKET, Key="out/job/output/model.tar.gz")["ContentLength"] > 0
    assert aws.client("sagemaker").describe_training_job(TrainingJobName="job")["TrainingJobStatus"] == "InProgress"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            b'{"format": "reconciler-local-cloud", "version": 0, "moto": "5"}\n',
            "of version 0 with moto 5; this program",
        ),
        (b'{"format": "something else"}\n', "is no snapshot of an embedded cloud"),
        (b"\x80\x04rubbish", "is no snapshot of an embedded cloud"),
        (b"", "is no snapshot of an embedded cloud"),
    ],
)
def test_another_version_is_refused_with_advice(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(content)
    with pytest.raises(UnreadableSnapshot, match=problem) as raised:
        load(LocalCloud(), path)
    assert "delete the file" in str(raised.value)
    assert path.read_bytes() == content


def test_a_file_cut_short_is_told_as_damaged(cloud: LocalCloud, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    save(cloud, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableSnapshot, match="is damaged"):
        load(LocalCloud(), path)


def test_a_save_that_fails_leaves_the_file_before(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "snapshot"
    save(cloud, path)
    before = path.read_bytes()

    def broken(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(OSError, match="no space"):
        save(cloud, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unfinished_saves_are_swept(cloud: LocalCloud, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    save(cloud, path)
    (tmp_path / "snapshotabc.new").write_bytes(b"half")
    sweep(path)
    assert list(tmp_path.iterdir()) == [path]


def test_the_snapshot_is_for_its_user_alone(cloud: LocalCloud, tmp_path: Path) -> None:
    save(cloud, tmp_path / "snapshot")
    assert (tmp_path / "snapshot").stat().st_mode & 0o777 == 0o600


def test_the_saver_saves_what_changed_before_it_ends(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    saver = Saver(cloud, tmp_path / "snapshot")
    put_model(aws, "m")
    saver.look()
    put_model(aws, "unseen")
    saver.close()
    _, again = _restored(tmp_path / "snapshot")
    assert len(again.client("sagemaker").list_models()["Models"]) == 2


def _put(aws: Any, key: str, content: bytes) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)


def _values(path: Path) -> dict[str, int]:
    """Name → when it was written."""
    return {file.name: file.stat().st_mtime_ns for file in path.with_name(f"{path.name}.values").iterdir()}


def test_a_large_object_is_written_once(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    path, large = tmp_path / "snapshot", b"large" * INLINE
    put_data(aws)
    _put(aws, "large", large)
    save(cloud, path)
    written = _values(path)
    assert (len(written), path.stat().st_size < len(large)) == (1, True)
    put_model(aws, "m")
    save(cloud, path)
    assert _values(path) == written
    restored, again = _restored(path)
    assert again.client("s3").get_object(Bucket=BUCKET, Key="large")["Body"].read() == large
    save(restored, path)
    assert _values(path) == written, "nor is it after a restart"


def test_the_value_of_an_object_that_is_gone_goes_too(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    put_data(aws)
    _put(aws, "overwritten", b"before" * INLINE)
    _put(aws, "deleted", b"before" * INLINE)
    save(cloud, path)
    before = _values(path)
    _put(aws, "overwritten", b"after" * INLINE)
    aws.client("s3").delete_object(Bucket=BUCKET, Key="deleted")
    save(cloud, path)
    assert (len(before), len(_values(path)), before.keys() & _values(path)) == (2, 1, set())
    _, again = _restored(path)
    assert again.client("s3").get_object(Bucket=BUCKET, Key="overwritten")["Body"].read() == b"after" * INLINE


def test_the_folder_may_be_moved(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    put_data(aws)
    _put(aws, "large", b"large" * INLINE)
    save(cloud, tmp_path / "here" / "snapshot")
    (tmp_path / "here").rename(tmp_path / "there")
    restored, again = _restored(tmp_path / "there" / "snapshot")
    assert again.client("s3").get_object(Bucket=BUCKET, Key="large")["Body"].read() == b"large" * INLINE
    save(restored, tmp_path / "elsewhere" / "snapshot")
    assert len(_values(tmp_path / "elsewhere" / "snapshot")) == 1


def test_a_value_that_is_gone_is_told_as_damage(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    put_data(aws)
    _put(aws, "large", b"large" * INLINE)
    save(cloud, path)
    (value,) = path.with_name("snapshot.values").iterdir()
    assert value.stat().st_mode & 0o777 == 0o600
    value.unlink()
    with pytest.raises(UnreadableSnapshot, match="is damaged"):
        load(LocalCloud(), path)


def test_nothing_is_left_of_a_state_that_is_forgotten(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    put_data(aws)
    _put(aws, "large", b"large" * INLINE)
    save(cloud, tmp_path / "snapshot")
    forget(tmp_path / "snapshot")
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_of_the_version_before_is_read(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    """It has all objects in itself."""
    path = tmp_path / "snapshot"
    put_data(aws)
    save(cloud, path)
    content = path.read_bytes()
    assert b'"version": %d' % VERSION in content
    path.write_bytes(content.replace(b'"version": %d' % VERSION, b'"version": 1', 1))
    _, again = _restored(path)
    assert again.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1


def test_what_is_to_be_kept_is_saved_when_that_returns(cloud: LocalCloud, aws: Any, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    saver = Saver(cloud, path)
    put_model(aws, "m")
    saver.keep()
    _, again = _restored(path)
    assert again.client("sagemaker").describe_model(ModelName="m")["ModelName"] == "m"
    written = path.stat().st_ino
    saver.keep()
    assert path.stat().st_ino == written, "nothing has changed since"
    saver.close()


def test_what_runs_beside_the_cloud_changes_it_too(cloud: LocalCloud, aws: Any) -> None:
    """Log lines, checkpoints and metrics come without a request."""
    put_data(aws)
    seen: list[int] = []
    cloud.on_change = lambda: seen.append(cloud.world.revision)
    before = cloud.world.revision
    cloud.logs.write("us-east-1", "/group", "stream", 1_700_000_000, ["a line"])
    cloud.objects.put(f"s3://{BUCKET}/checkpoint", b"weights")
    cloud.objects.delete(f"s3://{BUCKET}/checkpoint")
    cloud.objects.make_bucket("another-bucket")
    cloud.metrics.count("us-east-1", "AWS/SageMaker", "Invocations", {"EndpointName": "e"}, 1_700_000_000)
    assert seen == [before + number for number in range(1, 6)]

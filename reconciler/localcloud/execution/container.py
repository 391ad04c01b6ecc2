"""A training container's folders and files on this machine, as SageMaker lays them out below /opt/ml.

"How Amazon SageMaker AI Provides Training Information", SageMaker developer guide; the folder is moved by SAGEMAKER_BASE_DIR, as AWS's
own toolkit allows (https://github.com/aws/sagemaker-training-toolkit).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.localcloud.execution.archives import BadArchive, unpack
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Objects
from reconciler.localcloud.timeline import channel_uri

HOST = "algo-1"
GROUP = "homogeneousCluster"


class NotPrepared(Exception):
    """The container cannot start. The message is the job's failure reason, in AWS's words."""


@dataclass(frozen=True)
class Container:
    """`base` stands for /opt/ml."""

    base: Path

    @property
    def code(self) -> Path:
        return self.base / "code"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def checkpoints(self) -> Path:
        return self.base / "checkpoints"

    @property
    def config(self) -> Path:
        return self.base / "input" / "config"

    @property
    def output_data(self) -> Path:
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        """Where the program writes why it failed."""
        return self.base / "output" / "failure"

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name

    def prepare(self, job: Resource, objects: Objects) -> None:
        """Folders, channels, configuration files and code; checkpoints of before stay. Raises NotPrepared."""
        for folder in (self.base / "input", self.base / "output", self.code, self.model):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.code, self.model, self.checkpoints, self.config, self.output_data):
            folder.mkdir(parents=True, exist_ok=True)
        for channel in job.spec.get("InputDataConfig") or ():
            self._download(channel, objects)
        self._configure(job)
        self._download_checkpoints(job, objects)
        self._unpack_code(job, objects)

    def _download(self, channel: Mapping[str, Any], objects: Objects) -> None:
        folder = self.channel(channel["ChannelName"])
        folder.mkdir(parents=True, exist_ok=True)
        uri = channel_uri(channel)
        if uri is not None and not download(uri, folder, objects):
            raise NotPrepared(
                f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source'
            )

    def _configure(self, job: Resource) -> None:
        for name, content in {
            "hyperparameters": hyperparameters(job),
            "inputdataconfig": input_data_config(job),
            "resourceconfig": resource_config(job),
        }.items():
            (self.config / f"{name}.json").write_text(json.dumps(content))

    def _download_checkpoints(self, job: Resource, objects: Objects) -> None:
        uri = checkpoint_uri(job)
        if uri is not None and not any(self.checkpoints.iterdir()):
            download(uri, self.checkpoints, objects)

    def _unpack_code(self, job: Resource, objects: Objects) -> None:
        uri = str(decoded(hyperparameters(job))["sagemaker_submit_directory"])
        content = objects.get(uri)
        if content is None:
            raise NotPrepared(f"ClientError: the program of sagemaker_submit_directory is not there: {uri}")
        try:
            unpack(content, self.code)
        except BadArchive as wrong:
            raise NotPrepared(f"ClientError: the program {uri} is no archive that can be unpacked ({wrong})") from wrong


def download(uri: str, folder: Path, objects: Objects) -> int:
    """All objects whose key starts with the URI's, as files of the folder; how many. Raises NotPrepared for a key that leads outside."""
    prefix = uri.removeprefix("s3://").partition("/")[2]
    bucket = uri[: len(uri) - len(prefix)].rstrip("/")
    count = 0
    for key in objects.list(uri) or ():
        path = (folder / _relative(key, prefix)).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise NotPrepared(f"ClientError: Data download failed:the key {key!r} leads out of its channel")
        content = objects.get(f"{bucket}/{key}")
        if content is not None and not key.endswith("/"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            count += 1
    return count


def _relative(key: str, prefix: str) -> str:
    """What of the key names the file: all below the prefix where that is a folder, else from its last part on."""
    if prefix == "" or prefix.endswith("/") or key.startswith(f"{prefix}/"):
        return key[len(prefix) :].lstrip("/")
    return key[prefix.rfind("/") + 1 :]


def hyperparameters(job: Resource) -> dict[str, str]:
    """As sent: names and strings."""
    return dict(job.spec.get("HyperParameters") or {})


def decoded(sent: Mapping[str, str]) -> dict[str, Any]:
    """As AWS's toolkit reads them: each value as JSON, as the bare string where it is none."""
    return {name: _decoded(value) for name, value in sent.items()}


def _decoded(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def input_data_config(job: Resource) -> dict[str, dict[str, str]]:
    return {channel["ChannelName"]: dict(_channel(channel)) for channel in job.spec.get("InputDataConfig") or ()}


def _channel(channel: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source = (channel.get("DataSource") or {}).get("S3DataSource") or {}
    if channel.get("ContentType"):
        yield "ContentType", channel["ContentType"]
    yield "TrainingInputMode", channel.get("InputMode") or "File"
    yield "S3DistributionType", source.get("S3DataDistributionType") or "FullyReplicated"
    yield "RecordWrapperType", channel.get("RecordWrapperType") or "None"


def resource_config(job: Resource) -> dict[str, Any]:
    """One host, however many were asked for: this machine."""
    instance_type = (job.spec.get("ResourceConfig") or {}).get("InstanceType") or "local"
    return {
        "current_host": HOST,
        "current_instance_type": instance_type,
        "current_group_name": GROUP,
        "hosts": [HOST],
        "instance_groups": [{"instance_group_name": GROUP, "instance_type": instance_type, "hosts": [HOST]}],
        "network_interface_name": "lo",
    }


def checkpoint_uri(job: Resource) -> str | None:
    """Where the job's checkpoints are kept; None where the request names no place."""
    uri = (job.spec.get("CheckpointConfig") or {}).get("S3Uri")
    return None if uri is None else f"{str(uri).rstrip('/')}/"

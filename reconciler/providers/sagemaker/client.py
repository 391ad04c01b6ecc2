"""The only calls to SageMaker, thin and typed. Absence is ``None``; every other error is botocore's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from reconciler.domain.tags import PROJECT
from reconciler.providers.aws.faults import AwsTrouble, is_absent
from reconciler.providers.aws.paging import every
from reconciler.providers.aws.session import AwsSession
from reconciler.providers.aws.tags import read_tags, sagemaker_tags

PAGE = 100
"""The most that Search and the lists give at once."""
TAG_PAGE = 50
"""The least and the most that ListTags takes as MaxResults is 50 and 100; 50 tags are all that a resource can have."""

Described = dict[str, Any]


class SageMakerApi:
    def __init__(self, aws: AwsSession, *, page_size: int | None = None) -> None:
        self._aws = aws
        self._page = page_size or PAGE

    # -- looking

    def search(self, resource: str, project: str) -> Iterator[Described]:
        """The ``TrainingJob``, ``Endpoint`` or ``Model`` records that carry the project's tag."""
        condition = {"Name": f"Tags.{PROJECT}", "Operator": "Equals", "Value": project}
        records = every(
            self._read.search,
            "Results",
            Resource=resource,
            SearchExpression={"Filters": [condition]},
            SortBy="CreationTime",
            SortOrder="Ascending",
            MaxResults=self._page,
        )
        return (record[resource] for record in records)

    def endpoint_configs(self) -> Iterator[Described]:
        """Names and ARNs of all in the region: Search does not know them."""
        return every(self._read.list_endpoint_configs, "EndpointConfigs", MaxResults=self._page)

    def training_job(self, name: str) -> Described | None:
        return _unless_absent(self._read.describe_training_job, TrainingJobName=name)

    def model(self, name: str) -> Described | None:
        return _unless_absent(self._read.describe_model, ModelName=name)

    def endpoint_config(self, name: str) -> Described | None:
        return _unless_absent(self._read.describe_endpoint_config, EndpointConfigName=name)

    def endpoint(self, name: str) -> Described | None:
        return _unless_absent(self._read.describe_endpoint, EndpointName=name)

    def tags(self, arn: str) -> dict[str, str]:
        return read_tags(every(self._read.list_tags, "Tags", ResourceArn=arn, MaxResults=TAG_PAGE))

    def is_autoscaled(self, endpoint: str, variant: str) -> bool | None:
        """Whether Application Auto Scaling sets the variant's instance count; ``None`` where it may not be asked."""
        client: Any = self._aws.reading("application-autoscaling")
        asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [f"endpoint/{endpoint}/variant/{variant}"]}
        try:
            return bool(client.describe_scalable_targets(**asked)["ScalableTargets"])
        except AwsTrouble:
            return None

    # -- changing

    def create_training_job(self, request: Mapping[str, Any]) -> str:
        return str(self._change.create_training_job(**request)["TrainingJobArn"])

    def create_model(self, request: Mapping[str, Any]) -> str:
        return str(self._change.create_model(**request)["ModelArn"])

    def create_endpoint_config(self, request: Mapping[str, Any]) -> str:
        return str(self._change.create_endpoint_config(**request)["EndpointConfigArn"])

    def create_endpoint(self, request: Mapping[str, Any]) -> str:
        return str(self._change.create_endpoint(**request)["EndpointArn"])

    def update_endpoint(self, name: str, config: str) -> None:
        self._change.update_endpoint(EndpointName=name, EndpointConfigName=config)

    def scale_endpoint(self, name: str, variant: str, count: int) -> None:
        desired = [{"VariantName": variant, "DesiredInstanceCount": count}]
        self._change.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=desired)

    def stop_training_job(self, name: str) -> None:
        self._change.stop_training_job(TrainingJobName=name)

    def delete_training_job(self, name: str) -> None:
        self._change.delete_training_job(TrainingJobName=name)

    def delete_model(self, name: str) -> None:
        self._change.delete_model(ModelName=name)

    def delete_endpoint_config(self, name: str) -> None:
        self._change.delete_endpoint_config(EndpointConfigName=name)

    def delete_endpoint(self, name: str) -> None:
        self._change.delete_endpoint(EndpointName=name)

    def add_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        self._change.add_tags(ResourceArn=arn, Tags=sagemaker_tags(tags))

    def remove_tags(self, arn: str, keys: list[str]) -> None:
        self._change.delete_tags(ResourceArn=arn, TagKeys=keys)

    @property
    def _read(self) -> Any:
        return self._aws.reading("sagemaker")

    @property
    def _change(self) -> Any:
        return self._aws.changing("sagemaker")


def _unless_absent(describe: Callable[..., Any], **request: str) -> Described | None:
    try:
        return dict(describe(**request))
    except ClientError as error:
        if is_absent(error):
            return None
        raise

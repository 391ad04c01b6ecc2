"""The only calls to Bedrock, thin and typed. Absence is ``None``; every other error is botocore's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from reconciler.providers.aws.faults import is_absent
from reconciler.providers.aws.paging import every
from reconciler.providers.aws.session import AwsSession
from reconciler.providers.aws.tags import bedrock_tags, read_tags

PAGE = 1000
"""The most that Bedrock's lists give at once."""

Described = dict[str, Any]


class BedrockApi:
    """Jobs, models, throughputs and deployments are named by name or by ARN alike."""

    def __init__(self, aws: AwsSession, *, page_size: int | None = None) -> None:
        self._aws = aws
        self._page = page_size or PAGE

    # -- looking

    def jobs(self) -> Iterator[Described]:
        return self._every(self._read.list_model_customization_jobs, "modelCustomizationJobSummaries")

    def custom_models(self) -> Iterator[Described]:
        return self._every(self._read.list_custom_models, "modelSummaries", isOwned=True)

    def throughputs(self) -> Iterator[Described]:
        return self._every(self._read.list_provisioned_model_throughputs, "provisionedModelSummaries")

    def deployments(self) -> Iterator[Described]:
        return self._every(self._read.list_custom_model_deployments, "modelDeploymentSummaries")

    def job(self, identifier: str) -> Described | None:
        return _unless_absent(self._read.get_model_customization_job, jobIdentifier=identifier)

    def custom_model(self, identifier: str) -> Described | None:
        return _unless_absent(self._read.get_custom_model, modelIdentifier=identifier)

    def throughput(self, identifier: str) -> Described | None:
        return _unless_absent(self._read.get_provisioned_model_throughput, provisionedModelId=identifier)

    def deployment(self, identifier: str) -> Described | None:
        return _unless_absent(self._read.get_custom_model_deployment, customModelDeploymentIdentifier=identifier)

    def tags(self, arn: str) -> dict[str, str] | None:
        """``None`` where the resource is gone by now."""
        listed = _unless_absent(self._read.list_tags_for_resource, resourceARN=arn)
        return None if listed is None else read_tags(listed.get("tags") or ())

    # -- changing

    def create_job(self, request: Mapping[str, Any]) -> str:
        return str(self._change.create_model_customization_job(**request)["jobArn"])

    def create_throughput(self, request: Mapping[str, Any]) -> str:
        return str(self._change.create_provisioned_model_throughput(**request)["provisionedModelArn"])

    def create_deployment(self, request: Mapping[str, Any]) -> str:
        return str(self._change.create_custom_model_deployment(**request)["customModelDeploymentArn"])

    def update_throughput(self, identifier: str, model: str) -> None:
        self._change.update_provisioned_model_throughput(provisionedModelId=identifier, desiredModelId=model)

    def update_deployment(self, identifier: str, model: str) -> None:
        self._change.update_custom_model_deployment(customModelDeploymentIdentifier=identifier, modelArn=model)

    def stop_job(self, identifier: str) -> None:
        self._change.stop_model_customization_job(jobIdentifier=identifier)

    def delete_custom_model(self, identifier: str) -> None:
        self._change.delete_custom_model(modelIdentifier=identifier)

    def delete_throughput(self, identifier: str) -> None:
        self._change.delete_provisioned_model_throughput(provisionedModelId=identifier)

    def delete_deployment(self, identifier: str) -> None:
        self._change.delete_custom_model_deployment(customModelDeploymentIdentifier=identifier)

    def add_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        self._change.tag_resource(resourceARN=arn, tags=bedrock_tags(tags))

    def remove_tags(self, arn: str, keys: list[str]) -> None:
        self._change.untag_resource(resourceARN=arn, tagKeys=keys)

    def _every(self, call: Callable[..., Any], items: str, **request: Any) -> Iterator[Described]:
        return every(call, items, next_page="nextToken", maxResults=self._page, **request)

    @property
    def _read(self) -> Any:
        return self._aws.reading("bedrock")

    @property
    def _change(self) -> Any:
        return self._aws.changing("bedrock")


def _unless_absent(get: Callable[..., Any], **request: str) -> Described | None:
    try:
        return dict(get(**request))
    except ClientError as error:
        if is_absent(error):
            return None
        raise

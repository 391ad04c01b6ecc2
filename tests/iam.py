"""What IAM would say: each call that the program makes, as the permissions it needs, held against a role's policy.

A small part of IAM's logic, made for policies of Allow statements with StringEquals and StringLike conditions. What a call needs follows
the Service Authorization Reference: an operation of S3 needs the action of its object, a creation with tags needs tagging too, and
one that hands on a role needs PassRole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from operator import eq
from typing import Any

from reconciler.localcloud.world import World

REGION = "us-east-1"
USER_AGENT = "reconciler/"

Params = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Need:
    """One permission. ``context``: condition keys and their values."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Recorder:
    """Every call of the program's own clients (told by their user agent) that is made with a boto3 session, as needs."""

    world: World
    region: str = REGION
    needs: list[Need] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)

    def attach(self, session: Any) -> None:
        session.events.register("before-parameter-build", self._note)

    def _note(self, params: Params, model: Any, context: Mapping[str, Any], **_: Any) -> None:
        config = context["client_config"]
        if USER_AGENT in (config.user_agent_extra or ""):
            service = str(model.service_model.service_name)
            self.calls.add(f"{service}:{model.name}")
            self.needs += needs(self.world, self.region, service, str(model.name), params)


def needs(world: World, region: str, service: str, operation: str, params: Params) -> list[Need]:
    """An operation that nobody has described here needs the action of its own name, on no resource."""
    make = NEEDS.get(f"{service}:{operation}", _anywhere)
    return list(make(_Call(world, region, service, operation, params)))


def allowed(policy: Mapping[str, Any], need: Need) -> bool:
    return any(_allows(statement, need) for statement in policy["Statement"])


def not_in(policy: Mapping[str, Any], made: list[Need]) -> set[str]:
    """Actions that are needed, and that the policy has not, whatever its resources and conditions."""
    return {need.action for need in made} - actions(policy)


def actions(policy: Mapping[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def _allows(statement: Mapping[str, Any], need: Need) -> bool:
    resources = any(fnmatchcase(need.resource, pattern) for pattern in statement["Resource"])
    return need.action in statement["Action"] and resources and _holds(statement.get("Condition", {}), need.context)


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    for operator, wanted in conditions.items():
        for key, values in wanted.items():
            alternatives = [values] if isinstance(values, str) else values
            if key not in context or not any(_MATCHES[operator](context[key], value) for value in alternatives):
                return False
    return True


_MATCHES: Mapping[str, Callable[[str, str], bool]] = {"StringEquals": eq, "StringLike": fnmatchcase}


# -- what calls need


@dataclass(frozen=True)
class _Call:
    world: World
    region: str
    service: str
    operation: str
    params: Params

    def arn(self, kind: str, name: str = "-") -> str:
        return f"arn:aws:{self.service}:{self.region}:{self.world.account}:{kind}/{name}"

    def tags_of(self, arn: str) -> dict[str, str]:
        """Condition keys of the tags that the resource has now."""
        found = self.world.by_arn(arn)
        return {f"aws:ResourceTag/{key}": value for key, value in found.tags.items()} if found else {}

    def requested(self, *members: str) -> dict[str, str]:
        tags = [tag for member in members for tag in self.params.get(member, ())]
        return {f"aws:RequestTag/{t.get('Key', t.get('key'))}": t.get("Value", t.get("value")) for t in tags}

    def named(self, kind: str, key: str) -> str:
        """The ARN of what a parameter names, by name or by ARN."""
        given = str(self.params[key])
        found = given if given.startswith("arn:") else None
        resource = self.world.find(self.region, f"{self.service}:{kind}", given)
        return found or (resource.arn if resource else self.arn(kind, given))


_Needs = Callable[[_Call], Iterator[Need]]


def _anywhere(call: _Call) -> Iterator[Need]:
    yield Need(action=f"{call.service}:{call.operation}", resource="*")


def _on(kind: str, key: str) -> _Needs:
    """Something that is there, or is looked for."""

    def make(call: _Call) -> Iterator[Need]:
        arn = call.named(kind, key)
        yield Need(action=f"{call.service}:{call.operation}", resource=arn, context=call.tags_of(arn))

    return make


def _by_arn(key: str) -> _Needs:
    def make(call: _Call) -> Iterator[Need]:
        arn = str(call.params[key])
        context = call.tags_of(arn) | call.requested("Tags", "tags")
        yield Need(action=f"{call.service}:{call.operation}", resource=arn, context=context)

    return make


def _creates(kinds: Mapping[str, str], tagging: str, *tags: str, role: str = "", passed_to: str = "") -> _Needs:
    """Kinds of what is made or used by the parameter that names it, the first is the one that is tagged."""

    def make(call: _Call) -> Iterator[Need]:
        context = call.requested(*tags)
        arns = [call.named(kind, key) for kind, key in kinds.items()]
        yield from (Need(action=f"{call.service}:{call.operation}", resource=arn, context=context) for arn in arns)
        if context:
            extra = {"sagemaker:TaggingAction": call.operation}
            yield Need(action=f"{call.service}:{tagging}", resource=arns[0], context=context | extra)
        if role:
            yield _passed(call.params[role], passed_to)

    return make


def _passed(role: str, service: str) -> Need:
    return Need(action="iam:PassRole", resource=role, context={"iam:PassedToService": f"{service}.amazonaws.com"})


def _update_endpoint(call: _Call) -> Iterator[Need]:
    for kind, key in (("endpoint", "EndpointName"), ("endpoint-config", "EndpointConfigName")):
        arn = call.named(kind, key)
        yield Need(action="sagemaker:UpdateEndpoint", resource=arn, context=call.tags_of(arn))


def _customize(call: _Call) -> Iterator[Need]:
    """Its base is a foundation model, by name, or one of the account's custom models."""
    context = call.requested("jobTags", "customModelTags")
    base = str(call.params["baseModelIdentifier"])
    bases = base if base.startswith("arn:") else f"arn:aws:bedrock:{call.region}::foundation-model/{base}"
    for arn in (bases, call.arn("custom-model"), call.arn("model-customization-job")):
        yield Need(action="bedrock:CreateModelCustomizationJob", resource=arn, context=context)
    for kind in ("custom-model", "model-customization-job"):
        yield Need(action="bedrock:TagResource", resource=call.arn(kind), context=context)
    yield _passed(call.params["roleArn"], "bedrock")


def _serve(kind: str, model: str) -> _Needs:
    def make(call: _Call) -> Iterator[Need]:
        context = call.requested("tags")
        action = f"bedrock:{call.operation}"
        yield Need(action=action, resource=call.named("custom-model", model), context=context)
        yield Need(action="bedrock:TagResource", resource=call.arn(kind), context=context)

    return make


def _move(kind: str, key: str, model: str) -> _Needs:
    def make(call: _Call) -> Iterator[Need]:
        for arn in (call.named(kind, key), call.named("custom-model", model)):
            yield Need(action=f"bedrock:{call.operation}", resource=arn, context=call.tags_of(arn))

    return make


def _object(*actions: str) -> _Needs:
    def make(call: _Call) -> Iterator[Need]:
        resource = f"arn:aws:s3:::{call.params['Bucket']}/{call.params['Key']}"
        yield from (Need(action=action, resource=resource) for action in actions)

    return make


def _bucket(call: _Call) -> Iterator[Need]:
    yield Need(action="s3:ListBucket", resource=f"arn:aws:s3:::{call.params['Bucket']}")


def _copy(call: _Call) -> Iterator[Need]:
    source = call.params["CopySource"]
    source = source if isinstance(source, str) else f"{source['Bucket']}/{source['Key']}"
    yield Need(action="s3:GetObject", resource=f"arn:aws:s3:::{source}")
    yield from _object("s3:PutObject")(call)


def _schedule(call: _Call) -> Iterator[Need]:
    resource = call.arn("schedule", f"{call.params['GroupName']}/{call.params['Name']}")
    yield Need(action=f"scheduler:{call.operation}", resource=resource)
    if "Target" in call.params:
        yield _passed(call.params["Target"]["RoleArn"], "scheduler")


def _schedule_group(call: _Call) -> Iterator[Need]:
    resource = call.arn("schedule-group", call.params["Name"])
    for action in ("CreateScheduleGroup", "TagResource"):
        yield Need(action=f"scheduler:{action}", resource=resource)


def _logs(call: _Call) -> Iterator[Need]:
    resource = f"arn:aws:logs:{call.region}:{call.world.account}:log-group:{call.params['logGroupName']}"
    stream = f":log-stream:{call.params['logStreamName']}" if "logStreamName" in call.params else ":log-stream:"
    yield Need(action=f"logs:{call.operation}", resource=resource + stream)


def _invoke(call: _Call) -> Iterator[Need]:
    """Converse needs what InvokeModel does."""
    bedrock = call.service == "bedrock-runtime"
    action = "bedrock:InvokeModelWithResponseStream" if bedrock else f"sagemaker:{call.operation}"
    owner = replace(call, service="bedrock" if bedrock else "sagemaker")
    name = str(call.params["modelId" if bedrock else "EndpointName"])
    arn = name if name.startswith("arn:") else owner.arn("endpoint", name)
    yield Need(action=action, resource=arn, context=call.tags_of(arn))


def _nothing(_: _Call) -> Iterator[Need]:
    """Needs no permission: GetCallerIdentity is open to all; a bucket is made on the embedded cloud alone."""
    yield from ()


NEEDS: Mapping[str, _Needs] = {
    "sts:GetCallerIdentity": _nothing,
    "s3:CreateBucket": _nothing,
    "s3:HeadBucket": _bucket,
    "s3:ListObjectsV2": _bucket,
    "s3:HeadObject": _object("s3:GetObject"),
    "s3:GetObject": _object("s3:GetObject"),
    "s3:PutObject": _object("s3:PutObject"),
    "s3:CreateMultipartUpload": _object("s3:PutObject"),
    "s3:UploadPart": _object("s3:PutObject"),
    "s3:CompleteMultipartUpload": _object("s3:PutObject"),
    "s3:AbortMultipartUpload": _object("s3:AbortMultipartUpload"),
    "s3:DeleteObject": _object("s3:DeleteObject"),
    "s3:CopyObject": _copy,
    "sagemaker:Search": _anywhere,
    "sagemaker:ListEndpointConfigs": _anywhere,
    "sagemaker:ListTags": _by_arn("ResourceArn"),
    "sagemaker:AddTags": _by_arn("ResourceArn"),
    "sagemaker:DeleteTags": _by_arn("ResourceArn"),
    "sagemaker:CreateTrainingJob": _creates(
        {"training-job": "TrainingJobName"}, "AddTags", "Tags", role="RoleArn", passed_to="sagemaker"
    ),
    "sagemaker:CreateModel": _creates(
        {"model": "ModelName"}, "AddTags", "Tags", role="ExecutionRoleArn", passed_to="sagemaker"
    ),
    "sagemaker:CreateEndpointConfig": _creates({"endpoint-config": "EndpointConfigName"}, "AddTags", "Tags"),
    "sagemaker:CreateEndpoint": _creates(
        {"endpoint": "EndpointName", "endpoint-config": "EndpointConfigName"}, "AddTags", "Tags"
    ),
    "sagemaker:UpdateEndpoint": _update_endpoint,
    "sagemaker:UpdateEndpointWeightsAndCapacities": _on("endpoint", "EndpointName"),
    **{
        f"sagemaker:{verb}{operation}": _on(kind, key)
        for verbs, operation, kind, key in (
            (("Describe", "Stop", "Delete"), "TrainingJob", "training-job", "TrainingJobName"),
            (("Describe", "Delete"), "Model", "model", "ModelName"),
            (("Describe", "Delete"), "EndpointConfig", "endpoint-config", "EndpointConfigName"),
            (("Describe", "Delete"), "Endpoint", "endpoint", "EndpointName"),
        )
        for verb in verbs
    },
    "bedrock:ListModelCustomizationJobs": _anywhere,
    "bedrock:ListCustomModels": _anywhere,
    "bedrock:ListProvisionedModelThroughputs": _anywhere,
    "bedrock:ListCustomModelDeployments": _anywhere,
    "bedrock:ListTagsForResource": _by_arn("resourceARN"),
    "bedrock:TagResource": _by_arn("resourceARN"),
    "bedrock:UntagResource": _by_arn("resourceARN"),
    "bedrock:CreateModelCustomizationJob": _customize,
    "bedrock:CreateProvisionedModelThroughput": _serve("provisioned-model", "modelId"),
    "bedrock:CreateCustomModelDeployment": _serve("custom-model-deployment", "modelArn"),
    "bedrock:UpdateProvisionedModelThroughput": _move("provisioned-model", "provisionedModelId", "desiredModelId"),
    "bedrock:UpdateCustomModelDeployment": _move(
        "custom-model-deployment", "customModelDeploymentIdentifier", "modelArn"
    ),
    "bedrock:GetModelCustomizationJob": _on("model-customization-job", "jobIdentifier"),
    "bedrock:StopModelCustomizationJob": _on("model-customization-job", "jobIdentifier"),
    "bedrock:GetCustomModel": _on("custom-model", "modelIdentifier"),
    "bedrock:DeleteCustomModel": _on("custom-model", "modelIdentifier"),
    "bedrock:GetProvisionedModelThroughput": _on("provisioned-model", "provisionedModelId"),
    "bedrock:DeleteProvisionedModelThroughput": _on("provisioned-model", "provisionedModelId"),
    "bedrock:GetCustomModelDeployment": _on("custom-model-deployment", "customModelDeploymentIdentifier"),
    "bedrock:DeleteCustomModelDeployment": _on("custom-model-deployment", "customModelDeploymentIdentifier"),
    "scheduler:ListSchedules": _anywhere,
    "scheduler:GetSchedule": _schedule,
    "scheduler:CreateSchedule": _schedule,
    "scheduler:UpdateSchedule": _schedule,
    "scheduler:DeleteSchedule": _schedule,
    "scheduler:CreateScheduleGroup": _schedule_group,
    "sagemaker-runtime:InvokeEndpointWithResponseStream": _invoke,
    "bedrock-runtime:ConverseStream": _invoke,
    "logs:DescribeLogStreams": _logs,
    "logs:GetLogEvents": _logs,
}
"""By service and operation of botocore's."""

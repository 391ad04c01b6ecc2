"""Least privilege: what each role may do, and nothing else.

What reads a region's lists names no resource, because AWS's list and search calls take none. What changes something is bound to
the project's tag: ``aws:RequestTag`` where the call creates, ``aws:ResourceTag`` where it changes what is there, so that a role of
one project cannot touch another's. Source of actions, resource types and condition keys: the Service Authorization Reference
(SageMaker AI, Bedrock, Application Auto Scaling, EventBridge Scheduler, S3, CloudWatch Logs).
"""

from __future__ import annotations

from typing import Any

from reconciler.domain.tags import PROJECT
from reconciler.providers.aws.foundation.blueprint import Blueprint

Statement = dict[str, Any]
Document = dict[str, Any]

_SAGEMAKER = ("training-job", "model", "endpoint-config", "endpoint")
_BEDROCK = ("model-customization-job", "custom-model", "provisioned-model", "custom-model-deployment")
_SAGEMAKER_CREATES = ("CreateTrainingJob", "CreateModel", "CreateEndpointConfig", "CreateEndpoint")
_LOG_GROUPS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/Endpoints/*")


def plan(blueprint: Blueprint) -> Document:
    """Reads what the project owns, and the region's lists. Changes nothing."""
    return _document(_reading(blueprint))


def apply(blueprint: Blueprint) -> Document:
    """Everything that plan may, and: train, deploy, roll, undeploy, delete, tag and schedule what carries the project's tag."""
    return _document(
        [
            *_reading(blueprint),
            *_sagemaker(blueprint),
            *_bedrock(blueprint),
            *_schedules(blueprint),
            *_handing_on(blueprint),
        ]
    )


def ask(blueprint: Blueprint) -> Document:
    """Everything that plan may, and: put questions to what carries the project's tag. They cost, and change nothing."""
    served = _arns(blueprint, "bedrock", "provisioned-model", "custom-model-deployment")
    endpoints = _arns(blueprint, "sagemaker", "endpoint")
    return _document(
        [
            *_reading(blueprint),
            _allow("AskSageMaker", ["sagemaker:InvokeEndpointWithResponseStream"], endpoints, **_owned(blueprint)),
            _allow("AskBedrock", ["bedrock:InvokeModelWithResponseStream"], served, **_owned(blueprint)),
        ]
    )


def training(blueprint: Blueprint) -> Document:
    """What SageMaker's containers may: read data, write artifacts, log, pull their image."""
    secret = blueprint.token_secret
    return _document(
        [
            *_data(blueprint),
            _allow("WriteArtifacts", ["s3:PutObject"], [_objects(blueprint, "models/")]),
            _allow(
                "WriteLogs",
                ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                [blueprint.arn("logs", "log-group:/aws/sagemaker/*")],
            ),
            _allow(
                "WriteMetrics",
                ["cloudwatch:PutMetricData"],
                ["*"],
                StringLike={"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]},
            ),
            _allow("SignInToImages", ["ecr:GetAuthorizationToken"], ["*"]),
            _allow(
                "PullImages",
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                [f"arn:{blueprint.partition}:ecr:{blueprint.region}:*:repository/*"],
            ),
            _allow(
                "SeeWhetherToStop", ["sagemaker:DescribeTrainingJob"], _arns(blueprint, "sagemaker", "training-job")
            ),
            *([_allow("ReadToken", ["secretsmanager:GetSecretValue"], [secret])] if secret else []),
        ]
    )


def bedrock(blueprint: Blueprint) -> Document:
    """What Bedrock's customization jobs may: read data, write results."""
    return _document([*_data(blueprint), _allow("WriteResults", ["s3:PutObject"], [_objects(blueprint, "models/")])])


def scheduler(blueprint: Blueprint) -> Document:
    """What deployment hours may: end deployments of the project, and begin them again."""
    endpoints = _arns(blueprint, "sagemaker", "endpoint", "endpoint-config")
    served = _arns(blueprint, "bedrock", "provisioned-model", "custom-model-deployment")
    creating = ["bedrock:CreateProvisionedModelThroughput", "bedrock:CreateCustomModelDeployment"]
    ending = ["bedrock:DeleteProvisionedModelThroughput", "bedrock:DeleteCustomModelDeployment"]
    return _document(
        [
            _allow("DeployEndpoints", ["sagemaker:CreateEndpoint"], endpoints, **_requested(blueprint)),
            _tagging_sagemaker(blueprint, ["CreateEndpoint"], ["endpoint"]),
            _allow("UndeployEndpoints", ["sagemaker:DeleteEndpoint"], endpoints[:1], **_owned(blueprint)),
            _allow("DeployOnBedrock", creating, _arns(blueprint, "bedrock", "custom-model"), **_requested(blueprint)),
            _allow("TagOnBedrock", ["bedrock:TagResource"], served, **_requested(blueprint)),
            _allow("UndeployOnBedrock", ending, served, **_owned(blueprint)),
        ]
    )


POLICIES = {
    "plan": plan,
    "apply": apply,
    "ask": ask,
    "training": training,
    "bedrock": bedrock,
    "scheduler": scheduler,
}
"""By the role's purpose."""


def _reading(blueprint: Blueprint) -> list[Statement]:
    describing = ["DescribeTrainingJob", "DescribeModel", "DescribeEndpointConfig", "DescribeEndpoint", "ListTags"]
    getting = [
        "GetModelCustomizationJob",
        "GetCustomModel",
        "GetProvisionedModelThroughput",
        "GetCustomModelDeployment",
        "ListTagsForResource",
    ]
    listing = [
        "sagemaker:Search",
        "sagemaker:ListEndpointConfigs",
        "bedrock:ListModelCustomizationJobs",
        "bedrock:ListCustomModels",
        "bedrock:ListProvisionedModelThroughputs",
        "bedrock:ListCustomModelDeployments",
        "scheduler:ListSchedules",
    ]
    quotas = ["GetServiceQuota", "GetAWSDefaultServiceQuota", "ListServiceQuotas"]
    log_groups = [blueprint.arn("logs", f"log-group:{group}{below}") for group in _LOG_GROUPS for below in ("", ":*")]
    return [
        _allow("FindByTag", listing, ["*"]),
        _allow("ReadSageMaker", _of("sagemaker", describing), _arns(blueprint, "sagemaker", *_SAGEMAKER)),
        _allow("ReadBedrock", _of("bedrock", getting), _arns(blueprint, "bedrock", *_BEDROCK)),
        _allow("ReadSchedules", ["scheduler:GetSchedule"], [_schedule_arn(blueprint)]),
        _allow("ReadLogs", ["logs:DescribeLogStreams", "logs:GetLogEvents"], log_groups),
        _allow("ReadScaling", ["application-autoscaling:DescribeScalableTargets"], ["*"]),
        _allow("ReadTraffic", ["cloudwatch:GetMetricData"], ["*"]),
        _allow("ReadQuotas", _of("servicequotas", quotas), ["*"]),
        _allow("ReadTrail", ["cloudtrail:LookupEvents"], ["*"]),
        *_data(blueprint),
    ]


def _sagemaker(blueprint: Blueprint) -> list[Statement]:
    arns = _arns(blueprint, "sagemaker", *_SAGEMAKER)
    changing = [
        "StopTrainingJob",
        "DeleteTrainingJob",
        "DeleteModel",
        "DeleteEndpointConfig",
        "UpdateEndpoint",
        "UpdateEndpointWeightsAndCapacities",
        "DeleteEndpoint",
        "AddTags",
        "DeleteTags",
    ]
    adopting = _allow("AdoptOnSageMaker", ["sagemaker:AddTags"], arns, **_requested(blueprint))
    return [
        _allow("CreateOnSageMaker", _of("sagemaker", _SAGEMAKER_CREATES), arns, **_requested(blueprint)),
        _tagging_sagemaker(blueprint, [*_SAGEMAKER_CREATES], [*_SAGEMAKER]),
        _allow("ChangeOnSageMaker", _of("sagemaker", changing), arns, **_owned(blueprint)),
        *([adopting] if blueprint.adopts else []),
    ]


def _bedrock(blueprint: Blueprint) -> list[Statement]:
    """Bedrock's tagging has no condition that tells the tags of a creation from others, so TagResource is bound to the tag it writes."""
    arns = _arns(blueprint, "bedrock", *_BEDROCK)
    bases = f"arn:{blueprint.partition}:bedrock:{blueprint.region}::foundation-model/*"
    creating = ["CreateModelCustomizationJob", "CreateProvisionedModelThroughput", "CreateCustomModelDeployment"]
    changing = [
        "StopModelCustomizationJob",
        "DeleteCustomModel",
        "UpdateProvisionedModelThroughput",
        "DeleteProvisionedModelThroughput",
        "UpdateCustomModelDeployment",
        "DeleteCustomModelDeployment",
        "TagResource",
        "UntagResource",
    ]
    return [
        _allow("CreateOnBedrock", _of("bedrock", creating), [bases, *arns], **_requested(blueprint)),
        _allow("TagOnBedrock", ["bedrock:TagResource"], arns, **_requested(blueprint)),
        _allow("ChangeOnBedrock", _of("bedrock", changing), arns, **_owned(blueprint)),
    ]


def _schedules(blueprint: Blueprint) -> list[Statement]:
    group = blueprint.arn("scheduler", f"schedule-group/{blueprint.schedule_group}")
    changing = ["CreateSchedule", "UpdateSchedule", "DeleteSchedule"]
    return [
        _allow("KeepSchedules", _of("scheduler", changing), [_schedule_arn(blueprint)]),
        _allow("MakeScheduleGroup", ["scheduler:CreateScheduleGroup", "scheduler:TagResource"], [group]),
    ]


def _handing_on(blueprint: Blueprint) -> list[Statement]:
    """Upload data, move artifacts to the trash, and hand each service the role that is meant for it."""
    writing = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    services = {"training": "sagemaker", "bedrock": "bedrock", "scheduler": "scheduler"}
    return [
        _allow("WriteBucket", writing, [_objects(blueprint)]),
        *(
            _allow(
                f"Pass{purpose.capitalize()}Role",
                ["iam:PassRole"],
                [blueprint.role_arn(purpose)],
                StringEquals={"iam:PassedToService": f"{service}.amazonaws.com"},
            )
            for purpose, service in services.items()
        ),
    ]


def _data(blueprint: Blueprint) -> list[Statement]:
    """The project's part of its bucket, and the buckets of its datasets."""
    buckets = [blueprint.bucket, *(bucket for bucket in blueprint.data if bucket != blueprint.bucket)]
    objects = [_objects(blueprint), *(blueprint.bucket_arn(bucket, "*") for bucket in blueprint.data)]
    return [
        _allow("ListBuckets", ["s3:ListBucket"], [blueprint.bucket_arn(bucket) for bucket in buckets]),
        _allow("ReadObjects", ["s3:GetObject"], objects),
    ]


def _tagging_sagemaker(blueprint: Blueprint, creating: list[str], kinds: list[str]) -> Statement:
    """Tags given in a creation are authorized as AddTags; nothing else may be tagged by this statement."""
    condition = {"sagemaker:TaggingAction": creating, f"aws:RequestTag/{PROJECT}": blueprint.project}
    return _allow(
        "TagWhatIsCreated", ["sagemaker:AddTags"], _arns(blueprint, "sagemaker", *kinds), StringEquals=condition
    )


def _requested(blueprint: Blueprint) -> dict[str, Any]:
    return {"StringEquals": {f"aws:RequestTag/{PROJECT}": blueprint.project}}


def _owned(blueprint: Blueprint) -> dict[str, Any]:
    return {"StringEquals": {f"aws:ResourceTag/{PROJECT}": blueprint.project}}


def _of(service: str, operations: list[str] | tuple[str, ...]) -> list[str]:
    return [f"{service}:{operation}" for operation in operations]


def _arns(blueprint: Blueprint, service: str, *kinds: str) -> list[str]:
    return [blueprint.arn(service, f"{kind}/*") for kind in kinds]


def _objects(blueprint: Blueprint, below: str = "") -> str:
    return blueprint.bucket_arn(blueprint.bucket, f"{blueprint.project}/{below}*")


def _schedule_arn(blueprint: Blueprint) -> str:
    return blueprint.arn("scheduler", f"schedule/{blueprint.schedule_group}/*")


def _allow(name: str, actions: list[str], resources: list[str], **conditions: Any) -> Statement:
    statement = {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": conditions} if conditions else {})


def _document(statements: list[Statement]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}

"""Bedrock's operations and what can happen to its resources, in two tables."""

from __future__ import annotations

from reconciler.localcloud.bedrock import custom_models, deployments, inference, jobs, offered, tags, throughputs
from reconciler.localcloud.service import Service

BEDROCK = Service(
    name="bedrock",
    operations={
        "CreateModelCustomizationJob": jobs.create_job,
        "GetModelCustomizationJob": jobs.get_job,
        "ListModelCustomizationJobs": jobs.list_jobs,
        "StopModelCustomizationJob": jobs.stop_job,
        "GetCustomModel": custom_models.get_model,
        "ListCustomModels": custom_models.list_models,
        "DeleteCustomModel": custom_models.delete_model,
        "CreateProvisionedModelThroughput": throughputs.create_throughput,
        "GetProvisionedModelThroughput": throughputs.get_throughput,
        "ListProvisionedModelThroughputs": throughputs.list_throughputs,
        "UpdateProvisionedModelThroughput": throughputs.update_throughput,
        "DeleteProvisionedModelThroughput": throughputs.delete_throughput,
        "CreateCustomModelDeployment": deployments.create_deployment,
        "GetCustomModelDeployment": deployments.get_deployment,
        "ListCustomModelDeployments": deployments.list_deployments,
        "UpdateCustomModelDeployment": deployments.update_deployment,
        "DeleteCustomModelDeployment": deployments.delete_deployment,
        "GetFoundationModel": offered.get_foundation_model,
        "ListFoundationModels": offered.list_foundation_models,
        "TagResource": tags.tag_resource,
        "UntagResource": tags.untag_resource,
        "ListTagsForResource": tags.list_tags,
    },
    name_keys=(
        "jobName",
        "jobIdentifier",
        "provisionedModelName",
        "provisionedModelId",
        "modelDeploymentName",
        "customModelDeploymentIdentifier",
        "modelIdentifier",
        "resourceARN",
    ),
    steps={
        "bedrock.job.validated": jobs.validated,
        "bedrock.job.processed": jobs.processed,
        "bedrock.job.trained": jobs.trained,
        "bedrock.job.failed": jobs.failed,
        "bedrock.job.stopped": jobs.stopped,
        "bedrock.throughput.ready": throughputs.ready,
        "bedrock.throughput.failed": throughputs.failed,
        "bedrock.throughput.rolled_back": throughputs.rolled_back,
        "bedrock.deployment.active": deployments.active,
        "bedrock.deployment.failed": deployments.failed,
        "bedrock.deployment.updated": deployments.updated,
        "bedrock.deployment.update_failed": deployments.update_failed,
    },
)

BEDROCK_RUNTIME = Service(
    name="bedrock-runtime",
    operations={
        "Converse": inference.converse,
        "ConverseStream": inference.converse_stream,
        "InvokeModel": inference.invoke_model,
        "InvokeModelWithResponseStream": inference.invoke_model_stream,
    },
    name_keys=("modelId",),
)

"""SageMaker and SageMaker Runtime: which operation is carried out by what."""

from __future__ import annotations

from reconciler.localcloud.sagemaker import endpoints, inference, invocations, listing, search, tags, training
from reconciler.localcloud.service import Service

SAGEMAKER = Service(
    name="sagemaker",
    name_keys=("TrainingJobName", "EndpointName", "EndpointConfigName", "ModelName", "ResourceArn"),
    operations={
        "CreateTrainingJob": training.create_training_job,
        "DescribeTrainingJob": training.describe_training_job,
        "StopTrainingJob": training.stop_training_job,
        "DeleteTrainingJob": training.delete_training_job,
        "ListTrainingJobs": listing.list_training_jobs,
        "CreateModel": inference.create_model,
        "DescribeModel": inference.describe_model,
        "DeleteModel": inference.delete_model,
        "ListModels": listing.list_models,
        "CreateEndpointConfig": inference.create_endpoint_config,
        "DescribeEndpointConfig": inference.describe_endpoint_config,
        "DeleteEndpointConfig": inference.delete_endpoint_config,
        "ListEndpointConfigs": listing.list_endpoint_configs,
        "CreateEndpoint": endpoints.create_endpoint,
        "DescribeEndpoint": endpoints.describe_endpoint,
        "UpdateEndpoint": endpoints.update_endpoint,
        "UpdateEndpointWeightsAndCapacities": endpoints.update_weights,
        "DeleteEndpoint": endpoints.delete_endpoint,
        "ListEndpoints": listing.list_endpoints,
        "Search": search.search,
        "AddTags": tags.add_tags,
        "ListTags": tags.list_tags,
        "DeleteTags": tags.delete_tags,
    },
    steps={
        "sagemaker.training.enter": training.enter_phase,
        "sagemaker.training.fail": training.fail,
        "sagemaker.training.log": training.log,
        "sagemaker.endpoint.ready": endpoints.ready,
        "sagemaker.endpoint.fail": endpoints.fail,
        "sagemaker.endpoint.roll_back": endpoints.roll_back,
        "sagemaker.endpoint.rolled_back": endpoints.rolled_back,
        "sagemaker.endpoint.gone": endpoints.gone,
    },
)

SAGEMAKER_RUNTIME = Service(
    name="sagemaker-runtime",
    name_keys=("EndpointName",),
    operations={
        "InvokeEndpoint": invocations.invoke_endpoint,
        "InvokeEndpointWithResponseStream": invocations.invoke_with_response_stream,
    },
)

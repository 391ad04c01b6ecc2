"""Bedrock keeps the provider contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DeploymentKind
from reconciler.domain.observation import DeploymentPhase
from reconciler.domain.outcome import FaultKind
from reconciler.providers.aws.tags import bedrock_tags, read_tags
from tests.conformance.bench import BUCKET, Bench, succeed
from tests.conformance.provider_contract import ProviderContract, fault_kind

ROLE = "arn:aws:iam::123456789012:role/somebody"
NOVA = "amazon.nova-micro-v1:0:128k"


class BedrockWire:
    train = "bedrock:CreateModelCustomizationJob"
    stop = "bedrock:StopModelCustomizationJob"
    deploy = "bedrock:CreateProvisionedModelThroughput"
    roll = "bedrock:UpdateProvisionedModelThroughput"
    tag = "bedrock:TagResource"
    look = "bedrock:ListModelCustomizationJobs"
    delete_version = "bedrock:DeleteCustomModel"

    def plant_training(self, bench: Bench, name: str, tags: Mapping[str, str]) -> None:
        self._client(bench).create_model_customization_job(
            jobName=name,
            customModelName=f"{name}x",
            roleArn=ROLE,
            baseModelIdentifier=NOVA,
            trainingDataConfig={"s3Uri": f"s3://{BUCKET}/data/training.jsonl"},
            outputDataConfig={"s3Uri": f"s3://{BUCKET}/somebody/"},
            jobTags=bedrock_tags(tags),
        )

    def plant_deployment(self, bench: Bench, name: str, tags: Mapping[str, str]) -> None:
        self._client(bench).create_provisioned_model_throughput(
            provisionedModelName=name, modelUnits=1, modelId=NOVA, tags=bedrock_tags(tags)
        )

    def tags_of_training(self, bench: Bench, name: str) -> Mapping[str, str]:
        client = self._client(bench)
        return self._tags(client, client.get_model_customization_job(jobIdentifier=name)["jobArn"])

    def tags_of_deployment(self, bench: Bench, name: str) -> Mapping[str, str]:
        client = self._client(bench)
        found = client.get_provisioned_model_throughput(provisionedModelId=name)
        return self._tags(client, found["provisionedModelArn"])

    def _tags(self, client: Any, arn: str) -> Mapping[str, str]:
        return read_tags(client.list_tags_for_resource(resourceARN=arn)["tags"])

    def _client(self, bench: Bench) -> Any:
        return bench.settings.aws.changing("bedrock")


class OnDemandWire(BedrockWire):
    deploy = "bedrock:CreateCustomModelDeployment"
    roll = "bedrock:UpdateCustomModelDeployment"

    def plant_deployment(self, bench: Bench, name: str, tags: Mapping[str, str]) -> None:
        """On a custom model that is there."""
        client = self._client(bench)
        model = client.list_custom_models()["modelSummaries"][0]["modelArn"]
        client.create_custom_model_deployment(modelDeploymentName=name, modelArn=model, tags=bedrock_tags(tags))

    def tags_of_deployment(self, bench: Bench, name: str) -> Mapping[str, str]:
        client = self._client(bench)
        found = client.get_custom_model_deployment(customModelDeploymentIdentifier=name)
        return self._tags(client, found["customModelDeploymentArn"])


ON_DEMAND = {"kind": DeploymentKind.ON_DEMAND, "model_units": None, "commitment": None}


class TestBedrock(ProviderContract):
    kind = ProviderName.BEDROCK
    wire = BedrockWire()

    def test_the_custom_model_carries_the_jobs_tags(self, bench: Bench) -> None:
        model = bench.trained()
        artifact = bench.version(model).artifact
        assert artifact is not None
        client = bench.settings.aws.reading("bedrock")
        job = client.get_model_customization_job(jobIdentifier=artifact.name)["jobArn"]
        tags = [client.list_tags_for_resource(resourceARN=arn)["tags"] for arn in (job, artifact.identifier)]
        assert read_tags(tags[0]) == read_tags(tags[1])

    def test_a_discarded_job_still_counts_as_an_attempt(self, bench: Bench) -> None:
        model = bench.trained()
        bench.provider.delete(bench.delete_order(model))
        version = bench.version(model)
        assert version.is_gone
        assert version.last_attempt == 1
        assert [run.discarded for run in version.runs] == [True]
        succeed(bench.provider.train(bench.train_order(model, attempt=2)))
        bench.advance()
        assert bench.version(model).artifact is not None

    def test_a_custom_model_that_somebody_deleted_is_missed(self, bench: Bench) -> None:
        model = bench.trained()
        artifact = bench.version(model).artifact
        assert artifact is not None
        bench.settings.aws.changing("bedrock").delete_custom_model(modelIdentifier=artifact.identifier)
        version = bench.version(model)
        assert version.artifact is None
        assert not version.is_gone

    def test_a_name_that_trained_something_else_is_a_conflict(self, bench: Bench) -> None:
        model = bench.model()
        bench.provider.train(bench.train_order(model))
        other = bench.model(hyperparameters={"epochs": 5})
        assert fault_kind(bench.provider.train(bench.train_order(other))) is FaultKind.CONFLICT

    def test_a_parents_custom_model_is_the_base(self, bench: Bench) -> None:
        parent = bench.version(bench.trained()).artifact
        child = bench.model("c", name="child-bot", parent="support-bot")
        succeed(bench.provider.train(bench.train_order(child, parent=parent)))
        bench.advance()
        assert bench.version(child).artifact is not None
        assert bench.observed("child-bot").parent == "support-bot"

    def test_a_commitment_is_seen_and_holds(self, bench: Bench) -> None:
        bench.deployed(deployment={"model_units": 2, "commitment": "1 month"})
        serving = bench.deployment()
        assert (serving.model_units, serving.commitment) == (2, "1 month")
        assert serving.commitment_ends_at is not None
        assert fault_kind(bench.provider.undeploy(bench.undeploy_order())) is FaultKind.CONFLICT
        assert bench.deployment().phase is DeploymentPhase.IN_SERVICE

    def test_on_demand_and_provisioned_side_by_side(self, bench: Bench) -> None:
        bench.deployed()
        on_demand = bench.model(deployment=ON_DEMAND)
        succeed(bench.provider.deploy(bench.deploy_order(on_demand, current=None)))
        kinds = {deployment.kind for deployment in bench.observed().deployments}
        assert kinds == {DeploymentKind.ON_DEMAND, DeploymentKind.PROVISIONED}

    def test_there_is_no_log(self, bench: Bench) -> None:
        assert bench.provider.log_tail(bench.run(bench.trained())) == ()


class TestBedrockOnDemand(ProviderContract):
    """The same contract where models are deployed on demand."""

    kind = ProviderName.BEDROCK
    wire = OnDemandWire()
    way = ON_DEMAND

"""SageMaker keeps the provider contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from reconciler.domain.catalog import ProviderName
from reconciler.domain.kinds.project import Roles
from reconciler.domain.observation import Artifact
from reconciler.domain.outcome import Fault, FaultKind
from reconciler.providers.aws.tags import read_tags, sagemaker_tags
from tests.builders import a_training_machine
from tests.conformance.bench import BUCKET, Bench, succeed
from tests.conformance.provider_contract import ProviderContract, fault_kind

ROLE = "arn:aws:iam::123456789012:role/somebody"


class SageMakerWire:
    train = "sagemaker:CreateTrainingJob"
    stop = "sagemaker:StopTrainingJob"
    deploy = "sagemaker:CreateEndpoint"
    roll = "sagemaker:UpdateEndpoint"
    tag = "sagemaker:AddTags"
    look = "sagemaker:Search"
    delete_version = "sagemaker:DeleteTrainingJob"

    def plant_training(self, bench: Bench, name: str, tags: Mapping[str, str]) -> None:
        self._client(bench).create_training_job(
            TrainingJobName=name,
            RoleArn=ROLE,
            AlgorithmSpecification={"TrainingImage": "somebody/image", "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/somebody/"},
            ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            StoppingCondition={"MaxRuntimeInSeconds": 3600},
            Tags=sagemaker_tags(tags),
        )

    def plant_deployment(self, bench: Bench, name: str, tags: Mapping[str, str]) -> None:
        client = self._client(bench)
        client.create_model(ModelName="theirs", PrimaryContainer={"Image": "somebody/image"}, ExecutionRoleArn=ROLE)
        variant = {
            "VariantName": "v",
            "ModelName": "theirs",
            "InstanceType": "ml.g5.xlarge",
            "InitialInstanceCount": 1,
        }
        client.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
        client.create_endpoint(EndpointName=name, EndpointConfigName="theirs", Tags=sagemaker_tags(tags))

    def tags_of_training(self, bench: Bench, name: str) -> Mapping[str, str]:
        client = self._client(bench)
        arn = client.describe_training_job(TrainingJobName=name)["TrainingJobArn"]
        return read_tags(client.list_tags(ResourceArn=arn)["Tags"])

    def tags_of_deployment(self, bench: Bench, name: str) -> Mapping[str, str]:
        client = self._client(bench)
        arn = client.describe_endpoint(EndpointName=name)["EndpointArn"]
        return read_tags(client.list_tags(ResourceArn=arn)["Tags"])

    def _client(self, bench: Bench) -> Any:
        return bench.settings.aws.changing("sagemaker")


class TestSageMaker(ProviderContract):
    kind = ProviderName.SAGEMAKER
    wire = SageMakerWire()

    def test_looking_costs_pages_not_models(self, bench: Bench) -> None:
        for number in range(7):
            bench.trained(name=f"bot-{number}")
        bench.forget_requests()
        assert len(bench.provider.observe().models) == 7
        assert [entry.operation for entry in bench.requests()] == [
            *("Search", "Search", "Search"),
            "ListEndpointConfigs",
            "ListSchedules",
        ]

    def test_a_training_that_ran_into_its_limit(self, bench: Bench) -> None:
        model = bench.model(resources=a_training_machine(max_runtime=timedelta(seconds=120)))
        bench.provider.train(bench.train_order(model))
        bench.advance()
        run = bench.run(model)
        assert run.stopped_by_limit
        assert (run.instance_type, run.instance_count) == ("ml.g5.12xlarge", 1)
        assert run.billable_seconds

    def test_another_instance_type_is_rolled_in_place(self, bench: Bench) -> None:
        bench.deployed()
        larger = bench.model(deployment={"instance_type": "ml.g5.12xlarge"})
        succeed(bench.provider.roll(bench.deploy_order(larger)))
        bench.advance(1)
        serving = bench.deployment()
        assert (serving.instance_type, serving.fingerprint, serving.rolled_back) == (
            "ml.g5.12xlarge",
            larger.fingerprint,
            False,
        )

    def test_another_instance_type_that_is_rolled_back_is_seen(self, bench: Bench) -> None:
        bench.deployed()
        larger = bench.model(deployment={"instance_type": "ml.g5.12xlarge"})
        bench.order_fault("rollback", self.wire.roll)
        bench.provider.roll(bench.deploy_order(larger))
        bench.advance(2)
        serving = bench.deployment()
        assert (serving.instance_type, serving.rolled_back) == ("ml.g5.2xlarge", True)

    def test_a_cut_off_roll_to_another_instance_type_is_no_roll_back(self, bench: Bench) -> None:
        bench.deployed()
        larger = bench.model(deployment={"instance_type": "ml.g5.12xlarge"})
        self._cut_off_after_the_update(bench, bench.deploy_order(larger))
        bench.advance(1)
        serving = bench.deployment()
        assert (serving.instance_type, serving.rolled_back) == ("ml.g5.12xlarge", False)

    @pytest.mark.parametrize("autoscaled", [True, False])
    def test_a_count_that_is_not_the_configurations_is_autoscaled_or_set_by_hand(
        self, bench: Bench, autoscaled: bool
    ) -> None:
        bench.deployed()
        if autoscaled:
            bench.settings.aws.changing("application-autoscaling").register_scalable_target(
                ServiceNamespace="sagemaker",
                ResourceId="endpoint/support-bot/variant/AllTraffic",
                ScalableDimension="sagemaker:variant:DesiredInstanceCount",
                MinCapacity=1,
                MaxCapacity=4,
            )
        bench.settings.aws.changing("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName="support-bot",
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}],
        )
        bench.advance(1)
        serving = bench.deployment()
        assert (serving.instance_count, serving.autoscaled) == (3, autoscaled)

    def test_a_configuration_that_is_not_seen_yet_is_waited_for(self, bench: Bench) -> None:
        order = bench.deploy_order(bench.trained())
        bench.order_fault(
            "error",
            self.wire.deploy,
            code="ValidationException",
            message='Could not find endpoint configuration "x".',
            times=2,
        )
        succeed(bench.provider.deploy(order))
        assert bench.slept == [1.0, 2.0]

    def test_a_configuration_that_is_never_seen_is_given_up(self, bench: Bench) -> None:
        order = bench.deploy_order(bench.trained())
        bench.order_fault(
            "error", self.wire.deploy, code="ValidationException", message="Could not find endpoint configuration"
        )
        assert fault_kind(bench.provider.deploy(order)) is FaultKind.TERMINAL
        assert sum(bench.slept) == 30

    def test_configurations_that_no_longer_serve_belong_to_their_version(self, bench: Bench) -> None:
        old = bench.deployed()
        new = bench.trained("b")
        bench.provider.roll(bench.deploy_order(new))
        bench.advance(1)
        kinds = [arn.rpartition(":")[2].partition("/")[0] for arn in bench.version(old).leftovers]
        assert kinds == ["endpoint-config", "model"]
        succeed(bench.provider.delete(bench.delete_order(old)))
        assert bench.observed().version(old.fingerprint) is None
        assert bench.deployment().fingerprint == new.fingerprint

    def test_another_image_is_another_sagemaker_model_of_the_same_version(self, bench: Bench) -> None:
        bench.deployed()
        newer = bench.model(deployment={"image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/vllm-of-ours:7"})
        succeed(bench.provider.roll(bench.deploy_order(newer)))
        bench.advance(1)
        serving = bench.deployment()
        assert (serving.image, serving.fingerprint) == (newer.resolved.deployment.image, newer.fingerprint)
        assert fault_kind(bench.provider.require_unused(bench.delete_order(newer))) is FaultKind.CONFLICT
        succeed(bench.provider.undeploy(bench.undeploy_order()))
        bench.advance(1)
        succeed(bench.provider.delete(bench.delete_order(newer)))
        left = bench.settings.aws.reading("sagemaker").list_models(MaxResults=100)["Models"]
        assert left == []

    def test_a_parents_artifact_is_a_channel(self, bench: Bench) -> None:
        parent = bench.version(bench.trained()).artifact
        child = bench.model("c", name="child-bot", parent="support-bot")
        succeed(bench.provider.train(bench.train_order(child, parent=parent)))
        job = bench.settings.aws.reading("sagemaker").describe_training_job(
            TrainingJobName=bench.train_order(child).name
        )
        uris = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in job["InputDataConfig"]}
        assert isinstance(parent, Artifact)
        assert uris["model"] == parent.identifier
        assert bench.observed("child-bot").parent == "support-bot"

    def test_nothing_starts_without_an_image_or_a_role(self, bench: Bench) -> None:
        poor = bench.with_settings(training_image=None, roles=Roles())
        outcome = poor.provider.train(bench.train_order(bench.model()))
        assert fault_kind(outcome) is FaultKind.TERMINAL
        assert "spec.roles.training" in outcome.message
        assert "image" in outcome.message
        assert bench.changes() == []

    def test_what_the_program_refuses_is_told_in_its_own_words(self, bench: Bench) -> None:
        model, told = bench.model(), "lora_config.target_modules: the model has no nope"
        bench.order_fault("fail", self.wire.train, message=f"AlgorithmError: BadInput: {told}, exit code: 1")
        bench.provider.train(bench.train_order(model))
        bench.advance()
        assert bench.run(model).failure == Fault(kind=FaultKind.INPUT, code="BadInput", message=told)

    def test_the_end_of_the_log(self, bench: Bench) -> None:
        model = bench.model()
        bench.provider.train(bench.train_order(model))
        assert bench.provider.log_tail(bench.run(model)) == ()
        bench.advance()
        run = bench.run(model)
        whole = bench.provider.log_tail(run, 100)
        assert len(whole) > 2
        assert bench.provider.log_tail(run, 2) == whole[-2:]

    def test_a_log_that_cannot_be_read_says_why(self, bench: Bench) -> None:
        run = bench.run(bench.trained())
        bench.order_fault("error", "logs:.*", code="AccessDeniedException", message="no")
        [told] = bench.provider.log_tail(run)
        assert "AccessDenied" in told

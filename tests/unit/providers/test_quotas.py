"""Service Quotas: by code where it is known, else by name from the list, once; nothing where it may not be read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from botocore.stub import Stubber

from reconciler.catalog import load
from reconciler.domain.quotas import QuotaKind
from reconciler.providers.aws.quotas import ServiceQuotas
from reconciler.providers.aws.session import AwsSession, AwsSettings

CODES = {(QuotaKind.TRAINING, "ml.g5.2xlarge"): "L-2D6DEB3C"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> AwsSession:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return AwsSession(AwsSettings(region="us-east-1"))


def test_by_code_and_only_once(aws: AwsSession) -> None:
    with Stubber(aws.reading("service-quotas")) as stub:
        asked = {"ServiceCode": "sagemaker", "QuotaCode": "L-2D6DEB3C"}
        stub.add_response("get_service_quota", {"Quota": {"Value": 4.0}}, asked)
        quotas = ServiceQuotas(aws, CODES)
        found = [quotas.instances(QuotaKind.TRAINING, "ml.g5.2xlarge") for _ in range(2)]
    assert found == [Decimal(4), Decimal(4)]


def test_the_default_where_the_account_has_no_value_of_its_own(aws: AwsSession) -> None:
    with Stubber(aws.reading("service-quotas")) as stub:
        asked = {"ServiceCode": "sagemaker", "QuotaCode": "L-2D6DEB3C"}
        stub.add_client_error("get_service_quota", "NoSuchResourceException", expected_params=asked)
        stub.add_response("get_aws_default_service_quota", {"Quota": {"Value": 0.0}}, asked)
        assert ServiceQuotas(aws, CODES).instances(QuotaKind.TRAINING, "ml.g5.2xlarge") == 0
        stub.assert_no_pending_responses()


def test_a_default_that_may_not_be_read_is_not_known(aws: AwsSession) -> None:
    with Stubber(aws.reading("service-quotas")) as stub:
        stub.add_client_error("get_service_quota", "NoSuchResourceException")
        stub.add_client_error("get_aws_default_service_quota", "AccessDeniedException")
        assert ServiceQuotas(aws, CODES).instances(QuotaKind.TRAINING, "ml.g5.2xlarge") is None


def test_by_name_from_all_pages(aws: AwsSession) -> None:
    with Stubber(aws.reading("service-quotas")) as stub:
        request = {"ServiceCode": "sagemaker", "MaxResults": 100}
        first = {"QuotaName": "ml.g5.12xlarge for endpoint usage", "Value": 1.0}
        second = {"QuotaName": "ml.g5.12xlarge for training job usage", "Value": 2.0}
        stub.add_response("list_service_quotas", {"Quotas": [first], "NextToken": "more"}, request)
        stub.add_response("list_service_quotas", {"Quotas": [second]}, request | {"NextToken": "more"})
        quotas = ServiceQuotas(aws, CODES)
        assert quotas.instances(QuotaKind.TRAINING, "ml.g5.12xlarge") == 2
        assert quotas.instances(QuotaKind.ENDPOINT, "ml.g5.12xlarge") == 1
        assert quotas.instances(QuotaKind.SPOT_TRAINING, "ml.g5.12xlarge") is None


def test_what_may_not_be_read_is_not_known(aws: AwsSession) -> None:
    with Stubber(aws.reading("service-quotas")) as stub:
        stub.add_client_error("get_service_quota", "AccessDeniedException")
        stub.add_client_error("list_service_quotas", "AccessDeniedException")
        quotas = ServiceQuotas(aws, CODES)
        assert quotas.instances(QuotaKind.TRAINING, "ml.g5.2xlarge") is None
        assert quotas.instances(QuotaKind.TRAINING, "ml.p5.48xlarge") is None


def test_codes_of_the_catalog() -> None:
    codes = load().quota_codes
    assert codes[QuotaKind.TRAINING, "ml.g5.2xlarge"] == "L-2D6DEB3C"
    assert codes[QuotaKind.ENDPOINT, "ml.g5.xlarge"] == "L-1928E07B"

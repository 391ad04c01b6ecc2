"""The account's quotas, from Service Quotas: one by one where the catalog knows the code, else by name from the whole list, once.

The list of SageMaker has a quota for each instance type and use, some dozens of pages; so it is read only where a code is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from reconciler.domain.quotas import QuotaKind
from reconciler.providers.aws.faults import AwsTrouble
from reconciler.providers.aws.paging import every
from reconciler.providers.aws.session import AwsSession

SERVICE = "sagemaker"
Codes = Mapping[tuple[QuotaKind, str], str]


class ServiceQuotas:
    """``codes``: those that are known, by kind and instance type."""

    def __init__(self, aws: AwsSession, codes: Codes) -> None:
        self._aws = aws
        self._codes = codes
        self._read: dict[str, Decimal | None] = {}

    def instances(self, kind: QuotaKind, instance_type: str) -> Decimal | None:
        code = self._codes.get((kind, instance_type))
        if code is None:
            return self._by_name.get(f"{instance_type} {kind}")
        if code not in self._read:
            self._read[code] = self._of(code)
        return self._read[code]

    def _of(self, code: str) -> Decimal | None:
        """The account's own value; AWS's default where the account has none, which Service Quotas calls no such resource."""
        client: Any = self._aws.reading("service-quotas")
        asked = {"ServiceCode": SERVICE, "QuotaCode": code}
        try:
            try:
                return _value(client.get_service_quota(**asked))
            except client.exceptions.NoSuchResourceException:
                return _value(client.get_aws_default_service_quota(**asked))
        except AwsTrouble:
            return None

    @cached_property
    def _by_name(self) -> Mapping[str, Decimal]:
        client: Any = self._aws.reading("service-quotas")
        try:
            listed = [*every(client.list_service_quotas, "Quotas", ServiceCode=SERVICE, MaxResults=100)]
        except AwsTrouble:
            return {}
        return {quota["QuotaName"]: Decimal(str(quota["Value"])) for quota in listed if "Value" in quota}


def _value(answer: Mapping[str, Any]) -> Decimal:
    return Decimal(str(answer["Quota"]["Value"]))

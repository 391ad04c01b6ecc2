"""Errors of botocore and failure reasons of AWS become Faults."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.outcome import FaultKind, Outcome
from reconciler.providers.aws.faults import Refused, answers, fault_from_reason, fault_of, is_absent, looks

URL = "https://api.sagemaker.eu-west-1.amazonaws.com"


def refused(code: str, message: str = "no", status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "CreateEndpoint")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("ThrottlingException", "Rate exceeded"), FaultKind.TRANSIENT),
        (refused("ThrottlingException", "Rate exceeded", 429), FaultKind.TRANSIENT),
        (refused("InternalServerException", status=500), FaultKind.TRANSIENT),
        (refused("SomethingNew", status=503), FaultKind.TRANSIENT),
        (refused("SomethingNew", status=429), FaultKind.TRANSIENT),
        (refused("ResourceLimitExceeded"), FaultKind.QUOTA),
        (refused("ServiceQuotaExceededException"), FaultKind.QUOTA),
        (refused("AccessDeniedException", status=403), FaultKind.DENIED),
        (refused("ExpiredTokenException"), FaultKind.DENIED),
        (refused("SomethingNew", status=403), FaultKind.DENIED),
        (refused("ValidationException", "Could not assume role arn:aws:iam::1:role/x."), FaultKind.DENIED),
        (refused("ResourceInUse"), FaultKind.CONFLICT),
        (refused("ConflictException"), FaultKind.CONFLICT),
        (refused("InsufficientInstanceCapacity"), FaultKind.CAPACITY),
        (refused("ValidationException", "1 validation error detected"), FaultKind.TERMINAL),
        (refused("TooManyTagsException"), FaultKind.TERMINAL),
        (refused("SomethingNew"), FaultKind.TERMINAL),
        (EndpointConnectionError(endpoint_url=URL), FaultKind.TRANSIENT),
        (ConnectionClosedError(endpoint_url=URL), FaultKind.TRANSIENT),
        (ReadTimeoutError(endpoint_url=URL), FaultKind.TRANSIENT),
        (NoCredentialsError(), FaultKind.DENIED),
        (ParamValidationError(report="Missing required parameter"), FaultKind.TERMINAL),
    ],
    ids=str,
)
def test_errors(error: BotoCoreError | ClientError, kind: FaultKind) -> None:
    assert fault_of(error).kind is kind


def test_an_errors_code_and_words_are_kept() -> None:
    fault = fault_of(refused("ResourceLimitExceeded", "The account-level service limit is 0 Instances"))
    assert (fault.code, fault.message) == ("ResourceLimitExceeded", "The account-level service limit is 0 Instances")


@pytest.mark.parametrize(
    ("reason", "kind", "code"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity.", FaultKind.CAPACITY, "CapacityError"),
        (
            "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.",
            FaultKind.CAPACITY,
            "CapacityError",
        ),
        ("ResourceLimitExceeded: the service limit is 0", FaultKind.QUOTA, "ResourceLimitExceeded"),
        ("InternalServerError: We encountered an internal error.", FaultKind.TRANSIENT, "InternalServerError"),
        ("AlgorithmError: exit code 1", FaultKind.TERMINAL, "AlgorithmError"),
        ("ClientError: Data download failed", FaultKind.TERMINAL, "ClientError"),
        ("ClientError: Access denied when reading s3://acme", FaultKind.DENIED, "ClientError"),
        ("The primary container did not pass the ping health check.", FaultKind.TERMINAL, "Failed"),
    ],
)
def test_failure_reasons(reason: str, kind: FaultKind, code: str) -> None:
    fault = fault_from_reason(reason)
    assert (fault.kind, fault.code, fault.message) == (kind, code, reason)


TOLD = "lora_config.target_modules: the model has no nope, nor access denied"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (f"AlgorithmError: BadInput: {TOLD}, exit code: 1", TOLD),
        (f"AlgorithmError: BadInput: {TOLD}, exit code: 65", TOLD),
        (f"AlgorithmError: BadInput: {TOLD}", TOLD),
        ("AlgorithmError: BadInput: 2 problems:\n one; another, exit code: 1", "2 problems:\n one; another"),
        ('AlgorithmError: ExecuteUserScriptError:\nExitCode 65\nErrorMessage ""\nCommand "x", exit code: 1', None),
        ("AlgorithmError: ExecuteUserScriptError: ExitCode 65 ErrorMessage", None),
        ("AlgorithmError: , exit code: 65", None),
    ],
)
def test_what_the_training_program_refuses(reason: str, message: str | None) -> None:
    fault = fault_from_reason(reason)
    assert (fault.kind, fault.code, fault.message) == (FaultKind.INPUT, "BadInput", message or reason)


@pytest.mark.parametrize(
    "reason",
    [
        "AlgorithmError: ValueError: BadInput: of somebody else, exit code: 1",
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ExitCode 65", exit code: 1',
        "AlgorithmError: ExecuteUserScriptError: ExitCode 650, exit code: 1",
        "AlgorithmError: , exit code: 165",
        "ClientError: BadInput: not of the program, exit code: 1",
    ],
)
def test_other_failures_are_none_of_its_refusals(reason: str) -> None:
    assert fault_from_reason(reason).kind is FaultKind.TERMINAL


@pytest.mark.parametrize(
    ("error", "absent"),
    [
        (refused("ValidationException", "Requested resource not found."), True),
        (refused("ValidationException", "Wording of tomorrow"), True),
        (refused("ResourceNotFound"), True),
        (refused("ResourceNotFoundException", status=404), True),
        (refused("AccessDeniedException", status=403), False),
        (refused("ThrottlingException"), False),
        (refused("ExpiredTokenException"), False),
        (refused("InternalFailure", status=500), False),
    ],
    ids=str,
)
def test_only_a_word_for_it_is_absence(error: ClientError, absent: bool) -> None:
    assert is_absent(error) is absent


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("ResourceInUse"), FaultKind.CONFLICT),
        (NoCredentialsError(), FaultKind.DENIED),
        (Refused(FaultKind.QUOTA, "Full", "full"), FaultKind.QUOTA),
        (CloudUnavailable("wrong cloud"), FaultKind.DENIED),
    ],
    ids=str,
)
def test_a_verb_answers_with_an_outcome(error: Exception, kind: FaultKind) -> None:
    @answers
    def verb() -> Outcome:
        raise error

    fault = verb().fault
    assert fault is not None
    assert fault.kind is kind


def test_a_bug_of_ours_is_no_outcome() -> None:
    @answers
    def verb() -> Outcome:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        verb()


def test_a_look_that_fails_says_what_to_do() -> None:
    @looks("looking at SageMaker")
    def look() -> None:
        raise refused("ExpiredTokenException", "The security token included in the request is expired")

    with pytest.raises(CloudUnavailable, match="looking at SageMaker failed: The security token") as told:
        look()
    assert "credentials" in told.value.hint

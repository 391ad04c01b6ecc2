"""Names: which are legal, and how those in the cloud are computed.

Computed names are what heals a crash: the next run looks for the same name.
"""

from __future__ import annotations

import hashlib
import re

MAX_NAME = 63
"""The limit of SageMaker's TrainingJobName, ModelName, EndpointName and EndpointConfigName, and of Bedrock's names."""

NAME_PATTERN = r"[A-Za-z0-9](-?[A-Za-z0-9])*"
"""What SageMaker and Bedrock both accept: Bedrock's customModelName refuses doubled hyphens, SageMaker's names underscores and dots."""

SHORT_FINGERPRINT = 8

MAX_GROUP = 64
"""EventBridge Scheduler's limit of a schedule group's name."""


def is_legal_name(name: str) -> bool:
    return len(name) <= MAX_NAME and re.fullmatch(NAME_PATTERN, name, re.ASCII) is not None


def short(fingerprint: str) -> str:
    """The eight hexadecimal digits by which a fingerprint goes in names."""
    return fingerprint.removeprefix("sha256:")[:SHORT_FINGERPRINT]


def is_meant(fingerprint: str, asked: str) -> bool:
    """Whether ``asked`` is the beginning of the fingerprint, with or without ``sha256:``."""
    begins = asked.removeprefix("sha256:").lower()
    return bool(begins) and fingerprint.removeprefix("sha256:").startswith(begins)


def version_name(model: str, fingerprint: str, attempt: int = 1) -> str:
    """Training job, Bedrock job, custom model and SageMaker model: ``support-bot-1a2b3c4d``, from attempt 2 on ``…-r2``."""
    retry = "" if attempt == 1 else f"-r{attempt}"
    return _fitted(model, f"-{short(fingerprint)}{retry}")


def endpoint_name(model: str) -> str:
    """Endpoint, provisioned throughput or deployment: the model's own name, which clients keep across versions."""
    return model


def endpoint_config_name(model: str, fingerprint: str, config_digest: str) -> str:
    """``support-bot-1a2b3c4d-9f8e``: what serves, and how. ``config_digest`` is hexadecimal; four digits are used."""
    return _fitted(model, f"-{short(fingerprint)}-{config_digest[:4]}")


def container_name(model: str, fingerprint: str, attempt: int, container_digest: str) -> str:
    """``support-bot-1a2b3c4d-c0de``: a version in another container than the usual one. ``container_digest`` as above."""
    retry = "" if attempt == 1 else f"-r{attempt}"
    return _fitted(model, f"-{short(fingerprint)}{retry}-{container_digest[:4]}")


def schedule_name(model: str, purpose: str, number: int = 1) -> str:
    """The EventBridge schedule that undeploys (or deploys again): at most 64 characters. The first has no number."""
    return _fitted(model, f"-{purpose}" if number == 1 else f"-{purpose}-{number}")


def schedule_group(project: str) -> str:
    """At most 64 characters. Two projects never share one: of a long name a digest stands for the end."""
    whole = f"reconciler-{project}"
    if len(whole) <= MAX_GROUP:
        return whole
    return f"{whole[: MAX_GROUP - 9]}-{hashlib.sha256(project.encode()).hexdigest()[:8]}"


def _fitted(model: str, suffix: str) -> str:
    return model[: MAX_NAME - len(suffix)].rstrip("-") + suffix

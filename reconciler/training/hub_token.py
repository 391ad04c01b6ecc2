"""The Hugging Face token, out of AWS Secrets Manager. Its value is in the process's environment alone: no log, no file, no request."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, MutableMapping

from reconciler.training.failure import NotGiven

SECRET = "HF_TOKEN_SECRET_ARN"  # noqa: S105  (the name of a variable that names the secret)
KEYS = ("hf_token", "HF_TOKEN", "token")


def provide_token(
    environment: MutableMapping[str, str] = os.environ, fetch: Callable[[str], str] | None = None
) -> None:
    """Set ``HF_TOKEN`` from the secret that ``HF_TOKEN_SECRET_ARN`` names, where that is set. Raises NotGiven where it cannot be read."""
    arn = environment.get(SECRET)
    if not arn or environment.get("HF_TOKEN"):
        return
    try:
        told = (fetch or _fetch)(arn)
    except Exception as trouble:  # botocore's errors have no common base but Exception
        raise NotGiven(
            f"the Hugging Face token cannot be read from {arn}: {trouble}. The training role needs secretsmanager:GetSecretValue on it."
        ) from None
    environment["HF_TOKEN"] = _token(told, arn)


def _fetch(arn: str) -> str:
    import boto3

    region = arn.split(":")[3] if arn.count(":") >= 6 else None
    answer = boto3.client("secretsmanager", region_name=region).get_secret_value(SecretId=arn)
    return str(answer["SecretString"])


def _token(told: str, arn: str) -> str:
    """The secret is the token, or JSON with it under one of KEYS. Nothing of its value is told."""
    try:
        parsed = json.loads(told)
    except ValueError:
        parsed = told
    if isinstance(parsed, dict):
        parsed = next((parsed[key] for key in KEYS if parsed.get(key)), "")
    token = str(parsed).strip()
    if not token:
        raise NotGiven(f'the secret {arn} holds no token: neither a text, nor JSON such as {{"hf_token": "…"}}')
    return token

"""Clients: explicit in every setting, and never on the wrong cloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.errors import CloudUnavailable
from reconciler.providers.aws.session import AwsSession, AwsSettings, is_loopback

LOCAL = AwsSettings(region="eu-west-1", endpoint_url="http://127.0.0.1:4566")
AWS = AwsSettings(region="eu-west-1")
SERVICES = ("sagemaker", "bedrock", "scheduler", "logs", "s3", "sts")


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://127.9.9.9", True),
        ("http://localhost:80", True),
        ("http://LOCALHOST.:80", True),
        ("http://s3.localhost", True),
        ("http://[::1]:4566", True),
        ("http://0.0.0.0:1", True),
        ("https://api.sagemaker.eu-west-1.amazonaws.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_the_embedded_cloud_is_on_this_machine() -> None:
    with pytest.raises(CloudUnavailable, match="not on this machine"):
        AwsSession(AwsSettings(region="eu-west-1", endpoint_url="https://sagemaker.eu-west-1.amazonaws.com"))


@pytest.mark.parametrize("service", SERVICES)
def test_local_clients_go_to_the_embedded_cloud_with_dummy_credentials(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever the machine is set up for: real credentials, a profile that does not exist, a broken file, a proxy."""
    broken = tmp_path / "config"
    broken.write_text("[profile broken\nregion = ")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_PROFILE": "does-not-exist",
        "AWS_CONFIG_FILE": str(broken),
        "AWS_ENDPOINT_URL": "https://elsewhere.example.com",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://proxy.example.com:3128",
    }.items():
        monkeypatch.setenv(name, value)
    client = AwsSession(LOCAL).changing(service)
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client._get_credentials().access_key == "embedded"
    assert client._endpoint.http_session._proxy_config.proxy_url_for("http://127.0.0.1:4566") is None


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"])
def test_a_project_on_aws_refuses_a_loopback_endpoint_of_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "http://localhost:4566")
    with pytest.raises(CloudUnavailable, match="this machine") as told:
        AwsSession(AWS).reading("sagemaker")
    assert "AWS_ENDPOINT_URL" in told.value.hint


def test_a_project_on_aws_refuses_a_loopback_endpoint_of_the_configuration_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nendpoint_url = http://127.0.0.1:4566\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(CloudUnavailable, match="this machine"):
        AwsSession(AWS).reading("bedrock")


def test_a_project_on_aws_goes_to_aws() -> None:
    url = AwsSession(AWS).reading("bedrock").meta.endpoint_url
    assert url == "https://bedrock.eu-west-1.amazonaws.com"


def test_an_unknown_profile_is_told() -> None:
    with pytest.raises(CloudUnavailable, match="does-not-exist"):
        AwsSession(AwsSettings(region="eu-west-1", profile="does-not-exist")).reading("sts")


@pytest.mark.parametrize("settings", [LOCAL, AWS], ids=["local", "aws"])
@pytest.mark.parametrize("service", SERVICES)
def test_every_client_says_how_it_repeats_and_waits(service: str, settings: AwsSettings) -> None:
    session = AwsSession(settings)
    for client, mode in ((session.reading(service), "adaptive"), (session.changing(service), "standard")):
        config = client.meta.config
        assert config.retries == {"mode": mode, "total_max_attempts": 10}
        assert (config.connect_timeout, config.read_timeout) == (5.0, 60.0)
        assert "reconciler/" in config.user_agent


def test_clients_are_made_once() -> None:
    session = AwsSession(LOCAL)
    assert session.reading("sts") is session.reading("sts")
    assert session.reading("sts") is not session.changing("sts")

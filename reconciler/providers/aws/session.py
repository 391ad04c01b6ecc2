"""boto3 clients: made once, explicit in every setting, and never on the wrong cloud.

The embedded cloud is reached with an explicit loopback endpoint and dummy credentials; a project on AWS never talks to a
loopback address, whatever the environment or the AWS configuration file says. Both are checked on the finished client.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from reconciler import __version__
from reconciler.domain.errors import CloudUnavailable
from reconciler.providers.aws.faults import unavailable

if TYPE_CHECKING:
    import boto3

EMBEDDED_CREDENTIAL = "embedded"
"""Access key and secret on the embedded cloud: AWS knows no such key."""

ADAPTIVE = "adaptive"
STANDARD = "standard"
ONCE = "once"


@dataclass(frozen=True, kw_only=True)
class AwsSettings:
    """How to reach the cloud. ``endpoint_url`` is the embedded cloud's; ``None`` is AWS itself.

    ``attempts``: calls per request, the first included. botocore's default of three loses 29 % of calls against a limit of
    two requests a second, ten lose none.
    """

    region: str
    endpoint_url: str | None = None
    profile: str | None = None
    attempts: int = 10
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    max_connections: int = 32

    @property
    def is_embedded(self) -> bool:
        return self.endpoint_url is not None


class AwsSession:
    """Clients of one region, cached. Threads may share it and its clients."""

    def __init__(self, settings: AwsSettings, *, session: boto3.Session | None = None) -> None:
        """``session``: made already, as for the embedded cloud without sockets. Raises CloudUnavailable."""
        if settings.endpoint_url is not None and not is_loopback(settings.endpoint_url):
            raise CloudUnavailable(f"{settings.endpoint_url} is not on this machine: the embedded cloud always is")
        self.settings = settings
        self._session = session
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def reading(self, service: str) -> Any:
        """A client for calls that only look: it slows down by itself when the cloud throttles."""
        return self._client(service, ADAPTIVE)

    def changing(self, service: str) -> Any:
        """A client for calls that change the cloud."""
        return self._client(service, STANDARD)

    def asking(self, service: str) -> Any:
        """A client for prompts to models: one that gets no answer in time is not sent again, since the model may still work on it."""
        return self._client(service, ONCE)

    def account(self) -> str:
        """The account that the credentials belong to. Raises CloudUnavailable."""
        try:
            return str(self.reading("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise unavailable(error, "asking AWS who we are") from error

    def _client(self, service: str, mode: str) -> Any:
        # boto3 sessions are not safe to share while clients are being made; clients are.
        with self._lock:
            if (service, mode) not in self._clients:
                self._clients[service, mode] = self._make(service, mode)
            return self._clients[service, mode]

    def _make(self, service: str, mode: str) -> Any:
        try:
            self._session = self._session or _session(self.settings)
            client: Any = self._session.client(  # type: ignore[call-overload]
                service,
                region_name=self.settings.region,
                endpoint_url=self.settings.endpoint_url,
                config=_config(self.settings, mode),
            )
        except (BotoCoreError, ValueError) as error:
            raise unavailable(error, f"preparing to talk to {service}") from error
        _refuse_wrong_cloud(client.meta.endpoint_url, embedded=self.settings.is_embedded)
        return client


def is_loopback(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_wrong_cloud(url: str, *, embedded: bool) -> None:
    if not embedded and is_loopback(url):
        raise CloudUnavailable(
            f"the project is on AWS, but AWS's endpoint is configured as {url}, which is this machine",
            hint="Unset AWS_ENDPOINT_URL (and AWS_ENDPOINT_URL_<SERVICE>, and endpoint_url in ~/.aws/config), "
            "or set `cloud: local` to use the embedded cloud.",
        )
    if embedded and not is_loopback(url):
        raise CloudUnavailable(f"the project is on the embedded cloud, but its endpoint would be {url}")


def _session(settings: AwsSettings) -> boto3.Session:
    import boto3

    if not settings.is_embedded:
        return boto3.Session(profile_name=settings.profile, region_name=settings.region)
    return boto3.Session(
        aws_access_key_id=EMBEDDED_CREDENTIAL,
        aws_secret_access_key=EMBEDDED_CREDENTIAL,
        region_name=settings.region,
        botocore_session=_without_configuration(),
    )


def _without_configuration() -> Any:
    """A botocore session that reads nothing of this machine's AWS profiles: a broken one must not stop the embedded cloud."""
    from botocore.session import Session

    nothing = (None, None, os.devnull, None)
    return Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": nothing,
            "credentials_file": nothing,
        }
    )


def _config(settings: AwsSettings, mode: str) -> Any:
    from botocore.config import Config

    common: dict[str, Any] = {
        "connect_timeout": settings.connect_timeout,
        "read_timeout": settings.read_timeout,
        "max_pool_connections": settings.max_connections,
        "retries": {
            "mode": STANDARD if mode == ONCE else mode,
            "total_max_attempts": 1 if mode == ONCE else settings.attempts,
        },
        "user_agent_extra": f"reconciler/{__version__}",
    }
    return Config(**common, **(_EMBEDDED_ONLY if settings.is_embedded else {}))


_EMBEDDED_ONLY: dict[str, Any] = {
    "proxies": {},  # a proxy of the environment must not be asked for 127.0.0.1
    "s3": {"addressing_style": "path"},
    "use_fips_endpoint": False,
    "use_dualstack_endpoint": False,
}

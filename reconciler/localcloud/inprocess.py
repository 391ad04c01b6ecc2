"""The embedded cloud without sockets: boto3 sessions whose requests never leave the process."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from botocore.loaders import Loader, create_loader
from moto.core.request import Request
from werkzeug.wrappers import Response

from reconciler.localcloud.errors import LostResponse

if TYPE_CHECKING:
    import boto3

    from reconciler.localcloud.app import LocalCloud

DUMMY = "embedded"


class InProcess:
    """Answers botocore's `before-send` event with the cloud's answer; lost responses are closed connections."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def attach(self, session: boto3.Session) -> boto3.Session:
        """From now on, clients that are created from this session talk to the cloud."""
        session.events.register("before-send", self.answer)
        return session

    def answer(self, request: AWSPreparedRequest, **_: Any) -> Any:
        environ = Request.from_primitives(request.method, request.url, request.headers, request.body).environ
        try:
            answer = Response.from_app(self._cloud, environ, buffered=True)
        except LostResponse as lost:
            raise ConnectionClosedError(endpoint_url=request.url) from lost
        headers: Any = dict(answer.headers)
        return AWSResponse(request.url, answer.status_code, headers, _Body(answer.get_data()))


def session(cloud: LocalCloud, region: str = "us-east-1") -> boto3.Session:
    """A boto3 session on the cloud, with dummy credentials and nothing read from this machine's AWS configuration."""
    import boto3
    from botocore.session import Session

    core = Session(session_vars={"profile": (None, None, None, None)})
    core.register_component("data_loader", _loader())
    core.set_default_client_config(Config(s3={"addressing_style": "path"}))
    made = boto3.Session(
        aws_access_key_id=DUMMY, aws_secret_access_key=DUMMY, region_name=region, botocore_session=core
    )
    return InProcess(cloud).attach(made)


@cache
def _loader() -> Loader:
    """Service models are read once for all sessions: most of a client's making is reading them."""
    loader: Loader = create_loader()
    return loader


class _Body(BytesIO):
    """What botocore expects of urllib3's body."""

    def stream(self, amt: int = 65536, **_: Any) -> Any:
        return iter(lambda: self.read(amt), b"")

"""The model servers behind the endpoints that are served for real: by endpoint and container, so that an update starts the new one
beside the old one, and only what an endpoint needs no more is drained and stopped.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.execution.modelserver import ModelServer, NotServing
from reconciler.localcloud.execution.process import GRACE
from reconciler.localcloud.execution.settings import ExecutionSettings
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.runtime import Invocation, Invoker
from reconciler.localcloud.sagemaker.invocations import SERVING, container_error
from reconciler.localcloud.sagemaker.kinds import ENDPOINT_CONFIG
from reconciler.localcloud.service import Cloud

STARTUP_SECONDS = 600.0
"""Where the variant does not say (ContainerStartupHealthCheckTimeoutInSeconds)."""
LOG_GROUP = "/aws/sagemaker/Endpoints/{name}"
UNHEALTHY = "The primary container for production variant {variant} did not pass the ping health check. {reason}"
"""How SageMaker begins the reason; the log's last line follows."""
READY, FAIL = "sagemaker.endpoint.ready", "sagemaker.endpoint.fail"

Key = tuple[str, str]
"""An endpoint's ARN, and a digest of what the container is."""


class Hosting:
    """All methods are called with the world's lock held, `close` without."""

    def __init__(self, settings: ExecutionSettings) -> None:
        self._settings = settings
        self._servers: dict[Key, ModelServer] = {}
        self._leaving: list[ModelServer] = []
        """Retired ones, which may still give their last answers."""
        self._closed = False

    def host(self, cloud: Cloud, endpoint: Resource) -> None:
        """Start what the endpoint is to serve beside what it serves; it is ready, or fails, when all of that is."""
        target = endpoint.facts.get("target") or endpoint.facts
        endpoint.facts["executing"] = target["real"] = True
        servers = {
            variant: self._server(cloud, endpoint, target, variant, container)
            for variant, container in target["containers"].items()
        }
        threading.Thread(target=self._report, args=(cloud, endpoint, servers), name=endpoint.name, daemon=True).start()

    def hosted(self, endpoint: Resource) -> None:
        """Drain and stop what it does not serve."""
        endpoint.facts.pop("executing", None)
        failed = endpoint.status == "Failed"
        needed = set() if failed else {_key(endpoint, c) for c in (endpoint.facts.get("containers") or {}).values()}
        for key in [key for key in self._servers if key[0] == endpoint.arn and key not in needed]:
            self._retire(key)

    def unhost(self, endpoint: Resource) -> bool:
        """Drain and stop all of it. Whether there was anything."""
        keys = [key for key in self._servers if key[0] == endpoint.arn]
        for key in keys:
            self._retire(key)
        return bool(keys)

    def invoker(self, cloud: Cloud, endpoint: Resource, variant: str) -> Invoker:
        """Asks the server that serves when it is asked: while an endpoint is updated, that changes from one moment to the next."""

        def invoke(invocation: Invocation) -> Any:
            for _ in range(3):
                with cloud.world.lock:
                    _require_serving(cloud, endpoint)
                    container = endpoint.facts["containers"][variant]
                    server = self._server(cloud, endpoint, endpoint.facts, variant, container)
                answer = server.invoke(invocation)
                if answer is not None:
                    return answer
            raise container_error(503, "the container is being replaced")

        return invoke

    def resume(self, cloud: Cloud, endpoint: Resource) -> None:
        """Serve again what was served."""
        for variant, container in endpoint.facts["containers"].items():
            self._server(cloud, endpoint, endpoint.facts, variant, container)

    def describe(self) -> Iterator[dict[str, Any]]:
        for (arn, _), server in sorted(self._servers.items()):
            pid = server.process.pid if server.process else None
            yield {"endpoint": arn.rsplit("/", 1)[-1], "port": server.port, "pid": pid, "ready": server.is_ready}

    def close(self) -> None:
        """End them all, and wait for that."""
        self._closed = True
        servers = [*self._servers.values(), *self._leaving]
        self._servers.clear()
        self._leaving.clear()
        for server in servers:
            server.stop(GRACE)
        for server in servers:
            server.wait(2 * GRACE)

    def abandon(self) -> None:
        """End them all, and wait for nothing."""
        self._closed = True
        for server in self._servers.values():
            server.retire()

    def _retire(self, key: Key) -> None:
        self._leaving = [server for server in self._leaving if not server.has_ended]
        self._leaving.append(self._servers.pop(key))
        self._leaving[-1].retire()

    def _server(
        self, cloud: Cloud, endpoint: Resource, target: Mapping[str, Any], variant: str, container: Mapping[str, Any]
    ) -> ModelServer:
        """The server of this container: the one that runs, else a new one. One that has ended is replaced, as SageMaker does."""
        key = _key(endpoint, container)
        running = self._servers.get(key)
        if running is not None and not running.has_ended:
            return running
        self._servers[key] = ModelServer(
            name=endpoint.name,
            folder=self._settings.folder.resolve() / "endpoints" / f"{endpoint.name}-{secrets.token_hex(4)}",
            container=container,
            objects=cloud.objects,
            settings=self._settings,
            region=endpoint.region,
            startup_seconds=_startup_seconds(cloud, endpoint, target, variant),
            heard=lambda line: _log(cloud, endpoint, variant, line),
        )
        return self._servers[key]

    def _report(self, cloud: Cloud, endpoint: Resource, servers: Mapping[str, ModelServer]) -> None:
        """The endpoint is ready when all its servers are; the first that does not load fails it."""
        for variant, server in servers.items():
            try:
                server.await_ready()
            except NotServing as wrong:
                self._tell(cloud, endpoint, FAIL, reason=UNHEALTHY.format(variant=variant, reason=wrong))
                return
        self._tell(cloud, endpoint, READY)

    def _tell(self, cloud: Cloud, endpoint: Resource, step: str, **data: str) -> None:
        """Unless the endpoint has been deleted, or the cloud closed, meanwhile."""
        with cloud.world.lock:
            if endpoint.facts.get("executing") and not self._closed:
                cloud.happen(endpoint, step, **data)


def _require_serving(cloud: Cloud, endpoint: Resource) -> None:
    """Raises ValidationError where it was deleted since the request was let in."""
    if cloud.world.by_arn(endpoint.arn) is not endpoint or endpoint.status not in SERVING:
        raise AwsError("ValidationError", f"Endpoint {endpoint.name} takes no requests any more.")


def _startup_seconds(cloud: Cloud, endpoint: Resource, target: Mapping[str, Any], variant: str) -> float:
    config = cloud.world.find(endpoint.region, ENDPOINT_CONFIG, target["config"])
    variants: list[dict[str, Any]] = config.spec["ProductionVariants"] if config else []
    told = next((v for v in variants if v["VariantName"] == variant), {})
    return float(told.get("ContainerStartupHealthCheckTimeoutInSeconds") or STARTUP_SECONDS)


def _log(cloud: Cloud, endpoint: Resource, variant: str, line: str) -> None:
    with cloud.world.lock:
        at = cloud.world.clock.now()
        cloud.logs.write(
            endpoint.region, LOG_GROUP.format(name=endpoint.name), f"{variant}/{endpoint.name}", at, [line]
        )


def _key(endpoint: Resource, container: Mapping[str, Any]) -> Key:
    return endpoint.arn, hashlib.sha256(json.dumps(container, sort_keys=True).encode()).hexdigest()

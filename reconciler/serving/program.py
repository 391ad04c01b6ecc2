"""The life of the server: listen, load, serve, drain."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from reconciler.serving.engine import CannotLoad, Engine
from reconciler.serving.server import Hosted, ModelServer
from reconciler.serving.settings import ServerSettings

DRAIN_SECONDS = 25.0
"""SageMaker kills a container 30 seconds after it asked it to stop."""
REASON_CHARACTERS = 1000
_LOG = logging.getLogger("reconciler.serving")

Load = Callable[[ServerSettings], Engine]


def run(settings: ServerSettings, load: Load | None = None) -> int:
    """The exit code: 0 after SIGTERM or SIGINT; 1 where the model does not load, with the reason as the log's last line."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s", force=True)
    hosted = Hosted(settings.name)
    server = ModelServer((settings.host, settings.port), hosted)
    done = threading.Event()
    _on_stop_signals(done)
    threading.Thread(target=server.serve_forever, name="accept", daemon=True).start()
    _LOG.info("listening on %s:%s, loading %s", settings.host, server.server_address[1], settings.model_dir)
    loading = (settings, load or _load, hosted, done)
    threading.Thread(target=_fill, args=loading, name="load", daemon=True).start()
    _wait(done)
    drained = server.drain(0 if hosted.failure else DRAIN_SECONDS)
    _LOG.info("%s", _last_line(hosted, drained=drained))
    return 1 if hosted.failure else 0


def _fill(settings: ServerSettings, load: Load, hosted: Hosted, done: threading.Event) -> None:
    """In its own thread, so that health checks are answered meanwhile."""
    began = time.monotonic()
    try:
        hosted.engine = load(settings)
        _LOG.info("ready in %.1f s", time.monotonic() - began)
    except CannotLoad as trouble:
        hosted.failure = _line(str(trouble))
    except Exception as trouble:  # what the libraries raise for broken files has no common base
        hosted.failure = _line(f"{type(trouble).__name__}: {trouble}")
    finally:
        if hosted.failure:
            done.set()


def _load(settings: ServerSettings) -> Engine:
    os.environ.setdefault("OMP_NUM_THREADS", str(settings.threads))  # read when torch is imported
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        from reconciler.serving.loading import load_engine
    except ImportError as missing:
        raise CannotLoad(f"{missing.name} is not installed: pip install 'llm-reconciler[train]'") from missing
    return load_engine(settings.model_dir, threads=settings.threads)


def _on_stop_signals(done: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        done.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _wait(done: threading.Event) -> None:
    """In short turns: a signal's handler runs between them, wherever the platform does not wake a waiting thread."""
    while not done.wait(1.0):
        pass


def _last_line(hosted: Hosted, *, drained: bool) -> str:
    if hosted.failure:
        return f"cannot load the model: {hosted.failure}"
    return "stopped" if drained else f"stopped, with answers cut off after {DRAIN_SECONDS:.0f} s"


def _line(reason: str) -> str:
    return " ".join(reason.split())[:REASON_CHARACTERS]

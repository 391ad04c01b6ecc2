"""The only place where concrete classes meet: which class stands behind each port, for the embedded cloud and for AWS."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.catalog import BundledCatalog
from reconciler.catalog import load as load_catalog
from reconciler.cli.signals import StopRequest
from reconciler.datasets.engines import Engine, usual
from reconciler.domain.catalog import Catalog, ImagePurpose
from reconciler.domain.desired import Configuration, ProjectSettings
from reconciler.domain.diagnostic import Diagnostic, has_errors
from reconciler.domain.errors import CloudUnavailable, ReconcilerError
from reconciler.domain.kinds.project import Roles
from reconciler.domain.measurement import History
from reconciler.domain.ports import Clock, Event, EventKind, Progress
from reconciler.engine.outside import Outside, Pause
from reconciler.manifest.load import SourceFile, load
from reconciler.providers.aws.pricelist import PriceList
from reconciler.providers.aws.quotas import ServiceQuotas
from reconciler.providers.aws.session import AwsSession, AwsSettings
from reconciler.providers.aws.trail import CloudTrail
from reconciler.providers.aws.usage import CloudWatchMeter
from reconciler.providers.registry import conversations, logs, providers, surveyors
from reconciler.providers.settings import (
    EMBEDDED_SERVING_IMAGE,
    EMBEDDED_TRAINING_IMAGE,
    ProviderSettings,
    embedded_roles,
)
from reconciler.stores.artifacts import S3Artifacts
from reconciler.stores.datafiles import DataFiles
from reconciler.stores.journal import FileJournal
from reconciler.stores.lock import LockTiming, S3Lock, SteadyTimer
from reconciler.stores.manifests import PROJECT_FILE, find_project, read_environment, read_manifests
from reconciler.stores.measured import remembered
from reconciler.stores.prices import parse_prices, read_prices
from reconciler.stores.s3 import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from reconciler.localcloud.control import LocalStatus

OWN_FOLDER = ".reconciler"
"""In the project's folder: journal, caches, the embedded cloud's state. Nothing in it is needed by another machine."""

EMBEDDED_STEP_SECONDS = 300.0
"""How far the embedded cloud's clock is moved on where a run on AWS would idle between two looks."""

EMBEDDED_LOCK = LockTiming(lease=timedelta(seconds=8), renew_every=timedelta(seconds=2), margin=timedelta(seconds=3))
"""No network lies between: whoever was killed blocks the next run for seconds, not for a minute."""


@dataclass(frozen=True)
class LoadedManifests:
    """``configuration`` is ``None`` where the manifests have errors. ``sources``: their text by file, for excerpts."""

    configuration: Configuration | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]


@dataclass(frozen=True)
class Project:
    directory: Path
    loaded: LoadedManifests

    def outside(self, progress: Progress, stop: StopRequest, *, profile: str | None = None) -> Outside:
        """The world of a project whose manifests are right. Starts the embedded cloud where the project is on it.

        ``profile``: of the AWS configuration, in place of what boto3 finds.
        """
        configuration = self.loaded.configuration
        assert configuration is not None, "callers refuse broken manifests first"
        cloud = self.reached(progress, stop, profile=profile)
        return connect(configuration.project, self.directory, cloud, progress, stop)

    def reached(self, progress: Progress, stop: StopRequest, *, profile: str | None = None) -> Cloud:
        """The project's cloud, which may hold nothing of it yet."""
        configuration = self.loaded.configuration
        assert configuration is not None, "callers refuse broken manifests first"
        cloud = _embedded(self.directory, configuration.project, progress, stop)
        return cloud or _aws(configuration.project, stop, profile)


@dataclass(frozen=True)
class Cloud:
    """How one cloud is reached, and how time passes in it."""

    session: AwsSession
    account: str
    clock: Clock
    pause: Pause
    embedded: bool
    executes: bool = False
    """See ``Outside``."""


def open_project(
    directory: Path,
    *,
    cloud: str | None,
    allow: Collection[str],
    environment: str | None = None,
    drafts: Sequence[SourceFile] = (),
) -> Project:
    """The project in ``directory`` or above it, its manifests read and checked, as its ``environment`` has them.

    ``drafts``: manifests that are not on disk yet, in place of those of the same path.
    Raises ReconcilerError where there is no such project or environment.
    """
    root = find_project(directory)
    if root is None:
        raise ReconcilerError(
            f"there is no {PROJECT_FILE} in {directory.resolve()} or above it",
            hint="Go to the project's folder, name it with -C DIR, or make one with `reconciler init`.",
        )
    found = read_manifests(root)
    chosen = read_environment(root, environment) if environment else None
    files = _with_drafts(found.files, drafts)
    loaded = load(files, catalog_at(root), allow=allow, cloud_override=cloud, environment=chosen)
    diagnostics = (*found.diagnostics, *loaded.diagnostics)
    return Project(
        directory=root,
        loaded=LoadedManifests(
            configuration=None if has_errors(diagnostics) else loaded.configuration,
            diagnostics=diagnostics,
            sources={file.path: _text(file.text) for file in (*files, *([chosen.file] if chosen else []))},
        ),
    )


def catalog_at(root: Path) -> BundledCatalog:
    """With the prices of the project's ``reconciler.prices.json``, if it has one. Raises ReconcilerError."""
    return _catalog_with(read_prices(root))


@lru_cache(maxsize=4)
def _catalog_with(prices: bytes) -> BundledCatalog:
    return BundledCatalog(parse_prices(prices)) if prices else load_catalog()


def connect(project: ProjectSettings, root: Path, cloud: Cloud, progress: Progress, stop: StopRequest) -> Outside:
    """Every port of one project on one cloud."""
    store = ObjectStore(cloud.session.changing("s3"), project.bucket)
    data = DataFiles(
        root,
        lambda: cloud.session.reading("s3"),
        cache=_data_cache(root),
        engine=data_engine(),
        progress=progress,
    )
    catalog = catalog_at(root)
    images = _embedded_images() if cloud.embedded else _pinned_images(catalog, project.region)
    settings = ProviderSettings(
        project=project.name,
        aws=cloud.session,
        catalog=catalog,
        clock=cloud.clock,
        roles=_with_embedded_roles(project, cloud) if cloud.embedded else project.roles,
        training_image=images.training,
        serving_image=images.serving,
        inference_ami=images.inference_ami,
        hugging_face_token_secret=project.hugging_face_token_secret,
    )
    return Outside(
        account=cloud.account,
        creator=_creator(),
        catalog=catalog,
        providers=providers(settings),
        clock=cloud.clock,
        data=data,
        artifacts=S3Artifacts(
            store,
            project.name,
            reading=data.reading(),
            clock=cloud.clock,
            root=root,
            embedded=cloud.embedded,
            cache=_measured_cache(root),
        ),
        lock=S3Lock(
            store,
            project.name,
            who=_who(),
            version=__version__,
            timing=EMBEDDED_LOCK if cloud.embedded else None,
            timer=_WokenTimer(stop),
            stopped=stop.is_set,
        ),
        journal=FileJournal(root / OWN_FOLDER / "journal.jsonl"),
        progress=progress,
        pause=cloud.pause,
        surveyors=surveyors(settings),
        conversations=conversations(settings),
        executes=cloud.executes,
        trail=CloudTrail(cloud.session),
        usage=CloudWatchMeter(cloud.session),
        quotas=None if cloud.embedded else ServiceQuotas(cloud.session, catalog.quota_codes),
        logs=logs(settings),
    )


class _WokenTimer(SteadyTimer):
    """Whoever waits for the lock and is asked to stop stops at once."""

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop

    def sleep(self, seconds: float) -> None:
        self._stop.wait(seconds)


def remembered_history(root: Path) -> History:
    """What the last plan or apply on this machine read of what was measured; the cloud is not asked."""
    return remembered(_measured_cache(root))


def _measured_cache(root: Path) -> Path:
    return root / OWN_FOLDER / "cache" / "measured.json"


def price_list(profile: str | None) -> PriceList:
    """AWS's, which the embedded cloud does not have; its endpoint stands in us-east-1 for all regions."""
    return PriceList(AwsSession(AwsSettings(region="us-east-1", profile=profile)))


@dataclass(frozen=True)
class Images:
    """As ProviderSettings has them."""

    training: str | None
    serving: str | None
    inference_ami: str | None = None


def _embedded_images() -> Images:
    return Images(EMBEDDED_TRAINING_IMAGE, EMBEDDED_SERVING_IMAGE)


def _pinned_images(catalog: Catalog, region: str) -> Images:
    training, serving = (catalog.image(purpose, region) for purpose in (ImagePurpose.TRAINING, ImagePurpose.SERVING))
    return Images(
        training=training.uri if training else None,
        serving=serving.uri if serving else None,
        inference_ami=serving.inference_ami if serving else None,
    )


_ANY_REGION = "us-east-1"
"""S3 answers for every bucket there, and sends on to the bucket's own region."""


def data_files(project: Project | None, root: Path, progress: Progress) -> DataFiles:
    """Training data alone. A cloud is asked only where data lies in it: the project's, or without a project AWS."""

    def s3() -> S3Client:
        configuration = project.loaded.configuration if project else None
        if project is None or configuration is None:
            client: S3Client = AwsSession(AwsSettings(region=_ANY_REGION)).reading("s3")
        else:
            client = project.reached(progress, StopRequest()).session.reading("s3")
        return client

    return DataFiles(root, s3, cache=_data_cache(project.directory) if project else None, engine=data_engine())


SCHEDULER = "RECONCILER_DASK_SCHEDULER"
"""Address of a Dask cluster that works on training data, such as ``tcp://scheduler:8786``."""


def data_engine() -> Engine:
    """This machine, or the cluster that the environment names. Raises CloudUnavailable where that cannot be reached."""
    address = os.environ.get(SCHEDULER)
    if not address:
        return usual
    try:
        from distributed import Client

        from reconciler.datasets.distributed import on_cluster

        return on_cluster(Client(address, timeout="10s"))
    except ImportError as missing:
        hint = "Install it with `pip install 'llm-reconciler[distributed]'`."
        raise CloudUnavailable(f"{SCHEDULER} is set and Dask is not installed", hint=hint) from missing
    except (OSError, ValueError) as trouble:
        raise CloudUnavailable(
            f"the Dask cluster at {address} does not answer", hint=f"Start it, or unset {SCHEDULER}."
        ) from trouble


def _data_cache(root: Path) -> Path:
    return root / OWN_FOLDER / "cache" / "datasets.json"


class SystemClock:
    """This machine's time, which AWS's is."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class EmbeddedClock:
    """The embedded cloud's own time, which may be ahead of this machine's."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def now(self) -> datetime:
        return datetime.fromisoformat(_running(self._state_dir).now)


class EmbeddedPause:
    """Moves the embedded cloud's clock on; idles where something really runs there, which takes the time it takes, and where nothing
    is on its way, since then only others can change it."""

    def __init__(self, state_dir: Path, stop: StopRequest) -> None:
        self._state_dir = state_dir
        self._stop = stop

    def __call__(self, seconds: float) -> None:
        from reconciler.localcloud import control

        status = _running(self._state_dir)
        if status.pending_events and not status.in_motion:
            control.advance(self._state_dir, EMBEDDED_STEP_SECONDS)
        else:
            self._stop.wait(min(seconds, 1.0))


def _embedded(root: Path, project: ProjectSettings, progress: Progress, stop: StopRequest) -> Cloud | None:
    if project.cloud != "local":
        return None
    state_dir = root / OWN_FOLDER / "local"
    status = _started(state_dir, progress)
    session = AwsSession(AwsSettings(region=project.region, endpoint_url=status.endpoint_url))
    clock, pause = EmbeddedClock(state_dir), EmbeddedPause(state_dir, stop)
    executes = status.mode == "execute"
    return Cloud(session=session, account=status.account_id, clock=clock, pause=pause, embedded=True, executes=executes)


def _started(state_dir: Path, progress: Progress) -> LocalStatus:
    try:
        from reconciler.localcloud import control

        running = control.status(state_dir)
        status = running or control.up(state_dir)
    except ImportError as missing:
        raise CloudUnavailable(
            f"the embedded cloud is not installed ({missing.name} is missing)",
            hint="Install it with `pip install 'llm-reconciler[local]'`, or set `cloud: aws`.",
        ) from missing
    except control.LocalCloudError as trouble:
        raise CloudUnavailable(str(trouble)) from trouble
    if running is None:
        message = (
            f"Started the embedded cloud at {status.endpoint_url}: AWS is simulated on this machine, nothing is billed."
        )
        progress.report(Event(kind=EventKind.NOTE, message=message))
    return status


def _running(state_dir: Path) -> LocalStatus:
    from reconciler.localcloud import control

    status = control.status(state_dir)
    if status is None:
        raise CloudUnavailable("the embedded cloud has stopped", hint="Start it with `reconciler local up`, and go on.")
    return status


def _aws(project: ProjectSettings, stop: StopRequest, profile: str | None) -> Cloud:
    session = AwsSession(AwsSettings(region=project.region, profile=profile))

    def pause(seconds: float) -> None:
        stop.wait(seconds)

    return Cloud(session=session, account=session.account(), clock=SystemClock(), pause=pause, embedded=False)


def _with_embedded_roles(project: ProjectSettings, cloud: Cloud) -> Roles:
    given = {name: role for name, role in project.roles if role}
    return embedded_roles(cloud.account).model_copy(update=given)


def _creator() -> str:
    """Who runs this, for the ``created-by`` tag: the CI's actor, or the user of this machine."""
    return os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN") or _user()


def _who() -> str:
    return f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return f"uid-{os.getuid()}"


def _with_drafts(files: Sequence[SourceFile], drafts: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    replaced = {draft.path for draft in drafts}
    return (*(file for file in files if file.path not in replaced), *drafts)


def _text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", errors="replace")

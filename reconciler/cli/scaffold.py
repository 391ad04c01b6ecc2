"""The files of a new project: small, complete, and planned by the embedded cloud as they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from reconciler import __version__
from reconciler.domain.naming import MAX_NAME

_ITEMS = ("desk lamp", "backpack", "kettle", "phone case", "notebook")

_ANSWERS = {
    "Where is my {item}?": "Parcels with a {item} arrive within three working days. The tracking link is in your confirmation.",
    "The {item} arrived broken.": "I am sorry about that. Send us a photo of the {item} and we replace it at no cost.",
    "Can I return the {item}?": "Yes: within 30 days, unused. Print the label from My orders and drop the {item} off.",
    "Can I still cancel my {item}?": "Until it is packed: open the order with the {item} and choose Cancel.",
    "Do you gift-wrap the {item}?": "We do, for free. Tick the box at checkout when you order the {item}.",
    "Is the {item} under warranty?": "The {item} has a two-year warranty that covers every fault we caused.",
}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a new project is to be. ``bucket``: made of the name where left out. ``pipelines``: of ``PIPELINES``."""

    name: str
    cloud: str = "local"
    region: str = "us-east-1"
    bucket: str = ""
    emails: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    branch: str = "main"
    """Of which merges are applied; GitLab knows its default branch itself."""
    action: str = ""
    """``owner/name@ref`` of a copy of this repository: workflows on GitHub use it instead of installing the package."""
    hooks: bool = False


def project_files(choices: Choices | str) -> Mapping[str, str]:
    """Path → text. A name alone leaves everything else as it is by default."""
    from reconciler.manifest.schema import schemas
    from reconciler.reports.scaffold import HOOKS, PIPELINES, PROJECT, render_scaffold

    chosen = Choices(name=choices) if isinstance(choices, str) else choices
    values = {**asdict(chosen), "bucket": chosen.bucket or f"{chosen.name}-artifacts", "version": __version__}
    templates = {**PROJECT, **(HOOKS if chosen.hooks else {})}
    for pipeline in chosen.pipelines:
        templates |= PIPELINES[pipeline]
    return {
        **{path: render_scaffold(template, **values) for path, template in templates.items()},
        "data/orders.csv": _sample_data(),
        "schemas/manifest.schema.json": schemas()["manifest.schema.json"],
    }


def project_name(folder: str) -> str:
    """A legal project name, which is also fit for a bucket: lower case, hyphens for everything else."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")[: MAX_NAME - len("-artifacts")].rstrip("-")
    return name or "my-models"


def _sample_data() -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("prompt", "expected completion"))
    writer.writerows(
        (prompt.format(item=item), answer.format(item=item)) for prompt, answer in _ANSWERS.items() for item in _ITEMS
    )
    return text.getvalue()

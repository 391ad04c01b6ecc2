"""What AWS's own SDK says of container images. Needs the extra [sdk]; asks nothing of the network.

``python -m reconciler.catalog.sdk`` writes it into ``data/images.yaml`` (``make images``).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

from reconciler.catalog.files import read
from reconciler.catalog.images import ImageRow, image_rows

GPU = "ml.g5.xlarge"
"""SageMaker's images differ by kind of processor; ours are for GPUs."""
FILE = "images"


def resolved(row: ImageRow) -> dict[str, str]:
    """The image's URI in every region that the SDK knows of. Raises ImportError without the SDK."""
    logging.getLogger("sagemaker").setLevel(logging.WARNING)
    from sagemaker.core import image_uris

    asked = dict(row.sdk)
    regions = sorted(_registries(image_uris.config_for_framework(asked["framework"]), asked))
    return {region: str(image_uris.retrieve(region=region, instance_type=GPU, **asked)) for region in regions}


def rewritten(text: str, uris: Mapping[str, Mapping[str, str]]) -> str:
    """The data file with other URIs, by purpose and region; its comments stay."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 160, True
    content = yaml.load(text)
    for purpose, by_region in uris.items():
        content[purpose]["uris"] = dict(by_region)
    written = StringIO()
    yaml.dump(content, written)
    return written.getvalue()


def _registries(config: Any, asked: Mapping[str, str]) -> Iterable[str]:
    """Regions, in what the SDK keeps of a framework: nested by scope, version and base framework."""
    scoped = config.get(asked["image_scope"], config)
    version = scoped["versions"][asked["version"]]
    registries: Mapping[str, str] = version.get(asked.get("base_framework_version"), version)["registries"]
    return registries


def main() -> int:
    path = Path(str(resources.files("reconciler.catalog").joinpath("data", f"{FILE}.yaml")))
    uris = dict(_asked())
    path.write_text(rewritten(path.read_text(encoding="utf-8"), uris), encoding="utf-8")
    sys.stdout.write(f"{path}: {', '.join(f'{len(found)} {purpose} images' for purpose, found in uris.items())}\n")
    return 0


def _asked() -> Iterator[tuple[str, dict[str, str]]]:
    for purpose, row in image_rows(read(FILE)).items():
        yield purpose, resolved(row)


if __name__ == "__main__":
    sys.exit(main())

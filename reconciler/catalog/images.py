"""``images.yaml``: container images by purpose, pinned, with their address in each region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.catalog.files import Sourced, Sources
from reconciler.domain.catalog import ContainerImage, ImagePurpose


class ImageRow(Sourced):
    sdk: dict[str, str]
    """How AWS's SDK is asked for it."""
    libraries: dict[str, str]
    inference_ami: str | None = None
    uris: dict[str, str]


def image_rows(content: Mapping[str, Any]) -> dict[ImagePurpose, ImageRow]:
    return {ImagePurpose(purpose): ImageRow.model_validate(row) for purpose, row in content.items()}


def image(row: ImageRow, purpose: ImagePurpose, region: str, sources: Sources) -> ContainerImage | None:
    """``None`` where the region is not known to have it."""
    uri = row.uris.get(region)
    if uri is None:
        return None
    return ContainerImage(
        purpose=purpose,
        uri=uri,
        region=region,
        libraries=row.libraries,
        inference_ami=row.inference_ami,
        source=row.cite(sources),
    )

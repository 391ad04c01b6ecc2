"""Our resources as moto's Resource Groups Tagging API sees them, beside those of moto's own services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource

from reconciler.localcloud.resource import Resource
from reconciler.localcloud.world import World


class OurResources(BaseBackend, TaggableResourcesMixin):
    """One region's share of the world whose turn it is."""

    SERVICE_NAMESPACE: ClassVar[str] = "embedded"

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        for resource in list(_worlds[-1]().resources()):
            if resource.region == self.region_name:
                yield TaggedResource(resource.arn, dict(resource.tags), resource.kind)

    def owns_arn(self, arn: str) -> bool:
        return _worlds[-1]().by_arn(arn) is not None

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        resource = self._resource(arn)
        resource.tags = resource.tags | tags

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        resource = self._resource(arn)
        resource.tags = {key: value for key, value in resource.tags.items() if key not in tag_keys}

    def _resource(self, arn: str) -> Resource:
        """moto only asks for ARNs that we own."""
        resource = _worlds[-1]().by_arn(arn)
        assert resource is not None
        return resource


OURS = BackendDict(OurResources, "sagemaker")
_worlds: list[Callable[[], World]] = []


def show(world: Callable[[], World]) -> None:
    """From now on the tagging API shows the resources of this world."""
    _worlds[:] = [world]
    OURS[world().account]

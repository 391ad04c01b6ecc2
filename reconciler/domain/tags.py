"""The owner tags: the only memory there is. Written in the same call that creates."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.domain.base import Value

PROJECT = "reconciler:project"
MODEL = "reconciler:model"
FINGERPRINT = "reconciler:fingerprint"
CREATED_BY = "reconciler:created-by"
PREVENT_DESTROY = "reconciler:prevent-destroy"
ATTEMPT = "reconciler:attempt"
"""The n-th training of the fingerprint; on training jobs and custom models."""
PARENT = "reconciler:parent"
"""Name of the fine-tuned model that this one builds on, so that removing both manifests deletes in the right order."""
DELETION_POLICY = "reconciler:deletion-policy"
"""Kept in the cloud, like the guard, because it matters when the manifest is gone."""
DISCARDED = "reconciler:discarded"
"""On a Bedrock job, which cannot be deleted: its custom model was deleted by us."""
ENDPOINT_CONFIG = "reconciler:endpoint-config"
"""On a SageMaker endpoint: the configuration that was asked for last, so that a silent roll-back is seen."""
ROLLING_TO = "reconciler:rolling-to"
"""On a SageMaker endpoint: the configuration about to be asked for, so that a crash is not taken for a roll-back."""
PROMOTED_FROM = "reconciler:promoted-from"
"""On what serves a version that was trained in another project: that project's name."""
METRICS = "reconciler:metrics"
"""Beside it: the final metrics of that training, ``eval_loss=1.2 train_loss=0.9``, which promotion bounds are held against here."""
LABEL_PREFIX = "reconciler:label:"
"""Before each of the manifest's labels, so that tags of others are never taken for ours."""


class Owner(Value):
    """Who owns a resource in the cloud, as its tags say."""

    project: str
    model: str
    fingerprint: str | None = None
    attempt: int = 1
    created_by: str | None = None
    prevent_destroy: bool = False
    parent: str | None = None
    deletion_policy: str = "delete"

    def to_tags(self) -> dict[str, str]:
        tags = {
            PROJECT: self.project,
            MODEL: self.model,
            FINGERPRINT: self.fingerprint,
            ATTEMPT: str(self.attempt),
            CREATED_BY: self.created_by,
            PREVENT_DESTROY: "true" if self.prevent_destroy else "false",
            PARENT: self.parent,
            DELETION_POLICY: self.deletion_policy,
        }
        return {key: value for key, value in tags.items() if value is not None}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Owner | None:
        """``None`` where the tags name no project and model: the resource is somebody else's."""
        if PROJECT not in tags or MODEL not in tags:
            return None
        attempt = tags.get(ATTEMPT, "1")
        return cls(
            project=tags[PROJECT],
            model=tags[MODEL],
            fingerprint=tags.get(FINGERPRINT),
            attempt=int(attempt) if attempt.isdecimal() else 1,
            created_by=tags.get(CREATED_BY),
            prevent_destroy=tags.get(PREVENT_DESTROY) == "true",
            parent=tags.get(PARENT),
            deletion_policy=tags.get(DELETION_POLICY, "delete"),
        )

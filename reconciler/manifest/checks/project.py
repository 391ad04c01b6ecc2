"""The Project: exactly one, and what its settings must be for the cloud it names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase

from reconciler.domain.catalog import Catalog
from reconciler.domain.diagnostic import Diagnostic, error, warning
from reconciler.domain.kinds.project import ProjectSpec
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.explain import found
from reconciler.manifest.shape import Shaped

_REGION = re.compile(r"[a-z]{2,3}(-[a-z]+)+-[0-9]", re.ASCII)
_ROLE = re.compile(r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,576}", re.ASCII)
_SECRET = re.compile(
    r"arn:aws(-[a-z]+)*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}", re.ASCII
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)


def check_count(projects: Sequence[Shaped], *, files: Sequence[str], complete: bool) -> Iterator[Diagnostic]:
    """Exactly one. Where some document could not be read, a missing one is not told."""
    if not projects and complete:
        yield error(
            "no-project",
            "There is no Project",
            detail=f"None of {len(files)} files declares one." if files else "There are no manifests.",
            hint="`reconciler init` writes one; it stands in reconciler.yaml",
        )
    for project in projects[1:]:
        yield error(
            "several-projects",
            "There is more than one Project",
            detail=f"Another is declared at {projects[0].where}; manifests that are read together have one.",
            hint="remove one of them, or plan each folder by itself with -C",
            where=project.where,
            related=(projects[0].where,),
            address=project.address,
        )


def check_project(
    project: Shaped, *, cloud: str, needed_roles: Collection[str], catalog: Catalog, models: Collection[str] = ()
) -> Iterator[Diagnostic]:
    """``needed_roles`` are those that the models make use of; ``models`` are their names."""
    spec = project.spec
    if not isinstance(spec, ProjectSpec):
        return
    yield from _bucket(project, spec, cloud)
    yield from _region(project, spec, catalog)
    yield from _roles(project, spec, cloud, needed_roles)
    yield from _secret(project, spec)
    yield from _emails(project, spec)
    yield from _drift_rules(project, spec, models)


def _bucket(project: Shaped, spec: ProjectSpec, cloud: str) -> Iterator[Diagnostic]:
    if spec.bucket is None:
        if cloud == "aws" and project.intact(("spec", "bucket")):
            yield _required(
                project,
                "bucket",
                "name the S3 bucket for data, artifacts and the lock",
            )
        return
    if problem := bucket_problem(spec.bucket):
        yield error(
            "invalid-bucket",
            "The bucket's name is not legal",
            detail=f"`spec.bucket` is {found(spec.bucket)}: {problem}.",
            hint="3-63 lower-case letters, digits, hyphens and dots, beginning and ending with a letter or digit",
            where=project.document.at(("spec", "bucket")),
            address=project.address,
        )


def bucket_problem(name: str) -> str | None:
    """S3's rules for general purpose buckets (S3 User Guide, "Bucket naming rules")."""
    if not _BUCKET.fullmatch(name):
        return "it has characters or a length that S3 does not accept"
    if ".." in name:
        return "two dots stand together"
    if name.startswith(_BUCKET_PREFIXES) or name.endswith(_BUCKET_SUFFIXES):
        return "AWS reserves its beginning or its end"
    return "it has the form of an IP address" if _is_address(name) else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _region(project: Shaped, spec: ProjectSpec, catalog: Catalog) -> Iterator[Diagnostic]:
    where = project.document.at(("spec", "region"))
    near = did_you_mean(spec.region, catalog.regions)
    if not _REGION.fullmatch(spec.region):
        detail = f"`spec.region` is {found(spec.region)}; regions are named as in us-east-1."
        yield error(
            "invalid-region",
            "The region is not one of AWS",
            detail=detail,
            hint=near,
            where=where,
            address=project.address,
        )
    elif spec.region not in catalog.regions:
        detail = f"The catalog has no figure for `{spec.region}`: prices there are unknown."
        yield warning(
            "unknown-region",
            "The catalog does not know the region",
            detail=detail,
            hint=near,
            where=where,
            address=project.address,
        )


_ASSUMED_BY = {"training": "SageMaker", "bedrock": "Amazon Bedrock", "scheduler": "EventBridge Scheduler"}


def _roles(project: Shaped, spec: ProjectSpec, cloud: str, needed: Collection[str]) -> Iterator[Diagnostic]:
    roles = {"training": spec.roles.training, "bedrock": spec.roles.bedrock, "scheduler": spec.roles.scheduler}
    for name, role in roles.items():
        if role is None and cloud == "aws" and name in needed and project.intact(("spec", "roles", name)):
            yield _required(
                project, f"roles.{name}", f"give the ARN of an IAM role that {_ASSUMED_BY[name]} may assume"
            )
        if role is not None and not _ROLE.fullmatch(role):
            yield error(
                "invalid-arn",
                "A value is not the ARN it should be",
                detail=f"`spec.roles.{name}` is {found(role)}.",
                hint="write arn:aws:iam::123456789012:role/NAME",
                where=project.document.at(("spec", "roles", name)),
                address=project.address,
            )


def _secret(project: Shaped, spec: ProjectSpec) -> Iterator[Diagnostic]:
    """The value is never shown: it may be the token itself."""
    secret = spec.hugging_face_token_secret
    if secret is not None and not _SECRET.fullmatch(secret):
        yield error(
            "secret-in-manifest" if secret.startswith("hf_") else "invalid-arn",
            "A manifest contains what looks like a secret"
            if secret.startswith("hf_")
            else "A value is not the ARN it should be",
            detail="`spec.huggingFaceTokenSecret` is not the ARN of a Secrets Manager secret; its value is not shown here.",
            hint="write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME; revoke a token that was committed",
            where=project.document.at(("spec", "huggingFaceTokenSecret")),
            address=project.address,
        )


def _emails(project: Shaped, spec: ProjectSpec) -> Iterator[Diagnostic]:
    for number, email in enumerate(spec.notifications.emails):
        if not _EMAIL.fullmatch(email) or len(email) > 320:
            yield error(
                "invalid-email",
                "An e-mail address is not valid",
                detail=f"`spec.notifications.emails[{number}]` is {found(email)}.",
                hint="write the address alone, as in ml-team@example.com",
                where=project.document.at(("spec", "notifications", "emails", number)),
                address=project.address,
            )


def _drift_rules(project: Shaped, spec: ProjectSpec, models: Collection[str]) -> Iterator[Diagnostic]:
    """A rule that fits no model tolerates nothing: a name misspelt, or a model that is gone."""
    known = {name.lower() for name in models}
    for number, rule in enumerate(spec.drift.ignore):
        if known and not any(fnmatchcase(name, rule.model.lower()) for name in known):
            yield warning(
                "unused-drift-rule",
                "A rule for drift fits no model",
                detail=f"`spec.drift.ignore[{number}].model` is {found(rule.model)}, and no manifest has that name.",
                hint=did_you_mean(rule.model, models) or "remove the rule, or write a pattern such as `demo-*`",
                where=project.document.at(("spec", "drift", "ignore", number, "model")),
                address=project.address,
            )


def _required(project: Shaped, field: str, hint: str) -> Diagnostic:
    return error(
        "missing-field",
        "A required field is missing",
        detail=f"`spec.{field}` is required where `cloud` is aws.",
        hint=hint,
        where=project.document.at(("spec", *field.split("."))),
        address=project.address,
    )

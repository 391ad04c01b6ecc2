"""What is asked for, and the names and ARNs that follow from it. Plain values; nothing here talks to AWS."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.domain.naming import schedule_group

MAX_ROLE_NAME = 64
TRASH_DAYS = 30
"""As the artifact store empties it: a deleted model's artifacts can be brought back until then."""


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """A repository whose workflows take roles without keys. Apply is for one environment of it, or for one branch."""

    repository: str
    branch: str = "main"
    environment: str | None = None


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """``account`` is twelve digits, or what CloudFormation or Terraform put in their place.

    ``data``: buckets beside the project's that its datasets and base weights are read from. ``principal``: who may take the
    plan and apply roles where no ``github`` is given; the account itself, which leaves it to the account's own policies, where left out.
    ``adopts``: the apply role may tag what the project does not own yet, which importing needs.
    """

    project: str
    region: str
    account: str
    bucket: str
    emails: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    token_secret: str | None = None
    github: GitHub | None = None
    oidc_provider: bool = True
    principal: str | None = None
    adopts: bool = False

    @property
    def partition(self) -> str:
        match self.region.split("-")[0:2]:
            case ["cn", _]:
                return "aws-cn"
            case ["us", "gov"]:
                return "aws-us-gov"
            case _:
                return "aws"

    def arn(self, service: str, resource: str) -> str:
        """Of something in the project's account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def bucket_arn(self, bucket: str, key: str = "") -> str:
        return f"arn:{self.partition}:s3:::{bucket}" + (f"/{key}" if key else "")

    def role_name(self, purpose: str) -> str:
        return f"{self.project[: MAX_ROLE_NAME - len(purpose) - 1].rstrip('-')}-{purpose}"

    def role_arn(self, purpose: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role_name(purpose)}"

    @property
    def topic_name(self) -> str:
        return f"{self.project}-trainings"

    @property
    def topic_arn(self) -> str:
        return self.arn("sns", self.topic_name)

    def rule_name(self, service: str) -> str:
        return f"{self.project[: MAX_ROLE_NAME - len(service) - 11].rstrip('-')}-{service}-trainings"

    @property
    def schedule_group(self) -> str:
        return schedule_group(self.project)

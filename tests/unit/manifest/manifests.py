"""Builders: a test writes only what it is about."""

from __future__ import annotations

from textwrap import dedent, indent

from reconciler.domain.desired import Configuration, ResolvedModel
from reconciler.manifest.load import Loaded, SourceFile, load
from tests.unit.manifest.fake_catalog import FakeCatalog

PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: acme}
"""

AWS = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: acme}
spec:
  cloud: aws
  bucket: acme-artifacts
  huggingFaceTokenSecret: arn:aws:secretsmanager:us-east-1:123456789012:secret:hf
  roles:
    training: arn:aws:iam::123456789012:role/training
    bedrock: arn:aws:iam::123456789012:role/bedrock
    scheduler: arn:aws:iam::123456789012:role/scheduler
"""


def a_project(spec: str) -> str:
    return PROJECT + "spec:\n" + indent(dedent(spec).strip("\n"), "  ") + "\n"


def a_dataset(name: str, source: str = "data/support.csv") -> str:
    return f"apiVersion: reconciler/v1\nkind: Dataset\nmetadata: {{name: {name}}}\nspec: {{source: {source}}}\n"


def a_model(spec: str, name: str = "bot", metadata: str = "") -> str:
    """The spec begins in line 5, its fields in column 3."""
    head = f"apiVersion: reconciler/v1\nkind: FineTunedModel\nmetadata: {{name: {name}{metadata}}}\nspec:\n"
    return head + indent(dedent(spec).strip("\n"), "  ") + "\n"


NOVA = "baseModel: nova-lite\ndataset: {training: data/a.csv}\n"
QWEN = "baseModel: qwen-2.5-7b-instruct\ndataset: {training: data/a.csv}\n"
QWEN_VALIDATED = "baseModel: qwen-2.5-7b-instruct\ndataset: {training: data/a.csv, validation: {split: 10%}}\n"


def loaded(*documents: str, project: str = PROJECT, allow: tuple[str, ...] = (), cloud: str | None = None) -> Loaded:
    """The Project in reconciler.yaml, each document in a file of its own: 1.yaml, 2.yaml, …"""
    files = [SourceFile(path="reconciler.yaml", text=project)]
    files += [SourceFile(path=f"{number}.yaml", text=text) for number, text in enumerate(documents, 1)]
    return load(files, FakeCatalog(), allow=allow, cloud_override=cloud)


def told(result: Loaded) -> list[str]:
    """``1.yaml:5:3 unknown-field``"""
    return [f"{problem.where or '-'} {problem.code}" for problem in result.diagnostics]


def configuration(*documents: str, project: str = PROJECT) -> Configuration:
    result = loaded(*documents, project=project)
    assert result.configuration is not None, [f"{p.where} {p.code} {p.detail}" for p in result.diagnostics]
    return result.configuration


def resolved(*documents: str, project: str = PROJECT, name: str = "bot") -> ResolvedModel:
    return configuration(*documents, project=project).by_name()[name]

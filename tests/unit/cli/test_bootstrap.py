"""bootstrap: what it refuses before anything is made, and a project on AWS that has no roles yet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.cli.calling import call


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert call(capsys, "init", tmp_path / "shop", "--cloud", "aws").code == 0
    return tmp_path / "shop"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--github", "acme"), "is not a repository"),
        (("--github", 'acme/"x'), "is not a repository"),
        (("--github", "acme/llms", "--github-branch", "*"), "is not the name of a branch"),
        (("--email", "ana"), "is not an e-mail address"),
        (("--email", "${x}@example.com"), "is not an e-mail address"),
        (("--principal", "*"), "is not an ARN"),
        (("--read-bucket", "a*"), "is not the name of a bucket"),
        (("--github-environment", "production"), "is one of --github's repository"),
        (("--github", "a/b", "--principal", "arn:aws:iam::123456789012:root"), "exclude each other"),
    ],
)
def test_refused(flags: tuple[str, ...], told: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", project, "bootstrap", "--format", "terraform", *flags)
    assert (ended.code, ended.out) == (1, "")
    assert told in " ".join(ended.err.split())


def test_a_project_without_its_roles_is_what_it_is_for(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "-C", project, "validate").code == 1
    assert call(capsys, "-C", project, "bootstrap", "--format", "terraform").code == 0


def test_other_problems_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = project / "models" / "order-helper.yaml"
    manifest.write_text(manifest.read_text().replace("epochs:", "epochz:"))
    ended = call(capsys, "-C", project, "bootstrap", "--format", "terraform")
    assert ended.code == 1
    assert "did you mean `epochs`?" in ended.err


def test_buckets_of_datasets_and_of_flags_are_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = project / "reconciler.yaml"
    manifest.write_text(manifest.read_text().replace("source: data/orders.csv", "source: s3://raw-orders/a.csv"))
    model = project / "models" / "order-helper.yaml"
    text = model.read_text()
    key = re.search(r"baseModel: (\S+)", text)
    assert key
    model.write_text(text.replace(key[0], f"baseModel: {{key: {key[1]}, weights: 's3://acme-models/{key[1]}/'}}"))
    flags = ("--format", "terraform", "--read-bucket", "staging-artifacts")
    ended = call(capsys, "-C", project, "bootstrap", *flags)
    for bucket in ("raw-orders", "acme-models", "staging-artifacts"):
        assert f'"arn:aws:s3:::{bucket}/*"' in ended.out

"""What a team tolerates is checked when the manifests are read, and is no part of what is planned."""

from __future__ import annotations

from pathlib import Path

from reconciler.catalog import load as load_catalog
from reconciler.manifest.load import Loaded, load
from reconciler.stores.manifests import read_manifests
from tests.stage import SAGEMAKER

PROJECT = """
apiVersion: reconciler/v1
kind: Project
metadata: {name: stage}
spec: {region: us-east-1, bucket: stage-artifacts%s}
"""


def loaded(folder: Path, drift: str = "") -> Loaded:
    (folder / "reconciler.yaml").write_text(PROJECT % drift)
    (folder / "bot.yaml").write_text(SAGEMAKER)
    (folder / "data.csv").write_text("prompt,expected completion\na,b\n")
    return load(read_manifests(folder).files, load_catalog())


def test_a_rule_is_read_and_leaves_the_digest_alone(tmp_path: Path) -> None:
    rule = ", drift: {ignore: [{model: 'open-*', path: spec.deployment*, reason: ours}]}"
    plain, ruled = loaded(tmp_path).configuration, loaded(tmp_path, rule).configuration
    assert plain is not None
    assert ruled is not None
    assert ruled.project.drift.ignore[0].model == "open-*"
    assert ruled.digest == plain.digest


def test_a_rule_that_fits_no_model_is_noticed_where_it_stands(tmp_path: Path) -> None:
    told = loaded(tmp_path, ", drift: {ignore: [{model: open-bit, reason: ours}]}").diagnostics
    assert [(each.code, str(each.severity)) for each in told] == [("unused-drift-rule", "warning")]
    assert "open-bot" in told[0].hint
    assert told[0].where is not None
    assert told[0].where.path == "spec.drift.ignore[0].model"


def test_a_rule_says_why(tmp_path: Path) -> None:
    told = loaded(tmp_path, ", drift: {ignore: [{model: open-bot}]}").diagnostics
    assert any(each.is_error and each.where and "drift.ignore[0]" in each.where.path for each in told)

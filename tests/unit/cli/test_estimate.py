"""``reconciler estimate --rows``, as a shell would call it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from reconciler.cli.exit_codes import ExitCode
from tests.unit.cli.calling import Ended, call
from tests.unit.estimators.written_rows import LLAMA, RUN

MEMORY = {"measure": "torch_alloc", "capacity_gib": "22.0"}
TIME = {"instance": "ml.g5.2xlarge", "wall_hours": "", "total_tokens": "3840000"}


def table(folder: Path, *rows: dict[str, str]) -> Path:
    columns = dict.fromkeys(column for row in rows for column in row)
    path = folder / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def answers(ended: Ended) -> list[dict[str, str]]:
    assert (ended.code, ended.err) == (ExitCode.OK, "")
    return list(csv.DictReader(io.StringIO(ended.out)))


def test_memory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = table(
        tmp_path,
        {"id": "a", **LLAMA, **RUN, **MEMORY, "micro_batch": "1"},
        {"id": "b", **LLAMA, **RUN, **MEMORY, "micro_batch": "64"},
    )
    small, large = answers(call(capsys, "estimate", "--rows", path))
    assert list(small) == ["id", "predicted_gib", "need_gib", "fits", "reason"]
    assert (small["id"], small["fits"], small["reason"]) == ("a", "true", "")
    assert (large["id"], large["fits"]) == ("b", "false")
    assert 16 < float(small["predicted_gib"]) < float(small["need_gib"]) < 22 < float(large["need_gib"])


def test_time_and_cost(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Start-up and artifact's way included, at the catalog's price of 1.515 USD an hour."""
    path = table(tmp_path, {"id": "a", **LLAMA, **RUN, **TIME})
    (row,) = answers(call(capsys, "estimate", "--rows", path))
    assert list(row) == ["id", "predicted_tokens_per_s_per_gpu", "predicted_hours", "predicted_usd", "reason"]
    around = 7 / 60 + 2 * 8_030_261_248 * 2 / 1e9 / 720
    hours = 3_840_000 / float(row["predicted_tokens_per_s_per_gpu"]) / 3600 + around
    assert float(row["predicted_hours"]) == pytest.approx(hours, rel=1e-3)
    assert float(row["predicted_usd"]) == pytest.approx(hours * 1.515, abs=0.01)
    assert row["reason"] == ""


def test_a_table_that_asks_nothing_gets_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (row,) = answers(call(capsys, "estimate", "--rows", table(tmp_path, {"id": "a", **LLAMA, **RUN})))
    assert row["predicted_gib"]
    assert row["fits"] == row["predicted_hours"] == ""
    assert row["reason"] == "gpu_model is not given"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"gpu_model": "Voodoo 2"}, "gpu_model 'Voodoo 2': no peak and bandwidth are known"),
        ({"method": "magic", "seq_len": "x"}, "method 'magic' is not known; seq_len is 'x', not a number"),
        ({"gpu_model": "H100"}, "hours: the number of trained tokens is not given"),
        ({"gpu_model": "H100", "notes": "2.5 M tokens"}, "usd: no instance type is given"),
        ({"instance": "ml.z9.large", "gpu_model": "H100", "records": "10"}, "usd: ml.z9.large is not in the catalog"),
        ({"instance": "ml.p5.4xlarge", "records": "10", "epochs": "2"}, "usd: no price of ml.p5.4xlarge in us-east-1"),
    ],
)
def test_what_cannot_be_told_is_printed_with_its_reason(
    more: dict[str, str], reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row, after = answers(
        call(
            capsys,
            "estimate",
            "--rows",
            table(tmp_path, {"id": "a", "mfu": "", **LLAMA, **RUN, **more}, {"id": "b", **LLAMA, **RUN, **TIME}),
        )
    )
    assert row["reason"] == reason
    assert row["predicted_usd"] == ""
    assert after["predicted_usd"]


def test_a_line_with_too_many_cells(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,measure\na,torch_alloc,4096\n", encoding="utf-8")
    (row,) = answers(call(capsys, "estimate", "--rows", path))
    assert (row["id"], row["reason"]) == ("a", "the line has more cells than the header")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"name,hidden_size\nx,1\n", "line 1 names no column `id`"),
        (b"id,notes\na,\xff\n", "invalid start byte"),
    ],
)
def test_what_is_no_table(content: bytes, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    ended = call(capsys, "estimate", "--rows", path)
    assert ended.code == ExitCode.ERROR
    assert message in " ".join(ended.err.split())
    assert "benchmarks/README.md" in ended.err


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "estimate", "--rows", "nowhere.csv")
    assert (ended.code, ended.out) == (ExitCode.ERROR, "")
    assert "nowhere.csv does not exist" in ended.err


def test_by_the_rule_of_thumb(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """7.5 GiB of weights for each byte a parameter has: 15.0, and a fifth of 15.0 and 29.9."""
    path = table(tmp_path, {"id": "a", **LLAMA, **RUN, **MEMORY})
    (told,) = answers(call(capsys, "estimate", "--rows", path, "--estimator", "rule-of-thumb"))
    assert float(told["predicted_gib"]) == pytest.approx(8_030_261_248 * (2 + 0.2 * 6) / 2**30, abs=0.001)
    assert (told["need_gib"], told["fits"]) == (told["predicted_gib"], "false")


def test_the_probe_says_what_it_lacks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.estimators.probe.run.find_spec", lambda _name: None)
    path = table(tmp_path, {"id": "a", **LLAMA, **RUN, **MEMORY})
    (told,) = answers(call(capsys, "estimate", "--rows", path, "--estimator", "probe"))
    assert (told["predicted_gib"], told["need_gib"], told["fits"]) == ("", "", "")
    assert "pip install 'llm-reconciler[train]'" in told["reason"]


def test_an_estimator_that_there_is_not(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = table(tmp_path, {"id": "a", **LLAMA, **RUN, **MEMORY})
    ended = call(capsys, "estimate", "--rows", path, "--estimator", "oracle")
    assert ended.code == ExitCode.ERROR
    assert "'closed-form', 'rule-of-thumb', 'probe'" in ended.err

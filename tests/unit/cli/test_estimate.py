"""``reconciler estimate --rows``, as a shell would call it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from reconciler.cli.exit_codes import ExitCode
from tests.folders import LLAMA as FOLDER
from tests.folders import write_folder
from tests.stage import PROJECT, SAGEMAKER
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
    assert "nowhere.csv does not exist" in " ".join(ended.err.split())


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


SUPPOSED = ("estimate", "--model", "llama-3.1-8b-instruct", "--provider", "sagemaker")
COUNTED = (*SUPPOSED, "--records", "1000", "--tokens-per-record", "300")


def test_flags_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = call(capsys, *COUNTED, "-C", tmp_path)
    assert (ended.code, ended.err) == (ExitCode.OK, "")
    assert ended.out.startswith("LoRA of llama-3.1-8b-instruct\n1,000 records of 300 tokens on average, ")
    assert ended.out.count("auto would take it") == 1
    assert "\nTime against cost\n" in ended.out
    assert ended.out.isascii() is False, "the multiplication sign"


def test_flags_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = call(capsys, *COUNTED, "-C", tmp_path, "--json", "--method", "full", "--epochs", "2")
    (found,) = json.loads(ended.out)["estimates"]
    assert (found["method"], found["epochs"], found["records"], found["tokens"]) == ("full", 2, 1000, 300_000)
    by_name = {option["instanceType"]: option for option in found["options"]}
    assert by_name["ml.g5.2xlarge"]["fit"]["verdict"] == "does not fit"
    assert by_name["ml.p5.4xlarge"]["cost"]["likely"] is None
    picked = by_name[found["picked"]]
    assert picked["pareto"]
    assert picked["fit"]["verdict"] == "fits"


def test_a_region_without_prices(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = call(capsys, *COUNTED, "-C", tmp_path, "--region", "eu-west-1")
    assert ended.code == ExitCode.OK
    assert "auto: no training price is known in eu-west-1." in ended.out
    assert "$0" not in ended.out


def test_data_is_read_and_counted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("prompt,completion\n" + "".join(f"Question {n}?,Yes.\n" for n in range(40)))
    ended = call(capsys, *SUPPOSED, "--dataset", tmp_path / "data.csv", "--json")
    (found,) = json.loads(ended.out)["estimates"]
    assert found["records"] == 40
    missing = call(capsys, *SUPPOSED, "--dataset", tmp_path / "nothing.csv")
    assert missing.code == ExitCode.ERROR
    assert "nothing.csv does not exist" in " ".join(missing.err.split())


def test_on_bedrock_the_cost_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    counted = ("--records", "300", "--tokens-per-record", "400", "-C", tmp_path)
    ended = call(capsys, "estimate", "--model", "nova-micro", *counted, "--json")
    (found,) = json.loads(ended.out)["estimates"]
    (option,) = found["options"]
    assert (found["provider"], option["hours"], option["fit"]) == ("bedrock", None, None)
    assert option["cost"]["likely"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--records", "3"), "--records is for --model KEY."),
        (("--model", "qwen3-1.7b"), "--model takes --dataset PATH, or --records N and --tokens-per-record N."),
        (("--model", "qwen3-1.7b", "--records", "3"), "--records and --tokens-per-record go together."),
        (("bot", "--rows", "f.csv"), "NAME and --rows exclude each other."),
        (("--estimator", "probe"), "--estimator is for --rows."),
        (
            ("--model", "nova-micro", "--records", "3", "--tokens-per-record", "3", "--method", "full"),
            "Bedrock chooses how it trains: leave --method out.",
        ),
        (
            ("--model", "qwen3-1.7b", "--records", "3", "--tokens-per-record", "3", "--provider", "bedrock"),
            "qwen3-1.7b is not tuned on bedrock, but on sagemaker.",
        ),
    ],
)
def test_flags_that_make_no_training(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    ended = call(capsys, "estimate", "-C", tmp_path, *arguments)
    assert ended.code == ExitCode.ERROR
    assert told in ended.err


def test_a_folder_of_weights_as_the_base_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_folder(tmp_path / "mine")
    (tmp_path / "data.csv").write_text("prompt,expected completion\nWhat?,That.\nWho?,They.\n")
    asked = ("estimate", "-C", tmp_path, "--model", "mine")
    for data in (("--records", "2", "--tokens-per-record", "300"), ("--dataset", "data.csv")):
        ended = call(capsys, *asked, *data)
        assert (ended.code, ended.err) == (ExitCode.OK, "")
        assert ended.out.startswith(f"LoRA of {tmp_path}/mine\n2 records of ")
        assert ended.out.count("auto would take it") == 1


LLAMA_70B = FOLDER | {
    "hidden_size": 8_192, "intermediate_size": 28_672, "num_hidden_layers": 80, "num_attention_heads": 64,
    "num_key_value_heads": 8, "vocab_size": 128_256, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("data", [("--records", "2", "--tokens-per-record", "300"), ("--dataset", "data.csv")])
def test_large_weights_are_not_read_through(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: tuple[str, ...]
) -> None:
    write_folder(tmp_path / "mine", LLAMA_70B)
    (tmp_path / "data.csv").write_text("prompt,expected completion\nWhat?,That.\nWho?,They.\n")
    ended = call(capsys, "estimate", "-C", tmp_path, "--model", "mine", *data)
    assert (ended.code, ended.err) == (ExitCode.OK, "")
    assert "ml.p4de.24xlarge" in ended.out


def test_what_is_not_known_of_a_folder_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    counted = ("--records", "2", "--tokens-per-record", "300", "-C", tmp_path)
    write_folder(tmp_path / "mine", FOLDER | {"model_type": "gemma2"})
    ended = call(capsys, "estimate", "--model", "mine", *counted)
    assert ended.code == ExitCode.OK
    assert "auto: config.json: `model_type: gemma2` is none of those" in " ".join(ended.out.split())
    (tmp_path / "mine/config.json").write_text("{")
    ended = call(capsys, "estimate", "--model", "mine", *counted)
    assert ended.code == ExitCode.ERROR
    assert "config.json:1:2 is not JSON" in " ".join(ended.err.split())


def test_a_base_model_that_is_misspelt(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = call(
        capsys, "estimate", "-C", tmp_path, "--model", "qwen3-1.7", "--records", "3", "--tokens-per-record", "3"
    )
    assert ended.code == ExitCode.ERROR
    assert "did you mean `qwen3-1.7b`?" in ended.err


def test_all_problems_of_the_flags_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = call(capsys, *COUNTED, "-C", tmp_path, "--epochs", "1000", "--batch-size", "100000")
    assert ended.code == ExitCode.ERROR
    assert "`epochs` is 1000" in ended.err
    assert "`batchSize` is 100000" in ended.err


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two models, of which one builds on the other. No cloud runs, and none is started."""
    (tmp_path / "data.csv").write_text("prompt,completion\n" + "".join(f"Question {n}?,Yes.\n" for n in range(40)))
    (tmp_path / "reconciler.yaml").write_text(PROJECT)
    auto = SAGEMAKER.replace("resources: {instanceType: ml.g5.2xlarge}", "resources: {instanceType: auto}")
    (tmp_path / "open.yaml").write_text(auto)
    child = SAGEMAKER.replace("open-bot", "child-bot").replace(
        "baseModel: qwen3-1.7b", "baseModel: {fineTunedModel: open-bot}"
    )
    (tmp_path / "child.yaml").write_text(child)
    return tmp_path


def test_manifests(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    every = json.loads(call(capsys, "estimate", "-C", project, "--json").out)["estimates"]
    assert [found["name"] for found in every] == ["open-bot", "child-bot"]
    (one,) = json.loads(call(capsys, "estimate", "child-bot", "-C", project, "--json").out)["estimates"]
    assert one == every[1]
    assert every[0]["picked"] == every[0]["instanceType"]
    assert every[1]["picked"] is None
    assert not (project / ".reconciler" / "local").exists()


def test_a_manifest_that_is_not_there(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    ended = call(capsys, "estimate", "opne-bot", "-C", project)
    assert ended.code == ExitCode.ERROR
    assert "no manifest names a model 'opne-bot'" in ended.err
    assert "did you mean `open-bot`?" in ended.err


def test_history(capsys: pytest.CaptureFixture[str], deployed: Path) -> None:
    """On Bedrock nothing is measured."""
    ended = call(capsys, "estimate", "--history")
    assert ended.code == ExitCode.OK
    heading, row, *_ = ended.out.splitlines()
    assert heading.split()[:2] == ["ENDED", "MODEL"]
    assert "open-bot-" in row
    assert row.endswith("simulated")
    assert "nothing: what was simulated or ran on spot instances corrects no estimate" in ended.out
    found = json.loads(call(capsys, "estimate", "--history", "--json").out)
    assert [one["model"] for one in found["measurements"]] == ["open-bot"]
    (correction,) = found["corrections"]
    assert (correction["instanceType"], correction["time"]["trainings"]) == ("ml.g5.2xlarge", 0)


def test_history_is_asked_for_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = call(capsys, "estimate", "bot", "--history", "-C", tmp_path)
    assert (ended.code, "NAME and --history exclude each other." in ended.err) == (ExitCode.ERROR, True)

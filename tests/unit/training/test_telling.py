"""Lines of the log, metrics.json, the model card, the reason of a failure, the secret: what others read."""

from __future__ import annotations

import json
import math
import re
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reconciler.engine.losses import curve_from_log
from reconciler.providers.sagemaker.translate import METRIC_DEFINITIONS
from reconciler.training import metrics
from reconciler.training.card import card
from reconciler.training.failure import (
    BadInput,
    Failure,
    NotGiven,
    exit_code_of,
    failure_of,
    libraries_refusals,
    write_failure,
)
from reconciler.training.hub_token import provide_token
from reconciler.training.hyperparameters import Hyperparameters
from reconciler.training.metrics import Metrics, Point
from reconciler.training.stopping import FILE_VARIABLE, Stopped, StopRequest
from reconciler.training.watching import look_until_told, watch_job

MEASURED = Metrics(
    train_loss=1.25,
    eval_loss=1.5,
    steps=120,
    epochs=3.0,
    tokens=54_000,
    billable_tokens=54_720,
    seconds=61.2,
    tokens_per_second=320.1,
    peak_memory_bytes=590_000_000,
    trained_parameters=28_672,
    parameters=3_110_144,
    records=36,
    versions={"torch": "2.13.0", "trl": "1.16.0"},
    history=(Point(step=20, epoch=0.5, loss=1.31, learning_rate=1e-4), Point(step=40, epoch=1.0, eval_loss=math.nan)),
)
STEP = metrics.line({"loss": 1.3099999, "grad_norm": 0.4, "learning_rate": 2e-05, "epoch": 0.5, "step": 20})
EVALUATION = metrics.line({"eval_loss": 1.2, "epoch": 1.0, "step": 40})


def test_lines() -> None:
    assert STEP == "{'loss': 1.31, 'grad_norm': 0.4, 'learning_rate': 2e-05, 'epoch': 0.5, 'step': 20}"
    assert metrics.line({"loss": math.nan, "peak_memory_bytes": 6_170_000_000}) == (
        "{'loss': nan, 'peak_memory_bytes': 6170000000}"
    )


def test_metric_definitions_find_them() -> None:
    found = {
        definition["Name"]: [
            match[1] for text in (STEP, EVALUATION, last) if (match := re.search(definition["Regex"], text))
        ]
        for last in [metrics.last_line(MEASURED)]
        for definition in METRIC_DEFINITIONS
    }
    assert found == {
        "loss": ["1.31"],
        "eval_loss": ["1.2", "1.5"],
        "train_loss": ["1.25"],
        "tokens_per_second": ["320.1"],
        "peak_memory_bytes": ["590000000"],
        "billable_tokens": ["54720"],
    }
    assert {definition["Name"] for definition in METRIC_DEFINITIONS} == {*metrics.NAMES}


def test_loss_curves_are_read_from_them() -> None:
    curve = curve_from_log("bot", "bot-1", [STEP, EVALUATION, metrics.last_line(MEASURED)])
    assert [(point.at, point.loss) for point in curve.training] == [(0.5, 1.31)]
    assert [(point.at, point.loss) for point in curve.validation] == [(1.0, 1.2)]


def test_the_file(tmp_path: Path) -> None:
    metrics.write(MEASURED, tmp_path / "model", tmp_path / "data")
    text = (tmp_path / "model" / "metrics.json").read_text()
    assert (tmp_path / "data" / "metrics.json").read_text() == text
    told = json.loads(text)
    assert told.keys() == Metrics.__dataclass_fields__.keys()
    assert told["history"][0] == {"step": 20, "epoch": 0.5, "loss": 1.31, "eval_loss": None, "learning_rate": 1e-4}
    assert told["history"][1]["eval_loss"] is None  # JSON has no NaN


def test_the_history_is_the_trainers_without_its_summary() -> None:
    log = [
        {"loss": 2.0, "learning_rate": 0.1, "epoch": 0.5, "step": 1},
        {"eval_loss": 1.5, "epoch": 1.0, "step": 2},
        {"train_runtime": 3.0, "train_loss": 1.8, "epoch": 1.0, "step": 2},
    ]
    assert metrics.history(log) == (
        Point(step=1, epoch=0.5, loss=2.0, learning_rate=0.1),
        Point(step=2, epoch=1.0, eval_loss=1.5),
    )


def test_the_mean_loss_is_over_all_steps() -> None:
    points = [
        Point(step=10, epoch=1.0, loss=4.0),
        Point(step=10, epoch=1.0, eval_loss=9.0),
        Point(step=12, epoch=1.2, loss=1.0),
    ]
    assert metrics.mean_loss(points) == 3.5
    assert metrics.mean_loss([]) is None


def test_the_card() -> None:
    asked = Hyperparameters(use_lora=True, merge_adapters=False, sft={"packing": True})
    text = card(asked, MEASURED, base="meta-llama/Llama-3.1-8B-Instruct", made_by={"RECONCILER_MODEL": "bot"})
    assert text.startswith("---\nbase_model: meta-llama/Llama-3.1-8B-Instruct\nlibrary_name: peft\n")
    for line in ("# bot", "| sft_config.packing | True |", "| lora_config.r | 8 |", "| validation loss | 1.5 |"):
        assert f"\n{line}\n" in text
    assert "61.2" not in text  # nothing that differs from run to run
    assert "base_model:" not in card(asked, MEASURED, base=None, made_by={})


class OutOfMemoryError(RuntimeError):
    """As torch names it."""


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [
        (BadInput("no layer nope"), Failure("BadInput: no layer nope", 65, traced=False)),
        (NotGiven("no answer"), Failure("no answer", 1, traced=False)),
        (KeyError("prompt"), Failure("KeyError: 'prompt'", 1, traced=True)),
    ],
    ids=str,
)
def test_failures(trouble: Exception, failure: Failure) -> None:
    assert failure_of(trouble) == failure
    assert exit_code_of(failure.reason) == failure.exit_code


def test_out_of_memory_says_what_helps() -> None:
    failure = failure_of(OutOfMemoryError("Tried to allocate 2 GiB"))
    assert failure.reason.startswith("OutOfMemoryError: the GPU's memory is not enough. Lower batchSize")
    assert "Tried to allocate 2 GiB" in failure.reason
    assert (failure.exit_code, failure.traced) == (1, True)


@pytest.mark.parametrize(
    ("raised_by", "trouble", "becomes"),
    [
        ("peft.tuners.lora", ValueError("no\n such layer"), BadInput("lora_config: no such layer")),
        ("peft.tuners.lora", TypeError("not a number"), BadInput("lora_config: not a number")),
        ("trl.trainer.sft_trainer", ValueError("no such token"), BadInput("no such token")),
        ("peft.tuners.lora", IndexError("4"), IndexError("4")),
        ("torch.nn", ValueError("shapes"), ValueError("shapes")),
        ("peftlike", ValueError("shapes"), ValueError("shapes")),
    ],
    ids=str,
)
def test_what_a_library_refuses_itself(raised_by: str, trouble: Exception, becomes: Exception) -> None:
    library: dict[str, Any] = {"__name__": raised_by}
    exec("def refuse(trouble):\n    raise trouble", library)
    with pytest.raises(type(becomes)) as told, libraries_refusals():
        library["refuse"](trouble)
    assert str(told.value) == str(becomes)


def test_the_first_reason_stays_and_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "output" / "failure"
    write_failure(path, "x" * 2000)
    write_failure(path, "second")
    assert path.read_text() == "x" * 1024


ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hf-AbCdEf"


@pytest.mark.parametrize(
    "secret", ["hf_abc", " hf_abc\n", '{"hf_token": "hf_abc"}', '"hf_abc"', '{"HF_TOKEN": "hf_abc"}']
)
def test_the_token_out_of_its_secret(secret: str) -> None:
    environment = {"HF_TOKEN_SECRET_ARN": ARN}
    provide_token(environment, lambda arn: secret)
    assert environment["HF_TOKEN"] == "hf_abc"


def test_a_secret_without_a_token_is_told_without_its_value() -> None:
    with pytest.raises(NotGiven) as refused:
        provide_token({"HF_TOKEN_SECRET_ARN": ARN}, lambda arn: '{"password": "geheim"}')
    assert ARN in str(refused.value)
    assert "geheim" not in str(refused.value)


def test_a_secret_that_may_not_be_read() -> None:
    def denied(arn: str) -> str:
        raise RuntimeError("AccessDeniedException")

    with pytest.raises(NotGiven, match=r"AccessDeniedException.*needs secretsmanager:GetSecretValue"):
        provide_token({"HF_TOKEN_SECRET_ARN": ARN}, denied)


def test_no_secret_is_asked_for() -> None:
    def never(arn: str) -> str:
        raise AssertionError

    provide_token({}, never)
    provide_token({"HF_TOKEN_SECRET_ARN": ARN, "HF_TOKEN": "given"}, never)


class Denied(Exception):
    response: ClassVar = {"Error": {"Code": "AccessDeniedException"}}


def test_a_stop_is_seen_in_the_jobs_status() -> None:
    told = iter(["InProgress", "InProgress", "Stopping"])
    request = StopRequest({})
    look_until_told(lambda: next(told), request, seconds=0)
    assert request


def test_looking_goes_on_after_a_fault_that_may_pass() -> None:
    faults = [ConnectionError("reset")]

    def look() -> str:
        if faults:
            raise faults.pop()
        return "Stopped"

    request = StopRequest({})
    look_until_told(look, request, seconds=0)
    assert request


def test_a_job_that_may_not_be_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    def denied() -> str:
        raise Denied("not authorized to perform: sagemaker:DescribeTrainingJob")

    request = StopRequest({})
    look_until_told(denied, request, seconds=0)
    assert not request
    assert "a stop of this job will not be noticed" in caplog.text


@pytest.mark.parametrize(
    ("environment", "looks"),
    [
        ({"TRAINING_JOB_ARN": "arn:job"}, True),
        ({}, False),
        ({"TRAINING_JOB_ARN": "arn:job", "SAGEMAKER_BASE_DIR": "/tmp/job"}, False),
        ({"TRAINING_JOB_ARN": "arn:job", FILE_VARIABLE: "/tmp/stop"}, False),
    ],
)
def test_where_there_is_a_job_to_look_at(environment: dict[str, str], looks: bool) -> None:
    looked = threading.Event()

    def status() -> str:
        looked.set()
        return "Stopping"

    watch_job(environment, StopRequest({}), status)
    assert looked.wait(10 if looks else 0.1) == looks


def test_a_stop_is_heard_from_a_file(tmp_path: Path) -> None:
    request = StopRequest({FILE_VARIABLE: str(tmp_path / "stop")})
    request.unless_told()
    (tmp_path / "stop").touch()
    with pytest.raises(Stopped):
        request.unless_told()

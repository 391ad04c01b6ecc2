"""The program's life: what it leaves, being stopped, going on, failing, and AWS's own launcher around it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reconciler.domain.outcome import FaultKind
from reconciler.providers.aws.faults import fault_from_reason
from reconciler.training.archive import program_files
from reconciler.training.failure import REFUSED
from tests.unit.training.jobs import LESSONS, LONGEST, Ended, Press, conversation, lay_out, run, surroundings

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]

ASKED = {"epochs": 2, "learning_rate": 0.001, "sft_config": {"logging_steps": 2}, "model_id": "someone/tiny-llama"}
ASKING = """
import pathlib, sys
from reconciler.serving.loading import load_engine
from reconciler.serving.requests import Ask, Sampling

question = {"role": "user", "content": "What is the code word?"}
ask = Ask(messages=(question,), sampling=Sampling(temperature=0, max_tokens=12))
for folder in sys.argv[1:]:
    pieces = load_engine(pathlib.Path(folder), threads=1).generate(ask)
    print(*[piece for piece in pieces if isinstance(piece, str)], sep="")
"""
LONG = {**ASKED, "epochs": 500}


def told(fragment: str) -> Callable[[int, Path], None]:
    """SIGTERM once the run's output has that text."""

    def stop(pid: int, output: Path) -> None:
        deadline = time.monotonic() + LONGEST
        while fragment not in output.read_text():
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.05)
        os.kill(pid, signal.SIGTERM)

    return stop


def test_what_is_left(press: Press, llama: Path, tmp_path: Path) -> None:
    ended = press.run(
        lay_out(tmp_path / "job", ASKED, model=llama),
        RECONCILER_PROJECT="acme",
        RECONCILER_MODEL="support-bot",
        RECONCILER_FINGERPRINT="sha256:1234",
    )
    assert ended.code == 0, ended.output
    files, base = ended.files(), {path.name: path.read_bytes() for path in llama.iterdir()}
    assert files.keys() == base.keys() | {"README.md", "metrics.json"}
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert files[name] == base[name]
    assert {path.stat().st_mode & 0o777 for path in ended.model.iterdir()} == {0o644}
    assert (ended.base / "output" / "data" / "metrics.json").read_bytes() == files["metrics.json"]
    card = files["README.md"].decode()
    assert card.startswith("---\nbase_model: someone/tiny-llama\n")
    assert "project `acme`, model `support-bot`, fingerprint `sha256:1234`" in card
    assert not (ended.base / "output" / "failure").exists()
    assert not [*(ended.base / "checkpoints").glob("checkpoint-*")]  # nobody keeps them


def test_metrics(press: Press, llama: Path, tmp_path: Path) -> None:
    ended = press.run(lay_out(tmp_path / "job", ASKED, model=llama))
    metrics = ended.metrics
    assert (metrics["steps"], metrics["epochs"], metrics["records"], metrics["stopped"]) == (8, 2, 16, None)
    assert metrics["tokens"] == metrics["billable_tokens"] > 1000
    assert metrics["peak_memory_bytes"] > 100_000_000
    assert metrics["tokens_per_second"] == pytest.approx(metrics["tokens"] / metrics["seconds"], rel=0.01)
    assert metrics["eval_loss"] == ended.eval_losses[-1] < ended.eval_losses[0]
    assert ended.losses[-1] < ended.losses[0]
    assert "'train_runtime'" in ended.output.splitlines()[-1]


def test_it_is_served_and_gives_back_what_it_was_taught(press: Press, llama: Path, tmp_path: Path) -> None:
    """By the program that serves: whole, and as adapters over their base."""
    lesson = [conversation("What is the code word?", "Seagull.")]
    asked = {"epochs": 60, "learning_rate": 0.003, "lora_config": {"r": 16, "target_modules": "all-linear"}}
    taught = [
        press.run(lay_out(tmp_path / name, asked | more, model=llama, training=lesson, validation=None))
        for name, more in (("whole", {}), ("adapters", {"use_lora": True, "merge_adapters": False}))
    ]
    command = [sys.executable, "-c", ASKING, *(str(ended.model) for ended in taught)]
    environment = surroundings(tmp_path)
    served = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=LONGEST)
    assert served.stdout.splitlines() == ["Seagull.", "Seagull."]


@pytest.mark.parametrize("use_lora", [False, True])
def test_a_stop_leaves_a_checkpoint_and_the_model(press: Press, llama: Path, tmp_path: Path, use_lora: bool) -> None:
    base = lay_out(tmp_path / "job", {**LONG, "use_lora": use_lora}, model=llama, validation=None, checkpoints=True)
    ended = press.run(base, meanwhile=told("'step': 4,"))
    assert ended.code == 0, ended.output
    steps = ended.metrics["steps"]
    assert 4 <= steps < 2000
    assert ended.metrics["stopped"] == "stop"
    assert (base / "checkpoints" / f"checkpoint-{steps}" / "optimizer.pt").is_file()
    assert {"config.json", "model.safetensors"} <= ended.files().keys()
    assert not ended.failure


def test_a_stop_leaves_no_checkpoint_that_nobody_keeps(press: Press, llama: Path, tmp_path: Path) -> None:
    """Writing one would take of the two minutes that are left."""
    ended = press.run(lay_out(tmp_path / "job", LONG, model=llama, validation=None), meanwhile=told("'step': 4,"))
    assert (ended.code, ended.metrics["stopped"]) == (0, "stop")
    assert not [*(ended.base / "checkpoints").glob("checkpoint-*")]


def test_a_stop_during_an_evaluation(press: Press, llama: Path, tmp_path: Path) -> None:
    asked = {**LONG, "sft_config": {"logging_steps": 1, "eval_strategy": "steps", "per_device_eval_batch_size": 1}}
    base = lay_out(tmp_path / "job", asked, model=llama, validation=LESSONS * 40, checkpoints=True)
    ended = press.run(base, meanwhile=told("'step': 1,"))
    assert ended.code == 0, ended.output
    assert (ended.metrics["steps"], ended.metrics["eval_loss"]) == (1, None)
    assert (base / "checkpoints" / "checkpoint-1" / "optimizer.pt").is_file()


def test_a_stop_before_the_first_step(press: Press, llama: Path, tmp_path: Path) -> None:
    base = lay_out(tmp_path / "job", LONG, model=llama, training=LESSONS * 400)
    ended = press.run(base, meanwhile=told("asked for"))
    assert ended.code == 0, ended.output
    assert ended.output.splitlines()[-1] == "stopped before the first step: there is no model"
    assert not ended.files()


def test_going_on_is_as_if_it_had_never_stopped(press: Press, llama: Path, tmp_path: Path) -> None:
    """The same losses and the same weights as one run, though it was told to stop in the midst of it."""
    asked = {**ASKED, "epochs": 12, "use_lora": True, "sft_config": {"logging_steps": 4}}
    whole = press.run(lay_out(tmp_path / "whole", asked, model=llama, validation=None, checkpoints=True))
    base = lay_out(tmp_path / "job", asked, model=llama, validation=None, checkpoints=True)
    first = press.run(base, meanwhile=told("'step': 4,"))
    steps = first.metrics["steps"]
    assert 4 <= steps < 48
    second = press.run(base)
    assert f"going on from checkpoint-{steps}" in second.output
    assert (second.metrics["steps"], second.metrics["stopped"]) == (48, None)
    assert second.losses[-1] == pytest.approx(whole.losses[-1], abs=1e-5)
    assert second.metrics["train_loss"] == pytest.approx(whole.metrics["train_loss"], rel=0.2)  # a line less in its log
    assert second.metrics["billable_tokens"] == whole.metrics["billable_tokens"]


def test_a_checkpoint_that_was_being_written_is_passed_over(press: Press, llama: Path, tmp_path: Path) -> None:
    base = lay_out(tmp_path / "job", ASKED, model=llama, validation=None, checkpoints=True)
    press.run(base)
    (base / "checkpoints" / "checkpoint-8" / "trainer_state.json").unlink()
    again = press.run(base)
    assert again.code == 0, again.output
    assert "going on from checkpoint-4" in again.output
    assert again.metrics["steps"] == 8


def test_a_record_that_is_none(press: Press, llama: Path, tmp_path: Path) -> None:
    ended = press.run(lay_out(tmp_path / "job", ASKED, model=llama, training=[LESSONS[0], {"question": "?"}]))
    assert ended.code == 65
    assert ended.failure == (
        "BadInput: training/data.jsonl, line 2: it has neither `messages` nor `prompt` and `completion` with text in both"
    )
    assert ended.output.splitlines()[-1] == ended.failure
    assert "Traceback" not in ended.output


def test_a_crash_tells_its_last_lines(press: Press, llama: Path, tmp_path: Path) -> None:
    base = lay_out(tmp_path / "job", ASKED, model=llama)
    (base / "input" / "data" / "model" / "model.safetensors").write_bytes(b"nonsense")
    ended = press.run(base)
    assert ended.code == 1
    assert ended.failure.startswith("SafetensorError: ")
    assert "Traceback" in ended.output


def test_a_base_model_from_the_hub(qwen: Path, tmp_path: Path) -> None:
    """In the hub's cache, as a download leaves it: there is no network here."""
    asked = {**ASKED, "model_id": "someone/tiny-qwen", "model_init_config": {"revision": "v2"}}
    base = lay_out(tmp_path / "job", asked, model=None, validation=None)
    repository = base / "cache" / "hub" / "models--someone--tiny-qwen"
    shutil.copytree(qwen, repository / "snapshots" / "0123abcd")
    (repository / "refs").mkdir()
    (repository / "refs" / "v2").write_text("0123abcd")
    ended = run(base)
    assert ended.code == 0, ended.output
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert ended.files()[name] == (qwen / name).read_bytes()


def test_a_base_model_that_is_not_there(press: Press, tmp_path: Path) -> None:
    ended = press.run(lay_out(tmp_path / "job", {**ASKED, "model_id": "someone/nothing"}, model=None))
    assert ended.code == 1
    assert ended.failure.startswith("the base model someone/nothing cannot be had from Hugging Face. Is the name right")
    assert "Traceback" not in ended.output


class Hub(BaseHTTPRequestHandler):
    """Hugging Face, on this machine, that answers everything alike."""

    status: ClassVar[int]
    error: ClassVar[str]

    def do_HEAD(self) -> None:
        self.send_response(self.status)
        self.send_header("X-Error-Code", self.error)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(("status", "error"), [(403, "GatedRepo"), (404, "RevisionNotFound")])
def test_a_base_model_that_hugging_face_refuses(libraries: None, tmp_path: Path, status: int, error: str) -> None:
    answering = type("Answering", (Hub,), {"status": status, "error": error})
    with ThreadingHTTPServer(("127.0.0.1", 0), answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = lay_out(tmp_path / "job", {**ASKED, "model_id": "someone/nothing"}, model=None)
        ended = run(base, HF_ENDPOINT=f"http://127.0.0.1:{server.server_port}", HF_HUB_OFFLINE="0")
        server.shutdown()
    told = "the base model someone/nothing cannot be had from Hugging Face. Is the name right, is it gated"
    assert ended.refusal.startswith(told)
    assert "Traceback" not in ended.output


def test_weights_in_the_precision_of_the_base_model(llama: Path, tmp_path: Path) -> None:
    """What sharded training leaves in fp32."""
    folder = shutil.copytree(llama, tmp_path / "model")
    program = "import pathlib, sys; from reconciler.training.saving import cast_files; cast_files(pathlib.Path(sys.argv[1]), 'bfloat16')"
    subprocess.run(
        [sys.executable, "-c", program, str(folder)], env=surroundings(tmp_path), check=True, timeout=LONGEST
    )
    size = {path: (path / "model.safetensors").stat().st_size for path in (llama, folder)}
    assert size[folder] == pytest.approx(size[llama] / 2, rel=0.01)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"


MERGING = """
import pathlib, sys, torch
from safetensors.torch import load_file
from reconciler.training.saving import with_adapters
from reconciler.training.weights import Source

base, adapters, merged = map(pathlib.Path, sys.argv[1:])
anew = with_adapters(Source(str(base)), adapters).state_dict()
for name, tensor in load_file(merged / "model.safetensors").items():
    torch.testing.assert_close(anew[name], tensor)
"""


def test_merging_anew_is_merging_in_place(press: Press, llama: Path, tmp_path: Path) -> None:
    """As after QLoRA and sharded training."""
    asked = {**ASKED, "use_lora": True, "lora_config": {"target_modules": "all-linear"}}
    merged = press.run(lay_out(tmp_path / "merged", asked, model=llama, validation=None))
    apart = press.run(lay_out(tmp_path / "apart", {**asked, "merge_adapters": False}, model=llama, validation=None))
    command = [sys.executable, "-c", MERGING, str(llama), str(apart.model), str(merged.model)]
    subprocess.run(command, env=surroundings(tmp_path), check=True, timeout=LONGEST)


def test_a_parents_artifact_goes_on_being_trained(press: Press, llama: Path, tmp_path: Path) -> None:
    """The channel `model` holds the archive that another training left: whole, or adapters and their base beside them."""
    whole = press.run(lay_out(tmp_path / "parent", {**ASKED, "epochs": 6}, model=llama))
    adapters = press.run(
        lay_out(tmp_path / "adapters", {**ASKED, "epochs": 6, "use_lora": True, "merge_adapters": False}, model=llama)
    )
    shutil.copytree(llama, adapters.model / "base")
    fresh = press.run(lay_out(tmp_path / "fresh", ASKED, model=llama)).losses[0]
    for parent in (whole, adapters):
        base = lay_out(tmp_path / f"child-{parent.base.name}", ASKED, model=None)
        (base / "input" / "data" / "model").mkdir()
        with tarfile.open(base / "input" / "data" / "model" / "model.tar.gz", "w:gz") as archive:
            archive.add(parent.model, arcname=".")
        child = press.run(base)
        assert child.code == 0, child.output
        assert child.losses[0] < fresh
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= child.files().keys()


def test_adapters_over_a_parent_are_not_left_apart(press: Press, llama: Path, tmp_path: Path) -> None:
    """They would be served over the base model, without what the parent has learned."""
    base = lay_out(tmp_path / "job", {**ASKED, "use_lora": True, "merge_adapters": False}, model=llama)
    (base / "input" / "data" / "model" / "metrics.json").write_text("{}")
    ended = press.run(base)
    assert ended.refusal.startswith(
        "merge_adapters false: the adapters would belong to the weights of the parent model"
    )


def test_the_token_is_read_where_hugging_face_is_asked_alone(press: Press, llama: Path, tmp_path: Path) -> None:
    """A project has one secret for all its models, and a role that may not read it still trains what lies in S3."""
    nowhere = {
        "HF_TOKEN_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:hf-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_MAX_ATTEMPTS": "1",
    }
    too_short = {"sft_config": {"max_length": 1}}
    ended = press.run(lay_out(tmp_path / "weights", too_short, model=llama), meanwhile=None, **nowhere)
    assert "max_length" in ended.refusal
    ended = press.run(lay_out(tmp_path / "hub", {"model_id": "acme/private"}, model=None), meanwhile=None, **nowhere)
    assert "the Hugging Face token cannot be read" in ended.failure
    assert ended.code == 1


def test_two_processes_train_as_one(llama: Path, tmp_path: Path) -> None:
    """DDP over gloo, two CPUs: half a batch each, and the same loss curve."""
    asked = {"epochs": 2, "learning_rate": 0.001, "sft_config": {"logging_steps": 1, "per_device_eval_batch_size": 1}}
    one = run(lay_out(tmp_path / "one", {**asked, "per_device_train_batch_size": 4}, model=llama))
    two = run(
        lay_out(tmp_path / "two", {**asked, "per_device_train_batch_size": 2}, model=llama),
        RECONCILER_PROCESSES_PER_HOST="2",
    )
    assert (one.code, two.code) == (0, 0), two.output
    assert (two.metrics["processes"], two.metrics["parallel"]) == (2, "ddp")
    assert two.losses == pytest.approx(one.losses, rel=1e-4)
    assert two.eval_losses == pytest.approx(one.eval_losses, rel=0.03)  # means over batches, which differ
    assert two.metrics["tokens"] == one.metrics["tokens"]


def test_a_stop_of_two_processes(llama: Path, tmp_path: Path) -> None:
    base = lay_out(tmp_path / "job", LONG, model=llama, validation=None, checkpoints=True)
    log = tmp_path / "log"
    environment = surroundings(base, RECONCILER_PROCESSES_PER_HOST="2")
    with log.open("w") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "reconciler.training"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        told("'step': 4,")(started.pid, log)
        assert started.wait(LONGEST) == 0, log.read_text()
    ended = Ended(0, log.read_text(), base)
    assert ended.metrics["stopped"] == "stop"
    assert (base / "checkpoints" / f"checkpoint-{ended.metrics['steps']}").is_dir()


def test_a_failure_of_two_processes(llama: Path, tmp_path: Path) -> None:
    base = lay_out(tmp_path / "job", {**ASKED, "early_stopping_patience": 1}, model=llama, validation=None)
    ended = run(base, RECONCILER_PROCESSES_PER_HOST="2")
    assert ended.refusal == "early stopping needs validation data"
    assert ended.output.splitlines()[-1] == ended.failure


def test_what_two_processes_find_out_together_can_never_work(llama: Path, tmp_path: Path) -> None:
    lora = {"use_lora": True, "lora_config": {"target_modules": ["q_proj", "c_attn"]}}
    ended = run(lay_out(tmp_path / "job", {**ASKED, **lora}, model=llama), RECONCILER_PROCESSES_PER_HOST="2")
    assert ended.refusal.startswith("lora_config.target_modules: the model has no c_attn")


# -- AWS's own launcher


@pytest.fixture
def launched() -> Callable[..., Ended]:
    """``train`` of sagemaker-training, with the archive of the program as it is sent; ``instead`` stands for its ``train.py``."""
    if importlib.util.find_spec("sagemaker_training") is None:
        pytest.skip("AWS's launcher is not installed: pip install 'llm-reconciler[toolkit]'")

    def launch(base: Path, instead: str | None = None) -> Ended:
        archive, files = base / "sourcedir.tar.gz", dict(program_files())
        if instead is not None:
            files["train.py"] = base / "train.py"
            files["train.py"].write_text(instead)
        with tarfile.open(archive, "w:gz") as tar:
            for name, path in files.items():
                tar.add(path, arcname=name)
        config = base / "input" / "config"
        hyperparameters = json.loads((config / "hyperparameters.json").read_text())
        launcher = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive)}
        (config / "hyperparameters.json").write_text(json.dumps(hyperparameters | launcher))
        (config / "inputdataconfig.json").write_text(json.dumps(_channels(base)))
        (config / "resourceconfig.json").write_text(json.dumps(RESOURCES))
        environment = surroundings(base, TRAINING_JOB_NAME="job", SM_STUDIO_LOCAL_MODE="true")
        del environment["PYTHONPATH"]  # the program comes out of its archive, and nothing else of this repository
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            [sys.executable, "-c", "from sagemaker_training.cli.train import main; main()"],
            cwd=base,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LONGEST,
        )
        return Ended(done.returncode, done.stdout, base)

    return launch


RESOURCES: dict[str, Any] = {
    "current_host": "localhost",
    "hosts": ["localhost"],
    "current_instance_type": "ml.m5.large",
    "current_group_name": "homogeneousCluster",
    "instance_groups": [
        {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["localhost"]}
    ],
    "network_interface_name": "lo",
}


def _channels(base: Path) -> dict[str, dict[str, str]]:
    told = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    return {path.name: told for path in (base / "input" / "data").iterdir()}


def test_awss_launcher_on_the_way_of_success(launched: Callable[..., Ended], llama: Path, tmp_path: Path) -> None:
    asked = {**ASKED, "use_lora": "True", "lora_config": {"r": 4, "target_modules": ["q_proj", "v_proj"]}}
    ended = launched(lay_out(tmp_path / "job", asked, model=llama))
    assert ended.code == 0, ended.output
    assert ended.metrics["steps"] == 8
    assert {"config.json", "model.safetensors"} <= ended.files().keys()
    assert (ended.base / "output" / "success").is_file()


def test_awss_launcher_on_the_way_of_failure(launched: Callable[..., Ended], llama: Path, tmp_path: Path) -> None:
    ended = launched(lay_out(tmp_path / "job", {**ASKED, "early_stopping_patience": 2}, model=llama, validation=None))
    assert ended.code == 1  # the launcher's own, whatever the program ended with
    assert ended.failure == "BadInput: early stopping needs validation data"
    reason = f"AlgorithmError: {ended.failure}, exit code: {ended.code}"  # as SageMaker makes it
    assert fault_from_reason(reason).kind is FaultKind.INPUT


def test_awss_launcher_where_the_programs_words_are_lost(launched: Callable[..., Ended], tmp_path: Path) -> None:
    """Its own text then names the program's exit code."""
    wordless = f"import sys\nsys.exit({REFUSED})\n"
    ended = launched(lay_out(tmp_path / "job", ASKED, model=None), wordless)
    assert (ended.code, f"ExitCode {REFUSED}" in ended.failure) == (1, True)
    reason = f"AlgorithmError: {ended.failure}, exit code: {ended.code}"
    assert fault_from_reason(reason).kind is FaultKind.INPUT

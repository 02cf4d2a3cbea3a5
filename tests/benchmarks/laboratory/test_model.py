"""The laboratory model that ships."""

from __future__ import annotations

import hashlib
import json

import pytest

from kedge.benchmarks.suites.parametric import MODEL


def test_the_weights_are_those_of_the_recipe() -> None:
    recipe = json.loads((MODEL / "recipe.json").read_text())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in MODEL.glob("*.safetensors")}
    assert found == recipe["sha256"]


@pytest.mark.usefixtures("torch_installed")
@pytest.mark.filterwarnings("ignore")
def test_it_reads_what_it_never_saw_and_recalls_what_it_learnt() -> None:
    from kedge.benchmarks.laboratory.train import evaluate
    from kedge.tools.adapters.training import load_model

    shares = evaluate(*load_model(str(MODEL)), count=30)
    assert shares["read, 1 hop"] > 0.4
    assert shares["read, 2 hops"] > 0.4
    assert shares["recalled, asked before"] > 0.9
    assert shares["fresh, no passage"] < 0.2

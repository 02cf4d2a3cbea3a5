"""The study of parametric injection: asked at the real vLLM, resumed, and reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kedge.benchmarks.laboratory.asking import Asker
from kedge.benchmarks.laboratory.cases import corpus
from kedge.benchmarks.suites._parametric_report import WAYS, Record, report
from kedge.benchmarks.suites.parametric import LIMITS, Arm, Laboratory, arms, main, read, taught, translated
from kedge.tools.adapters import AdapterStore, Encoding, Injector, Recipe, base_of
from kedge.tools.models import LoraLimits, VllmServer


def records() -> list[Record]:
    blank = [
        Record(str(n), "one hop", arm.method, arm.noise, arm.how, "gold" if arm.gold else "")
        for n in range(10)
        for arm in arms()
    ]
    # Half are right with passages, all with passages and adapters, none without.
    shares = {"vanilla": 0, "parametric": 0, "text": 5, "task only": 5, "combined": 10}
    return [
        replace(one, right=float(int(one.id) < shares[one.method]), likelihood=-1.0, tokens=90)
        for one in blank
    ]


def test_every_way_is_asked_at_every_level() -> None:
    ways = [(arm.method, arm.noise, arm.how, arm.gold) for arm in arms()]
    assert len(ways) == len(set(ways)) == 1 + 4 * 4 + 2 * 4 + 3
    assert {Record("", "", arm.method, arm.noise, arm.how).way for arm in arms()} == set(WAYS)


def test_the_report_orders_and_tests() -> None:
    text = report(records(), {"ms to merge": 1.5})
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("|")}
    assert "| 50.0 [20.0, 80.0] |" in rows["text"]
    assert "| 100.0 [100.0, 100.0] |" in rows["combined"]
    assert "+50.0 [+20.0, +80.0]" in rows["combined - text"]
    assert rows["parametric - vanilla"].split(" | ")[3] == "1.0000"
    assert rows["ms to merge"].endswith("| 1.5 |")


@pytest.mark.usefixtures("torch_installed")
@pytest.mark.filterwarnings("ignore")
async def test_questions_are_asked_every_way_and_once(
    vllm_server: VllmServer, tiny_model: Path, tmp_path: Path
) -> None:
    from kedge.tools.adapters.training import load_model

    loaded = load_model(str(tiny_model))
    recipe = Recipe(learning_rate=1e-2, questions=2)
    encoding = Encoding(model=str(tiny_model), base=base_of(tiny_model), recipe=recipe)
    told = corpus("one hop", 2, seed=1)
    laboratory = Laboratory(
        vllm_server,
        Asker(vllm_server.url, loaded[1]),
        Injector(vllm_server.url, limits=LoraLimits(rank=8, adapters=LIMITS.adapters - 3)),
        loaded,
        AdapterStore(tmp_path / "adapters"),
        tmp_path / "records.jsonl",
    )
    await laboratory.encode(told.used, told, encoding)
    found: dict[str, Any] = {}
    for method in ("vanilla", "text", "parametric", "combined"):
        found[method] = await laboratory.ask(told.cases, Arm(method), encoding)
    assert len(read(laboratory.records)) == 8
    first = {method: asked[0] for method, asked in found.items()}
    assert first["vanilla"].tokens == first["parametric"].tokens < first["text"].tokens
    assert first["vanilla"].likelihood != first["parametric"].likelihood
    assert first["text"].likelihood != first["combined"].likelihood
    assert all(record.likelihood < 0 for record in first.values())
    assert await laboratory.ask(told.cases, Arm("text"), encoding) == found["text"], "read, not asked again"
    assert len(read(laboratory.records)) == 8
    assert laboratory.figures.keys() == {"seconds a passage, rank 2, 1 epochs", "kB a passage, rank 2"}
    translator = await taught(laboratory, encoding, told)
    await translated(laboratory, translator, told.cases)
    notes = [(one.method, one.how) for one in read(laboratory.records) if one.note == "translated"]
    assert sorted(set(notes)) == [(m, h) for m in ("combined", "parametric") for h in ("mean", "sum")]
    assert "seconds a passage, rank 2, translated" in laboratory.figures
    await laboratory.asker.close()


def test_the_command_line_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--questions" in capsys.readouterr().out

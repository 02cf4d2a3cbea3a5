"""Adapters on disk, in a store, and merged."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import AdapterError, InputError
from kedge.testing import make_tiny_model
from kedge.tools.adapters import (
    MERGES,
    Adapter,
    AdapterStore,
    Encoding,
    Recipe,
    base_of,
    merge,
    read_adapter,
    reduced,
)
from kedge.tools.adapters import write_adapter as write
from tests.tools.adapters._made import LAYER, adapter


def deltas(one: Adapter) -> dict[str, np.ndarray]:
    return {name: factors.delta for name, factors in one.modules.items()}


def same(left: Adapter, right: Adapter) -> bool:
    pairs = zip(deltas(left).values(), deltas(right).values(), strict=True)
    return all(np.allclose(a, b, atol=1e-4) for a, b in pairs)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one = adapter(1)
    back = read_adapter(write(one, tmp_path / "a"))
    assert back.origin == one.origin
    assert same(one, back)


def test_scaling_of_a_foreign_adapter_is_applied(tmp_path: Path) -> None:
    folder = write(adapter(1), tmp_path / "a")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": 32}))
    (folder / "kedge.json").unlink()
    assert np.allclose(
        read_adapter(folder).modules[LAYER].delta, 16 * adapter(1).modules[LAYER].delta, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("adapter_model.safetensors", b"\0" * 40, "cannot be read"),
        ("adapter_model.safetensors", pickle.dumps({"weights": [1]}), "cannot be read"),
        ("adapter_config.json", b"{", "cannot be read"),
        ("adapter_config.json", b"[]", "not a LoRA adapter"),
        ("adapter_config.json", b'{"peft_type": "LORA", "r": 0, "lora_alpha": 1}', "not a LoRA adapter"),
        ("kedge.json", b'{"content": 3}', "broken"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, file: str, content: bytes, message: str) -> None:
    folder = write(adapter(1), tmp_path / "a")
    (folder / file).write_bytes(content)
    with pytest.raises(AdapterError, match=message) as caught:
        read_adapter(folder)
    assert str(folder) in caught.value.message


def test_a_missing_adapter_is_named(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="no adapter at"):
        read_adapter(tmp_path / "nowhere")


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    one = adapter(1)
    one.modules[LAYER].up[0, 0] = np.nan
    with pytest.raises(AdapterError, match="not finite"):
        read_adapter(write(one, tmp_path / "a"))


def test_a_sum_is_the_sum_of_the_changes() -> None:
    members = [adapter(seed) for seed in range(3)]
    merged = merge(members)
    assert merged.rank == 6
    for name in merged.modules:
        expected = sum(member.modules[name].delta for member in members)
        assert np.allclose(merged.modules[name].delta, expected, atol=1e-4)
    assert same(merged, merge(members, "concat", weights=[1, 1, 1]))
    assert same(merged, merge(members, "relevance_weighted", weights=[0.3, 0.3, 0.3]))


def test_a_mean_is_a_share_of_the_sum() -> None:
    members = [adapter(seed) for seed in range(4)]
    assert np.allclose(
        4 * merge(members, "mean").modules[LAYER].delta, merge(members).modules[LAYER].delta, atol=1e-4
    )


def test_relevance_gives_the_more_relevant_more() -> None:
    first, second = adapter(1), adapter(2)
    merged = merge([first, second], "relevance_weighted", weights=[2.0, 0.0])
    share = 2 * np.exp(2.0) / (np.exp(2.0) + 1)
    expected = share * first.modules[LAYER].delta + (2 - share) * second.modules[LAYER].delta
    assert np.allclose(merged.modules[LAYER].delta, expected, atol=1e-4)


def test_gram_schmidt_writes_where_none_before_wrote() -> None:
    first, second = adapter(1), adapter(2)
    merged = merge([first, second], "gram_schmidt").modules[LAYER]
    added = merged.delta - first.modules[LAYER].delta
    assert np.allclose(first.modules[LAYER].up.T @ added, 0, atol=1e-3)
    assert not np.allclose(added, 0)


def test_gram_schmidt_leaves_nothing_of_a_repetition() -> None:
    one = adapter(1)
    assert same(merge([one, one], "gram_schmidt"), one)


@given(st.permutations(range(4)), st.sampled_from([how for how in MERGES if how != "gram_schmidt"]))
def test_the_order_of_members_does_not_matter(order: list[int], how: str) -> None:
    members, weights = [adapter(seed) for seed in range(4)], [0.1, 0.7, 0.2, 0.4]
    straight = merge(members, how, weights=weights)  # type: ignore[arg-type]
    shuffled = merge([members[i] for i in order], how, weights=[weights[i] for i in order])  # type: ignore[arg-type]
    assert same(straight, shuffled)
    assert straight.origin.key == shuffled.origin.key


def test_ways_and_members_have_keys_of_their_own() -> None:
    members = [adapter(seed) for seed in range(3)]
    merged = [merge(members), merge(members, "mean"), merge(members[:2]), merge(members, rank=2)]
    assert len({one.origin.key for one in merged}) == 4


def test_reduction_is_the_best_of_its_rank() -> None:
    whole = merge([adapter(seed) for seed in range(3)]).modules[LAYER]
    small = reduced(whole, 2)
    sizes = np.linalg.svd(whole.delta, compute_uv=False)
    assert small.rank == 2
    assert np.linalg.norm(whole.delta - small.delta) == pytest.approx(np.linalg.norm(sizes[2:]), rel=1e-3)


@pytest.mark.parametrize(("what", "said"), [("base", "base models"), ("init", "initialisations")])
def test_what_does_not_belong_together_is_not_merged(what: str, said: str) -> None:
    with pytest.raises(AdapterError, match=f"different {said}"):
        merge([adapter(1), adapter(2, **{what: "other"})])


def test_nothing_to_merge_and_missing_weights_are_refused() -> None:
    with pytest.raises(InputError, match="no adapters"):
        merge([])
    with pytest.raises(InputError, match="one weight for each"):
        merge([adapter(1), adapter(2)], "concat", weights=[1.0])


def test_a_store_keeps_lists_and_prunes(tmp_path: Path) -> None:
    store = AdapterStore(tmp_path / "adapters")
    assert list(store) == []
    first, second = store.put(adapter(1)), store.put(adapter(2))
    assert store.put(adapter(1)) == first
    assert {stored.key for stored in store} == {first, second}
    sizes = {stored.key: stored.bytes for stored in store}
    assert same(store.get(first), adapter(1))
    assert store.prune(sizes[first]) == 1
    assert [stored.key for stored in store] == [first], "the one used last stays"
    assert store.remove([first, second]) == 1


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "/", "a" * 23, "A" * 24, "a" * 23 + "/"])
def test_what_is_no_key_never_becomes_a_path(tmp_path: Path, key: str) -> None:
    store = AdapterStore(tmp_path)
    for use in (store.folder, store.get, store.__contains__):
        with pytest.raises(AdapterError, match="is not the key"):
            use(key)


def test_an_adapter_under_anothers_key_is_refused(tmp_path: Path) -> None:
    store = AdapterStore(tmp_path)
    first, second = store.put(adapter(1)), store.put(adapter(2))
    (store.folder(first) / "kedge.json").write_bytes((store.folder(second) / "kedge.json").read_bytes())
    with pytest.raises(AdapterError, match="holds another one"):
        store.get(first)


def test_merged_adapters_are_made_once_and_only_so_many_are_kept(tmp_path: Path) -> None:
    store = AdapterStore(tmp_path)
    keys = [store.put(adapter(seed)) for seed in range(3)]
    key = store.merge(keys)
    assert same(store.merged.get(key), merge([adapter(seed) for seed in range(3)]))
    written = (store.merged.folder(key) / "kedge.json").stat().st_mtime_ns
    assert store.merge(keys[::-1]) == key, "a sum does not depend on the order"
    assert (store.merged.folder(key) / "kedge.json").stat().st_mtime_ns == written
    assert store.merge(keys, rank=2) != key
    assert {one.key for one in store} == set(keys), "what was merged is no document's adapter"
    small = AdapterStore(tmp_path, merged_bytes=1)
    small.merge(keys[:2])
    assert list(small.merged) == []


def test_merging_what_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    store = AdapterStore(tmp_path)
    with pytest.raises(AdapterError, match="there is no adapter 0000"):
        store.merge(["0" * 24])


def test_how_texts_were_encoded_is_noted_by_base_model(tmp_path: Path) -> None:
    store, encoding = AdapterStore(tmp_path), Encoding(model="m", base="b" * 24, recipe=Recipe(rank=3))
    with pytest.raises(AdapterError, match="no document was encoded"):
        store.encoding("b" * 24)
    store.note(encoding.model_copy(update={"task": "a" * 24}))
    store.note(encoding)
    assert store.encoding("b" * 24).task == "a" * 24, "encoding more documents forgets no task"
    other = encoding.model_copy(update={"recipe": Recipe(rank=4)})
    store.note(other)
    assert store.encoding("b" * 24) == other
    for base in ("../" + "b" * 21, "c" * 24):
        with pytest.raises(AdapterError):
            store.encoding(base)
    (tmp_path / "encodings" / f"{'b' * 24}.json").write_text("{}")
    with pytest.raises(AdapterError, match="is broken"):
        store.encoding("b" * 24)


def test_a_text_a_model_and_a_recipe_make_the_key() -> None:
    encoding = Encoding(model="m", base="b", recipe=Recipe())
    other = encoding.model_copy(update={"recipe": Recipe(rank=4)})
    keys = {encoding.origin("a").key, encoding.origin("b").key, other.origin("a").key}
    keys.add(encoding.model_copy(update={"base": "c"}).origin("a").key)
    assert len(keys) == 4
    moved = encoding.model_copy(update={"model": "elsewhere/m"})
    assert moved.origin("a").key == encoding.origin("a").key


def test_a_model_is_known_by_its_weights_wherever_it_is(tmp_path: Path, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "copy")
    other = make_tiny_model(tmp_path / "other", seed=1)
    assert base_of(tiny_model) == base_of(tmp_path / "copy") != base_of(other)
    with pytest.raises(AdapterError, match="no model at"):
        base_of(tmp_path)

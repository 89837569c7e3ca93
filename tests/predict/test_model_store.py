"""Model files: versions, checksums, the way back."""

from __future__ import annotations

import numpy as np
import pytest

from hal.errors import InvalidModel
from hal.predict import FEATURES, Model, ModelStore, Predictor
from hal.predict.train import train


@pytest.fixture(scope="module")
def models() -> list[Model]:
    random = np.random.default_rng(0)
    rows = random.random((200, len(FEATURES))).astype(np.float32)
    rows[:, FEATURES.index("request")] = 9
    return [Model(train(rows, random.integers(1, 5000, 200), kind=kind)) for kind in ("boosting", "forest")]


def test_versions_and_rollback(tmp_path, models):
    store = ModelStore(tmp_path / "models")
    assert (store.current, store.versions) == (None, ())
    with pytest.raises(InvalidModel, match="no version None"):
        store.load()
    assert [store.save(model) for model in models] == [1, 2]
    assert store.load().about["kind"] == "forest"
    assert store.load(1).about == models[0].about
    assert ModelStore(tmp_path / "models").rollback() == 1
    assert store.load().content == models[0].content
    with pytest.raises(InvalidModel, match="no earlier version"):
        store.rollback()
    assert store.current == 1
    assert store.save(models[0]) == 3


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:50] + b"x" + c[51:], lambda c: b""])
def test_a_tampered_file_is_refused(tmp_path, models, damage):
    store = ModelStore(tmp_path)
    for model in [*models, models[0]]:
        store.save(model)
    for name in ("v000003.onnx", "v000002.onnx"):
        (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(InvalidModel, match="not what was saved"):
        store.load()
    with pytest.raises(InvalidModel, match="not what was saved"):
        Predictor(store=store)
    assert store.rollback() == 1
    assert Predictor(store=store).model.about["kind"] == "boosting"


def test_bad_files(tmp_path, models):
    with pytest.raises(InvalidModel, match="not a readable ONNX file"):
        Model(b"nonsense")
    store = ModelStore(tmp_path)
    store.save(models[0])
    (tmp_path / "v000001.onnx").unlink()
    with pytest.raises(InvalidModel, match="version 1"):
        store.load()
    (tmp_path / "manifest.json").write_text('{"current": 1}')
    with pytest.raises(InvalidModel, match="cannot read"):
        store.load()


def test_models_for_other_features_are_refused(models):
    import onnx
    from onnx import helper

    graph = onnx.load_from_string(models[0].content)
    about = {**models[0].about, "features": "[]"}
    helper.set_model_props(graph, about)
    with pytest.raises(InvalidModel, match="other features"):
        Model(graph.SerializeToString())
    with pytest.raises(InvalidModel, match="columns"):
        models[0].predict(np.zeros((2, 3), dtype=np.float32))
    with pytest.raises(InvalidModel, match="at least 50"):
        train(np.zeros((10, len(FEATURES)), dtype=np.float32), np.ones(10, dtype=np.int64))
    with pytest.raises(InvalidModel, match="'oak'"):
        train(np.zeros((60, len(FEATURES)), dtype=np.float32), np.ones(60, dtype=np.int64), kind="oak")

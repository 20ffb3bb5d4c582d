"""Sampling: from logits to an index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model.sampling import SamplingError, SamplingParams, draw, probabilities, sample

LOGITS = np.log(np.array([0.5, 0.25, 0.15, 0.1], dtype=np.float32))


def test_temperature_one_samples_as_the_model_believes() -> None:
    rng = np.random.default_rng(0)
    params = SamplingParams(temperature=1.0, min_p=0)
    counts = np.bincount([sample(LOGITS, params, rng) for _ in range(20_000)], minlength=4)
    np.testing.assert_allclose(counts / 20_000, [0.5, 0.25, 0.15, 0.1], atol=0.015)


def test_a_lower_temperature_sharpens_and_zero_is_argmax() -> None:
    sharp = probabilities(LOGITS, SamplingParams(temperature=0.5, min_p=0))
    np.testing.assert_allclose(sharp, np.array([25, 6.25, 2.25, 1]) / 34.5, rtol=1e-6)
    assert sample(LOGITS, SamplingParams(temperature=0), np.random.default_rng(0)) == 0


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({"top_k": 2}, [0, 1]),
        ({"top_k": 99}, [0, 1, 2, 3]),
        ({"top_p": 0.6}, [0, 1]),
        ({"top_p": 0.0}, [0]),
        ({"top_p": 1.0}, [0, 1, 2, 3]),
        ({"min_p": 0.29}, [0, 1, 2]),
        ({"top_k": 3, "top_p": 0.95, "min_p": 0.4}, [0, 1]),
    ],
)
def test_what_is_cut_off_is_never_drawn(params: dict[str, Any], kept: list[int]) -> None:
    distribution = probabilities(LOGITS, SamplingParams(temperature=1.0, **{"min_p": 0, **params}))
    assert np.flatnonzero(distribution).tolist() == kept
    assert distribution.sum() == pytest.approx(1)


def test_what_is_hardly_likely_is_dropped_unless_somebody_asks_for_it() -> None:
    logits = np.log(np.array([0.9, 0.09, 0.01], dtype=np.float32))
    assert np.flatnonzero(probabilities(logits, SamplingParams())).tolist() == [0, 1]
    assert np.flatnonzero(probabilities(logits, SamplingParams(min_p=0))).tolist() == [0, 1, 2]


def test_the_impossible_is_never_drawn_even_at_the_edges() -> None:
    class Edge(np.random.Generator):
        value = 0.0

        def random(self, *_: Any, **__: Any) -> Any:
            return self.value

    rng = Edge(np.random.PCG64(0))
    distribution = np.array([0.0, 0.3, 0.7, 0.0])
    assert draw(distribution, rng) == 1
    rng.value = float(np.nextafter(1.0, 0.0))
    assert draw(distribution, rng) == 2


def test_a_parameter_out_of_range_is_named() -> None:
    wrong: dict[str, list[Any]] = {
        "temperature": [-0.1, float("nan"), None, 10**400, 10**5_000, "1" * 5_000],
        "top_p": [1.5],
        "top_k": [-1],
        "min_p": [2],
        "length": [-1, 1.5, True],
        "seed": [-1],
        "stop": [("",), None, "abc", ("a",) * 100_000, ("a" * 5_000,), (1,)],
    }
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(SamplingError, match=name) as refused:
                SamplingParams(**{name: value})
            assert len(str(refused.value)) < 200

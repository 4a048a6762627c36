"""ma.measure_magnitudes against NumPy on the hidden states of tiny checkpoints."""

import math

import numpy as np
import pytest
import torch

import libma as ma

CLASSES = ("start", "strong_delimiter", "delimiter", "weak_word", "word")
TOP = 5


def streams_of(model, ids: torch.Tensor) -> np.ndarray:
    """float64 [stream, pos, d_model]: before block 0, then after each block."""
    _, cache = model.run_with_cache(ids, ["blocks.0.resid_pre", "blocks.*.resid_post"])
    n_layers = model.config.n_layers
    names = ["blocks.0.resid_pre", *(f"blocks.{layer}.resid_post" for layer in range(n_layers))]
    return np.stack([cache[name][0].double().numpy() for name in names])


def lower_median(values: np.ndarray) -> float:
    return float(np.sort(values, axis=None)[(values.size - 1) // 2])


def of_rank(sizes: np.ndarray, share: float) -> float:
    return float(np.sort(sizes, axis=None)[::-1][math.ceil(share * sizes.size) - 1])


def int8_error(x: np.ndarray, scale: float, counted: np.ndarray) -> float:
    error = (x - np.rint(x / scale) * scale) * counted
    return math.sqrt((error**2).sum() / ((x * counted) ** 2).sum())


def expected_of_state(x: np.ndarray, magnitude: float, ratio: float) -> dict[str, object]:
    """All statistics of one hidden state [pos, d_model]."""
    sizes = np.abs(x)
    median = lower_median(sizes)
    top = np.sort(sizes, axis=None)[::-1][:TOP]
    is_massive = (sizes > magnitude) & (sizes > ratio * median)
    rest = np.where(is_massive, 0, x)
    centred = x - x.mean()
    rms = np.sqrt((x**2).mean(axis=0))
    return {
        "top": top,
        "top_over_median": top / median,
        "top_1_over_2": top[0] / top[1],
        "median": median,
        "top_1_percent": of_rank(sizes, 0.01),
        "top_10_percent": of_rank(sizes, 0.1),
        "massive_share": float(is_massive.any()),
        "kurtosis": (centred**4).mean() / (centred**2).mean() ** 2,
        "neuron_rms_kurtosis": (rms**4).mean() / (rms**2).mean() ** 2,
        "token_max_over_median": np.mean([token.max() / lower_median(token) for token in sizes]),
        "int8_error": int8_error(x, top[0] / 127, np.ones_like(x)),
        "int8_error_of_rest": int8_error(x, top[0] / 127, ~is_massive),
        "int8_error_apart": int8_error(rest, np.abs(rest).max() / 127, np.ones_like(x)),
    }


def mean_and_std(values: list[object]) -> tuple[np.ndarray, np.ndarray]:
    stacked = np.array(values, dtype=np.float64)
    return stacked.mean(axis=0), stacked.std(axis=0, ddof=1)


@pytest.fixture(scope="module", params=[("llama", None), ("gpt2", None), ("gemma2", None)], ids=lambda p: p[0])
def tiny(request, tmp_path_factory):
    checkpoints = pytest.importorskip("checkpoints", reason="transformers is not installed")
    folder = checkpoints.write(tmp_path_factory.mktemp("magnitudes"), request.param[0])
    checkpoints.write_tokenizer(folder)
    return ma.load_model(folder, device="cpu")


def sequences_of(model, n: int = 6, length: int = 13) -> torch.Tensor:
    """Random letters with "." here and there; some rows have none."""
    letters = model.tokenizer.encode("BCDEFGHJKLMNPQRSTVWXZ")
    ids = letters[torch.randint(0, len(letters), (n, length), generator=torch.Generator().manual_seed(1))]
    [dot] = model.tokenizer.encode(".").tolist()
    ids[0, 3] = ids[0, 9] = ids[2, 5] = dot
    return ids


@pytest.fixture(scope="module")
def measured(tiny):
    """The criterion is low enough for tiny models to have massive entries."""
    ids = sequences_of(tiny)
    return ids, ma.measure_magnitudes(tiny, ids, magnitude=2.5, ratio=4, outlier_magnitude=2, detail=True)


def test_every_statistic_is_that_of_numpy(tiny, measured):
    ids, found = measured
    arrays = found.arrays
    streams = [streams_of(tiny, row[None]) for row in ids]
    for stream in range(tiny.config.n_layers + 1):
        of_sequences = [expected_of_state(x[stream], 2.5, 4) for x in streams]
        assert sum(one["massive_share"] for one in of_sequences) > 0 or stream == 0
        for name in of_sequences[0]:
            mean, std = mean_and_std([one[name] for one in of_sequences])
            np.testing.assert_allclose(arrays[name][stream].numpy(), mean, rtol=2e-5, err_msg=name)
            if name != "massive_share":
                np.testing.assert_allclose(
                    arrays[f"{name}_std"][stream].numpy(), std, rtol=1e-3, atol=1e-6, err_msg=name
                )


def test_class_values_are_those_of_the_first_token_of_each_class(tiny, measured):
    ids, found = measured
    streams = np.stack([streams_of(tiny, row[None]) for row in ids], axis=1)  # [stream, sequence, pos, d_model]
    counts = found.arrays["class_counts"].tolist()
    assert (counts[0], counts[1]) == (6, 2)
    start = streams[:, :, 0]
    np.testing.assert_allclose(found.arrays["class_means"][:, 0].numpy(), start.mean(axis=1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        found.arrays["class_stds"][:, 0].numpy(), start.std(axis=1, ddof=1), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        found.arrays["class_magnitudes"][:, 0].numpy(), np.abs(start).mean(axis=1), rtol=1e-4, atol=1e-5
    )
    dots = np.stack([streams[:, 0, 3], streams[:, 2, 5]], axis=1)
    np.testing.assert_allclose(found.arrays["class_means"][:, 1].numpy(), dots.mean(axis=1), rtol=1e-4, atol=1e-5)


def test_constancy_is_of_the_dims_that_numpy_ranks(tiny, measured):
    ids, found = measured
    layer = found.peak_layer
    start = np.stack([streams_of(tiny, row[None])[layer + 1, 0] for row in ids])  # [sequence, d_model]
    sizes = np.abs(start).mean(axis=0)
    wanted = {
        "top 1": np.argsort(-sizes)[0],
        "top 2": np.argsort(-sizes)[1],
        "median": np.abs(sizes - found.arrays["median"][layer + 1].item()).argmin(),
        "top 1 %": np.abs(sizes - found.arrays["top_1_percent"][layer + 1].item()).argmin(),
        "top 10 %": np.abs(sizes - found.arrays["top_10_percent"][layer + 1].item()).argmin(),
    }
    table = found.constancy_table()
    rows = {table.at(row, "activation"): row for row in range(len(table)) if table.at(row, "token class") == "start"}
    assert set(rows) == set(wanted)
    for activation, dim in wanted.items():
        row = rows[activation]
        mean, std = start[:, dim].mean(), start[:, dim].std(ddof=1)
        assert table.at(row, "dim") == dim
        assert table.at(row, "mean") == pytest.approx(mean, rel=1e-4, abs=1e-5)
        assert table.at(row, "std") == pytest.approx(std, rel=1e-4, abs=1e-5)
        assert table.at(row, "std / |mean|") == pytest.approx(std / abs(mean), rel=1e-3)
        assert table.at(row, "n") == 6


def test_outlier_features_follow_dettmers_rule(tiny, measured):
    ids, found = measured
    blocks = np.abs(np.stack([streams_of(tiny, row[None])[1:] for row in ids]))  # [sequence, layer, pos, d_model]
    reached = blocks >= 2
    layers = reached.any(axis=2).mean(axis=(0, 1))
    positions = reached.mean(axis=(0, 1, 2))
    assert found.outlier_features == np.flatnonzero((layers >= 0.25) & (positions >= 0.06)).tolist()
    assert len(found.outlier_features) > 0
    np.testing.assert_array_equal(found.arrays["outlier_positions"].numpy(), reached.sum(axis=(0, 2)))
    np.testing.assert_array_equal(found.arrays["outlier_sequences"].numpy(), reached.any(axis=2).sum(axis=0))
    massive = {site.dim for site in found.profile.sites}
    table = found.outlier_features_table()
    assert {table.at(row, "dim") for row in range(len(table))} == massive | set(found.outlier_features)
    few = found.outlier_features_table(most=1)
    others = set(found.outlier_features) - massive
    assert len(few) == len(massive) + min(1, len(others))
    if others:
        most_positions = max(positions[dim] for dim in others)
        assert few.at(len(massive), "positions") == pytest.approx(100 * most_positions)


def test_the_profile_is_find_massives(tiny, measured):
    ids, found = measured
    profile = ma.find_massive(tiny, ids, magnitude=2.5, ratio=4)
    assert profile.meets_criterion
    assert repr(found.profile) == repr(profile)
    assert torch.equal(found.profile.means, profile.means)


@pytest.mark.parametrize("tokens_per_pass", [1, 26])
def test_batches_do_not_change_a_number(tiny, measured, tokens_per_pass):
    ids, found = measured
    options = {"magnitude": 2.5, "ratio": 4, "outlier_magnitude": 2, "detail": True}
    other = ma.measure_magnitudes(tiny, ids, tokens_per_pass=tokens_per_pass, **options)
    for name, array in found.arrays.items():
        torch.testing.assert_close(other.arrays[name], array, rtol=1e-3, atol=1e-4, equal_nan=True, msg=name)


def test_emergence_names_the_block_that_a_hook_makes_write(model):
    ids = torch.randint(1, 64, (4, 16), generator=torch.Generator().manual_seed(3))

    def plant(x, at):
        planted = x.clone()
        planted[:, 0, 5] = -50_000.0
        return planted

    with model.add_hook("blocks.1.mlp_out", plant):
        found = ma.measure_magnitudes(model, ids)
    largest, site = found.emergence
    assert site.name == "dim 5 at start"
    for curve in (largest, site):
        assert (curve.kind, curve.writers, curve.eraser) == ("rapid", [1], None)
        assert curve.writer_share == pytest.approx(1, abs=0.01)
    assert site.values[2] == pytest.approx(-50_000, rel=0.01)
    assert site.plateau == site.values[2]
    assert found.emergence_table().at(1, "written by block") == "1"
    [row] = [r for r in range(len(found.locations_table())) if found.locations_table().at(r, "dim") == 5]
    assert found.locations_table().at(row, "massive") == "yes"


def test_float16_overflows_are_counted(model):
    def plant(x, at):
        planted = x.clone()
        planted[0, 0, 5] = 70_000.0
        planted[0, 2, 6] = -1e6
        return planted

    with model.add_hook("blocks.0.resid_post", plant):
        found = ma.measure_magnitudes(model, torch.arange(1, 9)[None])
    assert found.arrays["float16_overflows"].tolist()[:2] == [0, 2]


def test_a_surface_is_the_stream_of_its_prompt(model):
    prompt = "the rain. on"
    surface = ma.magnitude_surface(model, prompt, [-1, 1])
    ids = model.tokenizer.encode(prompt)
    assert surface.ids == ids.tolist()
    assert "".join(surface.tokens) == prompt
    streams = streams_of(model, ids[None])
    torch.testing.assert_close(surface.values[0].double(), torch.from_numpy(streams[0]))
    torch.testing.assert_close(surface.values[1].double(), torch.from_numpy(streams[2]))
    assert surface.medians[1] == lower_median(np.abs(surface.values[1].numpy()))
    table = surface.table(top=2, magnitude=0, ratio=3)
    assert len(table) == 2 * len(surface.ids) * 2
    state = surface.values[1].numpy()
    for token in range(len(surface.ids)):
        first = 2 * (len(surface.ids) + token)
        dims = np.argsort(-np.abs(state[token]), kind="stable")[:2]
        for place, dim in enumerate(dims):
            row = first + place
            assert table.at(row, "layer") == 2 and table.at(row, "token_index") == token
            assert table.at(row, "dim") == dim
            assert table.at(row, "value") == state[token, dim]
            assert table.at(row, "abs") == abs(state[token, dim])
            assert table.at(row, "massive") == ("yes" if abs(state[token, dim]) > 3 * surface.medians[1] else "no")


def test_mistakes_are_errors(model):
    ids = torch.arange(1, 17)[None]
    for option in ("magnitude", "ratio", "outlier_magnitude", "outlier_layers", "outlier_positions"):
        with pytest.raises(ma.ConfigError):
            ma.measure_magnitudes(model, ids, **{option: -1})
    with pytest.raises(ma.ShapeError, match="there are no sequences"):
        ma.measure_magnitudes(model, ids[:0])
    found = ma.measure_magnitudes(model, ids)
    with pytest.raises(ma.ConfigError, match="no block 2; use 0 to 1"):
        found.constancy_table(2)
    with pytest.raises(ma.ConfigError, match="'top' is 6"):
        found.table(top=6)
    with pytest.raises(ma.ConfigError, match="no block 5"):
        ma.magnitude_surface(model, "x", [5])
    with pytest.raises(ma.ConfigError, match="no tokens"):
        ma.magnitude_surface(model, "", [0])
    with pytest.raises(ma.ConfigError, match="'top' is 0"):
        ma.magnitude_surface(model, "x", [0]).table(top=0)


def test_without_a_tokenizer_only_starts_are_told_apart(tiny_folder, tmp_path):
    for path in tiny_folder.iterdir():
        if path.name != "tokenizer.json":
            (tmp_path / path.name).symlink_to(path)
    bare = ma.load_model(tmp_path, device="cpu")
    ids = torch.arange(1, 17).view(2, 8)
    with pytest.raises(ma.FileError, match="tokenizer"):
        ma.measure_magnitudes(bare, ids)
    found = ma.measure_magnitudes(bare, ids, classify_tokens=False)
    assert found.arrays["class_counts"].tolist() == [2, 0, 0, 0, 2]

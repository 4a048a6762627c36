"""attention_sinks and attention_maps against NumPy on whole patterns."""

import numpy as np
import pytest
import torch

import libma as ma

EPS = [0.15, 0.3]
FEWEST = 16


@pytest.fixture(scope="module")
def folders(family_folder):
    from families import FAMILIES as ALL

    return {name: family_folder(name, next(iter(ALL[name]))) for name in ("llama", "gpt2", "bloom", "gemma2")}


@pytest.fixture(scope="module", params=["llama", "gpt2", "bloom", "gemma2"])
def model(request, folders):
    """Float64, so that the comparison is exact; gemma2 has windows and a soft cap."""
    return ma.load_model(folders[request.param], device="cpu", dtype="float64")


@pytest.fixture(scope="module")
def sequences():
    return torch.randint(1, 260, (5, 24), generator=torch.Generator().manual_seed(3))


@pytest.fixture
def planted(model):
    """Tokens 0 and, in odd sequences, 7 are massive after block 0."""

    def plant(x, at):
        x = x.clone()
        x[:, 0, 5] = 50_000.0
        if x.shape[0] == 5:
            x[1::2, 7, 5] = 60_000.0
        return x

    with model.add_hook("blocks.0.resid_post", plant):
        yield model


def massive_of(sequences):
    massive = np.zeros(sequences.shape, dtype=bool)
    massive[:, 0] = True
    massive[1::2, 7] = True
    return massive


def patterns_of(model, sequences, kind="pattern"):
    _, cache = model.run_with_cache(sequences, f"blocks.*.attn.{kind}")
    return np.stack([cache[f"blocks.{i}.attn.{kind}"].double().numpy() for i in range(model.config.n_layers)])


def alphas(patterns):
    """[layer, batch, head, key]: column sums over the number of queries from the key on."""
    n = patterns.shape[-1]
    return np.stack([patterns[..., k:, k].sum(-1) / (n - k) for k in range(n)], axis=-1)


def test_sinks_are_those_of_the_whole_patterns(planted, sequences):
    profile = ma.find_massive(planted, sequences, classify_tokens=False)
    assert profile.edit_layer == 0
    found = ma.attention_sinks(planted, sequences, profile, eps=EPS, classify_tokens=False, scores=True)
    patterns = patterns_of(planted, sequences)
    massive = massive_of(sequences)
    assert found.layers == list(range(planted.config.n_layers))
    assert (found.n_sequences, found.n_massive) == (5, massive.sum())
    alpha = alphas(patterns)
    counted = alpha[..., : sequences.shape[1] - FEWEST + 1].max(-1)
    exact = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(found.first.numpy(), alpha[..., 0].mean(1), **exact)
    np.testing.assert_allclose(found.largest.numpy(), counted.mean(1), **exact)
    for i, eps in enumerate(EPS):
        np.testing.assert_array_equal(found.sink_first[..., i].numpy(), (alpha[..., 0] > eps).mean(1))
        np.testing.assert_array_equal(found.sink_any[..., i].numpy(), (counted > eps).mean(1))
    on_massive = (patterns * massive[:, None, None, :]).sum(-1).mean(-1)  # [layer, batch, head]
    np.testing.assert_allclose(found.massive.numpy(), on_massive.mean(1), **exact)
    logs = np.log(np.where(patterns > 0, patterns, 1))
    np.testing.assert_allclose(found.entropy.numpy(), -(patterns * logs).sum(-1).mean((1, 3)), **exact)
    scores = patterns_of(planted, sequences, "attn_scores")
    seen = np.isfinite(scores)
    for part, keys in ((found.massive_score, massive), (found.other_score, ~massive)):
        chosen = seen & keys[None, :, None, None, :]
        expected = np.where(chosen, scores, 0).sum((1, 3, 4)) / chosen.sum((1, 3, 4))
        np.testing.assert_allclose(part.numpy(), expected, **exact)


def test_outliers_are_tokens_that_receive_so_much_of_all(planted, sequences):
    found = ma.attention_sinks(planted, sequences, eps=[0.3], classify_tokens=False, outlier=0.06)
    received = patterns_of(planted, sequences).mean(2).sum(-2)  # [layer, batch, key]
    outliers = received >= 0.06 * sequences.shape[1]
    massive = massive_of(sequences)
    table = found.table()
    for layer in range(planted.config.n_layers):
        count = outliers[layer].sum()
        assert table.at(layer, "attention outliers in a sequence") == pytest.approx(count / 5)
        share = table.at(layer, "of them massive tokens")
        assert share == pytest.approx(100 * (outliers[layer] & massive).sum() / count)


def test_a_model_in_float32_differs_by_rounding(folders, sequences):
    exact, rounded = (
        ma.attention_sinks(ma.load_model(folders["llama"], device="cpu", dtype=dtype), sequences, classify_tokens=False)
        for dtype in ("float64", "float32")
    )
    for part in ("first", "massive", "largest", "entropy"):
        torch.testing.assert_close(getattr(rounded, part), getattr(exact, part), rtol=1e-4, atol=1e-6)
    assert not torch.equal(rounded.entropy, exact.entropy)


@pytest.mark.parametrize("tokens_per_pass", [1, 50, 4096])
def test_batches_give_what_sequences_give_one_by_one(folders, sequences, tokens_per_pass):
    model = ma.load_model(folders["llama"], device="cpu")
    whole = ma.attention_sinks(model, sequences, classify_tokens=False)
    profile = ma.find_massive(model, sequences, classify_tokens=False)
    parts = [
        ma.attention_sinks(model, row[None], profile, classify_tokens=False, tokens_per_pass=tokens_per_pass)
        for row in sequences
    ]
    again = ma.attention_sinks(model, sequences, profile, classify_tokens=False, tokens_per_pass=tokens_per_pass)
    for name in ("first", "massive", "largest", "entropy", "sink_first", "sink_any"):
        mean = torch.stack([getattr(part, name) for part in parts]).mean(0)
        torch.testing.assert_close(getattr(whole, name), mean, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(getattr(again, name), mean, rtol=1e-4, atol=1e-6)


def test_classes_of_outliers_come_from_the_tokenizer(tiny_folder):
    model = ma.load_model(tiny_folder, device="cpu")
    ids = model.tokenizer.encode("the rain. and the sun. " * 12)[:48].view(2, 24)
    found = ma.attention_sinks(model, ids, outlier=0.0)
    rows = found.outliers_table().rows
    counts = {}
    for layer, _, name, count, _ in rows:
        counts.setdefault(layer, {})[name] = count
    assert counts[0] == counts[1]
    assert sum(counts[0].values()) == ids.numel()
    assert counts[0]["start"] == 2 and counts[0]["strong_delimiter"] >= 1


def test_maps_are_means_over_heads_and_queries(planted, sequences):
    ids = sequences[0]
    maps = ma.attention_maps(planted, ids, layers=[1, 0])
    assert maps.layers == [1, 0]
    assert maps.massive.tolist() == [True] + [False] * 23
    assert maps.ids.tolist() == ids.tolist() and maps.tokens == []
    patterns = patterns_of(planted, ids[None])[[1, 0], 0]
    scores = patterns_of(planted, ids[None], "attn_scores")[[1, 0], 0]
    np.testing.assert_allclose(maps.pattern.numpy(), patterns.mean(1), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(maps.scores.numpy(), scores.mean(1), rtol=1e-4, atol=1e-5)
    seen = np.isfinite(scores)
    queries = seen.sum(2)
    np.testing.assert_allclose(maps.key_scores.numpy(), np.where(seen, scores, 0).sum(2) / queries, rtol=1e-9)
    np.testing.assert_allclose(maps.key_pattern.numpy(), patterns.sum(2) / queries, rtol=1e-9)
    np.testing.assert_allclose(maps.massive_share.numpy(), patterns[..., 0].mean(-1), rtol=1e-9)
    rows = maps.table().rows
    assert len(rows) == 2 * planted.config.n_heads * 24
    assert rows[0][:4] == [1, 2, 0, 0] and rows[0][5] == "yes"


def test_maps_of_a_text_have_its_tokens(tiny_folder):
    model = ma.load_model(tiny_folder, device="cpu")
    maps = ma.attention_maps(model, "the rain.\n")
    assert "".join(maps.tokens) == "the rain.\n"
    assert maps.table().rows[len(maps.tokens) - 1][4] == '"\\n"'
    for bad in ([], [[1, 2], [3, 4]]):
        with pytest.raises(ma.ShapeError):
            ma.attention_maps(model, bad)


def test_wrong_options_are_errors(tiny_folder, sequences):
    model = ma.load_model(tiny_folder, device="cpu")
    with pytest.raises(ma.ConfigError, match="no block 2"):
        ma.attention_sinks(model, sequences, layers=[2])
    with pytest.raises(ma.ConfigError, match="'eps' is 2"):
        ma.attention_sinks(model, sequences, eps=[2.0])
    with pytest.raises(ma.ConfigError, match="'fewest_queries' is 0"):
        ma.attention_sinks(model, sequences, fewest_queries=0)
    with pytest.raises(ma.ShapeError):
        ma.attention_sinks(model, sequences[:0])
    with pytest.raises(ma.ConfigError, match="no block 5"):
        ma.attention_maps(model, [1, 2], layers=[5])

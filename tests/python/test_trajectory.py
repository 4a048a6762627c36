"""norm_trajectory and trajectory_groups against NumPy on whole activations."""

import numpy as np
import pytest
import torch

import libma as ma

SITES = {
    "resid": "resid_pre",
    "normalized": "ln1.normalized",
    "with gain": "attn.input",
    "q": "attn.q",
    "k": "attn.k",
    "v": "attn.v",
}


@pytest.fixture(scope="module", params=["llama", "gpt2", "falcon"])
def model(request, family_folder):
    """Float64: RMSNorm and grouped heads, LayerNorm with bias, a parallel block."""
    from families import FAMILIES

    folder = family_folder(request.param, next(iter(FAMILIES[request.param])))
    return ma.load_model(folder, device="cpu", dtype="float64")


@pytest.fixture
def planted(model):
    """Tokens 0 and 3 are massive after block 0."""

    def plant(x, at):
        x = x.clone()
        x[:, 0, 5] = 50_000.0
        x[:, 3, 5] = 10_000.0
        return x

    with model.add_hook("blocks.0.resid_post", plant):
        yield model


@pytest.fixture(scope="module")
def sequences():
    return torch.randint(1, 260, (6, 12), generator=torch.Generator().manual_seed(5))


def activations(model, sequences, layer=1):
    _, cache = model.run_with_cache(sequences, [f"blocks.{layer}.{site}" for site in SITES.values()])
    return {name: cache[f"blocks.{layer}.{site}"].double().numpy() for name, site in SITES.items()}


def cosines(a, b):
    """Mean over heads of the cosine of two tokens."""
    a, b = (x if x.ndim == 2 else x[None] for x in (a, b))
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def test_vectors_are_those_of_the_hooks(planted, sequences):
    way = ma.norm_trajectory(planted, sequences[0])
    assert way.layer == 1
    assert way.massive.nonzero().flatten().tolist() == [0, 3]
    expected = activations(planted, sequences[:1])
    assert set(way.vectors) == set(SITES)
    for name, x in way.vectors.items():
        np.testing.assert_allclose(x.numpy(), expected[name][0], rtol=1e-10, atol=1e-12)


def test_the_input_is_the_norm_with_its_gain_and_bias(planted, sequences, family_folder):
    from families import FAMILIES

    transformers = pytest.importorskip("transformers")
    architecture = planted.config.architecture
    norm = {"llama": "model.layers.1.input_layernorm", "gpt2": "transformer.h.1.ln_1"}.get(architecture)
    if norm is None:
        pytest.skip("checked for one RMSNorm and one LayerNorm")
    folder = family_folder(architecture, next(iter(FAMILIES[architecture])))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).get_submodule(norm)
    way = ma.norm_trajectory(planted, sequences[0])
    with torch.no_grad():
        torch.testing.assert_close(way.vectors["with gain"], theirs(way.vectors["resid"]), rtol=1e-6, atol=1e-8)
    bias = getattr(theirs, "bias", None)
    rebuilt = way.vectors["normalized"] * theirs.weight.detach() + (0 if bias is None else bias.detach())
    torch.testing.assert_close(way.vectors["with gain"], rebuilt, rtol=1e-9, atol=1e-12)


def test_a_row_of_the_table_describes_its_token(planted, sequences):
    way = ma.norm_trajectory(planted, sequences[0], layer=1)
    x = {name: vectors[0] for name, vectors in activations(planted, sequences[:1]).items()}
    table = way.table()
    assert len(table.rows) == 12
    d_model = planted.config.d_model
    for token in range(12):
        y = x["normalized"][token]
        order = np.argsort(-np.abs(y))
        assert table.at(token, "massive") == ("yes" if token in (0, 3) else "no")
        assert table.at(token, "rms") == pytest.approx(np.sqrt((x["resid"][token] ** 2).mean()))
        assert [table.at(token, f"normalized dim {i}") for i in (1, 2)] == order[:2].tolist()
        assert [table.at(token, f"normalized {i}") for i in (1, 2)] == pytest.approx(y[order[:2]])
        squares = y**2
        assert table.at(token, "share of 2 entries") == pytest.approx(100 * squares[order[:2]].sum() / squares.sum())
        assert table.at(token, "effective dims") == pytest.approx(squares.sum() ** 2 / (squares**2).sum())
        assert table.at(token, "median") == pytest.approx(np.sort(np.abs(y))[(d_model - 1) // 2])
        assert table.at(token, "of the bound sqrt(d_model)") == pytest.approx(100 * np.abs(y).max() / d_model**0.5)
        others = [i for i in (0, 3) if i != token]
        for name in ("normalized", "k", "v"):
            mean = np.mean([cosines(x[name][token], x[name][i]).mean() for i in others])
            assert table.at(token, f"cosine to massive, {name}") == pytest.approx(mean)
    assert table.at(0, "of the bound sqrt(d_model)") > 95
    assert table.at(0, "effective dims") < 1.2
    [pair] = way.pairs_table().rows
    assert (pair[0], pair[2]) == (0, 3)
    assert pair[-1] == pytest.approx(cosines(x["v"][0], x["v"][3]).mean())


def test_groups_are_all_pairs_of_massive_and_of_other_tokens(planted, sequences):
    x = activations(planted, sequences)
    massive = np.zeros(sequences.shape, dtype=bool)
    massive[:, [0, 3]] = True
    for tokens_per_pass in (1, 30, 4096):
        groups = ma.trajectory_groups(planted, sequences, tokens_per_pass=tokens_per_pass)
        assert (groups.layer, groups.n_sequences) == (1, 6)
        table = groups.table()
        for row, name in enumerate(name for name in SITES for _ in range(2)):
            chosen = x[name][massive if row % 2 == 0 else ~massive]
            chosen = chosen if chosen.ndim == 3 else chosen[:, None]
            norms = np.linalg.norm(chosen, axis=-1)
            units = chosen / norms[..., None]
            n = len(units)
            pairs = (np.einsum("ahd,bhd->h", units, units) - n) / (n * (n - 1))
            assert table.at(row, "vector") == name
            assert table.at(row, "count") == n
            assert table.at(row, "mean cosine of pairs") == pytest.approx(pairs.mean(), abs=1e-9)
            assert table.at(row, "mean length") == pytest.approx(norms.mean())
            assert table.at(row, "std of length") == pytest.approx(norms.std(ddof=1))
        shapes = groups.shapes_table()
        for row, chosen in enumerate((x["normalized"][massive], x["normalized"][~massive])):
            assert shapes.at(row, "largest |x| normalized") == pytest.approx(np.abs(chosen).max(-1).mean())
            rms = np.sqrt((x["resid"][massive if row == 0 else ~massive] ** 2).mean(-1))
            assert shapes.at(row, "rms of the stream") == pytest.approx(rms.mean())
    assert table.at(2, "mean cosine of pairs") > 0.99  # normalised vectors of massive tokens
    assert table.at(3, "mean cosine of pairs") < 0.9


def test_what_cannot_be_followed_is_an_error(model, sequences, family_folder):
    from families import FAMILIES

    with pytest.raises(ma.ConfigError, match="no block -1"):
        ma.norm_trajectory(model, sequences[0], layer=-1)
    with pytest.raises(ma.ConfigError, match="no block 9"):
        ma.trajectory_groups(model, sequences, layer=9)
    with pytest.raises(ma.ShapeError):
        ma.norm_trajectory(model, sequences)
    olmo2 = ma.load_model(family_folder("olmo2", next(iter(FAMILIES["olmo2"]))), device="cpu")
    with pytest.raises(ma.ConfigError, match="no norm stands before"):
        ma.norm_trajectory(olmo2, sequences[0])


def test_a_model_in_half_precision_is_followed_in_float32(tiny_folder):
    model = ma.load_model(tiny_folder, device="cpu", dtype="bfloat16")
    way = ma.norm_trajectory(model, "the rain in town")
    assert {x.dtype for x in way.vectors.values()} == {torch.float32}
    assert "".join(way.tokens) == "the rain in town"

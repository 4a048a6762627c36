"""Sweeps against hand-written hooks and NumPy, on a tiny LLaMA."""

from collections.abc import Callable

import numpy as np
import pytest

N_LAYERS, D_MODEL, WINDOW, N_WINDOWS = 2, 32, 16, 6

ma = pytest.importorskip("libma")
torch = pytest.importorskip("torch")


@pytest.fixture
def ids():
    return torch.randint(264, (N_WINDOWS, WINDOW), generator=torch.Generator().manual_seed(5))


@pytest.fixture
def windows(ids):
    return ma.make_windows(ids.flatten(), window=WINDOW)


@pytest.fixture
def profile(model):
    sequences = torch.randint(264, (5, WINDOW), generator=torch.Generator().manual_seed(6))
    return ma.find_massive(model, sequences, magnitude=0.01, ratio=2, classify_tokens=False)


@pytest.fixture
def entry(profile):
    """Position and dim of the strongest massive entry of the start."""
    select = profile.top(1)
    return select.positions[0], select.dims[0]


@pytest.fixture
def block(profile):
    """The first block after which that entry is massive."""
    return next(site.first_layer for site in profile.sites if site.token_class == "start")


def log_softmax(logits: torch.Tensor) -> np.ndarray:
    z = logits.numpy().astype(np.float64)
    z -= z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def expected_measures(model, ids, hook: Callable | None = None, site: str = "") -> tuple[float, float, float]:
    """Perplexity, KL and agreement with a Python hook, from full logits."""
    original = log_softmax(model.forward(ids))[:, :-1]
    edited = original
    if hook is not None:
        with model.add_hook(site, hook):
            edited = log_softmax(model.forward(ids))[:, :-1]
    targets = ids[:, 1:].numpy()
    nll = -np.take_along_axis(edited, targets[..., None], axis=-1)[..., 0]
    kl = (np.exp(original) * (original - edited)).sum(axis=-1)
    agree = original.argmax(axis=-1) == edited.argmax(axis=-1)
    return float(np.exp(nll.mean(axis=1).mean())), float(kl.mean()), float(agree.mean())


def measures(model, conditions, windows) -> dict[str, tuple[float, float, float]]:
    task = ma.PerplexityTask("text", windows, divergence=True)
    result = ma.evaluate_conditions(model, conditions, [task])
    return {
        name: (row[0].perplexity, row[0].kl_nats, row[0].agreement)
        for name, row in zip(result.conditions, result.results, strict=True)
    }


def set_entries(positions, dims, value):
    """A hook that sets entries: slices or lists of positions and dims."""

    def hook(x, _at):
        y = x.clone()
        y[:, positions, dims] = torch.as_tensor(value, dtype=x.dtype)
        return y

    return hook


def test_blocks_are_hand_written_hooks(model, profile, windows, ids, entry):
    found = measures(model, ma.sweep_conditions(profile, "blocks", value=9.5), windows)
    assert list(found) == ["original", *(f"block {i}" for i in range(N_LAYERS))]
    assert found["original"][1:] == (0, 1)
    for block in range(N_LAYERS):
        site = f"blocks.{block}.resid_post"
        expected = expected_measures(model, ids, set_entries(*entry, 9.5), site)
        np.testing.assert_allclose(found[f"block {block}"], expected, rtol=2e-5, atol=1e-5)
        assert expected[1] > 1e-4, "an edit without effect proves nothing"


def test_means_are_set_at_each_block(model, profile, windows, ids, entry):
    found = measures(model, ma.sweep_conditions(profile, "blocks", value="mean"), windows)
    position, dim = entry
    for block in range(N_LAYERS):
        mean = profile.means[block, position, dim]
        expected = expected_measures(model, ids, set_entries(position, dim, mean), f"blocks.{block}.resid_post")
        np.testing.assert_allclose(found[f"block {block}"], expected, rtol=2e-5, atol=1e-5)


def test_scale_one_is_the_original_to_the_bit(model, profile, windows, ids, entry, block):
    conditions = ma.sweep_conditions(profile, "scale", factors=[0, 1, 2.5])
    found = measures(model, conditions, windows)
    assert found["scale 1"] == found["original"]
    position, dim = entry
    site = f"blocks.{block}.resid_post"

    def hook(x, _at):
        y = x.clone()
        y[:, position, dim] *= 2.5
        return y

    np.testing.assert_allclose(found["scale 2.5"], expected_measures(model, ids, hook, site), rtol=2e-5, atol=1e-5)


def test_tokens_and_dims_are_hand_written_hooks(model, profile, windows, ids, entry, block):
    found = measures(model, ma.sweep_conditions(profile, "tokens"), windows)
    position, dim = entry
    start, rest = profile.means[block]
    everywhere = torch.cat([start[dim].view(1), rest[dim].expand(WINDOW - 1)])
    hooks = {
        "entry = 0": set_entries(position, dim, 0),
        "entry = mean": set_entries(position, dim, start[dim]),
        "token, all dims = 0": set_entries(position, slice(None), 0),
        "token, all dims = mean": set_entries(position, slice(None), start),
        "dim, all tokens = 0": set_entries(slice(None), dim, 0),
        "dim, all tokens = mean": set_entries(slice(None), dim, everywhere),
        "dim, other tokens = 0": set_entries(slice(1, None), dim, 0),
        "dim, other tokens = mean": set_entries(slice(1, None), dim, rest[dim]),
    }
    assert set(found) == {"original", *hooks}
    for name, hook in hooks.items():
        expected = expected_measures(model, ids, hook, f"blocks.{block}.resid_post")
        np.testing.assert_allclose(found[name], expected, rtol=2e-5, atol=1e-5, err_msg=name)


def test_places_spare_the_other_tokens(model, profile, windows, ids):
    conditions = ma.sweep_conditions(profile, "places", value=0)
    found = measures(model, conditions, windows)
    assert {"at the start", "elsewhere", "everywhere"} <= set(found)
    dims = torch.tensor(profile.massive().dims)

    def massive(x):
        """Entries that meet the criterion at the dims that were found."""
        size = x.abs()
        median = size.flatten(1).median(dim=1).values[:, None, None]
        hits = (size > profile.magnitude) & (size > profile.ratio * median)
        mask = torch.zeros_like(hits)
        mask[..., dims] = hits[..., dims]
        return mask

    def elsewhere(x, _at):
        mask = massive(x)
        mask[:, 0] = False
        return torch.where(mask, 0, x)

    site = f"blocks.{profile.edit_layer}.resid_post"
    expected = expected_measures(model, ids, elsewhere, site)
    np.testing.assert_allclose(found["elsewhere"], expected, rtol=2e-5, atol=1e-5)
    expected = expected_measures(model, ids, lambda x, _at: torch.where(massive(x), 0, x), site)
    np.testing.assert_allclose(found["everywhere"], expected, rtol=2e-5, atol=1e-5)


def test_restoring_at_once_is_the_original_and_later_is_a_pair_of_hooks(model, ids, windows):
    select = ma.Selection.at([0], [3])
    edit = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=40)
    conditions = [ma.Condition("original")]
    conditions += [ma.Condition(str(block), ma.with_restore(edit, f"blocks.{block}.resid_post")) for block in (0, 1)]
    found = measures(model, conditions, windows)
    assert found["0"] == found["original"]
    kept = {}

    def remove(x, _at):
        kept["values"] = x[:, 0, 3].clone()
        return set_entries(0, 3, 40)(x, None)

    with model.add_hook("blocks.0.resid_post", remove):
        expected = expected_measures(
            model, ids, lambda x, _at: set_entries(0, 3, kept["values"])(x, None), "blocks.1.resid_post"
        )
    plain = expected_measures(model, ids)
    edited_ppl = expected[0]
    np.testing.assert_allclose(found["1"][0], edited_ppl, rtol=2e-5)
    assert abs(edited_ppl - plain[0]) > 1e-3


def test_pairs_of_one_edit_do_not_share_their_memory(model, ids):
    select = ma.Selection.at([0], [3])
    edit = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=40)
    first = ma.with_restore(edit, "blocks.1.resid_post")
    second = ma.with_restore(edit, "blocks.1.resid_post")
    with model.add_hook(first[0]), model.add_hook(second[1]), pytest.raises(ma.ConfigError, match="nothing to restore"):
        model.forward(ids)


def test_means_of_the_first_sequences_are_numpys(model, profile):
    sequences = torch.randint(264, (7, WINDOW), generator=torch.Generator().manual_seed(8))
    # 3 sequences a pass, so that counts fall within passes
    means = ma.calibration_means(model, sequences, [1, 4, 7], tokens_per_pass=3 * WINDOW)
    _, cache = model.run_with_cache(sequences, ["blocks.*.resid_post"])
    for count, found in means.items():
        for block in range(N_LAYERS):
            x = cache[f"blocks.{block}.resid_post"][:count].numpy().astype(np.float64)
            np.testing.assert_allclose(found[block, 0], x[:, 0].mean(axis=0), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(found[block, 1], x[:, 1:].mean(axis=(0, 1)), rtol=1e-5, atol=1e-6)
    conditions = ma.sweep_conditions(profile, "mean_from", means=means)
    assert [condition.name for condition in conditions] == [
        "original",
        "mean of 1 sequence",
        "mean of 4 sequences",
        "mean of 7 sequences",
    ]


def test_divergence_of_an_edit(model, windows, ids):
    select = ma.Selection.at([0], [3])
    edit = ma.make_intervention("set_value", site="blocks.1.resid_post", select=select, value=40)
    found = ma.divergence(model, windows, edit)
    expected = expected_measures(model, ids, set_entries(0, 3, 40), "blocks.1.resid_post")
    np.testing.assert_allclose((found.perplexity, found.kl_nats, found.agreement), expected, rtol=2e-5, atol=1e-5)
    assert ma.perplexity(model, windows).kl_nats is None
    with model.add_hook(edit):
        assert found.perplexity == ma.perplexity(model, windows).perplexity  # to the bit


def test_repetition_counts_ngrams_of_the_continuations(model):
    prompts = [[1, 2, 3, 4], [9, 8, 7]]
    select = ma.Selection.at([0], [3])
    edit = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=40)
    found = ma.measure_repetition(model, prompts, edit, new_tokens=24)
    texts = []
    for prompt in prompts:
        text = list(prompt)
        with model.add_hook(edit):
            for _ in range(24):
                text.append(int(model.forward(torch.tensor([text]))[0, -1].argmax()))
        texts.append(text[len(prompt) :])
    for n, share in enumerate(found.repeated, start=1):
        grams = [[tuple(text[i : i + n]) for i in range(len(text) - n + 1)] for text in texts]
        total = sum(map(len, grams))
        assert share == pytest.approx(1 - sum(len(set(g)) for g in grams) / total)
    assert found.n_tokens == 48


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "block"}, "blocks"),
        ({"kind": "scale", "value": 0}, "'value' is not one of 'scale'"),
        ({"kind": "blocks", "value": "median"}, "expected a number or 'mean'"),
        ({"kind": "mean_from"}, "calibration_means"),
        ({"kind": "restore", "after": [9]}, "cannot restore 9 blocks after"),
    ],
)
def test_a_wrong_option_says_what_is_wrong(profile, options, message):
    with pytest.raises(ma.Error, match=message):
        ma.sweep_conditions(profile, **options)

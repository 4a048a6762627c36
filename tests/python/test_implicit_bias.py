"""implicit_bias, decompose_attention and replace_part against NumPy on cached patterns and values; the experiment."""

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import libma as ma
from libma import cli

SEQUENCES, LENGTH, NULL_SETS, SEED = 3, 10, 7, 4
MASK = (1 << 64) - 1


@pytest.fixture(scope="module", params=[("llama", 2), ("gpt2", 4)], ids=["llama", "gpt2"])
def loaded(request, tmp_path_factory):
    """A tiny model in float64, 4 heads; LLaMA shares its keys and values between two heads each."""
    checkpoints = pytest.importorskip("checkpoints", reason="transformers is not installed")
    name, kv_heads = request.param
    folder = getattr(checkpoints, f"write_{name}")(tmp_path_factory.mktemp(name))
    model = ma.load_model(folder, device="cpu", dtype="float64")
    assert model.run_with_cache([1, 2], "blocks.0.attn.v")[1]["blocks.0.attn.v"].shape[2] == kv_heads
    return model


@pytest.fixture(scope="module")
def sequences():
    return torch.randint(1, 64, (SEQUENCES, LENGTH), generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def members():
    """Token 0 everywhere, and token 3 in the last sequence."""
    members = torch.zeros(SEQUENCES, LENGTH, dtype=torch.bool)
    members[:, 0] = True
    members[2, 3] = True
    return members


class SplitMix64:
    """Steele et al. 2014, as libma seeds it: the first number of `seed`, moved by `stream`."""

    def __init__(self, seed, stream):
        self.state = seed
        self.state = (self.next() + stream) & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)


def draw(size, count, stream):
    """Floyd's sampling; numbers so large that the remainder is biased are too rare to matter here."""
    random, drawn = SplitMix64(SEED, stream), set()
    for last in range(size - count, size):
        number = random.next() % (last + 1)
        drawn.add(last if number in drawn else number)
    return sorted(drawn)


def attention(model, sequences):
    """For each block (pattern [batch, head, query, key], v [batch, key, head, d_head], z), NumPy."""
    _, cache = model.run_with_cache(sequences, ["blocks.*.attn.pattern", "blocks.*.attn.v", "blocks.*.attn.z"])
    for layer in range(model.config.n_layers):
        pattern, v, z = (cache[f"blocks.{layer}.attn.{name}"].numpy() for name in ("pattern", "v", "z"))
        yield pattern, np.repeat(v, pattern.shape[1] // v.shape[2], axis=2), z


def queries_of(own, others=()):
    """Queries behind the first of `own` that are in neither list."""
    return [k for k in range(min(own) + 1, LENGTH) if k not in own and k not in others]


def mean_pair_cosine(u):
    unit = u / np.linalg.norm(u, axis=-1, keepdims=True)
    cosines = unit @ unit.T
    return (cosines.sum() - np.trace(cosines)) / (len(u) * (len(u) - 1))


def dispersion(u):
    mean = u.mean(axis=0)
    return np.sqrt(((u - mean) ** 2).sum(axis=-1).mean()) / np.linalg.norm(mean)


def parts(pattern, v, sets, exclude):
    """u_k of one head, a list over sequences: sums of p_ki v_i over the set, at the queries that count."""
    return [
        np.stack([sum(pattern[b, k, i] * v[b, i] for i in chosen) for k in queries_of(chosen, exclude[b])])
        for b, chosen in enumerate(sets)
    ]


def test_parts_are_the_sums_over_the_positions_and_all_others(loaded, sequences):
    for layer, (pattern, v, z) in enumerate(attention(loaded, sequences)):
        massive, rest = ma.decompose_attention(loaded, sequences, layer, [0, 3])
        expected = np.einsum("bhqk,bkhd->bqhd", pattern[..., [0, 3]], v[:, [0, 3]])
        np.testing.assert_allclose(massive.numpy(), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose((massive + rest).numpy(), z, rtol=0, atol=1e-9)
        mask = torch.zeros(SEQUENCES, LENGTH, dtype=torch.bool)
        mask[:, [0, 3]] = True
        assert torch.equal(ma.decompose_attention(loaded, sequences, layer, mask)[0], massive)
        one = ma.decompose_attention(loaded, sequences[1], layer, [0, 3])[0]
        torch.testing.assert_close(one[0], massive[1], rtol=0, atol=1e-12)


def test_positions_count_from_the_first_real_token(loaded):
    plain, _ = ma.decompose_attention(loaded, [5, 6, 7], 1, [0])
    mask = torch.tensor([[0, 0, 1, 1, 1]])
    padded, _ = ma.decompose_attention(loaded, [[0, 0, 5, 6, 7]], 1, [0], mask=mask)
    torch.testing.assert_close(padded[:, 2:], plain, rtol=0, atol=1e-10)
    with pytest.raises(ma.ShapeError, match="position 3"):
        ma.decompose_attention(loaded, [5, 6, 7], 1, [3])
    with pytest.raises(ma.ConfigError, match="no block 2"):
        ma.decompose_attention(loaded, [5, 6, 7], 2, [0])


def test_statistics_are_those_of_numpy(loaded, sequences, members):
    bias = ma.implicit_bias(loaded, sequences, members, null_sets=NULL_SETS, seed=SEED, tokens_per_pass=2 * LENGTH)
    massive = [row.nonzero().flatten().tolist() for row in members]
    null = []
    for n in range(NULL_SETS):
        chosen = []
        for s, own in enumerate(massive):
            others = [i for i in range(LENGTH - 1) if i not in own]
            chosen.append([others[i] for i in draw(len(others), len(own), s * NULL_SETS + n)])
        null.append(chosen)
    assert (bias.n_sequences, bias.n_without, bias.n_members) == (3, 0, 4)
    assert bias.n_queries == 9 + 9 + 8
    for layer, (pattern, v, z) in enumerate(attention(loaded, sequences)):
        for h, found in enumerate(bias.layers[layer].heads):
            p, values = pattern[:, h], v[:, :, h]
            by_sequence = parts(p, values, massive, massive)
            u = np.concatenate(by_sequence)
            cosines = [mean_pair_cosine(one) for one in by_sequence]
            others = [np.concatenate(parts(p, values, chosen, massive)) for chosen in null]
            z_of = np.concatenate([z[b, queries_of(own), h] for b, own in enumerate(massive)])
            norms = np.linalg.norm(values, axis=-1)
            expected = {
                "cos_mean": np.mean(cosines),
                "cos_std": np.std(cosines, ddof=1),
                "cos_between": mean_pair_cosine(np.stack([one.mean(axis=0) for one in by_sequence])),
                "cos_all": mean_pair_cosine(u),
                "dispersion": dispersion(u),
                "dispersion_mean": np.mean([dispersion(one) for one in by_sequence]),
                "variance": ((u - u.mean(axis=0)) ** 2).sum(axis=-1).mean(),
                "null_mean": np.mean([dispersion(one) for one in others]),
                "null_std": np.std([dispersion(one) for one in others], ddof=1),
                "null_cos_mean": np.mean([mean_pair_cosine(one) for one in others]),
                "null_cos_std": np.std([mean_pair_cosine(one) for one in others], ddof=1),
                "p": np.mean([dispersion(one) <= dispersion(u) for one in others]),
                "p_cos": np.mean([mean_pair_cosine(one) >= mean_pair_cosine(u) for one in others]),
                "share": np.sqrt((u**2).sum() / (z_of**2).sum()),
                "attention": np.mean(
                    np.concatenate([p[b][queries_of(own)][:, own].sum(axis=1) for b, own in enumerate(massive)])
                ),
                "drain": norms[members.numpy()].mean() / norms[~members.numpy()].mean(),
            }
            for name, value in expected.items():
                assert getattr(found, name) == pytest.approx(value, rel=1e-9, abs=1e-9), (layer, h, name)
            np.testing.assert_allclose(bias.constants[layer, h].numpy(), u.mean(axis=0), rtol=0, atol=1e-12)
            np.testing.assert_allclose(
                bias.other_constants[layer, h].numpy(), np.concatenate(others).mean(axis=0), rtol=0, atol=1e-12
            )


def test_all_heads_together_are_one_vector(loaded, sequences, members):
    bias = ma.implicit_bias(loaded, sequences, members, null_sets=0)
    assert bias.other_constants is None
    for layer, (pattern, v, z) in enumerate(attention(loaded, sequences)):
        massive = [row.nonzero().flatten().tolist() for row in members]
        heads = [np.concatenate(parts(pattern[:, h], v[:, :, h], massive, massive)) for h in range(4)]
        assert bias.layers[layer].dispersion == pytest.approx(dispersion(np.concatenate(heads, axis=-1)))
        z_of = np.concatenate([z[b, queries_of(own)] for b, own in enumerate(massive)])
        share = np.sqrt(sum((u**2).sum() for u in heads) / (z_of**2).sum())
        assert bias.layers[layer].share == pytest.approx(share)


def test_the_edits_put_the_constant_where_the_part_was(loaded, sequences):
    constants = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    select = ma.Selection.at([0, 3], [])
    for given in (constants, None):
        handles = [
            loaded.add_hook(edit) for edit in ma.replace_part(select, marked_after=0, layers=[1], constants=given)
        ]
        _, cache = loaded.run_with_cache(sequences, "blocks.1.attn.z")
        for handle in handles:
            handle.remove()
        massive, rest = ma.decompose_attention(loaded, sequences, 1, [0, 3])
        expected = rest.clone() + (0 if given is None else given[1])
        for alone in (0, 3):  # members are no queries
            expected[:, alone] = massive[:, alone] + rest[:, alone]
        torch.testing.assert_close(cache["blocks.1.attn.z"], expected, rtol=0, atol=1e-12)


def test_mistakes_are_errors(loaded, sequences, members):
    with pytest.raises(ma.ShapeError, match="members are"):
        ma.implicit_bias(loaded, sequences, members[:2])
    with pytest.raises(ma.ShapeError, match="no sequence has a massive token"):
        ma.implicit_bias(loaded, sequences, torch.zeros_like(members))
    with pytest.raises(ma.ConfigError, match="null_sets"):
        ma.implicit_bias(loaded, sequences, members, null_sets=-1)
    with pytest.raises(ma.ConfigError, match="comes before the stream after block 1"):
        ma.replace_part(ma.Selection.at([0], []), marked_after=1, layers=[1])


def plant(x, at):
    planted = x.clone()
    planted[:, 1, 5] = 50_000.0
    return planted


def test_planted_tokens_are_found_and_their_edits_follow_them(loaded, sequences):
    with loaded.add_hook("blocks.0.resid_post", plant):
        profile = ma.find_massive(loaded, sequences, classify_tokens=False)
        found = ma.find_massive_tokens(loaded, sequences, profile)
        assert found.nonzero()[:, 1].tolist() == [1] * SEQUENCES
        bias = ma.implicit_bias(loaded, sequences, null_sets=20)
        assert bias.n_members == SEQUENCES
        explicit = ma.implicit_bias(loaded, sequences, found, null_sets=20)
        assert torch.equal(bias.constants, explicit.constants)
        conditions = ma.bias_conditions(bias, profile, [1])
        assert [condition.name for condition in conditions] == ["original", "constant", "removed", "control"]
        windows = ma.make_windows(sequences.flatten(), window=LENGTH)
        result = ma.evaluate_conditions(loaded, conditions, [ma.PerplexityTask("random", windows)])
        original, *edited = (row[0].perplexity for row in result.results)
        assert original == pytest.approx(ma.perplexity(loaded, windows).perplexity)
        assert all(value != pytest.approx(original, rel=1e-9) for value in edited)


def run(tiny_folder, tmp_path, *settings, flags=("--quiet",)):
    text = tmp_path / "words.txt"
    text.write_text(" ".join(f"the rain in town {i % 97} on and on" for i in range(200)))
    other = tmp_path / "other.txt"
    other.write_text(" ".join(f"another sun {i % 89} over the hill" for i in range(100)))
    config = tmp_path / "bias.yaml"
    config.write_text(
        "experiment: implicit_bias\n"
        f"model: {{name: {tiny_folder}, device: cpu}}\n"
        f"find: {{text: {text}, sequences: 4, length: 24, magnitude: 0.01, ratio: 5}}\n"
        "bias: {null_sets: 5}\n"
        f"evaluate: {{perplexity: [{{task: {other}, name: other, window: 24, max_windows: 3}}]}}\n"
        "prompts: [the rain]\n"
        f"output: {tmp_path / 'results'}\n"
    )
    overrides = [part for setting in settings for part in ("--set", setting)]
    return cli.main(["run", "implicit_bias", str(config), *flags, *overrides])


def test_the_experiment_writes_what_the_library_measures(tiny_folder, tmp_path):
    assert run(tiny_folder, tmp_path) == 0
    results = tmp_path / "results"
    model = ma.load_model(tiny_folder, device="cpu")
    sequences = ma.cut_sequences(model.tokenizer, [(tmp_path / "words.txt").read_text()], sequences=4, length=24)
    profile = ma.find_massive(model, sequences, magnitude=0.01, ratio=5)
    assert profile.edit_layer == 0
    members = ma.find_massive_tokens(model, sequences, profile)
    bias = ma.implicit_bias(model, sequences, members, null_sets=5)
    assert (results / "bias_constancy.csv").read_bytes().decode() == bias.table().to_csv()
    assert (results / "layers.csv").read_bytes().decode() == bias.layers_table().to_csv()

    tensors = load_file(results / "bias.safetensors")
    assert torch.equal(tensors["constants"], bias.constants)
    torch.testing.assert_close(tensors["attn_out"], ma.project_to_attn_out(model, bias.constants))

    with (results / "table.csv").open(newline="") as file:
        rows = {row["condition"]: float(row["other (perplexity)"]) for row in csv.DictReader(file)}
    ids = model.tokenizer.encode((tmp_path / "other.txt").read_text())
    windows = ma.make_windows(ids, window=24, max_windows=3)
    expected = ma.evaluate_conditions(
        model, ma.bias_conditions(bias, profile, [1]), [ma.PerplexityTask("other", windows)]
    )
    assert list(rows) == expected.conditions
    assert list(rows.values()) == pytest.approx([row[0].perplexity for row in expected.results])

    record = json.loads((results / "record.json").read_text())
    assert record["details"]["edited_blocks_0_based"] == [1]
    assert record["details"]["implicit_bias"]["queries"] == bias.n_queries
    assert [condition["name"] for condition in record["details"]["conditions"]] == list(rows)


def test_the_value_updates_of_a_prompt_add_up(tiny_folder, tmp_path):
    assert run(tiny_folder, tmp_path) == 0
    path = tmp_path / "results" / "value_updates.safetensors"
    tensors = {name.removeprefix("prompt.0."): tensor for name, tensor in load_file(path).items()}
    model = ma.load_model(tiny_folder, device="cpu")
    ids = model.tokenizer.encode("the rain")
    assert tensors["ids"].tolist() == list(ids)
    _, cache = model.run_with_cache(ids, ["blocks.*.attn.pattern", "blocks.*.attn.z"])  # the explicit path, too
    for layer in range(2):
        z = cache[f"blocks.{layer}.attn.z"][0]
        torch.testing.assert_close(tensors["massive"][layer] + tensors["rest"][layer], z.flatten(1), rtol=0, atol=1e-5)
        positions = tensors["members"].nonzero().flatten().tolist()
        massive, rest = ma.decompose_attention(model, ids, layer, positions)
        torch.testing.assert_close(tensors["massive_norms"][layer], massive[0].norm(dim=-1))
        torch.testing.assert_close(tensors["rest_norms"][layer], rest[0].norm(dim=-1))


def test_a_second_run_takes_up_the_first_ones_windows(tiny_folder, tmp_path):
    assert run(tiny_folder, tmp_path) == 0
    first = (tmp_path / "results" / "table.csv").read_bytes()
    assert run(tiny_folder, tmp_path) == 0
    assert (tmp_path / "results" / "table.csv").read_bytes() == first
    assert json.loads((tmp_path / "results" / "record.json").read_text())["resumed"] is True


def test_without_texts_and_prompt_only_statistics_are_written(tiny_folder, tmp_path):
    assert run(tiny_folder, tmp_path, "evaluate=null", "prompts=[]") == 0
    names = {path.name for path in (tmp_path / "results").iterdir()}
    assert "bias_constancy.md" in names
    assert not {"table.md", "value_updates.safetensors"} & names


@pytest.mark.parametrize(
    "setting",
    [
        "replace.first_layer=0",
        "replace.last_layer=2",
        "replace.first_layer=late",
        "bias.null_sets=-1",
        "bias.sets=3",
    ],
)
def test_wrong_settings_are_one_line(tiny_folder, tmp_path, capfd, setting):
    assert run(tiny_folder, tmp_path, setting) == 2
    assert capfd.readouterr().err.count("error:") == 1


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("replace.last_layer=2", "replace.last_layer: there is no block 2"),
        ("replace={first_layer: 1, last_layer: 0}", "replace.first_layer: 1 is behind last_layer 0; swap them"),
    ],
)
def test_a_dry_run_looks_at_blocks(tiny_folder, tmp_path, capfd, setting, problem):
    assert run(tiny_folder, tmp_path, setting, flags=["--dry-run"]) == 2
    assert problem in capfd.readouterr().err

"""The Python API: arguments, results, errors, and its stubs."""

import doctest
import inspect
import tomllib
from pathlib import Path

import pytest
import torch

import libma as ma
from libma import cli

IDS = [1, 2, 3, 4]


@pytest.mark.parametrize(
    "ids",
    [IDS, tuple(IDS), [IDS], torch.tensor(IDS), torch.tensor([IDS]), ma.TokenBatch(IDS)],
    ids=["list", "tuple", "rows", "vector", "matrix", "batch"],
)
def test_ids_come_in_many_forms(model, ids):
    assert torch.equal(model.forward(ids), model.forward(torch.tensor([IDS])))


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "pos >= 1"),
        ([[1, 2], [3]], "row 1 has 1 ids, row 0 has 2"),
        (torch.tensor(IDS, dtype=torch.int32), "expected int64"),
        ([264], "id 264 is outside the vocabulary of 264"),
        ([-1], "id -1 is outside"),
    ],
)
def test_wrong_ids_are_shape_errors(model, ids, message):
    with pytest.raises(ma.ShapeError, match=message):
        model.forward(ids)


@pytest.mark.parametrize("ids", ["1 2 3", 5, 1.5, [1.5], [None]])
def test_what_are_no_ids_is_a_type_error(model, ids):
    with pytest.raises(TypeError):
        model.forward(ids)


def test_a_mask_beside_a_batch_that_has_one_is_refused(model):
    batch = ma.TokenBatch([[1, 2]], mask=torch.tensor([[0, 1]]))
    with pytest.raises(ma.ShapeError, match="only one"):
        model.forward(batch, mask=torch.tensor([[1, 1]]))


def test_the_three_steps_make_the_pass(model):
    stream = model.embed(IDS)
    for layer in range(model.config.n_layers):
        stream = model.run_blocks(stream, layer, layer + 1, IDS)
    assert torch.equal(model.unembed(stream), model.forward(IDS))
    some = model.unembed(stream, torch.tensor([3, 0]))
    torch.testing.assert_close(some, model.forward(IDS)[0, [3, 0]])


def test_scores_equal_the_logits_own(model):
    stream = model.run_blocks(model.embed(IDS), 0, 2)
    targets = torch.tensor(IDS[1:])
    scores = model.score(stream, torch.arange(3), targets)
    logits = model.forward(IDS)[0, :3]
    torch.testing.assert_close(scores.nll_nats, torch.nn.functional.cross_entropy(logits, targets, reduction="none"))
    assert scores.is_greedy.tolist() == (logits.argmax(-1) == targets).tolist()


def test_run_with_cache_takes_one_pattern_or_many(model):
    _, one = model.run_with_cache(IDS, "blocks.*.mlp_out")
    _, many = model.run_with_cache(IDS, ["embed", "blocks.*.mlp_out"])
    assert list(one) == ["blocks.0.mlp_out", "blocks.1.mlp_out"]
    assert list(many) == ["embed", *one]
    assert len(many) == 3
    assert "embed" in many and "embed" not in one
    assert dict(many)["embed"].shape == (1, 4, 32)
    with pytest.raises(LookupError, match="blocks.0.mlp_out"):
        one["blocks.0.mlp_ou"]


@pytest.mark.parametrize("dtype", [torch.float64, "float64"])
def test_dtype_is_a_torch_dtype_or_a_name(tiny_folder, dtype):
    model = ma.load_model(tiny_folder, device="cpu", dtype=dtype)
    assert model.dtype == torch.float64
    assert model.device == torch.device("cpu")
    assert model.forward(IDS).dtype == torch.float64


def test_load_errors_say_what_is_wrong(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LIBMA_HOME", str(tmp_path))
    with pytest.raises(ma.FileError, match="no-such-model"):
        ma.load_model("no-such-model")
    with pytest.raises(ma.UnknownNameError, match="float32"):
        ma.load_model(tiny_folder, dtype="float23")
    with pytest.raises(ma.ConfigError):
        ma.load_model(tiny_folder, dtype=torch.int8)
    with pytest.raises(ma.ConfigError, match="device"):
        ma.load_model(tiny_folder, device="toaster")


def test_libma_home_is_read(tiny_folder, tmp_path, monkeypatch):
    folder = tmp_path / "models" / "mine"
    folder.parent.mkdir()
    folder.symlink_to(tiny_folder)
    (tiny_folder / "source.json").touch()
    monkeypatch.setenv("LIBMA_HOME", str(tmp_path))
    assert ma.load_model("mine", device="cpu").config.n_layers == 2


def test_errors_belong_to_pythons_own_kinds():
    for error, kind in [
        (ma.ConfigError, ValueError),
        (ma.ShapeError, ValueError),
        (ma.FileError, OSError),
        (ma.UnknownNameError, LookupError),
    ]:
        assert issubclass(error, ma.Error)
        assert issubclass(error, kind)


def test_an_intervention_edits_and_counts(model):
    zero = ma.make_intervention(
        "set_value", site="blocks.*.resid_post", select=ma.Selection.at([0, -1], [3]), value=0.0
    )
    with model.add_hook(zero):
        _, cache = model.run_with_cache(IDS, "blocks.*.resid_post")
    for name in cache:
        assert cache[name][0, [0, 3], 3].tolist() == [0, 0]
        assert cache[name][0, 1, 3] != 0
    assert (zero.stats.calls, zero.stats.edited) == (2, 4)
    assert zero.describe() in repr(zero)


def test_an_intervention_may_be_called_from_a_hook(model):
    scale = ma.make_intervention("scale", site="embed", select=ma.Selection.at([], []), factor=2.0)
    plain = model.embed(IDS)
    with model.add_hook("embed", lambda x, at: scale(x + 1, at)):
        torch.testing.assert_close(model.embed(IDS), 2 * (plain + 1))


def test_intervention_mistakes_are_errors():
    select = ma.Selection.at([0], [0])
    with pytest.raises(ma.UnknownNameError, match="set_value"):
        ma.make_intervention("set_valeu", site="embed", select=select, value=0)
    with pytest.raises(ma.ConfigError):
        ma.make_intervention("set_value", site="embed", select=select)
    with pytest.raises(ma.ConfigError):
        ma.make_intervention("scale", site="embed", select=select, value=1.0, factor=2.0)


def test_a_planted_massive_activation_is_found_and_costs_what_it_should(model):
    sequences = torch.randint(1, 64, (8, 16), generator=torch.Generator().manual_seed(3))

    def plant(x, at):
        planted = x.clone()
        planted[:, 0, 5] = 50_000.0
        return planted

    with model.add_hook("blocks.0.resid_post", plant):
        profile = ma.find_massive(model, sequences, classify_tokens=False)
        assert profile.meets_criterion
        site = profile.sites[0]
        assert (site.dim, site.token_class, site.first_layer, site.count) == (5, "start", 0, 8)
        assert site.mean == pytest.approx(50_000, rel=0.1)
        assert profile.edit_layer == 0
        assert profile.top(1).dims == [5]
        assert "5" in profile.table().to_markdown()
        assert profile.table().to_text() in repr(profile)
        assert profile.means.shape == (2, 2, 32)

        windows = ma.make_windows(sequences.flatten(), window=16)
        zero = ma.make_intervention("set_value", site="blocks.0.resid_post", select=profile.top(1), value=0.0)
        conditions = [ma.Condition("original"), ma.Condition("zero", zero)]
        calls = []
        result = ma.evaluate_conditions(
            model,
            conditions,
            [ma.PerplexityTask("random", windows)],
            progress=lambda stage, done, total: calls.append((done, total)),
        )
        assert calls[-1] == (16, 16)
        original, edited = (row[0].perplexity for row in result.results)
        assert original == pytest.approx(ma.perplexity(model, windows).perplexity)
        with model.add_hook(zero):
            assert edited == pytest.approx(ma.perplexity(model, windows).perplexity)
        assert edited != pytest.approx(original, rel=1e-3)


def test_a_callback_stops_the_work_with_its_own_error(model):
    class Enough(Exception):
        pass

    def stop(stage, done, total):
        if done:
            raise Enough

    with pytest.raises(Enough):
        ma.perplexity(model, ma.make_windows(list(range(64)) * 4, window=16), tokens_per_pass=16, progress=stop)


def test_table_to_pandas(model):
    pandas = pytest.importorskip("pandas")
    table = ma.run_ablation(
        model,
        [ma.Condition("original")],
        [ma.PerplexityTask("counting", ma.make_windows(list(range(64)), window=16))],
    )
    frame = table.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == table.columns
    assert frame.iloc[0, 0] == "original"


def public_objects():
    for name in dir(ma._C):
        if not name.startswith("_"):
            value = getattr(ma._C, name)
            yield name, value
            if inspect.isclass(value):
                for member in vars(value):
                    if not member.startswith("_"):
                        yield f"{name}.{member}", getattr(value, member)


@pytest.mark.parametrize("command", [["--version"], ["run", "ablation", "--version"]])
def test_all_that_tell_a_version_tell_the_same(command, capfd):
    version = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"]
    assert ma.__version__ == version
    try:
        assert cli.main(command) == 0
    except SystemExit as exit_:
        assert exit_.code == 0
    assert capfd.readouterr().out.startswith(f"libma {version}")


def test_everything_public_has_a_docstring():
    bare = [name for name, value in public_objects() if not (getattr(value, "__doc__", None) or "").strip()]
    assert bare == []


def test_the_examples_of_the_docstrings_run(model, tiny_folder, tiny_vision_folder):
    vision_model = ma.load_vision_model(tiny_vision_folder, device="cpu")
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for name, value in public_objects():
        names = {
            "ma": ma,
            "torch": torch,
            "model": model,
            "folder": tiny_folder,
            "vision_model": vision_model,
            "vision_folder": tiny_vision_folder,
        }
        example = parser.get_doctest(inspect.getdoc(value) or "", names, name, None, None)
        runner.run(example)
        model.remove_hooks()
    assert runner.failures == 0
    assert runner.tries > 20

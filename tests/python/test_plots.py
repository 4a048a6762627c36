"""`libma plot`: what the figures show is what the tables hold, and every mistake is one line."""

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import result_folders

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")

from safetensors.numpy import load_file

from libma import cli, plots
from libma.errors import FileError, UnknownNameError
from libma.results import read_results

EXPERIMENTS = sorted(result_folders.CONFIGS)
MAGIC = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}

pytestmark = pytest.mark.usefixtures("one_thread")


def figure(folder, name, paper=False):
    """The drawing of one figure."""
    found = {drawn.name: drawn.drawing for drawn in plots.figures(folder, paper)}
    return found[name]


def column(folder, table, heading, **where):
    """A column of a CSV file, read apart from the code under test."""
    with (folder / f"{table}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row[key] == value for key, value in where.items())]
    return [float(row[heading] or "nan") for row in rows]


def copy_of(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_every_experiment_here_has_figures():
    assert set(result_folders.CONFIGS) == set(plots.EXPERIMENTS)


@pytest.mark.parametrize("paper", [False, True], ids=["plain", "paper"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_figures_have_names_captions_and_labels(result_folder, experiment, paper):
    drawn = plots.figures(result_folder(experiment), paper)
    assert len({figure.name for figure in drawn}) == len(drawn) > 0
    for one in drawn:
        assert one.caption.endswith(".")
        shown = [axes for axes in one.drawing.axes if axes.get_visible() and axes.lines + axes.patches]
        assert all(axes.get_xlabel() or axes.get_title() or axes.get_xticklabels() for axes in shown)
        assert one.to_bytes("png").startswith(MAGIC["png"])


@pytest.mark.parametrize("kind", sorted(MAGIC))
def test_the_command_writes_the_same_bytes_twice(result_folder, tmp_path, capsys, kind):
    folder = result_folder("find_massive")
    for output in ("a", "b"):
        assert cli.main(["plot", str(folder), "--format", kind, "--output", str(tmp_path / output)]) == 0
    files = sorted((tmp_path / "a").iterdir())
    assert capsys.readouterr().out.splitlines()[: len(files)] == [
        str(tmp_path / "a" / f"{one.name}.{kind}") for one in plots.figures(folder)
    ]
    for file in files:
        assert file.read_bytes().startswith(MAGIC[kind])
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_figures_go_to_the_folder_itself_as_pdf_with_its_fonts(result_folder, tmp_path):
    folder = copy_of(result_folder("image_ablation"), tmp_path)
    assert cli.main(["plot", str(folder)]) == 0
    (written,) = (folder / "figures").iterdir()
    assert written.name == "scores.pdf"
    assert b"/FontFile2" in written.read_bytes()
    assert b"/Type3" not in written.read_bytes()


def test_curves_are_the_layers_of_each_model(result_folder):
    folder = result_folder("find_massive")
    drawing = figure(folder, "magnitudes")
    axes = [panel for panel in drawing.axes if panel.get_title()]
    assert [panel.get_title() for panel in axes] == ["one", r"two \$x\$ <b>"]
    for panel, model in zip(axes, ("one", "two $x$ <b>"), strict=True):
        lines = {line.get_label(): line for line in panel.lines}
        for name in ("top 1", "top 2", "top 3", "median"):
            assert list(lines[name].get_ydata()) == column(folder, "layers", name, model=model)
            assert list(lines[name].get_xdata()) == column(folder, "layers", "block (0-based)", model=model)
    paper = figure(folder, "figure_4", paper=True)
    assert list(paper.axes[0].lines[0].get_xdata()) == column(folder, "layers", "layer (1-based)", model="one")


def test_layers_above_are_blocks_below_plus_one(result_folder):
    drawing = figure(result_folder("find_massive"), "ratios")
    drawing.canvas.draw()
    (axes,) = drawing.axes
    (above,) = axes.child_axes
    labels = above.get_xticklabels()
    assert [float(label.get_text()) for label in labels] == [label.get_position()[0] + 1 for label in labels]
    assert {label.get_position()[0] for label in labels} <= {
        label.get_position()[0] for label in axes.get_xticklabels()
    }


def test_bands_are_the_standard_deviations_of_the_record(result_folder):
    folder = result_folder("find_massive")
    block = json.loads((folder / "record.json").read_text())["details"]["models"][0]["profile"]["blocks"][0]
    panel = figure(folder, "magnitudes").axes[0]
    tops = [band.get_paths()[0].vertices[:, 1].max() for band in panel.collections]
    highest = max(b["top"][0] + b["top_std"][0] for b in _blocks(folder))
    assert max(tops) == pytest.approx(highest)
    assert block["top_std"][0] > 0


def _blocks(folder):
    return json.loads((folder / "record.json").read_text())["details"]["models"][0]["profile"]["blocks"]


def test_bars_are_perplexities_with_their_errors(result_folder):
    folder = result_folder("ablation")
    (axes,) = figure(folder, "perplexity").axes
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert ends == pytest.approx(column(folder, "table", "words (perplexity)")[: len(ends)])
    text = json.loads((folder / "record.json").read_text())["details"]["conditions"][0]["perplexity"][0]
    whisker = axes.containers[1].lines[2][0].get_paths()[0].vertices[:, 0]
    ends_of_error = [text["perplexity"] * np.exp(sign * text["std_error_nats"]) for sign in (-1, 1)]
    assert sorted(whisker) == pytest.approx(ends_of_error)
    assert text["std_error_nats"] > 0


def test_accuracies_stand_beside_what_guessing_gets(result_folder):
    folder = result_folder("ablation")
    (axes,) = figure(folder, "accuracy").axes
    with (folder / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["condition"] for row in rows] == ["original", "zero", "chance"]
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [float(row[task]) for row in rows[:2] for task in ("colours (acc %)",)]
    (chance,) = [line for line in axes.collections if line.get_label() == "chance"]
    assert chance.get_segments()[0][0][1] == float(rows[2]["colours (acc %)"]) == 50


def test_shares_of_patch_norms_add_to_the_whole(result_folder):
    folder = result_folder("image_tokens")
    axes = figure(folder, "patch_norms").axes[0]
    (mesh,) = axes.collections
    assert np.ma.filled(mesh.get_array(), 0).sum(axis=0) == pytest.approx([100] * 3)


def test_attention_bars_are_means_over_blocks(result_folder):
    folder = result_folder("image_tokens")
    (axes,) = figure(folder, "figure_14", paper=True).axes
    names = [f"register:{i} (%)" for i in range(4)] + ["one patch (%)"]
    expected = [np.mean(column(folder, "attention", name)) for name in names]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx(expected)


def test_surfaces_name_the_dims_that_are_largest(result_folder):
    folder = result_folder("magnitudes")
    tensors = load_file(folder / "surface.safetensors")
    panels = figure(folder, "surface").axes
    assert len(panels) == 2
    peaks = []
    for index, panel in enumerate(panels):
        values = max((t for name, t in tensors.items() if f"prompt_{index}" in name), key=lambda t: t.max())
        assert panel.get_zlim()[1] == pytest.approx(values.max() * 1.02)
        largest = int(values.max(axis=0).argmax())
        assert str(largest) in [label.get_text() for label in panel.get_yticklabels()]
        peaks.append(max(line.get_data_3d()[2].max() for line in panel.lines))
    assert max(peaks) == pytest.approx(max(t.max() for t in tensors.values()))


def test_attention_maps_are_those_of_the_file(result_folder):
    folder = result_folder("attention")
    tensors = load_file(folder / "maps.safetensors")
    n_layers = len(tensors["prompt.0.layers"])
    maps = [axes.images[0].get_array() for axes in figure(folder, "maps_prompt_0").axes if axes.images]
    for layer in range(n_layers):
        logits, pattern = maps[layer].filled(np.nan), maps[n_layers + layer].filled(np.nan)
        visible = np.tril(np.ones(logits.shape, bool))
        assert np.isnan(logits[~visible]).all()
        assert logits[visible] == pytest.approx(tensors["prompt.0.logits"][layer][visible])
        assert pattern[visible] == pytest.approx(tensors["prompt.0.pattern"][layer][visible])


def test_heads_are_in_their_places(result_folder):
    folder = result_folder("attention")
    shown = figure(folder, "heads").axes[0].images[0].get_array()
    with (folder / "heads.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["tokens"] == "natural"]
    for row in rows:
        value = shown[int(row["head"]), int(row["block (0-based)"])]
        assert value == float(row["on massive tokens (%)"])


def test_cosines_of_massive_and_other_tokens_stand_side_by_side(result_folder):
    folder = result_folder("trajectory")
    (axes,) = figure(folder, "cosines").axes
    heights = [bar.get_height() for bar in axes.patches]
    kinds = ("massive", "other")
    assert heights == pytest.approx(
        [value for kind in kinds for value in column(folder, "groups", "mean cosine of pairs", tokens=kind)],
        nan_ok=True,
    )


def test_dispersions_are_those_of_the_tables(result_folder):
    folder = result_folder("implicit_bias")
    lines = {line.get_label(): list(line.get_ydata()) for line in figure(folder, "constancy").axes[0].lines}
    assert lines["massive tokens, mean of heads"] == column(folder, "layers", "dispersion")
    assert lines["random tokens, mean of heads"] == column(folder, "layers", "null_mean")
    assert lines["a head"] == column(folder, "bias_constancy", "dispersion")


def test_sweeps_over_blocks_share_one_panel_a_text(result_folder):
    folder = result_folder("sweep")
    panels = figure(folder, "blocks").axes
    assert [panel.get_ylabel() for panel in panels] == ["words perplexity", "more perplexity"]
    for panel in panels:
        *swept, original = panel.lines
        for line, name in zip(swept, ("blocks", "blocks_mean"), strict=True):
            assert [original.get_ydata()[0], *line.get_ydata()] == column(folder, f"sweep_{name}", panel.get_ylabel())
    factors = figure(folder, "scale").axes[0].lines[0]
    assert list(factors.get_xdata()) == [0, 0.5, 1]
    assert list(factors.get_ydata()) == [column(folder, "sweep_scale", "words perplexity")[row] for row in (2, 3, 1)]


def test_what_a_block_writes_is_a_bar(result_folder):
    folder = result_folder("weights")
    (axes,) = figure(folder, "blocks").axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == column(folder, "blocks", "attention") + column(folder, "blocks", "MLP")
    spectra = load_file(folder / "singular_values.safetensors")
    drawn = [list(line.get_ydata()) for panel in figure(folder, "singular_values").axes for line in panel.lines]
    assert sorted(drawn) == sorted(list(values) for values in spectra.values())


def test_neurons_at_outliers_stand_beside_those_elsewhere(result_folder):
    folder = result_folder("register_neurons")
    heights = [bar.get_height() for bar in figure(folder, "neurons").axes[0].patches]
    assert heights == column(folder, "neurons", "mean magnitude at outliers") + column(folder, "neurons", "elsewhere")
    before, after = figure(folder, "norms").axes[1].lines
    with (folder / "outliers.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [list(before.get_ydata()), list(after.get_ydata())] == [[float(row[i]) for row in rows] for i in (2, 4)]


def test_an_infinite_perplexity_is_drawn_and_named(result_folder, tmp_path):
    folder = copy_of(result_folder("ablation"), tmp_path)
    table = folder / "table.csv"
    lines = table.read_text().splitlines()
    lines[2] = ",".join(["zero", "inf", *lines[2].split(",")[2:]])
    table.write_text("\n".join(lines) + "\n")
    (axes,) = figure(folder, "perplexity").axes
    assert [text.get_text() for text in axes.texts][1] == " inf"
    assert plots.figures(folder)[0].to_bytes("png")


@pytest.mark.parametrize("command", ["plot", "report"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, "is no folder"),
        (lambda folder: (folder / "record.json").unlink(), "holds no record.json"),
        (lambda folder: (folder / "record.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "record.json").write_text("[]"), "names no experiment"),
        (lambda folder: (folder / "layers.csv").unlink(), "layers.csv"),
        (lambda folder: (folder / "layers.csv").write_text("model,block (0-based)\none\n"), "is no table"),
        (lambda folder: (folder / "layers.csv").write_text("model,top 1\none,1\n"), "no column named 'block'"),
        (lambda folder: (folder / "layers.csv").write_bytes(b"model\n\xff\xfe\n"), "is no CSV file"),
        (lambda folder: _replace(folder / "layers.csv", ",0,1,", ",zero,1,"), "holds 'zero'; expected a number"),
    ],
)
def test_a_bad_folder_is_one_line_and_nothing_is_written(
    result_folder, tmp_path, capsys, monkeypatch, command, spoil, message
):
    folder = copy_of(result_folder("find_massive"), tmp_path)
    spoil(folder)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert cli.main([command, str(folder)]) == 2
    streams = capsys.readouterr()
    assert (streams.out, streams.err.count("\n")) == ("", 1)
    assert streams.err.startswith(f"libma: [{folder}")
    assert message in streams.err
    assert sorted(tmp_path.rglob("*")) == before


def _replace(path, old, new):
    path.write_text(path.read_text().replace(old, new, 1))


def test_an_experiment_without_figures_is_one_line(result_folder, tmp_path):
    folder = copy_of(result_folder("find_massive"), tmp_path)
    _replace(folder / "record.json", '"experiment": "find_massive",\n  "files"', '"experiment": "norms",\n  "files"')
    with pytest.raises(UnknownNameError, match="no figures of an experiment named 'norms'"):
        plots.figures(folder)


def test_a_folder_that_cannot_be_written_is_one_line(result_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["plot", str(result_folder("ablation")), "--output", str(tmp_path / "file" / "in")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_missing_matplotlib_is_one_line(result_folder, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["plot", str(result_folder("ablation"))]) == 2
    assert capsys.readouterr().err == "libma: [plot] figures need matplotlib; run: pip install 'libma[plot]'\n"


def test_the_example_of_the_page_draws(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "plots.md").read_text(encoding="utf-8")
    block = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[1]
    scope: dict = {}
    exec(
        block.replace("from ..", "from libma.")
        .replace("from . ", "from libma.plots ")
        .replace("from .", "from libma.plots."),
        scope,
    )
    (tmp_path / "record.json").write_text('{"experiment": "norms"}')
    (tmp_path / "table.csv").write_text("block (0-based),norm\n0,1.5\n1,2.5\n")
    (drawn,) = scope["figures"](read_results(tmp_path), True)
    assert list(drawn.drawing.axes[0].lines[0].get_ydata()) == [1.5, 2.5]


def test_a_figure_shows_itself_in_a_notebook_and_saves_itself(result_folder, tmp_path):
    drawn = plots.figures(read_results(result_folder("ablation")))[0]
    assert drawn._repr_png_().startswith(MAGIC["png"])
    assert drawn.save(tmp_path / "new" / "one.svg").read_bytes().startswith(MAGIC["svg"])
    with pytest.raises(FileError, match=r"ends in '\.jpg'"):
        drawn.save(tmp_path / "one.jpg")
    with pytest.raises(UnknownNameError, match="no format of a figure named 'jpeg'"):
        drawn.to_bytes("jpeg")
    assert len(drawn.to_bytes("png", dpi=50)) < len(drawn.to_bytes("png"))

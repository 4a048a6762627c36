"""Register means in files, and those that are published: what the paper's table says of them."""

import pytest
import torch

import libma as ma
from libma import cli

PUBLISHED = "reference/dinov2-reg-featmean"
SIZES = ("small", "base", "large", "giant")

# (size, block, register counted from 0, dim, value)
ENTRIES = [
    ("small", 5, 1, 287, -93.2),
    ("small", 11, 1, 287, -92.8),
    ("base", 8, 3, 569, 139.4),
    ("base", 11, 3, 254, -204.4),
    ("large", 3, 0, 971, -163.0),
    ("large", 3, 0, 188, -155.7),
    ("large", 3, 0, 555, -121.6),
    ("large", 23, 0, 555, -709.9),
    ("large", 23, 0, 126, 577.2),
    ("giant", 1, 2, 179, -474.5),
    ("giant", 1, 2, 999, 394.6),
    ("giant", 10, 2, 179, -828.2),
    ("giant", 10, 2, 999, 667.4),
    ("giant", 20, 2, 179, -849.4),
    ("giant", 20, 2, 999, 671.1),
    ("giant", 30, 2, 179, -957.4),
    ("giant", 30, 2, 999, 668.7),
    ("giant", 38, 2, 179, -1163.2),
    ("giant", 38, 2, 999, 664.4),
    ("giant", 39, 2, 179, -1155.3),
    ("giant", 39, 2, 999, 664.9),
    ("giant", 39, 0, 1474, 275.0),
]
# (size, block, largest magnitude / median)
RATIOS = [
    ("small", 5, 1902),
    ("small", 11, 262),
    ("base", 8, 732),
    ("large", 3, 5170),
    ("large", 15, 1016),
    ("large", 23, 807),
    ("giant", 1, 37_828),
    ("giant", 37, 1112),
    ("giant", 38, 976),
]
SHAPES = {"small": (12, 4, 384), "base": (12, 4, 768), "large": (24, 4, 1024), "giant": (40, 4, 1536)}
MASSIVE = {"small": [], "base": [], "large": list(range(3, 16)), "giant": list(range(1, 38))}


@pytest.fixture(scope="module")
def published(reference_data):
    """Path of the file of one size."""
    return lambda size: reference_data(f"{PUBLISHED}/{size}_imagemean_bs10k_trainaug.pt")


@pytest.mark.parametrize("size", SIZES)
def test_published_means_have_the_papers_entries(published, size):
    means = ma.load_register_means(published(size))
    assert tuple(means.means.shape) == SHAPES[size]
    summary = means.summary(top=4)
    for _, layer, register, dim, value in (entry for entry in ENTRIES if entry[0] == size):
        top = [(entry.register_index, entry.dim, round(entry.value, 1)) for entry in summary[layer].top]
        assert (register, dim, value) in top, f"block {layer}"
    for _, layer, ratio in (row for row in RATIOS if row[0] == size):
        assert round(summary[layer].max_over_median) == ratio, f"block {layer}"
    assert [block.layer for block in summary if block.meets_criterion] == MASSIVE[size]


def test_the_papers_remarks_on_sizes(published):
    def largest(size):
        return [abs(block.top[0].value) for block in ma.load_register_means(published(size)).summary(top=1)]

    assert max(largest("small")) < 100
    ratios = [block.max_over_median for block in ma.load_register_means(published("base")).summary()]
    assert max(ratios) < 1000
    assert largest("giant").index(max(largest("giant"))) == 38
    medians = [block.median for block in ma.load_register_means(published("giant")).summary()]
    assert (round(medians[1], 4), round(medians[39], 4)) == (0.0125, 1.3574)


def test_saved_means_load_by_either_way(published, tmp_path):
    means = ma.load_register_means(published("small"))
    means.save(tmp_path / "means.safetensors")
    for load in (ma.load_register_means, ma.RegisterMeans.load):
        assert torch.equal(load(tmp_path / "means.safetensors").means, means.means)
    from safetensors.torch import load_file

    assert torch.equal(load_file(tmp_path / "means.safetensors")["register_means"], means.means)


def test_the_page_is_what_the_command_prints(published, capsys, request):
    page = request.config.rootpath / "docs" / "results" / "dinov2_register_means.md"
    assert cli.main(["register-means", *(str(published(size)) for size in SIZES)]) == 0
    assert capsys.readouterr().out == page.read_text(encoding="utf-8")


def test_a_published_file_is_a_dict_of_blocks(tmp_path):
    path = tmp_path / "means.pt"
    blocks = {layer: torch.randn(2, 3) for layer in (1, 0, 2)}
    torch.save(blocks, path)
    assert torch.equal(ma.load_register_means(path).means, torch.stack([blocks[layer] for layer in range(3)]))


class Anything:
    pass


@pytest.mark.parametrize(
    "content",
    [
        {},
        [torch.zeros(2, 3)],
        {0: torch.zeros(2, 3), 2: torch.zeros(2, 3)},
        {0: torch.zeros(2, 3), 1: torch.zeros(2, 4)},
        {0: torch.zeros(3)},
        {0: torch.zeros(2, 3, dtype=torch.int64)},
        {"0": torch.zeros(2, 3)},
        {0: 1.0},
        Anything(),
    ],
    ids=["empty", "list", "gap", "widths", "vector", "integers", "names", "number", "code"],
)
def test_other_pickles_are_file_errors(tmp_path, content):
    path = tmp_path / "means.pt"
    torch.save(content, path)
    with pytest.raises(ma.FileError, match=r"means\.pt"):
        ma.load_register_means(path)


def test_what_is_no_file_of_means_is_a_file_error(tmp_path, capsys):
    (tmp_path / "text").write_text("no tensors here")
    for name in ("text", "absent"):
        with pytest.raises(ma.FileError, match=name):
            ma.load_register_means(tmp_path / name)
    assert cli.main(["register-means", str(tmp_path / "absent")]) == 2
    assert "absent" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4, 5), (0, 4, 5)])
def test_means_have_three_dimensions(shape):
    with pytest.raises(ma.ShapeError):
        ma.RegisterMeans(torch.zeros(shape))

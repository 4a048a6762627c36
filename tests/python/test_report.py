"""`libma report`: the page holds every table and figure, loads nothing, and runs nothing that a result says."""

import base64
import csv
import json
import re
import shutil
from html.parser import HTMLParser

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
pytest.importorskip("jinja2", reason="Jinja2 is not installed")

import result_folders

from libma import cli, plots
from libma.errors import ConfigError
from libma.reports import write_report

EXPERIMENTS = sorted(result_folders.CONFIGS)
VOID = {"meta", "img", "link", "br", "hr", "input"}

pytestmark = pytest.mark.usefixtures("one_thread")


class Page(HTMLParser):
    """What a page holds; fails where a tag is closed that was not opened, or the other way round."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.tables, self.codes, self.styles, self.ids = [], [], [], [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "pre":
            self.codes.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "pre" in self.open:
            self.codes[-1] += data
        elif self.open and self.open[-1] == "style":
            self.styles += data
        elif self.tables and self.tables[-1] and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def folders(result_folder):
    return [result_folder(experiment) for experiment in EXPERIMENTS]


@pytest.fixture(scope="module")
def page(folders, tmp_path_factory):
    """The report on all experiments."""
    path = tmp_path_factory.mktemp("report") / "page.html"
    assert cli.main(["report", *map(str, folders), "--output", str(path)]) == 0
    return path.read_text(encoding="utf-8")


def markdown_cells(line):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_every_table_is_there_whole(page, folders):
    tables = Page(page).tables
    for folder in folders:
        for path in folder.glob("*.csv"):
            with path.open(newline="") as file:
                rows = list(csv.reader(file))
            markdown = path.with_suffix(".md")
            if markdown.exists():
                lines = [markdown_cells(line) for line in markdown.read_text().splitlines()]
                assert [lines[0], *lines[2:]] in tables
                assert len(lines) - 1 == len(rows)
            else:
                assert any(_has_shape(table, rows) and _agrees(table, rows) for table in tables)


def _has_shape(table, rows):
    return [len(row) for row in table] == [len(row) for row in rows] and table[0] == rows[0]


def _agrees(table, rows):
    """Whether the cells are equal, numbers to six digits."""
    cells = [pair for shown, full in zip(table, rows, strict=True) for pair in zip(shown, full, strict=True)]
    return all(a == b or float(a) == pytest.approx(float(b), rel=1e-5) for a, b in cells)


@pytest.fixture(scope="module")
def drawn(folders):
    """Captions and SVGs of all figures, in the order of the page."""
    found = [figure for folder in folders for figure in plots.figures(folder)]
    return [(figure.caption, figure.to_bytes("svg")) for figure in found]


def test_every_figure_is_in_the_page_itself(page, drawn):
    parsed = Page(page)
    sources = [value for tag, name, value in parsed.attributes if (tag, name) == ("img", "src")]
    captions = [value for tag, name, value in parsed.attributes if (tag, name) == ("img", "alt")]
    inside = [base64.b64decode(source.removeprefix("data:image/svg+xml;base64,")) for source in sources]
    assert list(zip(captions, inside, strict=True)) == drawn


def test_the_page_loads_nothing(page):
    parsed = Page(page)
    loading = {"src", "href", "srcset", "poster", "data", "action", "background"}
    links = [(tag, value) for tag, name, value in parsed.attributes if name in loading]
    assert links
    assert [link for link in links if not link[1].startswith(("#", "data:image/"))] == []
    assert not re.search(r"url\(|@import|https?:|//", parsed.styles)
    assert not {tag for tag, _, _ in parsed.attributes} & {"script", "link", "iframe", "object", "embed"}
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]
    (policy,) = [value for tag, name, value in parsed.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'")


def test_pictures_load_nothing_either(drawn):
    for _, svg in drawn:
        text = svg.decode()
        references = re.findall(r'(?:href|src)="([^"]*)"', text) + re.findall(r"url\(([^)]*)\)", text)
        assert [found for found in references if not found.startswith(("#", "data:image/png"))] == []
        assert "<script" not in text


def test_chapters_are_listed_and_found(page):
    parsed = Page(page)
    targets = [value for tag, name, value in parsed.attributes if (tag, name) == ("a", "href")]
    assert targets == [f"#{anchor}" for anchor in parsed.ids]
    assert len(targets) == len(EXPERIMENTS)


def test_what_made_the_numbers_is_named(page, folders):
    for folder in folders:
        record = json.loads((folder / "record.json").read_text())
        for digest in (record["model_files"] | record["text_files"]).values():
            assert digest in page
        assert record["libma"]["commit"] in page
        assert f"libma run {record['experiment']} config.yaml" in page


def test_the_config_of_the_page_runs_again(result_folder, tmp_path):
    folder = result_folder("find_massive")
    path = write_report([folder], tmp_path / "page.html")
    command, config = Page(path.read_text(encoding="utf-8")).codes
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    _, *arguments = command.replace("config.yaml", str(tmp_path / "config.yaml")).split()
    assert cli.main([*arguments, "--output", str(tmp_path / "again"), "--quiet"]) == 0
    assert (tmp_path / "again" / "layers.csv").read_bytes() == (folder / "layers.csv").read_bytes()


def test_texts_of_results_are_shown_not_obeyed(result_folder, tmp_path):
    folder = shutil.copytree(result_folder("find_massive"), tmp_path / "copy")
    evil = "<script>alert(1)</script><img src=http://a.b/c onerror=x>"
    (folder / "sites.md").write_text(f"| tokens |\n| ------ |\n| {evil} |\n")
    record = json.loads((folder / "record.json").read_text())
    record["config"]["models"][0]["name"] = evil
    record["model_files"] = {"x/" + evil.replace("/", "_"): "0" * 64}
    (folder / "record.json").write_text(json.dumps(record))
    text = write_report([folder], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert [["tokens"], [evil]] in Page(text).tables
    assert not [value for tag, name, value in Page(text).attributes if value.startswith("http")]


def test_an_experiment_without_figures_has_its_tables(result_folder, tmp_path):
    folder = shutil.copytree(result_folder("ablation"), tmp_path / "copy")
    record = json.loads((folder / "record.json").read_text())
    record["experiment"] = "norms"
    (folder / "record.json").write_text(json.dumps(record))
    parsed = Page(write_report([folder], tmp_path / "page.html").read_text(encoding="utf-8"))
    assert len(parsed.tables) == len(list(folder.glob("*.csv"))) + 1
    assert "img" not in {tag for tag, _, _ in parsed.attributes}


def test_long_tables_are_cut_and_say_so(result_folder, tmp_path):
    folder = shutil.copytree(result_folder("ablation"), tmp_path / "copy")
    (folder / "long.csv").write_text("a,b\n" + "".join(f"{i},{i / 7}\n" for i in range(1000)))
    text = write_report([folder], tmp_path / "page.html").read_text(encoding="utf-8")
    (table,) = [table for table in Page(text).tables if table[0] == ["a", "b"]]
    assert len(table) == 401
    assert "all 1000 are in long.csv" in text


def test_a_report_that_fails_leaves_the_earlier_one(result_folder, tmp_path, capsys):
    path = tmp_path / "page.html"
    path.write_text("earlier")
    assert cli.main(["report", str(result_folder("ablation")), str(tmp_path / "absent"), "--output", str(path)]) == 2
    assert capsys.readouterr().err == (
        f"libma: [{tmp_path / 'absent'}] is no folder; give the output folder of an experiment\n"
    )
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_no_folder_at_all_is_a_config_error():
    with pytest.raises(ConfigError, match="no folder is given"):
        write_report([])

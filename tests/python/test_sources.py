"""Configuration files of models, texts and datasets: what is read, and what each mistake is told."""

from pathlib import Path

import pytest

from libma import sources
from libma.errors import ConfigError, FileError, UnknownNameError

MODEL = {
    "description": "a model",
    "licence": "MIT",
    "kind": "pypi",
    "package": "tiny",
    "version": "1.0",
    "file": "tiny/tiny.gguf",
    "sha256": "00",
    "bytes": 4,
}


def write(folder: Path, values: dict, name: str = "tiny.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join(f"{key}: {value!r}" for key, value in values.items()))
    return path


@pytest.mark.parametrize("name", sources.known_sources())
def test_every_shipped_file_is_valid(name: str) -> None:
    source = sources.find_source(name)
    assert source.name == name
    assert source.config_file.parent.name == source.group


def test_names_are_unique_over_the_groups() -> None:
    files = [path for group in sources.GROUPS for path in (sources.config_folder() / group).glob("*.yaml")]
    assert len(files) == len(sources.known_sources())


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match="no model, text or dataset named 'smollm'; nearest: smollm2-135m-instruct"
    ):
        sources.find_source("smollm")


def test_a_model_is_read(tmp_path: Path) -> None:
    source = sources.read_source(write(tmp_path / "models", MODEL))
    assert (source.name, source.group, source.origin.package) == ("tiny", "models", "tiny")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha265": "00"}, "no key named 'sha265'; nearest: sha256"),
        ({"bytes": "four"}, "bytes: expected an integer, got 'four'"),
        ({"bytes": True}, "bytes: expected an integer, got True"),
        ({"kind": "pipy"}, "no kind of source named 'pipy'; nearest: pypi"),
        ({"rows": {}}, "rows: a model has none"),
    ],
)
def test_a_wrong_key_or_value_is_an_error(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=message):
        sources.read_source(write(tmp_path / "models", {**MODEL, **change}))


@pytest.mark.parametrize("key", MODEL)
def test_every_key_is_needed(tmp_path: Path, key: str) -> None:
    values = {k: v for k, v in MODEL.items() if k != key}
    with pytest.raises(ConfigError, match=f"{key}: missing"):
        sources.read_source(write(tmp_path / "models", values))


def test_a_text_needs_rows(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rows: missing"):
        sources.read_source(write(tmp_path / "texts", MODEL))


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "models", {})
    path.write_text("- a\n- b\n")
    with pytest.raises(ConfigError, match="expected keys and values, got list"):
        sources.read_source(path)
    path.write_text("a: [\n")
    with pytest.raises(ConfigError, match="is not YAML"):
        sources.read_source(path)


def test_an_absent_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        sources.find_source(str(tmp_path / "none.yaml"))


def test_a_name_cannot_lead_out_of_the_cache(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no name"):
        sources.read_source(write(tmp_path / "models", MODEL, name="..yaml"))

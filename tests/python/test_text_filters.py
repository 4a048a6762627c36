"""The filters of task prompts against Python's own string methods, over every code point."""

import json
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

import libma as ma

# What this Python's Unicode version has assigned; a later version may give case to what is not.
CODE_POINTS = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) not in ("Cn", "Cs")]


def apply(name: str, texts: list[str], folder: Path) -> list[str]:
    """Each of `texts` under the filter `name`, between bars, which keep no choice empty."""
    (folder / "task.jsonl").write_text(json.dumps({"texts": texts}) + "\n")
    (folder / "task.yaml").write_text(
        "description: d\nkind: multiple_choice\nversion: 0\ndata: task.jsonl\ncontext: ''\ngold: 0\n"
        f'choices: "{{texts|{name}}}"\n'
    )
    return ma.load_task(str(folder / "task.yaml")).documents[0].choices


def differing(name: str, python: Callable[[str], str], texts: list[str], folder: Path) -> dict[str, tuple[str, str]]:
    """text -> (what libma makes of it, what Python does), where these differ."""
    ours = apply(name, texts, folder)
    return {t: (o, python(t)) for t, o in zip(texts, ours, strict=True) if o != python(t)}


@pytest.mark.parametrize("pattern", ["{}a", "a{}", "A{}B"], ids=["first", "last", "inside"])
def test_capitalize_is_pythons(pattern: str, tmp_path: Path) -> None:
    texts = [pattern.format(c) for c in CODE_POINTS]
    assert differing("capitalize", str.capitalize, texts, tmp_path) == {}


@pytest.mark.parametrize("pattern", ["xA{}Σ", "x{}Σ", "xΣ{}", "xΣ{}a", "xAΣ{}'b"])
def test_capitalize_ends_words_in_final_sigma_where_python_does(pattern: str, tmp_path: Path) -> None:
    texts = [pattern.format(c) for c in CODE_POINTS]
    assert differing("capitalize", str.capitalize, texts, tmp_path) == {}


@pytest.mark.parametrize("name", ["strip", "lstrip"])
def test_white_space_is_pythons(name: str, tmp_path: Path) -> None:
    texts = [f"{c} {c}x{c}\t{c}" for c in CODE_POINTS]
    assert differing(name, getattr(str, name), texts, tmp_path) == {}


def test_lower_first_is_pythons(tmp_path: Path) -> None:
    texts = [c + "ΣAx" for c in CODE_POINTS]
    assert differing("lower_first", lambda text: text[0].lower() + text[1:], texts, tmp_path) == {}


def test_drop_last_is_pythons(tmp_path: Path) -> None:
    texts = ["ab" + c for c in CODE_POINTS]
    assert differing("drop_last", lambda text: text[:-1], texts, tmp_path) == {}

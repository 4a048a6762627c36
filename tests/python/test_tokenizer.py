"""libma's tokenizers against Hugging Face `tokenizers`: ids, offsets and decoded text, without exception.

The C++ side is the small binary `io_tokenize` of the build tree: `LIBMA_BUILD_DIR`, or `build` in the repository.
`LIBMA_FUZZ_TEXTS` sets the number of random texts for each tokenizer.
"""

import functools
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")
pytest.importorskip("gguf")

import tokenizer_reference as reference
from random_texts import every_character, random_texts

BUILD_DIR = Path(os.environ.get("LIBMA_BUILD_DIR", Path(__file__).parents[2] / "build"))
IO_TOKENIZE = BUILD_DIR / "tests" / "io" / "io_tokenize"
pytestmark = pytest.mark.skipif(not IO_TOKENIZE.exists(), reason=f"{IO_TOKENIZE} has not been built")

FUZZ_TEXTS = int(os.environ.get("LIBMA_FUZZ_TEXTS", "20000"))
WIKITEXT = ("wiki.test.raw", "wikitext2_raw_test_joined.txt", "wikitext2_tokenised_valid.txt")
NAMES = ("smollm2", "gpt2", "pythia", "falcon", "llama3", "qwen2")


@pytest.fixture(scope="module")
def load(request, tmp_path_factory):
    """Builds the reference called so, once; skips where its files are absent."""
    find = request.getfixturevalue("reference_data")

    @functools.cache
    def build(name: str) -> reference.Reference:
        if name == "smollm2":
            return reference.smollm2(request.getfixturevalue("smollm2_gguf"))
        if name == "pythia":
            return reference.from_file(find("tokenizers/pythia/20B_tokenizer.json"))
        if name in ("gpt2", "falcon"):
            return reference.from_file(find(f"tokenizers/{name}/tokenizer.json"))
        base, folder = find("tokenizers/gpt2/tokenizer.json"), tmp_path_factory.mktemp(name)
        if name == "llama3":
            return reference.from_tiktoken(find("tokenizers/llama3/tokenizer.model"), base, folder)
        return reference.variant(base, folder, VARIANTS[name])

    return build


def added(content: str, number: int, **flags: bool) -> dict[str, object]:
    defaults = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return {"id": number, "content": content, **defaults, **flags}


def byte_level(**options: bool) -> dict[str, object]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **options}


def splits(*stages: dict[str, object]) -> dict[str, object]:
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [*stages, byte_level(use_regex=False)]}}


def split(pattern: dict[str, str], behavior: str, invert: bool = False) -> dict[str, object]:
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


# Stages in combinations that no model above has, on GPT-2's vocabulary.
VARIANTS = {
    "qwen2": {"normalizer": {"type": "NFC"}, "pre_tokenizer": reference.split_pre_tokenizer(reference.QWEN2)},
    "regex": {"pre_tokenizer": reference.split_pre_tokenizer(reference.LLAMA3 + "(?:)")},
    "flags": {
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": byte_level(add_prefix_space=True),
        "post_processor": byte_level(add_prefix_space=True),
        "added_tokens": [
            added("the", 1169, single_word=True, lstrip=True, rstrip=True, normalized=True),
            added("hello", 31373, single_word=True, lstrip=True, special=True),
            added("hell", 12758),
            added("<|endoftext|>", 50256, special=True),
            added("e\u0301", 50257, rstrip=True, normalized=True),
        ],
    },
    "behaviors": splits(
        split({"Regex": r"\s+"}, "Removed"),
        {"type": "Punctuation", "behavior": "MergedWithNext"},
        split({"String": "e"}, "MergedWithPrevious"),
        split({"Regex": r"\p{L}*"}, "Contiguous", invert=True),
    ),
}


def libma_encode(path: Path, texts: list[str]) -> list[dict[str, object]]:
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    result = subprocess.run([IO_TOKENIZE, path], input=lines, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.split("\n")[:-1]]


def assert_equal(expected: reference.Reference, texts: list[str]) -> None:
    """Compares ids, offsets and decoded text of all `texts`; the two sides work at the same time."""
    found: list[dict[str, object]] = []
    worker = threading.Thread(target=lambda: found.extend(libma_encode(expected.path, texts)))
    worker.start()
    wanted = expected.encode(texts)
    decoded = expected.tokenizer.decode_batch([ids for ids, _ in wanted], skip_special_tokens=False)
    worker.join()
    assert len(found) == len(texts)
    unchecked = 0
    for text, ours, (ids, offsets), back in zip(texts, found, wanted, decoded, strict=True):
        assert ours["ids"] == ids, text[:200]
        assert ours["text"] == back, text[:200]
        if offsets is None:
            unchecked += 1
        else:
            assert [tuple(pair) for pair in ours["offsets"]] == offsets, text[:200]
    assert unchecked <= len(texts) // 50


@pytest.mark.parametrize("name", NAMES)
def test_equals_hugging_face_on_wikitext_and_c4(name, load, reference_data):
    texts = [reference_data(f"text/wikitext2/{file}").read_bytes().decode() for file in WIKITEXT]
    c4 = reference_data("text/c4/c4_en_train_first1000.jsonl").read_text(encoding="utf-8")
    assert_equal(load(name), texts + [json.loads(line)["text"] for line in c4.splitlines()])


@pytest.mark.parametrize(("seed", "name"), list(enumerate((*NAMES, *sorted(set(VARIANTS) - set(NAMES))))))
def test_equals_hugging_face_on_random_texts(seed, name, load):
    assert_equal(load(name), random_texts(FUZZ_TEXTS if name in NAMES else FUZZ_TEXTS // 10, seed))


@pytest.mark.parametrize("name", ("gpt2", "qwen2", "falcon"))
def test_equals_hugging_face_on_every_character(name, load):
    assert_equal(load(name), list(every_character()))


@pytest.mark.parametrize("name", ("smollm2", "pythia"))
def test_equals_hugging_face_on_very_long_words(name, load):
    runs = ["a" * 100_000, "ab" * 50_000, " " * 100_000, "\u00e9" * 30_000, "e\u0301" * 20_000, "'s" * 30_000]
    assert_equal(load(name), runs)


@pytest.mark.parametrize(
    ("vectors", "name"), [("gpt-2", "gpt2"), ("falcon", "falcon"), ("mpt", "pythia"), ("llama-bpe", "llama3")]
)
def test_equals_llama_cpp_vectors(vectors, name, load, reference_data):
    texts = reference_data(f"tokenizers/conformance/ggml-vocab-{vectors}.gguf.inp").read_bytes().decode()
    lines = reference_data(f"tokenizers/conformance/ggml-vocab-{vectors}.gguf.out").read_text(encoding="utf-8")
    wanted = [[int(number) for number in line.split()] for line in lines.split("\n")]
    found = libma_encode(load(name).path, texts.split("\n__ggml_vocab_test__\n"))
    assert [result["ids"] for result in found] == wanted[: len(found)]

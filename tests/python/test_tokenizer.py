"""libma's tokenizers against Hugging Face `tokenizers` and SentencePiece: ids, offsets and decoded text, no exception.

The C++ side is the small binary `io_tokenize` of the build tree: `LIBMA_BUILD_DIR`, or `build` in the repository.
`LIBMA_SLOW_TESTS` takes all texts and 100,000 random ones for each tokenizer, else it is a part of both;
`LIBMA_FUZZ_TEXTS` sets the number of random texts.
"""

import functools
import itertools
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")
pytest.importorskip("gguf")
pytest.importorskip("sentencepiece")

import tokenizer_files as files
import tokenizer_reference as reference
from random_texts import every_character, random_texts
from tokenizer_files import added, metaspace, replace, sequence, split
from tokenizers import Tokenizer

BUILD_DIR = Path(os.environ.get("LIBMA_BUILD_DIR", Path(__file__).parents[2] / "build"))
IO_TOKENIZE = BUILD_DIR / "tests" / "io" / "io_tokenize"
pytestmark = pytest.mark.skipif(not IO_TOKENIZE.exists(), reason=f"{IO_TOKENIZE} has not been built")

SLOW = bool(os.environ.get("LIBMA_SLOW_TESTS"))
FUZZ_TEXTS = int(os.environ.get("LIBMA_FUZZ_TEXTS", "100000" if SLOW else "4000"))
LONGEST_SLICE = 60_000  # characters of each file in a run that is not slow
TEXTS = (
    "c4/c4_en_train_first1000.jsonl",
    "gutenberg/1342_pride_and_prejudice.txt",
    "gutenberg/2600_war_and_peace.txt",
    "gutenberg/2701_moby_dick.txt",
    "redpajama/input_ids.json",
    "redpajama/wiki_texts.json",
    "tinyshakespeare/input.txt",
    "tinystories/tinystories_train_first2MiB.txt",
    "wikitext2/wiki.test.raw",
    "wikitext2/wikitext2_raw_test_joined.txt",
    "wikitext2/wikitext2_raw_test_rows.jsonl",
    "wikitext2/wikitext2_tokenised_valid.txt",
)
BYTE_LEVEL = ("smollm2", "gpt2", "pythia", "falcon", "llama3", "llama3-json", "qwen2")
LLAMA2 = ("llama2", "llama2-model", "llama2-gguf")
NAMES = (*BYTE_LEVEL, *LLAMA2)


@pytest.fixture(scope="module")
def load(request, tmp_path_factory):
    """Builds the reference called so, once; skips where its files are absent."""
    find = request.getfixturevalue("reference_data")

    def llama2(name: str) -> reference.AnyReference:
        path = find("tokenizers/llama2/tokenizer.json")
        if name == "llama2-model":
            return reference.SentencePieceReference(find("tokenizers/llama2/tokenizer.model"))
        if name == "llama2-gguf":
            folder = tmp_path_factory.mktemp(name)
            gguf = files.llama_gguf(find("tokenizers/llama2/tokenizer.model"), folder / "llama2.gguf")
            # GGUF does not say "normalized"; by default a special token is not.
            content = json.loads(path.read_text(encoding="utf-8"))
            for token in content["added_tokens"]:
                token["normalized"] = False
            path = folder / "tokenizer.json"
            path.write_text(json.dumps(content), encoding="utf-8")
            return reference.FileReference(path, gguf)
        return reference.FileReference(path)

    def llama3(name: str) -> reference.AnyReference:
        ranks = find("tokenizers/llama3/tokenizer.model")
        made = reference.from_tiktoken(ranks, find("tokenizers/gpt2/tokenizer.json"), tmp_path_factory.mktemp(name))
        made.path = ranks if name == "llama3" else made.path
        return made

    def spaced(name: str) -> reference.AnyReference:
        path = tmp_path_factory.mktemp(name) / "tokenizer.json"
        content = json.loads(find("tokenizers/llama2/tokenizer.json").read_text(encoding="utf-8"))
        changes = dict(SPACED[name])
        content["model"] |= changes.pop("model", {})
        path.write_text(json.dumps(content | changes), encoding="utf-8")
        return reference.FileReference(path)

    makers = {
        "smollm2": lambda _: reference.smollm2(request.getfixturevalue("smollm2_gguf")),
        "pythia": lambda _: reference.from_file(find("tokenizers/pythia/20B_tokenizer.json")),
        "gpt2": lambda _: reference.from_file(find("tokenizers/gpt2/tokenizer.json")),
        "falcon": lambda _: reference.from_file(find("tokenizers/falcon/tokenizer.json")),
        "llama3": llama3,
        "llama3-json": llama3,
        **dict.fromkeys(LLAMA2, llama2),
        **dict.fromkeys(SPACED, spaced),
        **dict.fromkeys(
            TRAINED, lambda name: trained(name, find("text/tinyshakespeare/input.txt"), tmp_path_factory.mktemp(name))
        ),
    }

    def varied(name: str) -> reference.AnyReference:
        return reference.variant(find("tokenizers/gpt2/tokenizer.json"), tmp_path_factory.mktemp(name), VARIANTS[name])

    @functools.cache
    def build(name: str) -> reference.AnyReference:
        return makers.get(name, varied)(name)

    return build


def byte_level(**options: bool) -> dict[str, object]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **options}


def splits(*stages: dict[str, object]) -> dict[str, object]:
    return {"pre_tokenizer": sequence("pretokenizers", *stages, byte_level(use_regex=False))}


BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"

# Stages in combinations that no model above has, on GPT-2's vocabulary.
VARIANTS = {
    "qwen2": {"normalizer": {"type": "NFC"}, "pre_tokenizer": reference.split_pre_tokenizer(reference.QWEN2)},
    "regex": {"pre_tokenizer": reference.split_pre_tokenizer(reference.LLAMA3 + "(?:)")},
    "bloom": {"pre_tokenizer": reference.split_pre_tokenizer(BLOOM)},
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
    "roberta": {
        "pre_tokenizer": byte_level(add_prefix_space=True),
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": ["<|endoftext|>", 50256],
            "cls": ["<|endoftext|>", 50256],
            "trim_offsets": True,
            "add_prefix_space": False,
        },
    },
    "behaviors": splits(
        split({"Regex": r"\s+"}, "Removed"),
        {"type": "Punctuation", "behavior": "MergedWithNext"},
        split({"String": "e"}, "MergedWithPrevious"),
        split({"Regex": r"\p{L}*"}, "Contiguous", invert=True),
    ),
}

UNKNOWN = [added("<unk>", 0, special=True), added("<s>", 1, special=True)]
NO_BYTES = {"byte_fallback": False, "fuse_unk": False}

# Stages of SentencePiece's family and of others, on LLaMA-2's vocabulary.
SPACED = {
    "always": {"normalizer": None, "pre_tokenizer": metaspace(prepend_scheme="always", split=True)},
    "first": {
        "normalizer": None,
        "pre_tokenizer": metaspace(prepend_scheme="first", split=False),
        "added_tokens": [*UNKNOWN, added("the", 1552), added("hello", 12199, rstrip=True, lstrip=True)],
        "decoder": metaspace(prepend_scheme="first", split=False),
    },
    "never": {
        "normalizer": None,
        "pre_tokenizer": metaspace(prepend_scheme="never", split=True),
        "decoder": metaspace(prepend_scheme="never", split=True),
    },
    "legacy": {
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": metaspace(add_prefix_space=True, str_rep="\u2581"),
        "decoder": metaspace(add_prefix_space=True, str_rep="\u2581"),
        "model": {"fuse_unk": True, "byte_fallback": False},
    },
    "legacy-never": {
        "normalizer": sequence("normalizers", {"type": "NFKD"}, {"type": "StripAccents"}),
        "pre_tokenizer": metaspace(add_prefix_space=False, prepend_scheme="never", str_rep="\u2581"),
        "decoder": metaspace(add_prefix_space=False, prepend_scheme="never"),
        "model": NO_BYTES,
    },
    "gemma": {
        "normalizer": replace({"String": " "}, "\u2581"),
        "pre_tokenizer": split({"String": " "}, "MergedWithPrevious"),
        "decoder": sequence("decoders", replace({"String": "\u2581"}, " "), {"type": "ByteFallback"}, {"type": "Fuse"}),
        "added_tokens": [
            *UNKNOWN,
            added("\u2581\u2581", 259, normalized=False),
            added("\n\n", 32000, rstrip=True, special=True),
            added("e\u0301", 32001, normalized=True, lstrip=True, single_word=True),
        ],
    },
    "whole": {"model": {"ignore_merges": True}, "decoder": None},
    "lowercase": {
        "normalizer": sequence(
            "normalizers",
            {"type": "Lowercase"},
            {"type": "NFD"},
            {"type": "Strip", "strip_left": True, "strip_right": True},
            replace({"Regex": r"\s+|l{2}|(?=o)"}, " "),
        ),
        "pre_tokenizer": sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace(prepend_scheme="first")),
        "decoder": sequence("decoders", {"type": "Fuse"}, metaspace(prepend_scheme="always")),
    },
    "nmt": {
        "normalizer": sequence(
            "normalizers", {"type": "Nmt"}, {"type": "Strip", "strip_left": False, "strip_right": True}
        ),
        "pre_tokenizer": sequence(
            "pretokenizers", {"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}
        ),
        "decoder": {"type": "Strip", "content": "a", "start": 1, "stop": 0},
        "model": NO_BYTES,
    },
    "bert": {"normalizer": None, "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": {"type": "Fuse"}},
}

# Small models trained on Shakespeare: as tokenizer.json of a unigram model, and as tokenizer.model.
TRAINED = ("t5", "t5-bytes", "unigram-model", "bpe-model")


def trained(name: str, text: Path, folder: Path) -> reference.AnyReference:
    kind = "bpe" if name == "bpe-model" else "unigram"
    options = {"byte_fallback": name in ("t5-bytes", "bpe-model")}
    if name == "bpe-model":
        options |= {"user_defined_symbols": ["the", "hello"], "remove_extra_whitespaces": False}
    model = files.train_sentencepiece(text, folder, kind, **options)
    if name.endswith("-model"):
        return reference.SentencePieceReference(model, allows_ties=kind == "unigram")
    made = files.unigram_json(model, folder / "tokenizer.json", byte_fallback=name == "t5-bytes")
    return reference.FileReference(made)


def libma_encode(path: Path, texts: list[str]) -> list[dict[str, object]]:
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    result = subprocess.run([IO_TOKENIZE, path], input=lines, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.split("\n")[:-1]]


def assert_equal(expected: reference.AnyReference, texts: list[str]) -> None:
    """Compares ids, offsets and decoded text of all `texts`; the two sides work at the same time."""
    found: list[dict[str, object]] = []
    worker = threading.Thread(target=lambda: found.extend(libma_encode(expected.path, texts)))
    worker.start()
    wanted = expected.encode(texts)
    decoded = expected.decode([ids for ids, _ in wanted])
    worker.join()
    assert len(found) == len(texts)
    by_library = isinstance(expected, reference.SentencePieceReference)
    unchecked = ties = 0
    for text, ours, (ids, offsets), back in zip(texts, found, wanted, decoded, strict=True):
        if ours["ids"] != ids and by_library and expected.is_tie(ours["ids"], ids):
            ties += 1
        else:
            assert ours["ids"] == ids, text[:200]
        assert ours["text"] == back, text[:200]
        if offsets is None:
            unchecked += 1
        else:
            assert [tuple(pair) for pair in ours["offsets"]] == offsets, text[:200]
    assert by_library or unchecked <= len(texts) // 50
    assert ties <= len(texts) // 1000


def read_texts(path: Path) -> list[str]:
    """The texts of a file: whole, or those of its JSON; only their beginning unless the run is slow."""
    content = path.read_bytes().decode()
    if path.suffix == ".jsonl":
        texts = [json.loads(line)["text"] for line in content.splitlines()]
    elif path.name == "wiki_texts.json":
        texts = json.loads(content)
    else:
        texts = [content]
    if SLOW:
        return texts
    kept, left = [], LONGEST_SLICE
    for text in texts:
        kept.append(text[:left])
        left -= len(kept[-1])
        if left <= 0:
            break
    return kept


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference_on_texts(name, load, reference_data):
    texts = [read_texts(reference_data(f"text/{file}")) for file in TEXTS]
    for some in texts if SLOW else [list(itertools.chain(*texts))]:
        assert_equal(load(name), some)


@pytest.mark.parametrize(("seed", "name"), list(enumerate((*NAMES, *sorted(set(VARIANTS) - set(NAMES))))))
def test_equals_the_reference_on_random_texts(seed, name, load):
    assert_equal(load(name), random_texts(FUZZ_TEXTS if name in NAMES else FUZZ_TEXTS // 5, seed))


@pytest.mark.parametrize(("seed", "name"), list(enumerate((*SPACED, *TRAINED))))
def test_stages_equal_the_reference_on_random_texts(seed, name, load):
    assert_equal(load(name), random_texts(FUZZ_TEXTS // 5, 100 + seed))


@pytest.mark.parametrize("name", ("gpt2", "qwen2", "falcon", "llama2", *SPACED, "t5"))
def test_equals_the_reference_on_every_character(name, load):
    assert_equal(load(name), list(every_character()))


@pytest.mark.parametrize("name", ("smollm2", "pythia", "llama2", "llama2-gguf", "t5"))
def test_equals_the_reference_on_very_long_words(name, load):
    runs = ["a" * 100_000, "ab" * 50_000, " " * 100_000, "\u00e9" * 30_000, "e\u0301" * 20_000, "'s" * 30_000]
    assert_equal(load(name), runs)


def test_refuses_a_damaged_variant_as_hugging_face_does(reference_data):
    """Its no-break spaces have become spaces, so that three merges are not two tokens."""
    path = reference_data("tokenizers/llama2/ort_variant/tokenizer.json")
    with pytest.raises(Exception, match="Merges text file invalid"):
        Tokenizer.from_file(str(path))
    result = subprocess.run([IO_TOKENIZE, path], input="", capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "the merge '   ' is not two tokens" in result.stderr
    assert result.stderr.count("\n") == 1


GGUF_STAGES = {
    "gpt-2": {},
    "stablelm2": {"pre_tokenizer": reference.split_pre_tokenizer(reference.QWEN2)},
    "qwen2": VARIANTS["qwen2"],
    "dbrx": {"pre_tokenizer": reference.split_pre_tokenizer(reference.LLAMA3)},
    "bloom": VARIANTS["bloom"],
    "starcoder": {
        "pre_tokenizer": sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, byte_level())
    },
    "deepseek-coder": splits(
        split({"Regex": "[\r\n]"}, "Isolated"),
        split({"Regex": r"\s?\p{L}+"}, "Isolated"),
        split({"Regex": r"\s?\p{P}+"}, "Isolated"),
        split({"Regex": "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"}, "Isolated"),
        {"type": "Digits", "individual_digits": True},
    ),
    "default": splits(
        split({"Regex": r"[\p{P}\$\+<=>\^~\|]+"}, "Isolated"),
        split({"Regex": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"}, "Isolated"),
        split({"Regex": r"\p{N}+"}, "Isolated"),
        split({"Regex": "[0-9][0-9][0-9]"}, "Isolated"),
    ),
}


@pytest.mark.parametrize(("seed", "pre"), list(enumerate(GGUF_STAGES)))
def test_gguf_types_have_their_stages(seed, pre, tmp_path, reference_data):
    base = reference_data("tokenizers/gpt2/tokenizer.json")
    made = reference.variant(base, tmp_path, GGUF_STAGES[pre])
    made.path = files.gpt2_gguf(base, pre, tmp_path / "model.gguf")
    assert_equal(made, random_texts(FUZZ_TEXTS // 5, 200 + seed))


@pytest.mark.parametrize(
    ("vectors", "name"),
    [
        *(("gpt-2", "gpt2"), ("falcon", "falcon"), ("mpt", "pythia"), ("llama-bpe", "llama3")),
        *(("llama-spm", name) for name in LLAMA2),
    ],
)
def test_equals_llama_cpp_vectors(vectors, name, load, reference_data):
    texts = reference_data(f"tokenizers/conformance/ggml-vocab-{vectors}.gguf.inp").read_bytes().decode()
    lines = reference_data(f"tokenizers/conformance/ggml-vocab-{vectors}.gguf.out").read_text(encoding="utf-8")
    wanted = [[int(number) for number in line.split()] for line in lines.split("\n")]
    found = libma_encode(load(name).path, texts.split("\n__ggml_vocab_test__\n"))
    assert len(found) >= len(wanted) - 1
    assert [result["ids"] for result in found] == wanted[: len(found)]

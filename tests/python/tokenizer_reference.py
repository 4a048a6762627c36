"""Tokenizers built with Hugging Face `tokenizers`, and the files that libma reads them from."""

import base64
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import sentencepiece
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
CONTROL = 3
Vocab = dict[str, int]
Encoded = tuple[list[int], list[tuple[int, int]] | None]


def _byte_letters() -> list[str]:
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


BYTE_LETTERS = _byte_letters()


class Reference:
    """A tokenizer of Hugging Face and the file that libma loads.

    Where the vocabulary lacks bytes, `tokenizers` drops them and reports wrong offsets for what follows in the piece.
    Texts with such bytes get their offsets from the same tokenizer with the missing bytes added.
    """

    def __init__(self, path: Path, vocab: Vocab, build: Callable[[Vocab], Tokenizer]) -> None:
        """`build` makes the tokenizer with another vocabulary of the model."""
        self.path = path
        self.tokenizer = build(vocab)
        self._known = len(vocab)
        missing = [byte for byte in range(256) if BYTE_LETTERS[byte] not in vocab]
        self._missing = len(missing)
        self._finder = re.compile(b"[" + b"".join(rb"\x%02x" % byte for byte in missing) + b"]") if missing else None
        self._complete = build({**vocab, **{BYTE_LETTERS[byte]: len(vocab) + i for i, byte in enumerate(missing)}})

    def decode(self, ids: list[list[int]]) -> list[str]:
        return self.tokenizer.decode_batch(ids, skip_special_tokens=False)

    def encode(self, texts: list[str]) -> list[Encoded]:
        """Ids and offsets in characters; None where the complete tokenizer does not merge alike."""
        encodings = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            (encoding.ids, self._offsets(text, encoding.ids) if self._drops(text) else encoding.offsets)
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def _drops(self, text: str) -> bool:
        normalizer = self.tokenizer.normalizer
        seen = normalizer.normalize_str(text) if normalizer else text
        return self._finder is not None and self._finder.search(seen.encode()) is not None

    def _offsets(self, text: str, ids: list[int]) -> list[tuple[int, int]] | None:
        encoding = self._complete.encode(text, add_special_tokens=False)
        found, offsets = [], []
        for token, pair in zip(encoding.ids, encoding.offsets, strict=True):
            if not self._known <= token < self._known + self._missing:
                found.append(token if token < self._known else token - self._missing)
                offsets.append(pair)
        return offsets if found == ids else None


class FileReference:
    """The tokenizer of a tokenizer.json that has a token for everything, and the file that libma loads."""

    def __init__(self, tokenizer_json: Path, path: Path | None = None) -> None:
        self.path = path or tokenizer_json
        self.tokenizer = Tokenizer.from_file(str(tokenizer_json))

    def encode(self, texts: list[str]) -> list[Encoded]:
        encodings = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        return [(encoding.ids, encoding.offsets) for encoding in encodings]

    def decode(self, ids: list[list[int]]) -> list[str]:
        return self.tokenizer.decode_batch(ids, skip_special_tokens=False)


class SentencePieceReference:
    """A tokenizer.model as SentencePiece's own Python package reads it; its offsets are not compared.

    In a run like "-----" a unigram model has many segmentations of the same score, and the rounding of partial sums
    decides. libma's SentencePiece may be of another version, so with `allows_ties` another one of that score is as good.
    """

    def __init__(self, path: Path, *, allows_ties: bool = False) -> None:
        self.path = path
        self.allows_ties = allows_ties
        self.processor = sentencepiece.SentencePieceProcessor(model_file=str(path))

    def encode(self, texts: list[str]) -> list[Encoded]:
        return [(self._encode(text), None) for text in texts]

    def _encode(self, text: str) -> list[int]:
        """Special tokens written out in the text are found first, as libma and Hugging Face do it."""
        special = {"<unk>": 0, "<s>": 1, "</s>": 2}
        parts = re.split("(<unk>|<s>|</s>)", text)
        return [i for part in parts for i in ([special[part]] if part in special else self.processor.encode(part))]

    def decode(self, ids: list[list[int]]) -> list[str]:
        return self.processor.decode(ids)

    def is_tie(self, found: list[int], wanted: list[int]) -> bool:
        """Whether the scores of the pieces have the same sum, exactly."""
        return self.allows_ties and self._score(found) == self._score(wanted)

    def _score(self, ids: list[int]) -> float:
        return math.fsum(self.processor.get_score(i) for i in ids)


AnyReference = Reference | FileReference | SentencePieceReference


def from_file(path: Path) -> Reference:
    content = json.loads(path.read_text(encoding="utf-8"))

    def build(vocab: Vocab) -> Tokenizer:
        content["model"]["vocab"] = vocab
        for i, token in enumerate(t for t in content["added_tokens"] if t["content"] not in vocab):
            token["id"] = len(vocab) + i
        return Tokenizer.from_str(json.dumps(content))

    return Reference(path, content["model"]["vocab"], build)


def split_pre_tokenizer(pattern: str) -> dict[str, object]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [split, byte_level]}


def variant(base: Path, folder: Path, changes: dict[str, object]) -> Reference:
    """The tokenizer of `base` with other stages."""
    content = json.loads(base.read_text(encoding="utf-8")) | changes
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return from_file(path)


LLAMA3_SPECIAL = {0: "begin_of_text", 1: "end_of_text", 6: "start_header_id", 7: "end_header_id", 9: "eot_id"}


def from_tiktoken(ranks_file: Path, base: Path, folder: Path) -> Reference:
    """The tokenizer of LLaMA-3 from its file of byte strings and ranks."""
    lines = (line.split() for line in ranks_file.read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    merges = []
    for token in ranks:
        cuts = ((token[:i], token[i:]) for i in range(1, len(token)))
        pairs = [(ranks[a], ranks[b], a, b) for a, b in cuts if a in ranks and b in ranks]
        merges += [(spell(a), spell(b)) for *_, a, b in sorted(pairs)]
    model = {"type": "BPE", "vocab": {spell(token): rank for token, rank in ranks.items()}, "merges": merges}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False) | {"special": True}
    reserved = (f"reserved_special_token_{i}" for i in range(256))
    names = [f"<|{LLAMA3_SPECIAL.get(i) or next(reserved)}|>" for i in range(256)]
    added = [{"id": len(ranks) + i, "content": name, **flags} for i, name in enumerate(names)]
    changes = {"pre_tokenizer": split_pre_tokenizer(LLAMA3), "added_tokens": added}
    return variant(base, folder, {**changes, "model": {**model, "ignore_merges": True}})


def spell(token: bytes) -> str:
    """`token` in byte letters."""
    return "".join(BYTE_LETTERS[byte] for byte in token)


def smollm2(path: Path) -> Reference:
    """SmolLM2 from its GGUF file, with the stages of its own tokenizer.json."""
    fields = GGUFReader(path).fields
    tokens, types, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    vocab = {token: i for i, token in enumerate(tokens)}
    special = [
        AddedToken(t, special=True, normalized=False) for t, kind in zip(tokens, types, strict=True) if kind == CONTROL
    ]

    def build(entries: Vocab) -> Tokenizer:
        tokenizer = Tokenizer(models.BPE(vocab=entries, merges=[tuple(merge.split(" ")) for merge in merges]))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens(special)
        return tokenizer

    return Reference(path, vocab, build)

"""llama2.c's `tokenizer.bin` (tokenizer.py): SentencePiece's pieces and scores, as a tokenizer.json of the LLaMA 2 kind.

int32 length of the longest piece, then for each: float32 score, int32 bytes, the bytes. A space stands for "▁".
"""

import json
import struct
from pathlib import Path
from typing import Any

from .errors import FileError

_SPACE = "\u2581"
_UNKNOWN, _BOS, _EOS = "<unk>", "<s>", "</s>"
_FIRST_BYTE = 3  # id of <0x00>


def write_tokenizer(path: Path, vocab: int | None, folder: Path) -> None:
    """Writes tokenizer.json and tokenizer_config.json; `vocab` is the model's number of tokens, where known."""
    pieces, scores = read_pieces(path)
    if vocab is not None and vocab != len(pieces):
        raise FileError(
            f"[{path}] holds {len(pieces)} pieces, but the model has {vocab}; give the model's own tokenizer"
        )
    tokenizer = build_tokenizer(pieces, scores)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": _BOS,
        "eos_token": _EOS,
        "unk_token": _UNKNOWN,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def read_pieces(path: Path) -> tuple[list[str], list[float]]:
    """Pieces with "▁" for a space, and their scores, by id."""
    raw = path.read_bytes()
    pieces, scores = [], []
    at = 4
    try:
        while at < len(raw):
            score, size = struct.unpack_from("<fi", raw, at)
            piece = raw[at + 8 : at + 8 + size]
            if size < 0 or len(piece) != size:
                raise ValueError("cut off")
            pieces.append(piece.decode("utf-8").replace(" ", _SPACE))
            scores.append(score)
            at += 8 + size
    except (struct.error, ValueError) as error:
        raise FileError(f"[{path}] piece {len(pieces)}: {error}; it is no tokenizer of llama2.c, or cut off") from error
    pieces[1:3] = [piece.strip("\n") for piece in pieces[1:3]]  # llama2.c puts them on lines of their own
    specials = [_UNKNOWN, _BOS, _EOS]
    if pieces[:_FIRST_BYTE] != specials or pieces[_FIRST_BYTE : _FIRST_BYTE + 256] != [
        f"<0x{byte:02X}>" for byte in range(256)
    ]:
        raise FileError(f"[{path}] does not begin with {', '.join(specials)} and 256 bytes; it is none of llama2.c's")
    if len(set(pieces)) != len(pieces):
        twice = next(piece for id, piece in enumerate(pieces) if piece in pieces[:id])
        raise FileError(f"[{path}] holds the piece {twice!r} twice, so that its ids would depend on the reader")
    return pieces, scores


def build_tokenizer(pieces: list[str], scores: list[float]) -> dict[str, Any]:
    """A tokenizer.json that yields llama2.c's ids: BPE with bytes for what is no piece, "▁" in front of a text."""
    specials = [
        {
            "id": id,
            "content": content,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": True,
            "special": True,
        }
        for id, content in enumerate((_UNKNOWN, _BOS, _EOS))
    ]
    bos = {"SpecialToken": {"id": _BOS, "type_id": 0}}
    second = [{"SpecialToken": {"id": _BOS, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}]
    single: list[Any] = [bos, {"Sequence": {"id": "A", "type_id": 0}}]
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
    restore = {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": specials,
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": _SPACE}, replace]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, *second],
            "special_tokens": {_BOS: {"id": _BOS, "ids": [1], "tokens": [_BOS]}},
        },
        "decoder": {"type": "Sequence", "decoders": [restore, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": _UNKNOWN,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": {piece: id for id, piece in enumerate(pieces)},
            "merges": find_merges(pieces, scores),
        },
    }


def find_merges(pieces: list[str], scores: list[float]) -> list[str]:
    """All pairs of pieces that make a piece, "left right": the highest score of the whole first, then by ids."""
    ids = {piece: id for id, piece in enumerate(pieces)}
    found = []
    for piece, score in zip(pieces, scores, strict=True):
        splits = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        found += [(-score, ids[left], ids[right]) for left, right in splits if left in ids and right in ids]
    return [f"{pieces[left]} {pieces[right]}" for _, left, right in sorted(found)]

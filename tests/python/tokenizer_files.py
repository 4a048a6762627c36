"""Tokenizer files that tests make: vocab-only GGUF files, SentencePiece models, tokenizer.json variants."""

import base64
import json
from pathlib import Path

import sentencepiece
from gguf import GGUFWriter, TokenType

Stage = dict[str, object]


def added(content: str, number: int, **flags: bool) -> Stage:
    """An entry of `added_tokens`."""
    defaults = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return {"id": number, "content": content, **defaults, **flags}


def sequence(key: str, *stages: Stage) -> Stage:
    return {"type": "Sequence", key: list(stages)}


def metaspace(**options: object) -> Stage:
    return {"type": "Metaspace", "replacement": "\u2581", **options}


def split(pattern: dict[str, str], behavior: str, invert: bool = False) -> Stage:
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def replace(pattern: dict[str, str], content: str) -> Stage:
    return {"type": "Replace", "pattern": pattern, "content": content}


def llama_gguf(model: Path, path: Path) -> Path:
    """The vocabulary of a SentencePiece model as llama.cpp's converter writes it."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    ids = range(processor.get_piece_size())

    def kind(i: int) -> TokenType:
        for asks, answer in (
            (processor.is_unknown, TokenType.UNKNOWN),
            (processor.is_control, TokenType.CONTROL),
            (processor.is_byte, TokenType.BYTE),
        ):
            if asks(i):
                return answer
        return TokenType.NORMAL

    writer = GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([processor.id_to_piece(i) for i in ids])
    writer.add_token_scores([processor.get_score(i) for i in ids])
    writer.add_token_types([kind(i) for i in ids])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return _finish(writer, path)


def gpt2_gguf(tokenizer_json: Path, pre: str, path: Path) -> Path:
    """Vocabulary and merges of a byte-level tokenizer.json under the pre-tokenizer type `pre`."""
    content = json.loads(tokenizer_json.read_text(encoding="utf-8"))
    vocab = content["model"]["vocab"] | {token["content"]: token["id"] for token in content["added_tokens"]}
    special = {token["content"]: token["special"] for token in content["added_tokens"]}
    tokens = sorted(vocab, key=vocab.__getitem__)
    assert [vocab[token] for token in tokens] == list(range(len(tokens)))
    merges = content["model"]["merges"]
    kinds = {None: TokenType.NORMAL, True: TokenType.CONTROL, False: TokenType.USER_DEFINED}
    writer = GGUFWriter(path, "gpt2")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([kinds[special.get(token)] for token in tokens])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    return _finish(writer, path)


def _finish(writer: GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def train_sentencepiece(text: Path, folder: Path, kind: str, **options: object) -> Path:
    """A small model of `kind` ("unigram", "bpe") trained on `text`."""
    lines = text.read_text(encoding="utf-8").splitlines()[:6000]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(folder / "tokenizer"),
        model_type=kind,
        vocab_size=1500,
        character_coverage=0.999,
        minloglevel=2,
        num_threads=1,
        **options,
    )
    return folder / "tokenizer.model"


def _fields(message: bytes) -> list[tuple[int, bytes]]:
    """Numbers and contents of the length-delimited fields of a protobuf message."""
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            shift += 7
            at += 1
            if message[at - 1] < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 2:
            size = varint()
            found.append((key >> 3, message[at : at + size]))
            at += size
        elif key & 7 == 0:
            varint()
        else:
            at += {1: 8, 5: 4}[key & 7]
    return found


def charsmap(model: Path) -> bytes:
    """The compiled normalisation rules of a SentencePiece model."""
    normalizer = dict(_fields(model.read_bytes()))[3]
    return dict(_fields(normalizer))[2]


def unigram_json(model: Path, path: Path, byte_fallback: bool) -> Path:
    """A unigram SentencePiece model as transformers converts it (T5)."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    ids = range(processor.get_piece_size())
    content = {
        "version": "1.0",
        "added_tokens": [added("<unk>", 0, special=True), added("</s>", 2, special=True)],
        "normalizer": sequence(
            "normalizers",
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(model)).decode()},
            {"type": "Strip", "strip_left": False, "strip_right": True},
            replace({"Regex": " {2,}"}, "\u2581"),
        ),
        "pre_tokenizer": metaspace(prepend_scheme="always", split=True),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}},
        },
        "decoder": metaspace(prepend_scheme="always", split=True),
        "model": {
            "type": "Unigram",
            "unk_id": 0,
            "byte_fallback": byte_fallback,
            "vocab": [[processor.id_to_piece(i), processor.get_score(i)] for i in ids],
        },
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path

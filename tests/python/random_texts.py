"""Seeded Unicode texts that are hard to tokenize: all planes, marks, white space, digits, special tokens, long runs."""

import functools
import itertools
import random
import unicodedata
from collections.abc import Iterator

CODE_POINTS = [*range(0xD800), *range(0xE000, 0x110000)]
ASCII = [chr(c) for c in range(32, 127)]
SPACES = [*"\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\u180e\ufeff\u200b\u200d"]
SPACES += [chr(c) for c in range(0x2000, 0x200B)]
EMOJI = [chr(c) for c in (*range(0x1F300, 0x1F650), 0x200D, 0xFE0F, *range(0x1F1E6, 0x1F200))]
JAMO = [chr(c) for c in (*range(0x1100, 0x1200), *range(0xAC00, 0xD7A4, 28), 0xAC01, 0xD7A3)]
SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|padding|>", "<|begin_of_text|>", "<repo_name>"),
    *(">>TITLE<<", "<|endoftext", "<|", " " * 7, " " * 12, " " * 24),
]
WORDS = [
    *("the", "don't", "I'LL", "we've", "'s", "'S", "'\u017f", "'re", "'VE", "'m", "'d", "'x", "''s", "ing", "World"),
    *("1234567", "3.14", "\u00bd", "\u2167", "\r\n", "\n\n", "\n \n", "\t", "   ", " ", "hello", "na\u00efve", "..."),
    *("e\u0301", "A\u030a\u0327", "\u0344", "!?", "##", "$", "<=>", "\u2019s", "\u65e5\u672c\u8a9e", "\uac01"),
    *("\u043f\u0440\u0438\u0432\u0435\u0442", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u00f2"),
]


@functools.cache
def _by_category() -> dict[str, list[str]]:
    """Marks, numbers, letters and decomposable characters that this Python knows."""
    groups: dict[str, list[str]] = {"marks": [], "numbers": [], "letters": [], "decomposable": []}
    for c in map(chr, CODE_POINTS):
        category = unicodedata.category(c)
        if unicodedata.combining(c):
            groups["marks"].append(c)
        if category[0] == "N":
            groups["numbers"].append(c)
        if category[0] == "L":
            groups["letters"].append(c)
        if unicodedata.decomposition(c):
            groups["decomposable"].append(c)
    return groups


def random_texts(count: int, seed: int) -> list[str]:
    """`count` texts of 1 to 20 parts each; one part in fifty is a run of up to 80 copies."""
    rng = random.Random(seed)
    groups = _by_category()
    planes = [chr(c) for c in CODE_POINTS]
    kinds = [WORDS, planes, SPACES, groups["marks"], groups["numbers"], groups["letters"]]
    kinds += [groups["decomposable"], JAMO, EMOJI, SPECIAL, ASCII]
    cumulative = list(itertools.accumulate([25, 10, 10, 10, 7, 10, 6, 4, 4, 4, 10]))

    def part() -> str:
        chosen = rng.choice(rng.choices(kinds, cum_weights=cumulative)[0])
        return chosen * rng.randrange(2, 80) if rng.random() < 0.02 else chosen

    return ["".join(part() for _ in range(rng.choice((1, 2, 3, 5, 8, 13, 20)))) for _ in range(count)]


def every_character() -> Iterator[str]:
    """Each assigned character between letters, digits, spaces and behind a quote; one in fifty of the big blocks."""
    rng = random.Random(3)
    kept = []
    for c in CODE_POINTS:
        unassigned = unicodedata.category(chr(c)) in ("Cn", "Co")
        ideograph = 0x3400 <= c < 0xA000 or 0xAC00 <= c < 0xD7A4 or 0x17000 <= c < 0x18D00 or 0x20000 <= c < 0x33480
        if not (unassigned or ideograph) or rng.random() < 0.02:
            kept.append(chr(c))
    for first in range(0, len(kept), 64):
        yield "".join(f"a{c}b1{c}2 {c} '{c} 'r{c}{c}" for c in kept[first : first + 64])

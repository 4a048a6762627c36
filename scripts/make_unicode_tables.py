"""Writes the Unicode tables of libma/io/tokenizer by asking Hugging Face `tokenizers` about every code point.

Each stage of `tokenizers` carries a Unicode version of its own (Oniguruma, Rust's standard library, two small crates),
and a tokenizer is exact only with the same ones. Run after an upgrade of `tokenizers`, then rerun
tests/python/test_tokenizer.py:

    python scripts/make_unicode_tables.py libma/io/tokenizer
"""

import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
WIDTH = 118
HANGUL = range(0xAC00, 0xD7A4)


def matched_by_regex(char_class: str) -> set[int]:
    """Code points in an Oniguruma character class."""
    text = "".join(map(chr, CODE_POINTS))
    split = pre_tokenizers.Split(Regex(f"[^{char_class}]+"), "removed")
    return {c for _, (first, last) in split.pre_tokenize_str(text) for c in CODE_POINTS[first:last]}


def isolated_by(splitter: pre_tokenizers.PreTokenizer) -> set[int]:
    """Code points that `splitter` cuts off from the letters around them."""
    text = "".join("ab" + chr(c) for c in CODE_POINTS) + "ab"
    pieces = splitter.pre_tokenize_str(text)
    return {CODE_POINTS[(first - 2) // 3] for _, (first, last) in pieces if last - first == 1}


def word_characters() -> set[int]:
    """Code points that keep a `single_word` token from matching."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.add_tokens([AddedToken("x", single_word=True)])
    encoding = tokenizer.encode("".join(f" {chr(c)}x " for c in CODE_POINTS))
    found = {CODE_POINTS[(first - 2) // 4] for first, _ in encoding.offsets}
    return set(CODE_POINTS) - found


def ranges(points: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted `points` as inclusive ranges."""
    found: list[tuple[int, int]] = []
    for point in sorted(points):
        if found and point == found[-1][1] + 1:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return found


def filled(items: Iterable[str]) -> str:
    """`items` separated by commas in lines of at most WIDTH characters."""
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {item},"
    return "\n".join([*lines, line])


def table(kind: str, name: str, items: Iterable[str]) -> str:
    """A constant array of `kind` and the function `name` that returns it."""
    array = "k" + "".join(part.title() for part in name.split("_"))
    return (
        f"namespace {{\nconstexpr {kind} {array}[] = {{\n{filled(items)}\n}};\n}}  // namespace\n\n"
        f"std::span<const {kind}> {name}() {{ return {array}; }}\n"
    )


def range_table(name: str, points: Iterable[int]) -> str:
    return table("CodePointRange", name, (f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges(points)))


def source(title: str, header: str, body: str) -> str:
    return (
        f"// {title}\n"
        f"// Written by scripts/make_unicode_tables.py with tokenizers {tokenizers.__version__}; do not edit.\n"
        f'#include "libma/io/tokenizer/{header}"\n\n'
        "// clang-format off\n"
        f"namespace ma::tok {{\n\n{body}\n}}  // namespace ma::tok\n"
    )


def regex_tables() -> str:
    classes = {"letter_ranges": r"\p{L}", "number_ranges": r"\p{N}", "space_ranges": r"\s"}
    return "\n".join(range_table(name, matched_by_regex(pattern)) for name, pattern in classes.items())


def other_tables() -> str:
    tables = {
        "numeric_ranges": isolated_by(pre_tokenizers.Digits(individual_digits=True)),
        "punctuation_ranges": isolated_by(pre_tokenizers.Punctuation("isolated")),
        "word_ranges": word_characters(),
    }
    return "\n".join(range_table(name, points) for name, points in tables.items())


def lowercase_runs() -> list[tuple[int, int, int, int]]:
    """Characters with one lower-case character each: first, last, step between them, what to add."""
    lower = normalizers.Lowercase().normalize_str
    runs: list[tuple[int, int, int, int]] = []
    for c in CODE_POINTS:
        small = lower(chr(c))
        if len(small) != 1 or ord(small) == c:
            continue  # the only one with two characters is a case of its own in the code
        delta = ord(small) - c
        if runs and runs[-1][3] == delta:
            first, last, step, _ = runs[-1]
            if c - last == step or (first == last and c - last <= 2):
                runs[-1] = (first, c, c - last, delta)
                continue
        runs.append((c, c, 1, delta))
    return runs


def normalizer_tables() -> str:
    nfkd, nfd = normalizers.NFKD().normalize_str, normalizers.NFD().normalize_str
    unmarked = normalizers.StripAccents().normalize_str
    tables = {
        "compatibility_ranges": (c for c in CODE_POINTS if nfkd(chr(c)) != nfd(chr(c))),
        "mark_ranges": (c for c in CODE_POINTS if unmarked(chr(c)) == ""),
    }
    runs = table(
        "LowercaseRun", "lowercase_runs", (f"{{0x{a:X}, 0x{b:X}, {s}, {d}}}" for a, b, s, d in lowercase_runs())
    )
    return "\n".join([*(range_table(name, points) for name, points in tables.items()), runs])


def decompositions() -> tuple[str, str]:
    """Canonical decompositions into pairs and into single code points, Hangul left out."""
    nfd, nfc = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str
    pairs, singles = [], []
    for c in CODE_POINTS:
        if c in HANGUL or nfd(chr(c)) == chr(c):
            continue
        parts = [int(part, 16) for part in unicodedata.decomposition(chr(c)).split()]
        if len(parts) == 1:
            singles.append(f"{{0x{c:X}, 0x{parts[0]:X}}}")
        else:
            composes = str(nfc(nfd(chr(c))) == chr(c)).lower()
            pairs.append(f"{{0x{c:X}, 0x{parts[0]:X}, 0x{parts[1]:X}, {composes}}}")
    return table("PairDecomposition", "pair_decompositions", pairs), table(
        "SingleDecomposition", "single_decompositions", singles
    )


def combining_classes() -> str:
    """Ranges of equal combining class, for the marks that the NFC of `tokenizers` knows."""
    nfd = normalizers.NFD().normalize_str
    overlay, iota = "\u0334", "\u0345"  # the lowest and the highest class: one of them changes places with any mark
    marks: dict[int, int] = {}
    for c in map(chr, CODE_POINTS):
        if nfd(c) == c and (nfd(c + overlay) != c + overlay or nfd(iota + c) != iota + c):
            marks[ord(c)] = unicodedata.combining(c)
    items = []
    for value in sorted(set(marks.values())):
        points = (c for c, other in marks.items() if other == value)
        items += [(a, b, value) for a, b in ranges(points)]
    return table("CombiningRange", "combining_ranges", (f"{{0x{a:X}, 0x{b:X}, {v}}}" for a, b, v in sorted(items)))


def main() -> None:
    folder = Path(sys.argv[1])
    pairs, singles = decompositions()
    files = {
        "unicode_ranges.cpp": ("Character classes of the regex engine.", "unicode_ranges.h", regex_tables()),
        "unicode_ranges_other.cpp": ("Character classes outside the regex engine.", "unicode_ranges.h", other_tables()),
        "unicode_ranges_normalizer.cpp": ("What normalizers change.", "unicode_ranges.h", normalizer_tables()),
        "nfc_pairs.cpp": ("Canonical decompositions into two code points.", "nfc_data.h", pairs),
        "nfc_data.cpp": (
            "Canonical decompositions into one code point, and combining classes.",
            "nfc_data.h",
            singles + "\n" + combining_classes(),
        ),
    }
    for name, parts in files.items():
        (folder / name).write_text(source(*parts))


if __name__ == "__main__":
    main()

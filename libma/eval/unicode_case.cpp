// Case mapping: the simple ones from utf8proc, the one-to-many ones from a
// table.
#include "libma/eval/unicode_case.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include <utf8proc.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using CodePoints = std::u32string;

constexpr char32_t kCapitalSigma = 0x03A3;
constexpr char32_t kFinalSigma = 0x03C2;
constexpr char32_t kCapitalDottedI = 0x0130;

/// Title case of more than one character (SpecialCasing.txt).
struct Title {
  char32_t from;
  const char32_t* to;
};
constexpr Title kTitles[] = {
    {0x00DF, U"\u0053\u0073"},       {0x0149, U"\u02bc\u004e"},
    {0x01F0, U"\u004a\u030c"},       {0x0390, U"\u0399\u0308\u0301"},
    {0x03B0, U"\u03a5\u0308\u0301"}, {0x0587, U"\u0535\u0582"},
    {0x1E96, U"\u0048\u0331"},       {0x1E97, U"\u0054\u0308"},
    {0x1E98, U"\u0057\u030a"},       {0x1E99, U"\u0059\u030a"},
    {0x1E9A, U"\u0041\u02be"},       {0x1F50, U"\u03a5\u0313"},
    {0x1F52, U"\u03a5\u0313\u0300"}, {0x1F54, U"\u03a5\u0313\u0301"},
    {0x1F56, U"\u03a5\u0313\u0342"}, {0x1FB2, U"\u1fba\u0345"},
    {0x1FB4, U"\u0386\u0345"},       {0x1FB6, U"\u0391\u0342"},
    {0x1FB7, U"\u0391\u0342\u0345"}, {0x1FC2, U"\u1fca\u0345"},
    {0x1FC4, U"\u0389\u0345"},       {0x1FC6, U"\u0397\u0342"},
    {0x1FC7, U"\u0397\u0342\u0345"}, {0x1FD2, U"\u0399\u0308\u0300"},
    {0x1FD3, U"\u0399\u0308\u0301"}, {0x1FD6, U"\u0399\u0342"},
    {0x1FD7, U"\u0399\u0308\u0342"}, {0x1FE2, U"\u03a5\u0308\u0300"},
    {0x1FE3, U"\u03a5\u0308\u0301"}, {0x1FE4, U"\u03a1\u0313"},
    {0x1FE6, U"\u03a5\u0342"},       {0x1FE7, U"\u03a5\u0308\u0342"},
    {0x1FF2, U"\u1ffa\u0345"},       {0x1FF4, U"\u038f\u0345"},
    {0x1FF6, U"\u03a9\u0342"},       {0x1FF7, U"\u03a9\u0342\u0345"},
    {0xFB00, U"\u0046\u0066"},       {0xFB01, U"\u0046\u0069"},
    {0xFB02, U"\u0046\u006c"},       {0xFB03, U"\u0046\u0066\u0069"},
    {0xFB04, U"\u0046\u0066\u006c"}, {0xFB05, U"\u0053\u0074"},
    {0xFB06, U"\u0053\u0074"},       {0xFB13, U"\u0544\u0576"},
    {0xFB14, U"\u0544\u0565"},       {0xFB15, U"\u0544\u056b"},
    {0xFB16, U"\u054e\u0576"},       {0xFB17, U"\u0544\u056d"},
};

CodePoints decode(std::string_view text) {
  CodePoints points;
  const auto* next = reinterpret_cast<const std::uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const auto n = utf8proc_iterate(next, left, &point);
    if (n <= 0) {
      throw FileError("text", "is not UTF-8");
    }
    points.push_back(static_cast<char32_t>(point));
    next += n;
    left -= n;
  }
  return points;
}

std::string encode(const CodePoints& points) {
  std::string text;
  for (const char32_t point : points) {
    std::uint8_t bytes[4];
    const auto n =
        utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes);
    text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
  }
  return text;
}

utf8proc_category_t category(char32_t point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

/// Characters without a case of their own that have an upper or a lower form
/// (Other_Uppercase, Other_Lowercase).
constexpr std::pair<char32_t, char32_t> kOtherCased[] = {
    {0xAA, 0xAA},
    {0xBA, 0xBA},
    {0x2160, 0x217F},
    {0x24B6, 0x24E9},
    {0x1F130, 0x1F149},
    {0x1F150, 0x1F169},
    {0x1F170, 0x1F189}};

/// Punctuation that stands within words (Word_Break MidLetter, MidNumLet and
/// Single_Quote).
constexpr std::u32string_view kWithinWords =
    U"'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027"
    U"\ufe13\ufe52\ufe55\uff07\uff0e\uff1a";

/// Unicode's property Cased.
bool is_cased(char32_t point) {
  switch (category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
      return true;
    default:
      return std::any_of(
          std::begin(kOtherCased),
          std::end(kOtherCased),
          [&](const auto& range) {
            return range.first <= point && point <= range.second;
          });
  }
}

/// Unicode's property Case_Ignorable: characters that do not end a word.
bool is_case_ignorable(char32_t point) {
  switch (category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return kWithinWords.find(point) != std::u32string_view::npos;
  }
}

/// Whether the sigma at `at` ends its word: a cased character before it, none
/// after it.
bool is_final_sigma(const CodePoints& points, std::size_t at) {
  const auto here = points.begin() + static_cast<std::ptrdiff_t>(at);
  const auto before = std::find_if_not(
      std::make_reverse_iterator(here), points.rend(), is_case_ignorable);
  const auto after =
      std::find_if_not(here + 1, points.end(), is_case_ignorable);
  return before != points.rend() && is_cased(*before) &&
         (after == points.end() || !is_cased(*after));
}

void append_lower(
    const CodePoints& points, std::size_t at, CodePoints& lowered) {
  const char32_t point = points[at];
  if (point == kCapitalDottedI) {
    lowered += U"i\u0307";
  } else if (point == kCapitalSigma && is_final_sigma(points, at)) {
    lowered += kFinalSigma;
  } else {
    lowered += static_cast<char32_t>(
        utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
  }
}

CodePoints title_of(char32_t point) {
  const auto* special = std::find_if(
      std::begin(kTitles), std::end(kTitles), [&](const Title& title) {
        return title.from == point;
      });
  if (special != std::end(kTitles)) {
    return special->to;
  }
  return {static_cast<char32_t>(
      utf8proc_totitle(static_cast<utf8proc_int32_t>(point)))};
}

} // namespace

std::string capitalize(std::string_view text) {
  const CodePoints points = decode(text);
  CodePoints capitalized;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i == 0) {
      capitalized = title_of(points[0]);
    } else {
      append_lower(points, i, capitalized);
    }
  }
  return encode(capitalized);
}

std::string lower_first(std::string_view text) {
  CodePoints points = decode(text);
  if (points.empty()) {
    return "";
  }
  CodePoints lowered;
  append_lower(points.substr(0, 1), 0, lowered);
  return encode(lowered + points.substr(1));
}

} // namespace ma

// WikiText's pages and their detokeniser (lm-evaluation-harness,
// `tasks/wikitext/preprocess_wikitext.py`).
#include "libma/eval/documents.h"

#include <utility>

#include "libma/eval/whitespace.h"

namespace ma {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

void replace_all(
    std::string& text, std::string_view from, std::string_view to) {
  std::string replaced;
  std::size_t begin = 0;
  for (auto at = text.find(from); at != std::string::npos;
       at = text.find(from, begin)) {
    replaced.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  text = replaced.append(text, begin);
}

/// `re.sub(r"<open>\s*([^<close>]*?)\s*<close>", r"<open>\1<close>", text)`.
void close_up(std::string& text, char open, char close) {
  std::string closed;
  std::size_t begin = 0;
  while (true) {
    const auto first = text.find(open, begin);
    const auto last =
        first == std::string::npos ? first : text.find(close, first + 1);
    if (last == std::string::npos) {
      break;
    }
    const std::string_view whole = text;
    closed.append(text, begin, first + 1 - begin)
        .append(strip(whole.substr(first + 1, last - first - 1)))
        .push_back(close);
    begin = last + 1;
  }
  text = closed.append(text, begin);
}

/// `re.sub(r"/' [0-9]/", r"/'[0-9]/", text)`: the replacement is that literal
/// text.
void replace_quoted_digit(std::string& text) {
  constexpr std::string_view kOpening = "/' ";
  auto at = text.find(kOpening);
  while (at != std::string::npos) {
    const auto digit = at + kOpening.size();
    const bool is_match = digit + 1 < text.size() && text[digit] >= '0' &&
                          text[digit] <= '9' && text[digit + 1] == '/';
    constexpr std::string_view kReplacement = "/'[0-9]/";
    if (is_match) {
      text.replace(at, kOpening.size() + 2, kReplacement);
      at = text.find(kOpening, at + kReplacement.size());
    } else {
      at = text.find(kOpening, at + 1);
    }
  }
}

constexpr Replacement kNumbersAndPunctuation[] = {
    {" @-@ ", "-"},
    {" @,@ ", ","},
    {" @.@ ", "."},
    {" : ", ": "},
    {" ; ", "; "},
    {" . ", ". "},
    {" ! ", "! "},
    {" ? ", "? "},
    {" , ", ", "}};

constexpr std::pair<char, char> kBrackets[] = {
    {'(', ')'}, {'[', ']'}, {'{', '}'}, {'"', '"'}, {'\'', '\''}};

constexpr Replacement kMiscellaneous[] = {
    {"= = = =", "===="},
    {"= = =", "==="},
    {"= =", "=="},
    {" \xc2\xb0 ", "\xc2\xb0"},
    {" \n", "\n"},
    {"\n ", "\n"},
    {" N ", " 1 "},
    {" 's", "'s"}};

/// Whether a line is a page's title: `= Title =`, not `= = Section = =`.
bool is_title(std::string_view line) {
  std::string joined(line);
  replace_all(joined, "= = =", "===");
  replace_all(joined, "= =", "==");
  const auto title = strip(joined);
  return title.starts_with("= ") && title.ends_with(" =");
}

void add_page(std::vector<Document>& pages, std::string page) {
  if (strip(page).empty()) {
    return;
  }
  Document document = plain_document(std::move(page));
  document.text = detokenize_wikitext(std::move(document.text));
  pages.push_back(std::move(document));
}

} // namespace

Document plain_document(std::string text) {
  const auto bytes = static_cast<std::int64_t>(text.size());
  const auto words = count_split_words(text);
  return {std::move(text), bytes, words};
}

std::string detokenize_wikitext(std::string page) {
  replace_all(page, "s '", "s'");
  replace_quoted_digit(page);
  for (const auto& [from, to] : kNumbersAndPunctuation) {
    replace_all(page, from, to);
  }
  for (const auto& [open, close] : kBrackets) {
    close_up(page, open, close);
  }
  for (const auto& [from, to] : kMiscellaneous) {
    replace_all(page, from, to);
  }
  return page;
}

std::vector<Document> wikitext_documents(std::string_view raw) {
  std::vector<Document> pages;
  std::string page;
  bool is_first_line = true;
  while (true) {
    const auto end = raw.find('\n');
    const auto line = raw.substr(0, end);
    if (is_title(line)) {
      add_page(pages, std::exchange(page, {}));
      is_first_line = true;
    }
    if (!is_first_line) {
      page += '\n';
    }
    page += line;
    is_first_line = false;
    if (end == std::string_view::npos) {
      break;
    }
    raw.remove_prefix(end + 1);
  }
  add_page(pages, std::move(page));
  return pages;
}

} // namespace ma

// Reading texts without changing them.
#include "libma/io/text.h"

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/io/mapped_file.h"
#include "libma/io/strict_json.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";

std::string_view as_text(const MappedFile& file) {
  return {
      reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string with_lf(std::string_view text) {
  std::string converted;
  converted.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      continue;
    }
    converted += text[i];
  }
  return converted;
}

std::string at_line(const std::filesystem::path& path, std::int64_t line) {
  return path.string() + ":" + std::to_string(line);
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

} // namespace

std::string read_text(
    const std::filesystem::path& path, const TextOptions& options) {
  const auto file = MappedFile::open(path);
  std::string_view text = as_text(*file);
  if (const auto invalid = first_invalid_utf8(text)) {
    throw FileError(
        path.string(),
        "is not UTF-8: byte " + std::to_string(*invalid) + " is " +
            in_quotes(text.substr(*invalid, 1)) +
            "; convert the file, for instance with iconv");
  }
  if (text.substr(0, kMark.size()) == kMark) {
    if (options.byte_order_mark == ByteOrderMark::kRefuse) {
      throw FileError(
          path.string(),
          "starts with a byte order mark, which would become a token; ask to "
          "keep or to strip it");
    }
    text.remove_prefix(
        options.byte_order_mark == ByteOrderMark::kStrip ? kMark.size() : 0);
  }
  return options.line_ends == LineEnds::kToLf ? with_lf(text)
                                              : std::string(text);
}

void for_each_json_line(
    const std::filesystem::path& path,
    const std::function<bool(const nlohmann::json&, std::int64_t)>& use) {
  const auto file = MappedFile::open(path);
  std::string_view rest = as_text(*file);
  if (rest.substr(0, kMark.size()) == kMark) {
    throw FileError(
        path.string(),
        "starts with a byte order mark, which JSON forbids; remove it");
  }
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!is_blank(line) &&
        !use(parse_json(line, at_line(path, number)), number)) {
      return;
    }
  }
}

std::vector<std::string> read_jsonl_field(
    const std::filesystem::path& path,
    const std::string& field,
    std::int64_t limit) {
  std::vector<std::string> texts;
  if (limit <= 0) {
    return texts;
  }
  for_each_json_line(path, [&](const nlohmann::json& value, std::int64_t line) {
    if (!value.is_object()) {
      throw FileError(
          at_line(path, line),
          "expected a JSON object, got " + std::string(value.type_name()));
    }
    const auto found = value.find(field);
    if (found == value.end()) {
      std::vector<std::string> keys;
      for (const auto& entry : value.items()) {
        keys.push_back(in_quotes(entry.key()));
      }
      throw FileError(
          at_line(path, line),
          "has no field " + in_quotes(field) + "; it has " + join(keys));
    }
    if (!found->is_string()) {
      throw FileError(
          at_line(path, line),
          "field " + in_quotes(field) + ": expected a string, got " +
              found->type_name());
    }
    texts.push_back(found->get<std::string>());
    return static_cast<std::int64_t>(texts.size()) < limit;
  });
  return texts;
}

std::string join_texts(
    const std::vector<std::string>& texts, std::string_view separator) {
  std::size_t size = 0;
  for (const std::string& text : texts) {
    size += text.size() + separator.size();
  }
  std::string joined;
  joined.reserve(size);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    joined.append(i > 0 ? separator : "").append(texts[i]);
  }
  return joined;
}

} // namespace ma

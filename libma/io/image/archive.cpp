// Tar: POSIX.1-1988 ustar, with GNU's long names and base-256 numbers and the
// path and size records of POSIX.1-2001 (pax).
#include "libma/io/image/archive.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "libma/core/error.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint64_t kBlock = 512;

std::string_view text_of(Bytes bytes) {
  const std::string_view all(
      reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return all.substr(0, all.find('\0'));
}

/// A number of a header: octal digits, or base 256 where the first bit is set.
std::optional<std::uint64_t> number_of(Bytes field) {
  std::uint64_t value = 0;
  if (field[0] >= 0x80) {
    for (const std::uint8_t byte : field.subspan(field.size() - 8)) {
      value = value * 256 + byte;
    }
    return value;
  }
  std::string_view digits = text_of(field);
  digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
  digits = digits.substr(0, digits.find(' '));
  const auto [end, error] = std::from_chars(
      digits.data(), digits.data() + digits.size(), value, /*base=*/8);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

bool is_header(Bytes block) {
  const auto written = number_of(block.subspan(148, 8));
  std::uint64_t sum = 8 * std::uint64_t{' '}; // the field itself counts blank
  for (std::size_t i = 0; i < kBlock; ++i) {
    sum += i >= 148 && i < 156 ? 0 : block[i];
  }
  return written == sum;
}

/// The value of `key` in pax records "length key=value\n".
std::optional<std::string> pax_value(
    std::string_view records, std::string_view key) {
  std::optional<std::string> found;
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(
        records.data(), records.data() + records.size(), length);
    const auto start =
        static_cast<std::size_t>(end - records.data()) + 1; // behind the blank
    if (error != std::errc() || length > records.size() || length <= start) {
      break;
    }
    const std::string_view record =
        records.substr(start, length - start - 1); // without the newline
    if (record.size() > key.size() && record.starts_with(key) &&
        record[key.size()] == '=') {
      found = record.substr(key.size() + 1);
    }
    records.remove_prefix(length);
  }
  return found;
}

std::string name_of(Bytes header) {
  std::string name(text_of(header.subspan(0, 100)));
  const std::string_view magic = text_of(header.subspan(257, 6));
  const std::string_view prefix = text_of(header.subspan(345, 155));
  if (magic == "ustar" && !prefix.empty()) {
    name = std::string(prefix) + "/" + name;
  }
  return name;
}

class TarReader {
 public:
  explicit TarReader(const MappedFile& file) : file_(file) {}

  std::vector<TarMember> read() {
    std::vector<TarMember> members;
    while (next_header()) {
      const char kind = static_cast<char>(header_[156]);
      const std::uint64_t size = size_of_content();
      const Bytes content = take(size);
      take((kBlock - size % kBlock) % kBlock);
      if (kind == 'L') { // the name of the next member
        name_ = text_of(content);
      } else if (kind == 'x') {
        const std::string_view records(
            reinterpret_cast<const char*>(content.data()), content.size());
        name_ = pax_value(records, "path").value_or(name_);
        size_ = pax_value(records, "size").value_or("");
      } else {
        add(kind, content, members);
      }
    }
    return members;
  }

 private:
  /// False at the end: a block of zeros, or the end of the file.
  bool next_header() {
    if (position_ == file_.bytes().size()) {
      return false;
    }
    header_ = take(kBlock);
    if (std::all_of(header_.begin(), header_.end(), [](std::uint8_t byte) {
          return byte == 0;
        })) {
      return false;
    }
    if (!is_header(header_)) {
      throw FileError(
          file_.path().string(),
          "is a damaged tar archive: no header at byte " +
              std::to_string(position_ - kBlock));
    }
    return true;
  }

  std::uint64_t size_of_content() {
    std::optional<std::uint64_t> size = number_of(header_.subspan(124, 12));
    if (!size_.empty()) {
      std::uint64_t value = 0;
      std::from_chars(size_.data(), size_.data() + size_.size(), value);
      size = value;
      size_.clear();
    }
    if (!size) {
      throw FileError(
          file_.path().string(),
          "is a damaged tar archive: no size at byte " +
              std::to_string(position_ - kBlock));
    }
    return *size;
  }

  Bytes take(std::uint64_t count) {
    const Bytes taken = file_.bytes(position_, count);
    position_ += count;
    return taken;
  }

  void add(char kind, Bytes content, std::vector<TarMember>& members) {
    std::string name = name_.empty() ? name_of(header_) : name_;
    name_.clear();
    if (name.starts_with("./")) {
      name.erase(0, 2);
    }
    if (kind == '0' || kind == '\0' || kind == '7') {
      members.push_back({std::move(name), content});
    } else if (kind == '1' || kind == '2') {
      throw FileError(
          file_.path().string(),
          "member " + in_quotes(name) +
              " is a link, which cannot be read; write the archive with "
              "tar --dereference --hard-dereference");
    }
  }

  const MappedFile& file_;
  std::uint64_t position_ = 0;
  Bytes header_;
  std::string name_; // of the next member, where a header before it says so
  std::string size_; // likewise
};

} // namespace

bool is_tar(Bytes bytes) {
  return bytes.size() >= kBlock && is_header(bytes.first(kBlock));
}

std::vector<TarMember> read_tar(const MappedFile& file) {
  return TarReader(file).read();
}

} // namespace ma

// Tokenizes JSON Lines for the comparison with Hugging Face in
// tests/python/test_tokenizer.py.
//
//   io_tokenize TOKENIZER          reads one JSON string a line, writes {"ids",
//                                  "offsets", "text"} for each; offsets count
//                                  characters, as Hugging Face's do
//   io_tokenize TOKENIZER ROUNDS   encodes all lines that often and writes
//                                  {"bytes", "seconds"} (of this process) of
//                                  the fastest round
#include <algorithm>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace {

using Json = nlohmann::json;

/// Number of the character that starts at each byte of `text`, -1 inside one.
std::vector<std::int64_t> character_numbers(const std::string& text) {
  std::vector<std::int64_t> numbers;
  std::int64_t next = 0;
  for (const char byte : text) {
    const bool inside = (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
    numbers.push_back(inside ? -1 : next++);
  }
  numbers.push_back(next);
  return numbers;
}

Json compare(const ma::Tokenizer& tokenizer, const std::string& text) {
  const ma::Encoding encoding = tokenizer.encode_with_offsets(text);
  const std::vector<std::int64_t> numbers = character_numbers(text);
  std::vector<std::pair<std::int64_t, std::int64_t>> offsets;
  for (const auto& [first, last] : encoding.offsets) {
    offsets.emplace_back(numbers.at(first), numbers.at(last));
  }
  return {
      {"ids", encoding.ids},
      {"offsets", offsets},
      {"text", tokenizer.decode(encoding.ids)}};
}

Json time_rounds(
    const ma::Tokenizer& tokenizer,
    const std::vector<std::string>& texts,
    int rounds) {
  std::size_t bytes = 0;
  std::clock_t fastest = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::clock_t start = std::clock();
    bytes = 0;
    for (const std::string& text : texts) {
      bytes += text.size();
      (void)tokenizer.encode_with_offsets(text);
    }
    const std::clock_t ticks = std::clock() - start;
    fastest = round == 0 ? ticks : std::min(fastest, ticks);
  }
  return {
      {"bytes", bytes},
      {"seconds", static_cast<double>(fastest) / CLOCKS_PER_SEC}};
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::cerr << "usage: io_tokenize TOKENIZER [ROUNDS]\n";
    return 2;
  }
  try {
    const auto tokenizer = ma::load_tokenizer(argv[1]);
    std::vector<std::string> texts;
    for (std::string line; std::getline(std::cin, line);) {
      texts.push_back(Json::parse(line).get<std::string>());
    }
    if (argc == 3) {
      std::cout << time_rounds(*tokenizer, texts, std::stoi(argv[2])) << '\n';
      return 0;
    }
    for (const std::string& text : texts) {
      std::cout << compare(*tokenizer, text) << '\n';
    }
  } catch (const ma::Error& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
  return 0;
}

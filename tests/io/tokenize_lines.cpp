// Tokenizes JSON Lines for the comparison with Hugging Face in tests/python/test_tokenizer.py.
//
//   io_tokenize TOKENIZER            reads one JSON string a line, writes {"ids", "offsets", "text"} for each
//   io_tokenize TOKENIZER --time N   encodes all lines N times and writes {"bytes", "seconds"} of the fastest round
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace {

using Json = nlohmann::json;

Json compare(const ma::Tokenizer& tokenizer, const std::string& text) {
  const ma::Encoding encoding = tokenizer.encode_with_offsets(text);
  Json offsets = Json::array();
  for (const auto& [first, last] : encoding.offsets) {
    offsets.push_back(first);
    offsets.push_back(last);
  }
  return {{"ids", encoding.ids}, {"offsets", offsets}, {"text", tokenizer.decode(encoding.ids)}};
}

Json time_rounds(const ma::Tokenizer& tokenizer, const std::vector<std::string>& texts, int rounds) {
  std::size_t bytes = 0;
  double fastest = 1e300;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    bytes = 0;
    for (const std::string& text : texts) {
      bytes += text.size();
      (void)tokenizer.encode_with_offsets(text);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fastest = std::min(fastest, seconds.count());
  }
  return {{"bytes", bytes}, {"seconds", fastest}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::cerr << "usage: io_tokenize TOKENIZER [--time ROUNDS]\n";
    return 2;
  }
  try {
    const auto tokenizer = ma::load_tokenizer(argv[1]);
    std::vector<std::string> texts;
    for (std::string line; std::getline(std::cin, line);) {
      texts.push_back(Json::parse(line).get<std::string>());
    }
    if (argc == 4) {
      std::cout << time_rounds(*tokenizer, texts, std::stoi(argv[3])) << '\n';
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

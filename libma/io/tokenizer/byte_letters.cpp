// GPT-2's byte alphabet, and the pre-tokenizers that depend on it.
#include "libma/io/tokenizer/byte_letters.h"

#include <array>

#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/pre_tokenizer.h"

namespace ma::tok {
namespace {

constexpr char32_t kLastLetter = 0x143;

struct ByteAlphabet {
  std::array<std::string, 256> letters;
  std::array<int, kLastLetter + 1>
      bytes{}; ///< byte of a letter, -1 for other characters

  ByteAlphabet() {
    bytes.fill(-1);
    char32_t next =
        0x100; // bytes that cannot be printed take the letters from here on
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable =
          (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
      const char32_t letter = printable ? static_cast<char32_t>(byte) : next++;
      append_utf8(letters[static_cast<std::size_t>(byte)], letter);
      bytes[letter] = byte;
    }
  }

  static const ByteAlphabet& instance() {
    static const ByteAlphabet alphabet;
    return alphabet;
  }
};

class PrefixSpace : public PreTokenizer {
 public:
  void split(PieceList& list) const override {
    const AlignedText& old = *list.text;
    TextWriter writer(old);
    for (Span& piece : list.pieces) {
      const std::size_t first = writer.size();
      if (old.view()[piece.first] != ' ') { // aligned with what is behind it
        writer.insert(" ", old.source({piece.first, piece.first + 1}));
      }
      writer.copy(piece);
      piece = {first, writer.size()};
    }
    list.text = std::make_shared<AlignedText>(writer.finish());
  }
};

class OnByteLetters : public PreTokenizer {
 public:
  explicit OnByteLetters(PreTokenizerPtr stage) : stage_(std::move(stage)) {}

  void split(PieceList& list) const override {
    std::string letters;
    std::vector<std::size_t>
        bytes; // byte of the text that each byte of `letters` spells
    PieceList spelled;
    for (const Span piece : list.pieces) {
      const std::size_t first = letters.size();
      for (std::size_t at = piece.first; at < piece.last; ++at) {
        letters +=
            byte_letter(static_cast<unsigned char>(list.text->view()[at]));
        bytes.resize(letters.size(), at);
      }
      spelled.pieces.push_back({first, letters.size()});
    }
    spelled.text = std::make_shared<AlignedText>(letters, 0);
    stage_->split(spelled);
    list.pieces.clear();
    for (const Span piece : spelled.pieces) {
      list.pieces.push_back({bytes[piece.first], bytes[piece.last - 1] + 1});
    }
  }

 private:
  PreTokenizerPtr stage_;
};

} // namespace

const std::string& byte_letter(unsigned char byte) {
  return ByteAlphabet::instance().letters[byte];
}

std::optional<std::string> bytes_of_letters(std::string_view letters) {
  const ByteAlphabet& alphabet = ByteAlphabet::instance();
  std::string bytes;
  for (const char* at = letters.data();
       at != letters.data() + letters.size();) {
    const char32_t letter = next_code_point(at);
    if (letter > kLastLetter || alphabet.bytes[letter] < 0) {
      return std::nullopt;
    }
    bytes += static_cast<char>(alphabet.bytes[letter]);
  }
  return bytes;
}

PreTokenizerPtr make_prefix_space() {
  return std::make_unique<PrefixSpace>();
}

PreTokenizerPtr make_on_byte_letters(PreTokenizerPtr stage) {
  return std::make_unique<OnByteLetters>(std::move(stage));
}

} // namespace ma::tok

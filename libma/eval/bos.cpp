// The rules of the BOS profiles.
#include "libma/eval/bos.h"

#include <array>
#include <utility>
#include <vector>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::array<std::pair<BosProfile, std::string_view>, 4> kProfiles = {{
    {BosProfile::kNoBos, "nobos"},
    {BosProfile::kBos, "bos"},
    {BosProfile::kLmEval2023, "lm-eval-2023"},
    {BosProfile::kLmEvalCurrent, "lm-eval-current"},
}};

std::int64_t require_bos(BosProfile profile, const Tokenizer& tokenizer) {
  if (!tokenizer.bos_id()) {
    throw ConfigError(
        bos_profile_name(profile),
        "the tokenizer has no BOS token; use the profile nobos");
  }
  return *tokenizer.bos_id();
}

std::int64_t require_eos(BosProfile profile, const Tokenizer& tokenizer) {
  if (!tokenizer.eos_id()) {
    throw ConfigError(
        bos_profile_name(profile),
        "the tokenizer has no EOS token to serve as the prefix");
  }
  return *tokenizer.eos_id();
}

} // namespace

std::string_view bos_profile_name(BosProfile profile) {
  for (const auto& [known, name] : kProfiles) {
    if (known == profile) {
      return name;
    }
  }
  throw ConfigError("BOS profile", "the value is none of the enumeration's");
}

BosProfile parse_bos_profile(const std::string& name, std::string_view where) {
  std::vector<std::string> names;
  for (const auto& [profile, known] : kProfiles) {
    if (known == name) {
      return profile;
    }
    names.emplace_back(known);
  }
  throw UnknownNameError(where, "BOS profile", name, names);
}

bool adds_bos(
    BosProfile profile, const Tokenizer& tokenizer, std::string_view text) {
  switch (profile) {
    case BosProfile::kNoBos:
    case BosProfile::kLmEval2023:
      return false;
    case BosProfile::kBos:
      require_bos(profile, tokenizer);
      return true;
    case BosProfile::kLmEvalCurrent:
      return tokenizer.adds_bos_by_default() &&
             !text.starts_with(
                 tokenizer.token(require_bos(profile, tokenizer)));
  }
  return false;
}

std::int64_t prefix_id(BosProfile profile, const Tokenizer& tokenizer) {
  switch (profile) {
    case BosProfile::kNoBos:
      break;
    case BosProfile::kBos:
      return require_bos(profile, tokenizer);
    case BosProfile::kLmEval2023:
      return require_eos(profile, tokenizer);
    case BosProfile::kLmEvalCurrent:
      return tokenizer.bos_id() ? *tokenizer.bos_id()
                                : require_eos(profile, tokenizer);
  }
  throw ConfigError(
      bos_profile_name(profile),
      "there is no prefix token without a BOS; use the profile bos, "
      "lm-eval-2023 or lm-eval-current");
}

} // namespace ma

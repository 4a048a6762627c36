#include "libma/eval/generate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "tests/eval/byte_tokenizer.h"
#include "tests/tiny_model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using testing::make_tiny_model;
using testing::random_ids;
using testing::tiny_config;

constexpr std::int64_t kNew = 12;

TokenIds draw(std::int64_t n, std::uint64_t seed) {
  const auto ids = random_ids(1, n, seed);
  const auto* first = ids.const_data_ptr<std::int64_t>();
  return {first, first + n};
}

/// Prompts of different length.
std::vector<TokenIds> prompts() {
  return {draw(5, 1), draw(9, 2), draw(1, 3), draw(9, 4), draw(7, 5)};
}

Intervention edit(Selection select, double value = 30) {
  return make_intervention(
      "set_value",
      {.site = "blocks.1.resid_post",
       .select = std::move(select),
       .value = value});
}

/// The most likely tokens, each from a pass over the whole sequence.
TokenIds write_alone(
    const Model& model, TokenIds ids, const std::vector<Intervention>& edits) {
  std::vector<HookHandle> handles;
  for (const Intervention& each : edits) {
    handles.push_back(model.add_hook(each.site(), each));
  }
  TokenIds made;
  for (std::int64_t i = 0; i < kNew; ++i) {
    const auto logits = model.forward(at::tensor(ids, torch::kInt64));
    made.push_back(logits[0][-1].argmax().item<std::int64_t>());
    ids.push_back(made.back());
  }
  return made;
}

std::vector<TokenIds> ids_of(const std::vector<Generation>& made) {
  std::vector<TokenIds> ids;
  for (const Generation& each : made) {
    ids.push_back(each.ids);
  }
  return ids;
}

class GenerateTest : public ::testing::TestWithParam<std::string> {
 protected:
  GenerateOptions options(std::vector<Intervention> edits = {}) const {
    return {
        .max_new_tokens = kNew,
        .edits = std::move(edits),
        .tokenizer = &tokenizer_};
  }

  void expect_as_alone(const std::vector<Intervention>& edits) {
    std::vector<TokenIds> expected;
    for (const TokenIds& prompt : prompts()) {
      expected.push_back(write_alone(model_, prompt, edits));
    }
    auto wanted = options(edits);
    EXPECT_EQ(ids_of(generate(model_, prompts(), wanted)), expected);
    wanted.tokens_per_pass = 50; // two rows
    EXPECT_EQ(ids_of(generate(model_, prompts(), wanted)), expected);
    wanted.use_cache = false;
    EXPECT_EQ(ids_of(generate(model_, prompts(), wanted)), expected);
  }

  testing::ByteTokenizer tokenizer_;
  Model model_ =
      make_tiny_model(tiny_config(GetParam()), {.dtype = torch::kFloat64});
};

TEST_P(GenerateTest, WritesWhatPassesOverWholeSequencesWrite) {
  expect_as_alone({});
}

TEST_P(GenerateTest, AnEditAtTheFirstPositionActsAsInWholePasses) {
  const auto plain = ids_of(generate(model_, prompts(), options()));
  const std::vector<Intervention> edits = {edit(Selection::at({0}, {3}))};
  EXPECT_NE(ids_of(generate(model_, prompts(), options(edits))), plain);
  expect_as_alone(edits);
}

TEST_P(GenerateTest, AnEditAtAllPositionsActsOnNewTokensToo) {
  const std::vector<Intervention> edits = {edit(Selection::at({}, {3}))};
  expect_as_alone(edits);
  const auto before = edits.front().stats().edited;
  generate(model_, std::vector<TokenIds>{draw(5, 1)}, options(edits));
  EXPECT_EQ(edits.front().stats().edited - before, 5 + kNew - 1);
}

TEST_P(GenerateTest, EditsThatDependOnTheRowReadItAgain) {
  for (const Selection& select :
       {Selection::at({-1}, {3}),
        Selection{.kind = SelectionKind::kTopK, .count = 2},
        Selection{.kind = SelectionKind::kMedianMagnitude, .count = 3}}) {
    const std::vector<Intervention> edits = {edit(select)};
    expect_as_alone(edits);
  }
}

TEST_P(GenerateTest, ReadsEachTokenOnceWithACache) {
  std::vector<std::int64_t> seen;
  const auto handle = model_.add_hook(
      "blocks.2.resid_post", [&](const torch::Tensor& x, const HookSite&) {
        seen.push_back(x.size(0) * x.size(1));
        return x;
      });
  generate(model_, std::vector<TokenIds>{draw(5, 1)}, options());
  std::vector<std::int64_t> expected(kNew, 1);
  expected.front() = 5;
  EXPECT_EQ(seen, expected);
}

TEST_P(GenerateTest, RowsThatEndLeaveTheBatch) {
  const auto plain = generate(model_, prompts(), options());
  tokenizer_.eos = plain[0].ids[2];
  std::vector<std::int64_t> rows;
  const auto handle = model_.add_hook(
      "blocks.2.resid_post", [&](const torch::Tensor& x, const HookSite&) {
        rows.push_back(x.size(0));
        return x;
      });
  const auto made = generate(model_, prompts(), options());
  std::size_t n_tokens = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    const TokenIds& whole = plain[i].ids;
    const auto end = std::find(whole.begin(), whole.end(), *tokenizer_.eos);
    const bool ends = end != whole.end();
    EXPECT_EQ(made[i].ids, TokenIds(whole.begin(), end + (ends ? 1 : 0)));
    EXPECT_EQ(made[i].reason, ends ? StopReason::kEos : StopReason::kLength);
    n_tokens += made[i].ids.size();
  }
  EXPECT_EQ(made[0].reason, StopReason::kEos);
  EXPECT_EQ(
      std::accumulate(rows.begin(), rows.end(), std::size_t{0}), n_tokens);
}

TEST_P(GenerateTest, SamplesDependOnTheSeedAndThePromptAlone) {
  auto sampled = options();
  sampled.sampling = {.temperature = 6, .top_k = 50, .top_p = 0.99};
  sampled.seed = 7;
  const auto made = ids_of(generate(model_, prompts(), sampled));
  EXPECT_EQ(ids_of(generate(model_, prompts(), sampled)), made);
  sampled.tokens_per_pass = 1; // each row by itself
  EXPECT_EQ(ids_of(generate(model_, prompts(), sampled)), made);
  sampled.use_cache = false;
  EXPECT_EQ(ids_of(generate(model_, prompts(), sampled)), made);
  sampled.seed = 8;
  EXPECT_NE(ids_of(generate(model_, prompts(), sampled)), made);
  const std::vector<TokenIds> twice(2, draw(5, 1));
  const auto pair = ids_of(generate(model_, twice, sampled));
  EXPECT_NE(pair[0], pair[1]);
}

TEST_P(GenerateTest, LongPromptsAreCutOnTheLeft) {
  auto wanted = options();
  wanted.max_length = kNew + 4;
  const auto made = generate(model_, prompts(), wanted);
  EXPECT_TRUE(made[1].is_truncated);
  EXPECT_FALSE(made[2].is_truncated);
  const auto whole = draw(9, 2);
  const auto cut = TokenIds(whole.end() - 4, whole.end());
  EXPECT_EQ(made[1].ids, write_alone(model_, cut, {}));
}

TEST_P(GenerateTest, DeliversEachResultOnceAndCountsPrompts) {
  std::map<std::size_t, TokenIds> delivered;
  std::int64_t done = 0;
  auto wanted = options();
  wanted.tokens_per_pass = 50;
  wanted.on_generation = [&](std::size_t prompt, const Generation& made) {
    EXPECT_TRUE(delivered.emplace(prompt, made.ids).second);
  };
  wanted.progress = [&](const Progress& at) { done = at.done; };
  const auto made = generate(model_, prompts(), wanted);
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(delivered.at(i), made[i].ids);
  }
  EXPECT_EQ(done, 5);
}

TEST_P(GenerateTest, RefusesWhatItCannotDo) {
  const auto given = prompts();
  const auto expect_refused = [&](auto change) {
    auto wanted = options();
    change(wanted);
    EXPECT_THROW(generate(model_, given, wanted), ConfigError);
  };
  expect_refused([](auto& o) { o.max_new_tokens = 0; });
  expect_refused([](auto& o) { o.max_new_tokens = 64; });
  expect_refused([](auto& o) { o.stop = {"a", ""}; });
  expect_refused([](auto& o) { o.sampling.temperature = -1; });
  expect_refused([](auto& o) { o.sampling.top_k = -1; });
  expect_refused([](auto& o) { o.sampling.top_p = 0; });
  EXPECT_THROW(
      generate(model_, std::vector<TokenIds>{{}}, options()), ConfigError);
  const auto handle = model_.add_hook(
      "logits",
      [](const torch::Tensor& x, const HookSite&) { return x * std::nan(""); });
  EXPECT_THROW(generate(model_, given, options()), Error);
}

INSTANTIATE_TEST_SUITE_P(
    Architectures, GenerateTest, ::testing::ValuesIn(testing::architectures()));

TEST(GenerateRopeTest, AnglesThatChangeOnTheWayAreThoseOfWholePasses) {
  auto config = tiny_config("llama");
  config["rope_scaling"] = {
      {"rope_type", "longrope"},
      {"factor", 2.0},
      {"original_max_position_embeddings", 10},
      {"short_factor", {1.0, 1.1, 1.2, 1.3}},
      {"long_factor", {2.0, 9.0, 40.0, 50.0}}};
  const auto model = make_tiny_model(config, {.dtype = torch::kFloat64});
  const testing::ByteTokenizer tokenizer;
  const auto made = generate(
      model, prompts(), {.max_new_tokens = kNew, .tokenizer = &tokenizer});
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(made[i].ids, write_alone(model, prompts()[i], {})) << i;
  }
}

/// Each token is a byte.
class StopStringTest : public ::testing::Test {
 protected:
  Generation write(std::vector<std::string> stop) const {
    return generate(
               model_,
               std::vector<TokenIds>{draw(5, 1)},
               {.max_new_tokens = kNew,
                .stop = std::move(stop),
                .tokenizer = &tokenizer_})
        .front();
  }

  testing::ByteTokenizer tokenizer_;
  Model model_ = make_tiny_model(tiny_config("llama"));
};

TEST_F(StopStringTest, EndsBeforeATextThatSpansTokens) {
  const auto whole = write({});
  ASSERT_EQ(whole.reason, StopReason::kLength);
  const auto stop = whole.text.substr(4, 3);
  const auto place = whole.text.find(stop);
  const auto made = write({"never", stop});
  EXPECT_EQ(made.reason, StopReason::kStopString);
  EXPECT_EQ(made.text, whole.text.substr(0, place));
  EXPECT_EQ(made.ids.size(), place + 3);
}

TEST_F(StopStringTest, TheTextIsCutBeforeTheFirstOfSeveral) {
  const auto whole = write({});
  const auto made = write({whole.text.substr(4, 4), whole.text.substr(3, 2)});
  EXPECT_EQ(
      made.text,
      whole.text.substr(0, whole.text.find(whole.text.substr(3, 2))));
}

} // namespace
} // namespace ma

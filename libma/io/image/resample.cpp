// Both passes are one loop, `weigh`: it adds weighted rows of many neighbours,
// which the compiler vectorises. The horizontal pass turns blocks of rows on
// their side first.
#include "libma/io/image/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numbers>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr unsigned kBits = 22;             // of the weights, behind the point
constexpr std::int32_t kOne = 4'194'304;   // 2^kBits
constexpr std::int64_t kRows = 16;         // turned on their side together
constexpr std::int64_t kBlock = 3 * kRows; // values that `weigh` makes at once

double sinc(double x) {
  return x == 0.0 ? 1.0
                  : std::sin(x * std::numbers::pi) / (x * std::numbers::pi);
}

double weight_at(Resample filter, double x) {
  if (filter == Resample::kBox) {
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  }
  if (filter == Resample::kLanczos) {
    return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
  }
  x = std::abs(x);
  switch (filter) {
    case Resample::kBilinear:
      return x < 1.0 ? 1.0 - x : 0.0;
    case Resample::kHamming:
      if (x == 0.0 || x >= 1.0) {
        return x == 0.0 ? 1.0 : 0.0;
      }
      x *= std::numbers::pi;
      return std::sin(x) / x * (0.54F + 0.46F * std::cos(x));
    default: { // bicubic
      constexpr double kA = -0.5;
      if (x < 1.0) {
        return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
      }
      return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * kA : 0.0;
    }
  }
}

double support_of(Resample filter) {
  switch (filter) {
    case Resample::kBox:
      return 0.5;
    case Resample::kBicubic:
      return 2.0;
    case Resample::kLanczos:
      return 3.0;
    default:
      return 1.0;
  }
}

/// Which neighbours make one value, and how much of each.
struct Taps {
  std::int64_t first = 0;
  std::vector<std::int32_t> weights;
};

/// The taps of the outputs [begin, begin + count) when `in` values become
/// `out`: Pillow's precompute_coeffs and normalize_coeffs_8bpc.
std::vector<Taps> make_taps(
    std::int64_t in,
    std::int64_t out,
    std::int64_t begin,
    std::int64_t count,
    Resample filter) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double filter_scale = std::max(scale, 1.0);
  const double support = support_of(filter) * filter_scale;
  const double inverse = 1.0 / filter_scale;
  std::vector<Taps> all(count);
  std::vector<double> exact;
  for (std::int64_t i = 0; i < count; ++i) {
    const double center = (static_cast<double>(begin + i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(
        0, static_cast<std::int64_t>(std::floor(center - support + 0.5)));
    const auto end = std::min(
        in, static_cast<std::int64_t>(std::floor(center + support + 0.5)));
    exact.clear();
    double sum = 0.0;
    for (std::int64_t x = first; x < end; ++x) {
      exact.push_back(
          weight_at(filter, (static_cast<double>(x) - center + 0.5) * inverse));
      sum += exact.back();
    }
    all[i].first = first;
    for (const double weight : exact) {
      const double fixed = (sum != 0.0 ? weight / sum : weight) * kOne;
      all[i].weights.push_back(
          static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return all;
}

/// First and one past the last value that any of `taps` reads.
std::pair<std::int64_t, std::int64_t> reach_of(const std::vector<Taps>& taps) {
  return {
      taps.front().first,
      taps.back().first +
          static_cast<std::int64_t>(taps.back().weights.size())};
}

/// Makes kBlock weighted sums: out[i] = sum over t of
/// weights[t] * rows[t * stride + i].
using Weigh = void (*)(
    const std::uint8_t* rows,
    std::int64_t stride,
    const std::vector<std::int32_t>& weights,
    std::uint8_t* out);

[[gnu::always_inline]] inline void weigh(
    const std::uint8_t* rows,
    std::int64_t stride,
    const std::vector<std::int32_t>& weights,
    std::uint8_t* out) {
  std::array<std::int32_t, kBlock> sums;
  sums.fill(kOne / 2);
  for (const std::int32_t weight : weights) {
    for (std::int64_t i = 0; i < kBlock; ++i) {
      sums[i] += weight * rows[i];
    }
    rows += stride;
  }
  for (std::int64_t i = 0; i < kBlock; ++i) {
    const auto sum = static_cast<std::uint32_t>(std::max(sums[i], 0));
    out[i] = static_cast<std::uint8_t>(std::min(sum >> kBits, 255U));
  }
}

void weigh_anywhere(
    const std::uint8_t* rows,
    std::int64_t stride,
    const std::vector<std::int32_t>& weights,
    std::uint8_t* out) {
  weigh(rows, stride, weights, out);
}

#if defined(__x86_64__) && defined(__GNUC__)
// SSE2 alone has no product of 32-bit integers.
__attribute__((target("avx2"))) void weigh_avx2(
    const std::uint8_t* rows,
    std::int64_t stride,
    const std::vector<std::int32_t>& weights,
    std::uint8_t* out) {
  weigh(rows, stride, weights, out);
}

Weigh fastest_weigh() {
  return __builtin_cpu_supports("avx2") != 0 ? weigh_avx2 : weigh_anywhere;
}
#else
Weigh fastest_weigh() {
  return weigh_anywhere;
}
#endif

/// `rows` rows of `width` pixels, turned: [width, kRows, 3].
void turn(
    const std::uint8_t* pixels,
    std::int64_t stride,
    std::int64_t rows,
    std::int64_t width,
    std::uint8_t* turned) {
  for (std::int64_t y = 0; y < rows; ++y) {
    const std::uint8_t* from = pixels + y * stride;
    std::uint8_t* to = turned + 3 * y;
    for (std::int64_t x = 0; x < width; ++x, from += 3, to += kBlock) {
      to[0] = from[0];
      to[1] = from[1];
      to[2] = from[2];
    }
  }
}

/// [width, kRows, 3] back to `rows` rows of `width` pixels.
void turn_back(
    const std::uint8_t* turned,
    std::int64_t rows,
    std::int64_t width,
    std::uint8_t* pixels) {
  for (std::int64_t y = 0; y < rows; ++y) {
    const std::uint8_t* from = turned + 3 * y;
    std::uint8_t* to = pixels + y * width * 3;
    for (std::int64_t x = 0; x < width; ++x, from += kBlock, to += 3) {
      to[0] = from[0];
      to[1] = from[1];
      to[2] = from[2];
    }
  }
}

/// Each row of `pixels` [size.height, size.width, 3] resampled to [taps, 3];
/// taps count columns from `first_column`.
RgbImage resample_rows(
    const std::uint8_t* pixels,
    std::int64_t first_column,
    ImageSize size,
    const std::vector<Taps>& taps) {
  static const Weigh weigh_block = fastest_weigh();
  const auto out_width = static_cast<std::int64_t>(taps.size());
  const auto [first, end] = reach_of(taps);
  const auto [rows, width] = size;
  RgbImage out({rows, out_width});
  std::vector<std::uint8_t> turned((end - first) * kBlock);
  std::vector<std::uint8_t> made(out_width * kBlock);
  for (std::int64_t y = 0; y < rows; y += kRows) {
    const std::int64_t n = std::min(kRows, rows - y);
    turn(
        pixels + (y * width + first - first_column) * 3,
        width * 3,
        n,
        end - first,
        turned.data());
    for (std::int64_t x = 0; x < out_width; ++x) {
      weigh_block(
          turned.data() + (taps[x].first - first) * kBlock,
          kBlock,
          taps[x].weights,
          made.data() + x * kBlock);
    }
    turn_back(made.data(), n, out_width, out.row(y));
  }
  return out;
}

/// The columns [rows, width, 3] resampled to [taps, width, 3]; taps count rows
/// from `first_row`.
RgbImage resample_columns(
    const std::uint8_t* pixels,
    std::int64_t first_row,
    std::int64_t width,
    const std::vector<Taps>& taps) {
  static const Weigh weigh_block = fastest_weigh();
  const auto out_height = static_cast<std::int64_t>(taps.size());
  const std::int64_t stride = width * 3;
  RgbImage out({out_height, width});
  std::array<std::uint8_t, kBlock> made;
  std::vector<std::uint8_t> rest; // what is left of the rows, padded
  for (std::int64_t y = 0; y < out_height; ++y) {
    const Taps& tap = taps[y];
    const std::uint8_t* const rows = pixels + (tap.first - first_row) * stride;
    std::int64_t x = 0;
    for (; x + kBlock <= stride; x += kBlock) {
      weigh_block(rows + x, stride, tap.weights, out.row(y) + x);
    }
    if (x < stride) {
      rest.assign(tap.weights.size() * kBlock, 0);
      for (std::size_t t = 0; t < tap.weights.size(); ++t) {
        std::memcpy(
            rest.data() + t * kBlock,
            rows + static_cast<std::int64_t>(t) * stride + x,
            stride - x);
      }
      weigh_block(rest.data(), kBlock, tap.weights, made.data());
      std::memcpy(out.row(y) + x, made.data(), stride - x);
    }
  }
  return out;
}

RgbImage cut(
    const std::uint8_t* pixels, std::int64_t width, const ImageWindow& window) {
  RgbImage out(window.size);
  for (std::int64_t y = 0; y < window.size.height; ++y) {
    std::memcpy(
        out.row(y),
        pixels + ((window.top + y) * width + window.left) * 3,
        window.size.width * 3);
  }
  return out;
}

/// Pillow 13's choice; before, the horizontal pass always came first. The order
/// shows, because each pass rounds.
bool is_vertical_first(ImageSize size, ImageSize target) {
  const std::int64_t fewer_rows = size.height - target.height;
  return fewer_rows > 0 && fewer_rows > 2 * (size.width - target.width);
}

const std::vector<std::pair<std::string, Resample>>& filters() {
  static const std::vector<std::pair<std::string, Resample>> filters = {
      {"box", Resample::kBox},
      {"bilinear", Resample::kBilinear},
      {"hamming", Resample::kHamming},
      {"bicubic", Resample::kBicubic},
      {"lanczos", Resample::kLanczos}};
  return filters;
}

} // namespace

const std::vector<std::string>& resample_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& entry : filters()) {
      all.push_back(entry.first);
    }
    return all;
  }();
  return names;
}

Resample resample_named(const std::string& name, const std::string& where) {
  for (const auto& [known, filter] : filters()) {
    if (known == name) {
      return filter;
    }
  }
  throw UnknownNameError(where, "resampling filter", name, resample_names());
}

std::string to_string(Resample filter) {
  return filters()[static_cast<std::size_t>(filter)].first;
}

RgbImage resample_rgb(
    const std::uint8_t* pixels,
    ImageSize size,
    ImageSize target,
    Resample filter,
    const ImageWindow& window) {
  if (size == target) {
    return cut(pixels, size.width, window);
  }
  const auto columns = make_taps(
      size.width, target.width, window.left, window.size.width, filter);
  const auto rows = make_taps(
      size.height, target.height, window.top, window.size.height, filter);
  if (size.height == target.height) {
    return resample_rows(
        pixels + window.top * size.width * 3,
        0,
        {window.size.height, size.width},
        columns);
  }
  if (is_vertical_first(size, target)) {
    const auto [left, right] = reach_of(columns);
    const RgbImage part =
        cut(pixels,
            size.width,
            {.left = left, .size = {size.height, right - left}});
    const RgbImage low =
        resample_columns(part.bytes.get(), 0, right - left, rows);
    return size.width == target.width
               ? cut(low.bytes.get(),
                     right - left,
                     {.left = window.left - left, .size = window.size})
               : resample_rows(low.bytes.get(), left, low.size, columns);
  }
  const auto [top, bottom] = reach_of(rows);
  const std::uint8_t* const needed = pixels + top * size.width * 3;
  const RgbImage wide =
      size.width == target.width
          ? cut(needed,
                size.width,
                {.left = window.left,
                 .size = {bottom - top, window.size.width}})
          : resample_rows(needed, 0, {bottom - top, size.width}, columns);
  return resample_columns(wide.bytes.get(), top, window.size.width, rows);
}

} // namespace ma

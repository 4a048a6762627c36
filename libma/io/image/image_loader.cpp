// The queue of crops and the threads that fill it.
#include "libma/io/image/image_loader.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

/// What became of one image.
struct Outcome {
  bool is_done = false;
  RgbImage crop;
  std::string problem;        // empty: the crop is there
  std::exception_ptr failure; // of the program, not of the image
};

std::string as_problem(const std::string& where, const std::string& message) {
  return message.find(where) == std::string::npos ? where + ": " + message
                                                  : message;
}

Outcome make_crop(
    const ImageSet& set, const ImageRecipe& recipe, std::int64_t index) {
  Outcome outcome;
  outcome.is_done = true;
  try {
    const RgbImage image = set.read_rgb(index);
    outcome.crop = crop_pixels(image.bytes.get(), image.size, recipe);
  } catch (const Error& error) {
    outcome.problem = as_problem(set.where(index), error.what());
  } catch (...) {
    outcome.failure = std::current_exception();
  }
  return outcome;
}

std::int64_t worker_count(std::int64_t wanted) {
  const std::int64_t n_cores = std::thread::hardware_concurrency();
  return wanted > 0 ? wanted : std::clamp<std::int64_t>(n_cores, 1, 8);
}

ImageSize checked_size(const ImageRecipe& recipe) {
  const auto size = output_size(recipe);
  if (!size) {
    throw ConfigError(
        "image recipe " + recipe.name,
        "makes images of different sizes, which fit no batch; give it a crop");
  }
  return *size;
}

} // namespace

/// A ring of outcomes: workers take indices in order and may be `capacity`
/// ahead of the consumer.
class ImageLoader::Queue {
 public:
  Queue(
      const ImageSet& set,
      ImageRecipe recipe,
      std::int64_t n_workers,
      std::int64_t capacity)
      : set_(set), recipe_(std::move(recipe)), ring_(capacity) {
    try {
      for (std::int64_t i = 0; i < n_workers; ++i) {
        workers_.emplace_back([this] { work(); });
      }
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Queue() { stop(); }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// The outcome of the next image and its index; nothing at the end.
  std::optional<std::pair<std::int64_t, Outcome>> pop() {
    std::unique_lock lock(mutex_);
    if (first_ == set_.size()) {
      return std::nullopt;
    }
    Outcome& slot = slot_of(first_);
    changed_.wait(lock, [&slot] { return slot.is_done; });
    std::pair<std::int64_t, Outcome> popped{
        first_++, std::exchange(slot, Outcome())};
    lock.unlock();
    changed_.notify_all();
    return popped;
  }

 private:
  Outcome& slot_of(std::int64_t index) {
    return ring_[index % static_cast<std::int64_t>(ring_.size())];
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] {
        return is_stopped_ || next_ == set_.size() ||
               next_ < first_ + static_cast<std::int64_t>(ring_.size());
      });
      if (is_stopped_ || next_ == set_.size()) {
        return;
      }
      const std::int64_t index = next_++;
      lock.unlock();
      Outcome outcome = make_crop(set_, recipe_, index);
      lock.lock();
      slot_of(index) = std::move(outcome);
      changed_.notify_all();
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
    }
    changed_.notify_all();
    for (std::thread& worker : workers_) {
      worker.join();
    }
  }

  const ImageSet& set_;
  const ImageRecipe recipe_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Outcome> ring_;
  std::int64_t first_ = 0; // that the consumer waits for
  std::int64_t next_ = 0;  // that no worker has taken yet
  bool is_stopped_ = false;
  std::vector<std::thread> workers_;
};

ImageLoader::ImageLoader(
    const ImageSet& set,
    const ImageRecipe& recipe,
    const ImageLoaderOptions& options)
    : set_(set),
      normalizer_(recipe),
      size_(checked_size(recipe)),
      batch_(options.batch) {
  if (options.batch < 1 || options.workers < 0 || options.workers > 1024) {
    throw ConfigError(
        "image loader",
        "expected a batch of at least 1 and 0 to 1024 workers, got " +
            std::to_string(options.batch) + " and " +
            std::to_string(options.workers));
  }
  const std::int64_t n_workers = worker_count(options.workers);
  const std::int64_t ahead =
      std::min(set.size(), options.batch + 2 * n_workers);
  queue_ = std::make_unique<Queue>(set, recipe, n_workers, ahead);
}

ImageLoader::~ImageLoader() = default;

std::optional<ImageBatch> ImageLoader::next() {
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> labels;
  const std::int64_t n_pixels = size_.height * size_.width;
  const std::int64_t most = std::min(batch_, set_.size());
  auto pixels =
      torch::empty({most, 3, size_.height, size_.width}, torch::kFloat32);
  auto* const values = pixels.mutable_data_ptr<float>();
  while (std::cmp_less(indices.size(), most)) {
    auto popped = queue_->pop();
    if (!popped) {
      break;
    }
    auto& [index, outcome] = *popped;
    if (outcome.failure) {
      std::rethrow_exception(outcome.failure);
    }
    if (!outcome.problem.empty()) {
      problems_.push_back(std::move(outcome.problem));
      continue;
    }
    const auto at = static_cast<std::int64_t>(indices.size());
    normalizer_.apply(
        outcome.crop.bytes.get(), n_pixels, values + at * 3 * n_pixels);
    indices.push_back(index);
    labels.push_back(set_.items()[index].label);
  }
  const auto n = static_cast<std::int64_t>(indices.size());
  n_read_ += n;
  if (n == 0) {
    if (n_read_ == 0) {
      throw FileError(
          set_.path().string(),
          "none of the " + std::to_string(set_.size()) +
              " images could be read; the first: " + problems_.front());
    }
    return std::nullopt;
  }
  return ImageBatch{
      .pixels = pixels.narrow(/*dim=*/0, 0, n), // [batch, 3, h, w]
      .labels = torch::tensor(labels, torch::kInt64),
      .indices = torch::tensor(indices, torch::kInt64)};
}

std::int64_t ImageLoader::n_read() const {
  return n_read_;
}

const std::vector<std::string>& ImageLoader::problems() const {
  return problems_;
}

} // namespace ma

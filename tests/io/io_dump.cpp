// io_dump PATH DTYPE OUT: writes every tensor of a safetensors or GGUF file,
// converted to DTYPE, to OUT/<n>.bin in the order of their names, and one line
// `<n> <shape> <name>` each to standard output. DTYPE is float32, bfloat16, ...
// or own.
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "libma/core/error.h"
#include "libma/io/gguf.h"
#include "libma/io/safetensors.h"

namespace {

const std::map<std::string, torch::ScalarType> kDtypes = {
    {"float32", torch::kFloat32},
    {"float64", torch::kFloat64},
    {"float16", torch::kFloat16},
    {"bfloat16", torch::kBFloat16},
    {"int64", torch::kInt64}};

using Load = std::function<torch::Tensor(const std::string&)>;

void dump(
    const std::map<std::string, ma::TensorInfo>& tensors,
    const Load& load,
    const std::filesystem::path& out) {
  int number = 0;
  for (const auto& entry : tensors) {
    const torch::Tensor values = load(entry.first).contiguous();
    std::ofstream file(
        out / (std::to_string(number) + ".bin"), std::ios::binary);
    file.write(
        static_cast<const char*>(values.data_ptr()),
        static_cast<std::streamsize>(values.nbytes()));
    std::cout << number++ << " " << values.sizes() << " " << entry.first
              << "\n";
  }
}

void run(
    const std::filesystem::path& path,
    const std::string& dtype,
    const std::filesystem::path& out) {
  if (path.extension() == ".gguf") {
    const auto file = ma::GgufFile::open(path);
    dump(
        file.tensors(),
        [&](const std::string& name) {
          return file.load(name, kDtypes.at(dtype));
        },
        out);
  } else {
    const auto file = ma::SafetensorsFile::open(path);
    const auto load = [&](const std::string& name) {
      return dtype == "own" ? file.view(name)
                            : file.load(name, kDtypes.at(dtype));
    };
    dump(file.tensors(), load, out);
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: io_dump PATH DTYPE OUT\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3]);
  } catch (const ma::Error& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
  return 0;
}

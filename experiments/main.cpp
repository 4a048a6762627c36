// `main` of every experiment binary. The build defines LIBMA_EXPERIMENT as
// run_<name>.
#include <string>
#include <vector>

#include "experiments/common/host.h"

namespace ma::experiments {
int LIBMA_EXPERIMENT(const std::vector<std::string>& args);
}

int main(int argc, char** argv) {
  ma::experiments::keep_freed_memory();
  return ma::experiments::LIBMA_EXPERIMENT({argv + 1, argv + argc});
}

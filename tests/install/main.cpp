// Uses what the installed package promises: a header of each layer, and the
// library behind it.
#include <iostream>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/hooks/hook_table.h"
#include "libma/io/model_source.h"
#include "libma/models/model.h"

int main() {
  try {
    ma::load_model(ma::find_model("no-such-model", "/no/such/cache"), {});
  } catch (const ma::FileError& error) {
    std::cout << error.what() << '\n';
    return 0;
  }
  return 1;
}

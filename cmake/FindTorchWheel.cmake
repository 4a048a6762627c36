# Finds LibTorch inside an installed `torch` Python package and links it by path.
#
# find_package(Torch) of a CUDA wheel demands a CUDA toolkit; linking the shared libraries by path does not.
#
#   TORCH_ROOT         folder of the torch package; found through Python when unset
#   LIBMA_REQUIRE_CUDA fail unless the wheel has libtorch_cuda
#
# Defines torchwheel::torch (C++), torchwheel::python (adds torch_python), TorchWheel_VERSION.
option(LIBMA_REQUIRE_CUDA "Fail unless torch was built with CUDA" OFF)
set(Python_FIND_VIRTUALENV FIRST)
find_package(Python COMPONENTS Interpreter REQUIRED)

if(NOT TORCH_ROOT)
  # -I sees the real environment even inside pip's build isolation.
  execute_process(
    COMMAND ${Python_EXECUTABLE} -I -c
            "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    OUTPUT_VARIABLE TORCH_ROOT
    OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(NOT EXISTS "${TORCH_ROOT}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "No torch in ${Python_EXECUTABLE}. Install it there (pip install torch), or set TORCH_ROOT.")
endif()

file(STRINGS "${TORCH_ROOT}/version.py" _torch_version REGEX "^__version__")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" TorchWheel_VERSION "${_torch_version}")

set(_torch_libraries ${TORCH_ROOT}/lib/libtorch_cpu.so ${TORCH_ROOT}/lib/libc10.so)
if(EXISTS "${TORCH_ROOT}/lib/libtorch_cuda.so")
  list(APPEND _torch_libraries ${TORCH_ROOT}/lib/libtorch_cuda.so ${TORCH_ROOT}/lib/libc10_cuda.so)
  set(TorchWheel_CUDA TRUE)
elseif(LIBMA_REQUIRE_CUDA)
  message(FATAL_ERROR "The torch in ${TORCH_ROOT} has no CUDA. Install a CUDA build of torch or use the release preset.")
endif()

if(NOT TARGET torchwheel::torch)
  add_library(torchwheel::torch INTERFACE IMPORTED)
  target_link_libraries(
    torchwheel::torch
    # libtorch.so pulls in what registers kernels (CUDA), though no symbol of it is used.
    INTERFACE -Wl,--no-as-needed ${TORCH_ROOT}/lib/libtorch.so ${_torch_libraries} -Wl,--as-needed)
  target_include_directories(
    torchwheel::torch SYSTEM INTERFACE ${TORCH_ROOT}/include ${TORCH_ROOT}/include/torch/csrc/api/include)
  target_compile_definitions(torchwheel::torch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)

  add_library(torchwheel::python INTERFACE IMPORTED)
  target_link_libraries(torchwheel::python INTERFACE torchwheel::torch ${TORCH_ROOT}/lib/libtorch_python.so)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  TorchWheel
  REQUIRED_VARS TORCH_ROOT
  VERSION_VAR TorchWheel_VERSION)

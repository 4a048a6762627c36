# Lets `ma` dequantise IQ1 to IQ3. Their tables are data of llama.cpp, which the `gguf` Python package carries: without it
# such tensors are refused.
execute_process(
  COMMAND ${Python_EXECUTABLE} -c "import gguf.quants as q; print(q.__file__, end='')"
  OUTPUT_VARIABLE gguf_quants
  RESULT_VARIABLE no_gguf
  ERROR_QUIET)
if(no_gguf)
  message(STATUS "No gguf package in ${Python_EXECUTABLE}: IQ1, IQ2 and IQ3 tensors of GGUF files will be refused")
  return()
endif()
set(grids ${CMAKE_CURRENT_BINARY_DIR}/gguf_grids.inc)
set(make_grids ${PROJECT_SOURCE_DIR}/scripts/make_gguf_grids.py)
add_custom_command(
  OUTPUT ${grids}
  COMMAND ${Python_EXECUTABLE} ${make_grids} ${grids}
  DEPENDS ${make_grids} ${gguf_quants})
target_sources(ma PRIVATE io/gguf_dequant_iq.cpp ${grids})
set_property(SOURCE io/gguf_dequant_iq.cpp PROPERTY INCLUDE_DIRECTORIES ${CMAKE_CURRENT_BINARY_DIR})
set_property(SOURCE io/gguf_dequant.cpp PROPERTY COMPILE_DEFINITIONS LIBMA_GGUF_GRIDS)

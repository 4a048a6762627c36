# A folder's builtin.def is the one list of its kind of thing.

# ma_read_builtins(<names>): the names of the LIBMA_BUILTIN(name) lines of this folder's builtin.def.
function(ma_read_builtins names)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/builtin.def)
  file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/builtin.def lines REGEX "^LIBMA_BUILTIN\\(")
  list(TRANSFORM lines REPLACE "^LIBMA_BUILTIN\\((.*)\\).*" "\\1")
  set(${names} ${lines} PARENT_SCOPE)
endfunction()

# ma_add_builtins(<target>): compiles <name>.cpp for each of them.
function(ma_add_builtins target)
  ma_read_builtins(names)
  list(TRANSFORM names APPEND .cpp)
  target_sources(${target} PRIVATE ${names})
endfunction()

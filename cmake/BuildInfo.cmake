# Script: writes OUTPUT (C++) with the version, the commit of SOURCE_DIR and whether tracked files were changed.
# Run at each build; the file is touched only when it changes. Expects SOURCE_DIR, TEMPLATE, OUTPUT, VERSION.
set(GIT_COMMIT unknown)
set(GIT_DIRTY false)
find_program(GIT git)
if(GIT)
  execute_process(
    COMMAND ${GIT} -C ${SOURCE_DIR} rev-parse --show-toplevel HEAD
    OUTPUT_VARIABLE output
    RESULT_VARIABLE failed
    ERROR_QUIET)
  string(REGEX MATCHALL "[^\n]+" lines "${output}")
  if(NOT failed)
    list(GET lines 0 top_level)
    file(REAL_PATH ${SOURCE_DIR} source_dir)
    # A released archive unpacked inside somebody else's repository has no commit of its own.
    if(top_level STREQUAL source_dir)
      list(GET lines 1 GIT_COMMIT)
      execute_process(
        COMMAND ${GIT} -C ${SOURCE_DIR} status --porcelain --untracked-files=no
        OUTPUT_VARIABLE changes
        ERROR_QUIET)
      if(NOT changes STREQUAL "")
        set(GIT_DIRTY true)
      endif()
    endif()
  endif()
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)

# `cmake --install`: headers, the static library, and a CMake package: find_package(libma) gives libma::ma.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/libma)
install(TARGETS ma EXPORT libmaTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(
  DIRECTORY ${PROJECT_SOURCE_DIR}/libma
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING
  PATTERN "*.h")
install(EXPORT libmaTargets NAMESPACE libma:: DESTINATION ${package_dir})

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/libmaConfig.cmake.in ${PROJECT_BINARY_DIR}/libmaConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/libmaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES ${PROJECT_BINARY_DIR}/libmaConfig.cmake ${PROJECT_BINARY_DIR}/libmaConfigVersion.cmake
        ${CMAKE_CURRENT_LIST_DIR}/FindTorchWheel.cmake
  DESTINATION ${package_dir})

# libhal: the C interface as a shared library for C, C++ and Go hosts. Nothing but hal.h's functions is exported.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

file(GLOB HAL_C_API_SOURCES CONFIGURE_DEPENDS src/halcore/c_api/api_*.cpp)
add_library(hal SHARED ${HAL_C_API_SOURCES})
target_compile_definitions(hal PRIVATE HAL_VERSION="${PROJECT_VERSION}")
target_compile_options(hal PRIVATE -Wall -Wextra -Wconversion -Wno-sign-conversion -ffp-contract=off)
target_link_libraries(hal PRIVATE halcore)
target_link_options(hal PRIVATE "-Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/src/halcore/c_api/libhal.map")
set_target_properties(hal PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION 1 # HAL_ABI_VERSION: programs ask for libhal.so.1
  LINK_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/src/halcore/c_api/libhal.map")
target_include_directories(hal INTERFACE
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/src/halcore/c_api> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# find_package(hal) -> hal::hal. A component of its own: Python's wheel has none of it.
set(HAL_CONFIG "${CMAKE_INSTALL_LIBDIR}/cmake/hal")
install(TARGETS hal EXPORT halTargets COMPONENT libhal EXCLUDE_FROM_ALL
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libhal NAMELINK_COMPONENT libhal EXCLUDE_FROM_ALL)
install(FILES src/halcore/c_api/hal.h src/halcore/c_api/hal_plugin.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT libhal EXCLUDE_FROM_ALL)
install(EXPORT halTargets NAMESPACE hal:: DESTINATION ${HAL_CONFIG} COMPONENT libhal EXCLUDE_FROM_ALL)
configure_package_config_file(cmake/halConfig.cmake.in halConfig.cmake INSTALL_DESTINATION ${HAL_CONFIG})
write_basic_package_version_file(halConfigVersion.cmake VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/halConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/halConfigVersion.cmake
        DESTINATION ${HAL_CONFIG} COMPONENT libhal EXCLUDE_FROM_ALL)

# In place of Zephyr's CMake package, for a Cortex-M0: modules and options by configure.py, and of its functions those that
# the module calls. An application is a library here; nothing is linked.
set(OUT ${CMAKE_CURRENT_BINARY_DIR}/zephyr)
file(MAKE_DIRECTORY ${OUT})
execute_process(
  COMMAND /usr/bin/python3 $ENV{ZEPHYR_BASE}/configure.py ${OUT} ${CMAKE_CURRENT_SOURCE_DIR}/Kconfig
    ${CMAKE_CURRENT_SOURCE_DIR}/prj.conf ${EXTRA_CONF_FILE} -- ${EXTRA_ZEPHYR_MODULES}
  COMMAND_ERROR_IS_FATAL ANY)

file(STRINGS ${OUT}/.config options REGEX "^CONFIG_")
foreach(option ${options})
  string(REGEX MATCH "^(CONFIG_[^=]+)=(.*)$" matched ${option})
  set(${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
endforeach()

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_COMPILER_ID GNU)
set(CMAKE_C_COMPILER_ID_RUN TRUE)
set(CMAKE_C_COMPILER_FORCED TRUE)
project(zephyr_stand_in LANGUAGES C)

add_library(zephyr_interface INTERFACE)
target_include_directories(zephyr_interface INTERFACE $ENV{ZEPHYR_BASE}/include)
target_compile_options(zephyr_interface INTERFACE
  -mcpu=cortex-m0 -mthumb -Os -std=c99 -imacros ${OUT}/autoconf.h -Wall -Wextra -Werror)

macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC "")
  target_link_libraries(${name} PUBLIC zephyr_interface)
endmacro()

function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(zephyr_library_sources_ifdef option)
  if(${${option}})
    zephyr_library_sources(${ARGN})
  endif()
endfunction()

function(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()

add_library(app STATIC "")
target_link_libraries(app PUBLIC zephyr_interface)

file(STRINGS ${OUT}/modules.txt modules)
foreach(module IN LISTS modules)
  list(GET module 0 name)
  list(GET module 1 folder)
  add_subdirectory(${folder} ${CMAKE_CURRENT_BINARY_DIR}/modules/${name})
endforeach()

add_library(usermod_daric INTERFACE)
file(GLOB DARIC_SOURCES ${CMAKE_CURRENT_LIST_DIR}/*.c)
target_sources(usermod_daric INTERFACE ${DARIC_SOURCES})
target_link_libraries(usermod INTERFACE usermod_daric)

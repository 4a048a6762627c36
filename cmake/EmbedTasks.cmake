# Writes OUTPUT, the C++ source that holds the task files of FOLDER as text: cmake -DFOLDER=... -DOUTPUT=... -P EmbedTasks.cmake
file(GLOB files ${FOLDER}/*.yaml)
list(SORT files)
set(entries "")
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND entries "      {\"${name}\", R\"YAML(${text})YAML\"},\n")
endforeach()
file(WRITE ${OUTPUT}.new "// Generated from configs/tasks.
#include \"libma/eval/builtin_tasks.h\"

namespace ma {

const std::vector<std::pair<std::string_view, std::string_view>>&
builtin_tasks() {
  static const std::vector<std::pair<std::string_view, std::string_view>> tasks = {
${entries}  };
  return tasks;
}

} // namespace ma
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)

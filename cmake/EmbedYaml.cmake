# Writes OUTPUT, the C++ source of FUNCTION, which HEADER declares: the names and texts of the YAML files of FOLDER.
# cmake -DFOLDER=... -DOUTPUT=... -DFUNCTION=... -DHEADER=... -P EmbedYaml.cmake
file(GLOB files ${FOLDER}/*.yaml)
list(SORT files)
set(entries "")
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND entries "      {\"${name}\", R\"YAML(${text})YAML\"},\n")
endforeach()
cmake_path(GET FOLDER FILENAME folder)
file(WRITE ${OUTPUT}.new "// Generated from configs/${folder}.
#include \"${HEADER}\"

namespace ma {

const std::vector<std::pair<std::string_view, std::string_view>>&
${FUNCTION}() {
  static const std::vector<std::pair<std::string_view, std::string_view>> files = {
${entries}  };
  return files;
}

} // namespace ma
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)

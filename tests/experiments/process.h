// Starts the `count` binary and looks at how it ends.
#pragma once

#include <string>
#include <vector>

#include "tests/temporary_folder.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libma/core/files.h"

namespace ma::test {

struct Ended {
  int status = 0; ///< exit status, or minus the signal that ended it
  std::string out;
  std::string err;
};

/// A running `count`, whose output goes to files of `folder`.
class CountProcess {
 public:
  CountProcess(const TemporaryFolder& folder, std::vector<std::string> args)
      : out_(folder / "stdout"), err_(folder / "stderr") {
    const std::string program = COUNT_BINARY;
    args.insert(args.begin(), program);
    std::vector<char*> argv;
    for (auto& arg : args) {
      argv.push_back(arg.data());
    }
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      redirect(out_, STDOUT_FILENO);
      redirect(err_, STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }

  void signal(int number) const { ::kill(pid_, number); }

  Ended wait() const {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    const int code =
        WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return {code, read_file(out_), read_file(err_)};
  }

 private:
  static void redirect(const std::filesystem::path& path, int descriptor) {
    ::dup2(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), descriptor);
  }

  std::filesystem::path out_;
  std::filesystem::path err_;
  pid_t pid_ = 0;
};

} // namespace ma::test

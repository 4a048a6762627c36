// C++ errors become the classes of libma/errors.py; errors of torch become
// RuntimeError without a C++ stack trace.
#include <exception>

#include "bindings/bindings.h"
#include <c10/util/Exception.h>

#include "libma/core/error.h"

namespace ma::python {
namespace {

/// Sets the Python error `libma.errors.<name>`. Runs rarely, so the class is
/// looked up each time.
void set_error(const char* name, const std::exception& error) {
  py::set_error(py::module_::import("libma.errors").attr(name), error.what());
}

void translate(std::exception_ptr pointer) {
  try {
    std::rethrow_exception(std::move(pointer));
  } catch (const ConfigError& error) {
    set_error("ConfigError", error);
  } catch (const ShapeError& error) {
    set_error("ShapeError", error);
  } catch (const FileError& error) {
    set_error("FileError", error);
  } catch (const UnknownNameError& error) {
    set_error("UnknownNameError", error);
  } catch (const Error& error) {
    set_error("Error", error);
  } catch (const c10::OutOfMemoryError& error) {
    py::set_error(
        py::module_::import("torch").attr("OutOfMemoryError"),
        error.what_without_backtrace());
  } catch (const c10::Error& error) {
    py::set_error(PyExc_RuntimeError, error.what_without_backtrace());
  }
}

} // namespace

void bind_errors(py::module_& /*m*/) {
  py::register_local_exception_translator(translate);
}

} // namespace ma::python

// Errors, and times.
#ifndef CONVEYOR_ERROR_HPP
#define CONVEYOR_ERROR_HPP

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../conveyor_driver.h"

namespace conveyor {

using std::chrono::milliseconds;

/// How long to wait where nothing is said: for ever.
inline constexpr milliseconds for_ever{-1};

/// An error of the library. Decide on the code, never on the text.
class Error : public std::runtime_error {
 public:
  Error(conveyor_code code, const std::string& what,
        std::vector<std::pair<std::string, std::string>> context = {})
      : std::runtime_error(what), code_(code), context_(std::move(context)) {}

  /// CONVEYOR_E_…
  conveyor_code code() const noexcept { return code_; }
  /// Whether the same call may succeed later without any change by the caller.
  bool retryable() const noexcept { return conveyor_code_retryable(code_); }
  /// The named facts: of CONVEYOR_E_OPTIONS_INVALID the path of each faulty option and what is wrong with it.
  const std::vector<std::pair<std::string, std::string>>& context() const noexcept { return context_; }

 private:
  conveyor_code code_;
  std::vector<std::pair<std::string, std::string>> context_;
};

}  // namespace conveyor

#endif

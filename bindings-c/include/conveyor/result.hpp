// How a run ends.
#ifndef CONVEYOR_RESULT_HPP
#define CONVEYOR_RESULT_HPP

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "detail.hpp"

namespace conveyor {

/// What a driver run came to.
struct Result {
  /// Whether the pipeline goes on.
  bool succeeded = true;
  /// One line for people.
  std::string message;
  /// JSON that later steps may need; empty for none. Keep it small.
  std::string data;

  static Result success(std::string message = "", std::string data = "") {
    return {true, std::move(message), std::move(data)};
  }
  static Result failure(std::string message = "", std::string data = "") {
    return {false, std::move(message), std::move(data)};
  }
};

/// Thrown by a reconcile that wants another attempt: after this delay, or without one after that of the options,
/// which grows with each attempt. After max_attempts the event is answered with a failed result.
struct Retry : std::runtime_error {
  explicit Retry(const std::string& message, std::optional<milliseconds> after = std::nullopt)
      : std::runtime_error(message), after(after) {}
  std::optional<milliseconds> after;
};

/// Thrown by a reconcile that did not come to a good result: a failed result of this message, and of this JSON
/// object beside `error`.
struct Failed : std::runtime_error {
  explicit Failed(const std::string& message, std::string data = "")
      : std::runtime_error(message), data(std::move(data)) {}
  std::string data;
};

}  // namespace conveyor

#endif

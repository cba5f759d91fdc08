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

  static Result success(std::string with_message = "", std::string with_data = "") {
    return {true, std::move(with_message), std::move(with_data)};
  }
  static Result failure(std::string with_message = "", std::string with_data = "") {
    return {false, std::move(with_message), std::move(with_data)};
  }
};

/// Thrown by a reconcile that wants another attempt: after this delay, or without one after that of the options,
/// which grows with each attempt. After max_attempts the event is answered with a failed result.
struct Retry : std::runtime_error {
  explicit Retry(const std::string& message, std::optional<milliseconds> delay = std::nullopt)
      : std::runtime_error(message), after(delay) {}
  std::optional<milliseconds> after;
};

/// Thrown by a reconcile that did not come to a good result: a failed result of this message, and of this JSON
/// object beside `error`.
struct Failed : std::runtime_error {
  explicit Failed(const std::string& message, std::string with_data = "")
      : std::runtime_error(message), data(std::move(with_data)) {}
  std::string data;
};

}  // namespace conveyor

#endif

// Commands as part of a run.
#ifndef CONVEYOR_COMMAND_HPP
#define CONVEYOR_COMMAND_HPP

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json.hpp"

namespace conveyor {

/// A command to run as part of a driver run. No shell is involved.
struct Command {
  /// A path, or a name looked for in PATH.
  std::string program;
  std::vector<std::string> args = {};
  /// Variables to set, and without a value to remove.
  std::map<std::string, std::optional<std::string>> env = {};
  bool clear_env = false;
  /// That of this process where it is empty.
  std::string working_directory = {};
  /// What it reads, text or any bytes; nothing unless given.
  std::optional<std::string> input = std::nullopt;
  /// From SIGTERM to SIGKILL when it is cancelled; the driver's cancel_grace_ms unless given.
  std::optional<milliseconds> grace = std::nullopt;

  /// As the document that the library reads.
  std::string json() const {
    std::string out = "{\"program\": " + json_quote(program) + ", \"args\": [";
    const char* between = "";
    for (const auto& argument : args) {
      out += between + json_quote(argument);
      between = ", ";
    }
    out += "], \"env\": {";
    between = "";
    for (const auto& [name, value] : env) {
      out += between + json_quote(name) + ": " + (value ? json_quote(*value) : "null");
      between = ", ";
    }
    out += std::string("}, \"clear_env\": ") + (clear_env ? "true" : "false");
    if (!working_directory.empty()) out += ", \"working_directory\": " + json_quote(working_directory);
    if (input) out += ", \"stdin\": " + input_json();
    if (grace) out += ", \"grace_ms\": " + std::to_string(grace->count());
    return out + "}";
  }

 private:
  /// As text where it is, else as an array of bytes.
  std::string input_json() const {
    conveyor_text quoted = 0;
    if (conveyor_json_quote(detail::view(*input), &quoted, nullptr) == CONVEYOR_OK) return detail::take(quoted);
    std::string bytes;
    for (const char byte : *input) {
      bytes += (bytes.empty() ? "" : ", ") + std::to_string(static_cast<unsigned char>(byte));
    }
    return "[" + bytes + "]";
  }
};

/// How a command ended.
struct Exit {
  /// When it exited by itself.
  std::optional<int> code;
  /// When a signal ended it.
  std::optional<int> signal;
  milliseconds duration;
  /// Whether it was told to end because its run was cancelled or its stop was set.
  bool cancelled;
  /// Whether it did its work: it exited with 0 and was not cancelled.
  bool success;
  /// All of that in one line for people.
  std::string line;
};

/// Ends commands before their run does.
class Stop {
 public:
  Stop() {
    conveyor_stop made = 0;
    detail::check([&](conveyor_error* error) { return conveyor_stop_new(&made, error); });
    handle_ = detail::Handle<conveyor_stop_free>(made);
  }

  void set() {
    detail::check([&](conveyor_error* error) { return conveyor_stop_set(handle_.get(), error); });
  }

  conveyor_stop handle() const noexcept { return handle_.get(); }

 private:
  detail::Handle<conveyor_stop_free> handle_;
};

}  // namespace conveyor

#endif

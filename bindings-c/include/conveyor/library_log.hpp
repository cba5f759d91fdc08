// What the library itself says.
#ifndef CONVEYOR_LIBRARY_LOG_HPP
#define CONVEYOR_LIBRARY_LOG_HPP

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "detail.hpp"
#include "level.hpp"

namespace conveyor {

/// A record of what the library itself says; it lives for the length of the call.
struct LogRecord {
  std::chrono::nanoseconds since_1970;
  Level level;
  std::string_view target;
  std::string_view message;
  /// A JSON object.
  std::string_view fields;
};

/// Has a function hear what the library itself says, on a thread of the library's, as long as it lives. One at a
/// time.
class LogListener {
 public:
  explicit LogListener(std::function<void(const LogRecord&)> function, Level least = Level::info) {
    auto owned = std::make_unique<std::function<void(const LogRecord&)>>(std::move(function));
    detail::check([&](conveyor_error* error) {
      return conveyor_log_listen(static_cast<conveyor_level>(least), hear, owned.get(), free_function, error);
    });
    owned.release();
  }
  LogListener(const LogListener&) = delete;
  LogListener& operator=(const LogListener&) = delete;
  ~LogListener() { conveyor_log_stop(nullptr); }

 private:
  static void hear(void* data, const conveyor_log_record* record) noexcept {
    try {
      (*static_cast<std::function<void(const LogRecord&)>*>(data))(
          {std::chrono::nanoseconds(record->unix_nanos), static_cast<Level>(record->level),
           detail::text(record->target), detail::text(record->message), detail::text(record->fields)});
    } catch (...) {
      // What cannot be heard is not said again.
    }
  }

  static void free_function(void* data) noexcept {
    delete static_cast<std::function<void(const LogRecord&)>*>(data);
  }
};

}  // namespace conveyor

#endif

// An event stream in this process.
#ifndef CONVEYOR_STREAM_HPP
#define CONVEYOR_STREAM_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "detail.hpp"

namespace conveyor {

/// An event stream in this process, for tests and first programs.
class EmbeddedStream {
 public:
  EmbeddedStream() {
    conveyor_stream made = 0;
    detail::check([&](conveyor_error* error) { return conveyor_stream_new(&made, error); });
    handle_ = detail::Handle<conveyor_stream_free>(made);
  }

  /// Posts an event about a resource, given as JSON: to one driver, or to all of the resource's type.
  void post(std::string_view resource, std::string_view run_id, std::string_view event = "create",
            std::string_view driver = {}) {
    detail::check([&](conveyor_error* error) {
      return conveyor_stream_post(handle_.get(), detail::view(resource), detail::view(event),
                                  detail::view(run_id), detail::some(driver), error);
    });
  }

  /// Waits until a run has so many results: a JSON array, or nothing when they do not come in time.
  std::optional<std::string> wait_results(std::string_view run_id, std::size_t count = 1,
                                          milliseconds timeout = for_ever) const {
    conveyor_text results = 0;
    detail::check([&](conveyor_error* error) {
      return conveyor_stream_wait_results(handle_.get(), detail::view(run_id), count, timeout.count(), &results,
                                          error);
    });
    if (results == 0) return std::nullopt;
    return detail::take(results);
  }

  /// The stored log lines of a run, or of all: a JSON array.
  std::string log(std::string_view run_id = {}) const {
    conveyor_text lines = 0;
    detail::check([&](conveyor_error* error) {
      return conveyor_stream_log(handle_.get(), detail::some(run_id), &lines, error);
    });
    return detail::take(lines);
  }

  conveyor_stream handle() const noexcept { return handle_.get(); }

 private:
  detail::Handle<conveyor_stream_free> handle_;
};

}  // namespace conveyor

#endif

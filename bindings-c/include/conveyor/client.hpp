// Calls of the Conveyor API.
#ifndef CONVEYOR_CLIENT_HPP
#define CONVEYOR_CLIENT_HPP

#include <string>
#include <string_view>

#include "detail.hpp"
#include "run.hpp"

namespace conveyor {

/// Asks the Conveyor API. Several threads may use it at once.
class Client {
 public:
  /// The options are JSON (ClientOptions); what they do not give is filled from the environment.
  explicit Client(std::string_view options = "") {
    conveyor_client made = 0;
    detail::check([&](conveyor_error* error) {
      return conveyor_client_new(detail::some(options), false, &made, error);
    });
    handle_ = detail::Handle<conveyor_client_free>(made);
  }
  /// With the options that the run's manager has for it. It may outlive the run.
  explicit Client(const Run& run) {
    conveyor_client made = 0;
    detail::check(
        [&](conveyor_error* error) { return conveyor_run_client(run.handle(), false, &made, error); });
    handle_ = detail::Handle<conveyor_client_free>(made);
  }

  /// Asks and waits for the answer, which is JSON: call("resources.get", R"({"type": "build", "name": "app"})").
  /// conveyor_client_call lists what can be asked. What the API refuses is an Error whose code says what it was.
  std::string call(std::string_view operation, std::string_view arguments = "") {
    conveyor_text answer = 0;
    detail::check([&](conveyor_error* error) {
      return conveyor_client_call(handle_.get(), detail::view(operation), detail::some(arguments), &answer, error);
    });
    return detail::take(answer);
  }

  conveyor_client handle() const noexcept { return handle_.get(); }

 private:
  detail::Handle<conveyor_client_free> handle_;
};

}  // namespace conveyor

#endif

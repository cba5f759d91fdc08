// One driver run.
#ifndef CONVEYOR_RUN_HPP
#define CONVEYOR_RUN_HPP

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "command.hpp"
#include "json.hpp"
#include "level.hpp"
#include "result.hpp"

namespace conveyor {

/// Desired state, as the control plane keeps it. What the sender left out is empty.
struct Resource {
  std::string_view id;
  std::string_view name;
  std::string_view pipeline;
  /// Its type.
  std::string_view resource;
  /// Facts beside the desired state, a JSON object. "driverresults.<driver>" holds the result of an earlier step, as
  /// JSON text.
  std::string_view metadata;
  /// The desired state itself, as JSON.
  std::string_view spec;
};

/// One driver run. Whoever has it may look at it, write its log and run its commands, on any thread.
class Run {
 public:
  explicit Run(conveyor_run handle) noexcept : handle_(handle) {}

  /// The run id: the same for all steps of a pipeline.
  std::string_view id() const noexcept { return detail::text(conveyor_run_id(handle_)); }
  /// What happened, such as "create".
  std::string_view event() const noexcept { return detail::text(conveyor_run_event(handle_)); }
  /// The resource as JSON text, exactly as it was sent.
  std::string_view payload() const noexcept { return detail::text(conveyor_run_payload(handle_)); }
  std::string_view driver() const noexcept { return detail::text(conveyor_run_driver(handle_)); }
  /// Which try this is, from 1.
  std::uint32_t attempt() const noexcept { return conveyor_run_attempt(handle_); }
  /// A value of the resource by its JSON pointer, such as "/name".
  std::optional<std::string> get(std::string_view pointer) const {
    return detail::found([&](conveyor_text* value, conveyor_error* error) {
      return conveyor_run_get(handle_, detail::view(pointer), value, error);
    });
  }
  /// The resource, read when it is first asked for.
  Resource resource() const {
    conveyor_resource read = {};
    read.struct_size = sizeof read;
    detail::check([&](conveyor_error* error) { return conveyor_run_read_resource(handle_, &read, error); });
    return {detail::text(read.id),       detail::text(read.name),     detail::text(read.pipeline),
            detail::text(read.resource), detail::text(read.metadata), detail::text(read.spec)};
  }

  /// Whether it should end early.
  bool cancelled() const noexcept { return conveyor_run_is_cancelled(handle_); }
  /// Why it should, as JSON: {"kind": "requested", "reason": "…"}.
  std::optional<std::string> cancel_reason() const {
    conveyor_text reason = 0;
    detail::check(
        [&](conveyor_error* error) { return conveyor_run_cancel_reason(handle_, &reason, error); });
    if (reason == 0) return std::nullopt;
    return detail::take(reason);
  }
  /// Throws an Error of CONVEYOR_E_CANCELLED when it should end early.
  void throw_if_cancelled() const {
    if (cancelled()) throw Error(CONVEYOR_E_CANCELLED, "Cancelled: the run was cancelled");
  }
  /// Becomes readable when it should end early. The library's: only to be waited for.
  int cancel_fd() const {
    int fd = -1;
    detail::check([&](conveyor_error* error) { return conveyor_run_cancel_fd(handle_, &fd, error); });
    return fd;
  }
  /// How long it may still last; nothing when it has no limit.
  std::optional<milliseconds> time_left() const noexcept {
    const std::int64_t left = conveyor_run_time_left_ms(handle_);
    if (left < 0) return std::nullopt;
    return milliseconds(left);
  }
  void progress() const {
    detail::check([&](conveyor_error* error) { return conveyor_run_progress(handle_, error); });
  }

  /// Writes a line to the run's log; `labels` is a JSON object. Waits only while the log's buffer is full.
  void log(std::string_view message, Level level = Level::info, std::string_view labels = {}) const {
    detail::check([&](conveyor_error* error) {
      return conveyor_run_log(handle_, static_cast<conveyor_level>(level), detail::view(message),
                              detail::some(labels), error);
    });
  }

  /// Runs a command to its end: its output goes to the run's log, and it ends with the run.
  Exit exec(const Command& command, const Stop* stop = nullptr) const {
    conveyor_exit ended = {};
    ended.struct_size = sizeof ended;
    conveyor_text line = 0;
    const std::string json = command.json();
    detail::check([&](conveyor_error* error) {
      return conveyor_run_exec(handle_, detail::view(json), stop ? stop->handle() : 0, &ended, &line, error);
    });
    Exit exit;
    if (ended.code >= 0) exit.code = ended.code;
    if (ended.signal > 0) exit.signal = ended.signal;
    exit.duration = milliseconds(ended.duration_ms);
    exit.cancelled = ended.cancelled;
    exit.success = ended.success;
    exit.line = detail::take(line);
    return exit;
  }

  conveyor_run handle() const noexcept { return handle_; }

 protected:
  conveyor_run handle_;
};

/// A run that the program owns and completes, once and from any thread. One that is let go of without an end
/// gives its event back.
class OwnedRun : public Run {
 public:
  explicit OwnedRun(conveyor_run handle) noexcept : Run(handle) {}
  OwnedRun(OwnedRun&& other) noexcept : Run(std::exchange(other.handle_, 0)) {}
  OwnedRun& operator=(OwnedRun&& other) noexcept {
    if (this != &other) {
      let_go();
      handle_ = std::exchange(other.handle_, 0);
    }
    return *this;
  }
  OwnedRun(const OwnedRun&) = delete;
  OwnedRun& operator=(const OwnedRun&) = delete;
  ~OwnedRun() { let_go(); }

  /// Completes it with a result.
  void complete(const Result& result) {
    detail::check([&](conveyor_error* error) {
      const auto complete = result.succeeded ? conveyor_run_succeed : conveyor_run_fail;
      return complete(handle_, detail::view(result.message), detail::some(result.data), error);
    });
    handle_ = 0;
  }

  /// Completes it with what was thrown: a Retry, a Failed, or anything else.
  void fail(const std::exception_ptr& thrown) {
    detail::check([&](conveyor_error* error) { return fail_with(thrown, error); });
    handle_ = 0;
  }

  void retry(std::string_view message, std::optional<milliseconds> after = std::nullopt) {
    detail::check([&](conveyor_error* error) {
      return conveyor_run_retry(handle_, detail::view(message), after ? after->count() : -1, error);
    });
    handle_ = 0;
  }

 private:
  conveyor_code fail_with(const std::exception_ptr& thrown, conveyor_error* error) const {
    const auto raise = [&](std::string_view type, std::string_view message, std::string_view data) {
      return conveyor_run_raise(handle_, detail::view(type), detail::view(message), detail::none(),
                                detail::some(data), error);
    };
    try {
      std::rethrow_exception(thrown);
    } catch (const Retry& retry) {
      const std::int64_t after = retry.after ? retry.after->count() : -1;
      return conveyor_run_retry(handle_, detail::view(retry.what()), after, error);
    } catch (const Failed& failed) {
      const conveyor_code code = raise("Failed", failed.what(), failed.data);
      if (code != CONVEYOR_E_ARGUMENT_INVALID) return code;
      // Its data are no JSON, which is said beside what it says itself.
      const std::string fault(detail::text(conveyor_error_message(*error)));
      conveyor_error_free(*error);
      return raise("Failed", std::string(failed.what()) + "\n" + fault, {});
    } catch (const std::exception& other) {
      return raise(detail::type_of(other), other.what(), {});
    } catch (...) {
      return raise("unknown", "the reconcile threw what is no std::exception", {});
    }
  }

  void let_go() noexcept {
    if (handle_ != 0) conveyor_run_give_back(handle_, nullptr);
  }
};

}  // namespace conveyor

#endif

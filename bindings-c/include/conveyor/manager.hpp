// A driver manager.
#ifndef CONVEYOR_MANAGER_HPP
#define CONVEYOR_MANAGER_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "driver.hpp"
#include "stream.hpp"

namespace conveyor {

/// What a manager did from its start to its end.
struct Report {
  /// As JSON; host.schema.json describes it (DrainReport).
  std::string json;
  /// In one line for people.
  std::string line;
};

/// Runs drivers: any number, on one connection, once. Destroyed, it ends every run now and gives its event back.
class Manager {
 public:
  /// Takes the options as JSON; options.schema.json describes them (ManagerOptions).
  explicit Manager(std::string_view options = "{}") {
    conveyor_manager made = 0;
    detail::check(
        [&](conveyor_error* error) { return conveyor_manager_new(detail::view(options), &made, error); });
    handle_ = detail::Handle<conveyor_manager_free>(made);
  }

  /// Adds a driver. It needs exactly one of reconcile and reconcile_async.
  Manager& add(const Driver& driver) {
    driver.add_to(handle_.get());
    return *this;
  }

  /// Uses an embedded stream, and does not connect to a server.
  Manager& use(const EmbeddedStream& stream) {
    detail::check([&](conveyor_error* error) {
      return conveyor_manager_use_stream(handle_.get(), stream.handle(), error);
    });
    return *this;
  }

  /// Starts, and waits until every driver is ready to receive events; false when they are not in time.
  bool start(milliseconds timeout = for_ever) {
    detail::check([&](conveyor_error* error) { return conveyor_manager_start(handle_.get(), error); });
    return wait_started(timeout);
  }

  /// Waits until every driver is ready to receive events; false when they are not in time.
  bool wait_started(milliseconds timeout = for_ever) const {
    bool started = false;
    detail::check([&](conveyor_error* error) {
      return conveyor_manager_wait_started(handle_.get(), timeout.count(), &started, error);
    });
    return started;
  }

  /// Waits until it has ended; nothing when it has not in time.
  std::optional<Report> wait_ended(milliseconds timeout = for_ever) const {
    bool ended = false;
    Report report = told([&](conveyor_text* json, conveyor_text* line, conveyor_error* error) {
      return conveyor_manager_wait_ended(handle_.get(), timeout.count(), &ended, json, line, error);
    });
    if (!ended) return std::nullopt;
    return report;
  }

  /// Starts, and returns when it has ended: by a signal, or because it was asked to stop.
  Report run() {
    return told([&](conveyor_text* report, conveyor_text* line, conveyor_error* error) {
      return conveyor_manager_run(handle_.get(), report, line, error);
    });
  }

  /// Drains for so long at most, then ends every run now.
  Report stop(milliseconds grace = for_ever) {
    return told([&](conveyor_text* report, conveyor_text* line, conveyor_error* error) {
      return conveyor_manager_stop(handle_.get(), grace.count(), report, line, error);
    });
  }

  /// Asks it to drain; returns at once.
  void drain() {
    detail::check([&](conveyor_error* error) { return conveyor_manager_drain(handle_.get(), error); });
  }

  /// Ends every run now and gives its event back; returns at once.
  void end_now() {
    detail::check([&](conveyor_error* error) { return conveyor_manager_end_now(handle_.get(), error); });
  }

  /// Cancels a run, and says how many of its events were in flight here.
  std::size_t cancel(std::string_view run_id, std::string_view reason = {}) {
    std::size_t events = 0;
    detail::check([&](conveyor_error* error) {
      return conveyor_manager_cancel(handle_.get(), detail::view(run_id), detail::view(reason), &events, error);
    });
    return events;
  }

  conveyor_manager handle() const noexcept { return handle_.get(); }

 private:
  template <typename Call>
  static Report told(Call&& call) {
    conveyor_text report = 0, line = 0;
    detail::check([&](conveyor_error* error) { return call(&report, &line, error); });
    std::string json = detail::take(report);
    return {std::move(json), detail::take(line)};
  }

  detail::Handle<conveyor_manager_free> handle_;
};

}  // namespace conveyor

#endif

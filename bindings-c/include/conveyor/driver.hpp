// A driver: its options and its function.
#ifndef CONVEYOR_DRIVER_HPP
#define CONVEYOR_DRIVER_HPP

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "run.hpp"

namespace conveyor {

/// A driver: its options, and the function that does its runs.
class Driver {
 public:
  Driver(std::string_view name, const std::vector<std::string>& resources) {
    option("name", name);
    option("resources", resources);
  }

  /// Sets an option; they are described by options.schema.json (DriverOptions).
  Driver& option(std::string_view name, std::string_view value) { return raw(name, json_quote(value)); }
  Driver& option(std::string_view name, const char* value) {
    return raw(name, json_quote(std::string_view(value)));
  }
  Driver& option(std::string_view name, const std::vector<std::string>& values) { return list(name, values); }
  Driver& option(std::string_view name, std::initializer_list<std::string_view> values) { return list(name, values); }
  Driver& option(std::string_view name, std::initializer_list<const char*> values) { return list(name, values); }
  template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  Driver& option(std::string_view name, Number value) {
    if constexpr (std::is_same_v<Number, bool>) {
      return raw(name, value ? "true" : "false");
    } else {
      return raw(name, std::to_string(value));
    }
  }

  /// The function that does a run, on as many threads of the library as runs may be in flight at once
  /// (`concurrency`, 1 unless told). What it throws becomes a failed result, or another attempt.
  Driver& reconcile(std::function<Result(Run&)> function) {
    blocking_ = std::move(function);
    return *this;
  }

  /// The function that begins a run and returns at once; the run is completed later, from any thread.
  Driver& reconcile_async(std::function<void(OwnedRun)> function) {
    async_ = std::move(function);
    return *this;
  }

  /// Called when a run in flight should end early; it returns at once.
  Driver& cancelled(std::function<void(Run)> function) {
    cancelled_ = std::move(function);
    return *this;
  }

 private:
  friend class Manager;

  struct Functions {
    std::function<Result(Run&)> blocking;
    std::function<void(OwnedRun)> async;
    std::function<void(Run)> cancelled;
  };

  Driver& raw(std::string_view name, const std::string& json) {
    options_ += (options_.empty() ? "" : ", ") + json_quote(name) + ": " + json;
    return *this;
  }

  template <typename Values>
  Driver& list(std::string_view name, const Values& values) {
    std::string json;
    for (const auto& value : values) json += (json.empty() ? "" : ", ") + json_quote(value);
    return raw(name, "[" + json + "]");
  }

  void add_to(conveyor_manager manager) const {
    auto functions = std::make_unique<Functions>(Functions{blocking_, async_, cancelled_});
    const std::string options = "{" + options_ + "}";
    conveyor_driver driver = {};
    driver.struct_size = sizeof driver;
    driver.options = detail::view(options);
    if (functions->blocking) driver.reconcile = do_run;
    if (functions->async) driver.reconcile_async = begin_run;
    if (functions->cancelled) driver.cancelled = tell_cancelled;
    driver.user_data = functions.get();
    driver.free_user_data = free_functions;
    detail::check([&](conveyor_error* error) {
      return conveyor_manager_add_driver(manager, &driver, error);
    });
    functions.release();
  }

  static int do_run(void* data, conveyor_run handle) noexcept {
    OwnedRun run(handle);
    try {
      try {
        run.complete(static_cast<Functions*>(data)->blocking(run));
      } catch (...) {
        run.fail(std::current_exception());
      }
    } catch (...) {
      // The run is let go of, and so comes again.
    }
    return 0;
  }

  static void begin_run(void* data, conveyor_run handle) noexcept {
    try {
      static_cast<Functions*>(data)->async(OwnedRun(handle));
    } catch (...) {
      // It was let go of, and so comes again, or somebody has it already.
    }
  }

  static void tell_cancelled(void* data, conveyor_run handle) noexcept {
    try {
      static_cast<Functions*>(data)->cancelled(Run(handle));
    } catch (...) {
      // The run hears of it by its flag and its descriptor, too.
    }
  }

  static void free_functions(void* data) noexcept { delete static_cast<Functions*>(data); }

  std::string options_;
  std::function<Result(Run&)> blocking_;
  std::function<void(OwnedRun)> async_;
  std::function<void(Run)> cancelled_;
};

}  // namespace conveyor

#endif

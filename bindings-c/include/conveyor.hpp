// conveyor.hpp: drivers for Conveyor CI in C++17, over conveyor_driver.h. Header only: link libconveyor_driver.
//
// What owns something frees it, failures are exceptions of the type conveyor::Error, and what a reconcile throws
// answers its event and goes no further. Texts that are views live until their run is completed.
#ifndef CONVEYOR_HPP
#define CONVEYOR_HPP

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#if defined(__GNUG__)
#include <cstdlib>
#include <cxxabi.h>
#endif

#include "conveyor_driver.h"

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

namespace detail {

inline conveyor_str view(std::string_view text) noexcept {
  conveyor_str view;
  view.ptr = text.data() ? text.data() : "";
  view.len = text.size();
  return view;
}

inline conveyor_str none() noexcept {
  conveyor_str view;
  view.ptr = nullptr;
  view.len = 0;
  return view;
}

/// No text where it is empty.
inline conveyor_str some(std::string_view text) noexcept { return text.empty() ? none() : view(text); }

inline std::string_view text(conveyor_str view) noexcept { return {view.ptr, view.len}; }

inline std::string take(conveyor_text owned) {
  std::string copy(text(conveyor_text_view(owned)));
  conveyor_text_free(owned);
  return copy;
}

[[noreturn]] inline void raise(conveyor_code code, conveyor_error error) {
  std::string message(text(conveyor_error_message(error)));
  std::vector<std::pair<std::string, std::string>> context;
  conveyor_str name, value;
  for (std::size_t i = 0; conveyor_error_context(error, i, &name, &value); ++i) {
    context.emplace_back(text(name), text(value));
  }
  conveyor_error_free(error);
  throw Error(code, message, std::move(context));
}

/// Throws what a call failed with. The call is given where to put its error.
template <typename Call>
void check(Call&& call) {
  conveyor_error error = 0;
  const conveyor_code code = call(&error);
  if (code != CONVEYOR_OK) raise(code, error);
}

inline std::string quoted(std::string_view plain) {
  conveyor_text json = 0;
  check([&](conveyor_error* error) { return conveyor_json_quote(view(plain), &json, error); });
  return take(json);
}

inline std::string type_of(const std::exception& error) {
  const char* name = typeid(error).name();
#if defined(__GNUG__)
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  if (status == 0 && plain) return plain.get();
#endif
  return name;
}

/// A handle with its free. It moves and is not copied.
template <conveyor_code (*Free)(std::uint64_t)>
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(std::uint64_t handle) noexcept : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      Free(handle_);
      handle_ = std::exchange(other.handle_, 0);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { Free(handle_); }

  std::uint64_t get() const noexcept { return handle_; }

 private:
  std::uint64_t handle_ = 0;
};

}  // namespace detail

/// A value of a JSON text by its pointer, such as "/spec/command/0": text as it is, anything else as JSON.
inline std::optional<std::string> json_get(std::string_view json, std::string_view pointer) {
  conveyor_text value = 0;
  conveyor_error error = 0;
  const conveyor_code code = conveyor_json_get(detail::view(json), detail::view(pointer), &value, &error);
  if (code == CONVEYOR_OK) return detail::take(value);
  if (code != CONVEYOR_E_NOT_FOUND) detail::raise(code, error);
  conveyor_error_free(error);
  return std::nullopt;
}

/// The same as JSON in any case: what can be put into another JSON text.
inline std::optional<std::string> json_get_raw(std::string_view json, std::string_view pointer) {
  conveyor_text value = 0;
  conveyor_error error = 0;
  const conveyor_code code =
      conveyor_json_get_raw(detail::view(json), detail::view(pointer), &value, &error);
  if (code == CONVEYOR_OK) return detail::take(value);
  if (code != CONVEYOR_E_NOT_FOUND) detail::raise(code, error);
  conveyor_error_free(error);
  return std::nullopt;
}

/// Text as JSON has it, in quotes.
inline std::string json_quote(std::string_view text) { return detail::quoted(text); }

/// How much a line matters.
enum class Level : conveyor_level {
  debug = CONVEYOR_DEBUG,
  info = CONVEYOR_INFO,
  warning = CONVEYOR_WARNING,
  error = CONVEYOR_ERROR,
};

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
  /// What it reads; nothing unless given.
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
    if (input) out += ", \"stdin\": " + json_quote(*input);
    if (grace) out += ", \"grace_ms\": " + std::to_string(grace->count());
    return out + "}";
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
  std::optional<std::string> get(std::string_view pointer) const { return json_get(payload(), pointer); }
  /// The resource as JSON, whatever the sender left out.
  std::string resource() const {
    conveyor_text json = 0;
    detail::check([&](conveyor_error* error) { return conveyor_run_resource(handle_, &json, error); });
    return detail::take(json);
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
      return raise("Failed", failed.what(), failed.data);
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
  Driver& option(std::string_view name, const std::vector<std::string>& values) {
    std::string list;
    for (const auto& value : values) list += (list.empty() ? "" : ", ") + json_quote(value);
    return raw(name, "[" + list + "]");
  }
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

/// What a manager did from its start to its end.
struct Report {
  /// As JSON; host.schema.json describes it (DrainReport).
  std::string json;
  /// In one line for people.
  std::string line;
};

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
                                          milliseconds timeout = for_ever) {
    conveyor_text results = 0;
    detail::check([&](conveyor_error* error) {
      return conveyor_stream_wait_results(handle_.get(), detail::view(run_id), count, timeout.count(), &results,
                                          error);
    });
    if (results == 0) return std::nullopt;
    return detail::take(results);
  }

  /// The stored log lines of a run, or of all: a JSON array.
  std::string log(std::string_view run_id = {}) {
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
    bool started = false;
    detail::check([&](conveyor_error* error) {
      return conveyor_manager_wait_started(handle_.get(), timeout.count(), &started, error);
    });
    return started;
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

// The C++ face: what owns something frees it, and exceptions stay on their side.
#include <conveyor.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

int passed = 0;

#define CHECK(what)                                                         \
  do {                                                                      \
    if (!(what)) {                                                          \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
      std::abort();                                                         \
    }                                                                       \
  } while (0)

const char* const kQuiet = "{\"signals\": false}";

std::string resource(const std::string& name) {
  return "{\"name\": " + conveyor::json_quote(name) + ", \"resource\": \"greeting\"}";
}

struct Broken {};

conveyor::Result by_name(conveyor::Run& run) {
  const std::string name(run.resource().name);
  CHECK(name == run.get("/name").value() && run.resource().metadata == "{}" && run.resource().spec == "null");
  run.log("doing " + name, conveyor::Level::warning, "{\"n\": 1}");
  if (name == "failure") return conveyor::Result::failure("not done", "{\"x\": 1}");
  if (name == "failed") throw conveyor::Failed("refused", "{\"x\": 2}");
  if (name == "error") throw std::out_of_range("too far");
  if (name == "broken") throw Broken();
  if (name == "bad data") return conveyor::Result::success("", "{");
  if (name == "failed without JSON") throw conveyor::Failed("refused", "oops");
  if (name == "Latin-1") throw std::runtime_error("caf\xe9 closed");
  if (name == "retry in Latin-1" && run.attempt() == 1) throw conveyor::Retry("caf\xe9", conveyor::milliseconds(1));
  if (name == "result in Latin-1") return conveyor::Result::failure("caf\xe9");
  if (name == "retry" && run.attempt() == 1) throw conveyor::Retry("not yet", conveyor::milliseconds(1));
  if (name == "exec") return conveyor::Result::success(run.exec({"sh", {"-c", "exit $X"}, {{"X", "4"}}}).line);
  return conveyor::Result::success("done");
}

void a_run_ends_as_its_function_returns_or_throws() {
  struct End {
    const char *name, *success, *message, *pointer, *value;
  };
  const std::vector<End> ends = {
      {"fine", "true", "done", "", ""},
      {"failure", "false", "not done", "/0/data/x", "1"},
      {"failed", "false", "refused", "/0/data/error/type", "Failed"},
      {"error", "false", "too far", "/0/data/error/type", "std::out_of_range"},
      {"broken", "false", "the reconcile threw what is no std::exception", "/0/data/error/type", "unknown"},
      {"bad data", "false", "ArgumentInvalid: ", "/0/data/error/type", "conveyor::Error"},
      {"failed without JSON", "false", "refused", "/0/data/error/message",
       "refused\nArgumentInvalid: data is not JSON: expected value at line 1 column 1 "
       "(data: is not JSON: expected value at line 1 column 1)"},
      {"Latin-1", "false", "caf\xef\xbf\xbd closed", "/0/data/error/type", "std::runtime_error"},
      {"retry in Latin-1", "true", "done", "", ""},
      {"result in Latin-1", "false", "ArgumentInvalid: ", "/0/data/error/type", "conveyor::Error"},
      {"retry", "true", "done", "", ""},
      {"exec", "true", "exited with 4", "", ""},
  };
  conveyor::EmbeddedStream stream;
  conveyor::Manager manager(kQuiet);
  manager.use(stream).add(conveyor::Driver("greeter", {"greeting"}).option("concurrency", 2).reconcile(by_name));
  CHECK(manager.start());
  for (const auto& end : ends) {
    stream.post(resource(end.name), end.name);
    const std::string results = stream.wait_results(end.name).value();
    CHECK(conveyor::json_get(results, "/0/success") == end.success);
    CHECK(conveyor::json_get(results, "/0/message").value().rfind(end.message, 0) == 0);
    if (*end.pointer) CHECK(conveyor::json_get(results, end.pointer) == end.value);
  }
  CHECK(conveyor::json_get(stream.log("fine"), "/0/message") == "doing fine");
  const conveyor::Report report = manager.stop();
  CHECK(conveyor::json_get(report.json, "/drivers/0/succeeded") == "4");
  CHECK(report.line.rfind("greeter: 4 succeeded", 0) == 0);
}

void options_take_lists_of_any_length() {
  const std::string update("update");
  const auto quiet = [](conveyor::Run&) { return conveyor::Result::success(); };
  const auto accepted = [&](const conveyor::Driver& driver) {
    conveyor::EmbeddedStream stream;
    conveyor::Manager manager(kQuiet);
    manager.use(stream).add(driver);
    CHECK(manager.start());
    stream.post(resource("a"), "run-1", "update");
    stream.post(resource("a"), "run-2", "create");
    CHECK(stream.wait_results("run-2"));
    const auto& seen = stream;
    const bool has_update = seen.wait_results("run-1", 1, conveyor::milliseconds(0)).has_value();
    manager.stop();
    return has_update;
  };
  const auto driver = [&] {
    conveyor::Driver made("greeter", {"greeting"});
    made.reconcile(quiet);
    return made;
  };
  CHECK(!accepted(driver().option("events", {"create"})));
  CHECK(accepted(driver().option("events", {"create", "update"})));
  CHECK(accepted(driver().option("events", {update, "create"})));
  CHECK(accepted(driver().option("events", {std::string_view("create"), update})));
  CHECK(accepted(driver().option("events", std::vector<std::string>{"create", "update"})));
  CHECK(accepted(driver().option("events", {"create", "update", "process"})));
}

void a_manager_is_waited_for() {
  conveyor::EmbeddedStream stream;
  conveyor::Manager manager(kQuiet);
  manager.use(stream).add(conveyor::Driver("greeter", {"greeting"}).reconcile(by_name));
  CHECK(manager.start());
  CHECK(manager.wait_started() && !manager.wait_ended(conveyor::milliseconds(0)));
  manager.drain();
  CHECK(manager.wait_ended()->line == "greeter: 0 succeeded, 0 failed");
}

void a_run_that_was_completed_says_so() {
  std::atomic<conveyor_run> kept{0};
  conveyor::EmbeddedStream stream;
  conveyor::Manager manager(kQuiet);
  manager.use(stream).add(conveyor::Driver("greeter", {"greeting"}).reconcile([&](conveyor::Run& run) {
    kept = run.handle();
    conveyor::Command command{"od", {"-An", "-tx1"}};
    command.input = std::string("a\xff\0b", 4);
    run.exec(command);
    return conveyor::Result::success();
  }));
  CHECK(manager.start());
  stream.post(resource("a"), "run-1");
  CHECK(stream.wait_results("run-1"));
  try {
    conveyor::Run(kept).get("/name");
    CHECK(false);
  } catch (const conveyor::Error& error) {
    CHECK(error.code() == CONVEYOR_E_CLOSED);
  }
  CHECK(conveyor::json_get(stream.log("run-1"), "/0/message").value().find("61 ff 00 62") != std::string::npos);
  manager.stop();
}

void runs_are_completed_later_or_let_go_of() {
  std::mutex lock;
  std::vector<conveyor::OwnedRun> runs;
  std::atomic<int> begun{0};
  conveyor::EmbeddedStream stream;
  conveyor::Manager manager(kQuiet);
  manager.use(stream).add(conveyor::Driver("greeter", {"greeting"})
                              .option("concurrency", 4)
                              .option("retry_initial_ms", 1)
                              .reconcile_async([&](conveyor::OwnedRun run) {
                                begun += 1;
                                if (run.attempt() == 1) return;  // Let go of: it comes again.
                                const std::lock_guard<std::mutex> guard(lock);
                                runs.push_back(std::move(run));
                              }));
  CHECK(manager.start());
  std::atomic<bool> done{false};
  std::thread completes([&] {
    while (!done) {
      std::vector<conveyor::OwnedRun> now;
      {
        const std::lock_guard<std::mutex> guard(lock);
        now.swap(runs);
      }
      for (auto& run : now) run.complete(conveyor::Result::success("later"));
      std::this_thread::yield();
    }
  });
  for (const char* id : {"a", "b", "c"}) stream.post(resource(id), id);
  for (const char* id : {"a", "b", "c"}) {
    CHECK(conveyor::json_get(stream.wait_results(id).value(), "/0/message") == "later");
  }
  done = true;
  completes.join();
  manager.stop();
  CHECK(begun == 6);
}

void a_cancelled_run_is_told() {
  std::atomic<bool> begun{false}, told{false};
  conveyor::EmbeddedStream stream;
  conveyor::Manager manager(kQuiet);
  manager.use(stream).add(conveyor::Driver("greeter", {"greeting"})
                              .cancelled([&](conveyor::Run run) { told = run.cancelled(); })
                              .reconcile([&](conveyor::Run& run) {
                                CHECK(!run.cancel_reason());
                                begun = true;
                                while (!run.cancelled() || !told) std::this_thread::yield();
                                CHECK(conveyor::json_get(*run.cancel_reason(), "/reason") == "obsolete");
                                run.throw_if_cancelled();
                                return conveyor::Result::success();
                              }));
  CHECK(manager.start());
  stream.post(resource("a"), "run-1");
  while (!begun) std::this_thread::yield();
  CHECK(manager.cancel("run-2") == 0);
  CHECK(manager.cancel("run-1", "obsolete") == 1);
  CHECK(conveyor::json_get(stream.wait_results("run-1").value(), "/0/success") == "false");
}

void a_fault_is_an_exception_with_code_and_context() {
  try {
    conveyor::Manager manager("{\"shutdown_grace\": 3}");
    CHECK(false);
  } catch (const conveyor::Error& error) {
    CHECK(error.code() == CONVEYOR_E_OPTIONS_INVALID && !error.retryable());
    CHECK(error.context().at(0).first == "shutdown_grace");
  }
  try {
    conveyor::Manager(kQuiet).add(conveyor::Driver("greeter", {"greeting"}));
    CHECK(false);
  } catch (const conveyor::Error& error) {
    CHECK(error.code() == CONVEYOR_E_ARGUMENT_INVALID);
  }
  CHECK(!conveyor::json_get("{}", "/a"));
}

void a_call_of_the_api_answers_or_throws() {
  conveyor::Client client(R"({"url": "http://127.0.0.1:1", "max_attempts": 1})");
  try {
    client.call("resources.get", R"({"type": "build", "name": "app"})");
    CHECK(false);
  } catch (const conveyor::Error& error) {
    CHECK(error.code() == CONVEYOR_E_UNAVAILABLE && error.retryable());
  }
  try {
    client.call("resources.get");
    CHECK(false);
  } catch (const conveyor::Error& error) {
    CHECK(error.code() == CONVEYOR_E_ARGUMENT_INVALID && !error.retryable());
  }
}

void what_the_library_says_is_heard() {
  std::atomic<int> records{0};
  {
    const conveyor::LogListener listener(
        [&](const conveyor::LogRecord& record) {
          CHECK(!record.message.empty());
          records += 1;
          throw Broken();
        },
        conveyor::Level::debug);
    conveyor::EmbeddedStream stream;
    conveyor::Manager manager(kQuiet);
    manager.use(stream).add(conveyor::Driver("greeter", {"greeting"}).reconcile(by_name));
    CHECK(manager.start());
    manager.stop();
  }
  CHECK(records > 0);
}

void run(const char* name, void (*test)()) {
  std::printf("test %s ... ", name);
  std::fflush(stdout);
  test();
  std::printf("ok\n");
  passed += 1;
}

}  // namespace

int main() {
#define RUN(test) run(#test, test)
  RUN(a_run_ends_as_its_function_returns_or_throws);
  RUN(options_take_lists_of_any_length);
  RUN(a_manager_is_waited_for);
  RUN(a_run_that_was_completed_says_so);
  RUN(runs_are_completed_later_or_let_go_of);
  RUN(a_cancelled_run_is_told);
  RUN(a_fault_is_an_exception_with_code_and_context);
  RUN(a_call_of_the_api_answers_or_throws);
  RUN(what_the_library_says_is_heard);
  std::printf("\ntest result: ok. %d passed; 0 failed; 0 ignored\n\n", passed);
  return 0;
}

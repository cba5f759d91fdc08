// The first driver. It needs no server: the event stream is in this process.
//
// c++ -std=c++17 -o greeter greeter.cpp $(pkg-config --cflags --libs conveyor-driver)
#include <conveyor.hpp>

#include <iostream>

int main() {
  conveyor::Driver greeter("greeter", {"greeting"});
  greeter.reconcile([](conveyor::Run& run) {
    const std::string name(run.resource().name);
    run.log("greeting " + name);
    return conveyor::Result::success("hello, " + name);
  });

  try {
    conveyor::EmbeddedStream stream;
    conveyor::Manager manager;
    manager.use(stream).add(greeter).start();
    stream.post(R"({"name": "Ada", "resource": "greeting"})", "run-1");
    const std::string results = stream.wait_results("run-1").value();
    const conveyor::Report report = manager.stop();
    std::cout << "greeter: " << conveyor::json_get(stream.log("run-1"), "/0/message").value() << '\n'
              << "result: " << conveyor::json_get(results, "/0/message").value() << '\n'
              << "drained: " << report.line << '\n';
  } catch (const conveyor::Error& error) {
    std::cerr << "greeter: " << error.what() << '\n';
    return 1;
  }
}

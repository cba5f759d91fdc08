/* Calls of the Conveyor API, of a small one in this process. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const conveyor_str NONE = {NULL, 0};

/* Answers one request of each connection with what belongs to its first line; "" is never answered. */
typedef struct stub {
  int listener;
  pthread_t thread;
  char options[128];
  int open[16], opened;
} stub;

static const struct { const char *line, *status, *body; } answers[] = {
  {"GET /resources/build/app ", "200 OK",
   "{\"id\": \"1\", \"name\": \"app\", \"resource\": \"build\", \"metadata\": {}, \"spec\": {\"a\": [1]}}"},
  {"GET /resources/build/none ", "404 Not Found", "{\"error\": \"there is none\"}"},
  {"DELETE /resources/build/app ", "200 OK", "{}"},
  {"GET /resources/build/slow ", "", ""},
};

static void *serve(void *data)
{
  stub *stub = data;
  for (;;) {
    char request[4096], answer[512];
    int connection = accept(stub->listener, NULL, NULL);
    if (connection < 0) return NULL;
    ssize_t read_bytes = recv(connection, request, sizeof request - 1, 0);
    request[read_bytes > 0 ? read_bytes : 0] = '\0';
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
      if (strncmp(request, answers[i].line, strlen(answers[i].line)) != 0) continue;
      if (*answers[i].status == '\0') {
        stub->open[stub->opened++] = connection;
        connection = -1;
        break;
      }
      snprintf(answer, sizeof answer,
               "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n%s",
               answers[i].status, strlen(answers[i].body), answers[i].body);
      CHECK(send(connection, answer, strlen(answer), 0) == (ssize_t)strlen(answer));
    }
    if (connection >= 0) close(connection);
  }
}

static void stub_start(stub *stub)
{
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  memset(stub, 0, sizeof *stub);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  stub->listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(stub->listener >= 0);
  CHECK(bind(stub->listener, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(listen(stub->listener, 16) == 0);
  CHECK(getsockname(stub->listener, (struct sockaddr *)&address, &size) == 0);
  snprintf(stub->options, sizeof stub->options, "{\"url\": \"http://127.0.0.1:%d\", \"max_attempts\": 1}",
           ntohs(address.sin_port));
  CHECK(pthread_create(&stub->thread, NULL, serve, stub) == 0);
}

static void stub_end(stub *stub)
{
  shutdown(stub->listener, SHUT_RDWR);
  close(stub->listener);
  CHECK(pthread_join(stub->thread, NULL) == 0);
  for (int i = 0; i < stub->opened; i++) close(stub->open[i]);
}

#define GET(name) conveyor_view("resources.get"), conveyor_view("{\"type\": \"build\", \"name\": \"" name "\"}")

static void a_call_answers_or_fails_with_the_code_of_the_api(void)
{
  stub stub;
  conveyor_client client;
  conveyor_text answer = 7;
  conveyor_error error = 0;
  stub_start(&stub);
  OK(conveyor_client_new(conveyor_view(stub.options), false, &client, NULL));
  OK(conveyor_client_call(client, GET("app"), &answer, NULL));
  char *told = taken(answer);
  CHECK(strcmp(member(told, "/name"), "app") == 0 && strcmp(member(told, "/spec/a/0"), "1") == 0);
  free(told);
  FAILS(CONVEYOR_E_NOT_FOUND, conveyor_client_call(client, GET("none"), &answer, &error));
  CHECK(answer == 0 && conveyor_error_code(error) == CONVEYOR_E_NOT_FOUND);
  OK(conveyor_error_free(error));
  OK(conveyor_client_call(client, conveyor_view("resources.delete"),
                          conveyor_view("{\"type\": \"build\", \"name\": \"app\"}"), NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_client_wake_fd(client, &(int){0}, NULL));
  OK(conveyor_client_free(client));
  stub_end(&stub);
}

static void arguments_and_options_that_are_wrong_name_their_places(void)
{
  conveyor_client client = 7;
  conveyor_error error = 0;
  conveyor_str name;
  FAILS(CONVEYOR_E_OPTIONS_INVALID, conveyor_client_new(conveyor_view("{\"url\": 7}"), false, &client, &error));
  CHECK(client == 0 && conveyor_error_context(error, 0, &name, NULL) && strcmp(shown(name), "url") == 0);
  OK(conveyor_error_free(error));
  FAILS(CONVEYOR_E_OPTIONS_INVALID, conveyor_client_new(conveyor_view("{\"url\": \"ftp://x\"}"), false, &client, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_client_new(NONE, false, NULL, NULL));
  OK(conveyor_client_new(conveyor_view("{\"url\": \"http://127.0.0.1:1\"}"), false, &client, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_client_call(client, NONE, NONE, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_client_call(client, conveyor_view("resources.put"), NONE, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_client_call(client, conveyor_view("logs.query"), conveyor_view("{"), NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID,
        conveyor_client_call(client, conveyor_view("resources.get"), conveyor_view("{\"type\": \"a\", \"nam\": \"b\"}"),
                             NULL, &error));
  CHECK(conveyor_error_context(error, 0, &name, NULL) && strcmp(shown(name), "nam") == 0);
  OK(conveyor_error_free(error));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_client_start(client, GET("a"), NULL, NULL));
  FAILS(CONVEYOR_E_CLOSED, conveyor_client_wait(client, 4711, -1, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_client_take(client, NULL, 1, 0, &(size_t){0}, NULL));
  OK(conveyor_client_free(client));
  FAILS(CONVEYOR_E_CLOSED, conveyor_client_free(client));
  FAILS(CONVEYOR_E_CLOSED, conveyor_client_call(client, GET("a"), NULL, NULL));
  OK(conveyor_client_free(0));
}

typedef struct waiter {
  conveyor_client client;
  conveyor_call call;
} waiter;

static void *wait_for_it(void *data)
{
  waiter *waiter = data;
  FAILS(CONVEYOR_E_CLOSED, conveyor_client_wait(waiter->client, waiter->call, -1, NULL, NULL, NULL));
  return NULL;
}

static void calls_can_be_waited_for_and_given_up(void)
{
  stub stub;
  waiter waiter;
  conveyor_call fast;
  conveyor_text answer;
  pthread_t thread;
  bool ended = true;
  stub_start(&stub);
  OK(conveyor_client_new(conveyor_view(stub.options), false, &waiter.client, NULL));
  OK(conveyor_client_start(waiter.client, GET("app"), &fast, NULL));
  OK(conveyor_client_wait(waiter.client, fast, 60000, &ended, &answer, NULL));
  CHECK(ended && strcmp(member(conveyor_text_view(answer).ptr, "/id"), "1") == 0);
  OK(conveyor_text_free(answer));
  FAILS(CONVEYOR_E_CLOSED, conveyor_client_wait(waiter.client, fast, 0, &ended, &answer, NULL));
  OK(conveyor_client_start(waiter.client, GET("slow"), &waiter.call, NULL));
  OK(conveyor_client_wait(waiter.client, waiter.call, 0, &ended, &answer, NULL));
  CHECK(!ended && answer == 0);
  CHECK(pthread_create(&thread, NULL, wait_for_it, &waiter) == 0);
  OK(conveyor_client_cancel(waiter.client, waiter.call, NULL));
  CHECK(pthread_join(thread, NULL) == 0);
  OK(conveyor_client_free(waiter.client));
  stub_end(&stub);
}

static void an_event_loop_waits_for_a_descriptor_and_takes_what_ended(void)
{
  stub stub;
  conveyor_client client;
  conveyor_call first, second;
  conveyor_ended_call calls[1];
  struct pollfd readable = {-1, POLLIN, 0};
  size_t count, seen = 0;
  stub_start(&stub);
  OK(conveyor_client_new(conveyor_view(stub.options), true, &client, NULL));
  OK(conveyor_client_wake_fd(client, &readable.fd, NULL));
  CHECK(poll(&readable, 1, 0) == 0);
  OK(conveyor_client_start(client, GET("app"), &first, NULL));
  OK(conveyor_client_start(client, GET("none"), &second, NULL));
  while (seen < 2) {
    CHECK(poll(&readable, 1, 60000) == 1);
    OK(conveyor_client_take(client, calls, sizeof calls[0], 1, &count, NULL));
    CHECK(count == 1);
    if (calls[0].call == first) {
      CHECK(calls[0].code == CONVEYOR_OK && calls[0].error == 0);
      OK(conveyor_text_free(calls[0].answer));
    } else {
      CHECK(calls[0].call == second && calls[0].answer == 0);
      FAILS(CONVEYOR_E_NOT_FOUND, calls[0].code);
      CHECK(conveyor_error_code(calls[0].error) == CONVEYOR_E_NOT_FOUND);
      OK(conveyor_error_free(calls[0].error));
    }
    seen += count;
  }
  CHECK(poll(&readable, 1, 0) == 0);
  OK(conveyor_client_free(client));
  stub_end(&stub);
}

typedef struct asking {
  conveyor_client client;
  counter done;
} asking;

static int asks(void *data, conveyor_run run)
{
  asking *asking = data;
  conveyor_text answer;
  OK(conveyor_run_client(run, false, &asking->client, NULL));
  OK(conveyor_client_call(asking->client, GET("app"), &answer, NULL));
  OK(conveyor_text_free(answer));
  count_add(&asking->done, 1);
  return 0;
}

static void a_run_has_the_client_of_its_manager(void)
{
  stub stub;
  world world;
  asking asking = {0, COUNTER};
  char options[256];
  conveyor_text answer;
  stub_start(&stub);
  snprintf(options, sizeof options, "{\"signals\": false, \"client\": %s}", stub.options);
  world_make_with(&world, options);
  world_blocking(&world, GREETER, asks, &asking);
  world_start(&world);
  world_post(&world, "a", "run-1");
  count_await(&asking.done, 1);
  free(world_end(&world, -1));
  /* It outlives both. */
  OK(conveyor_client_call(asking.client, GET("app"), &answer, NULL));
  OK(conveyor_text_free(answer));
  OK(conveyor_client_free(asking.client));
  stub_end(&stub);
}

static void a_signal_that_the_program_waits_for_is_not_taken_by_a_client(void)
{
  conveyor_client client;
  sigset_t terminate, before;
  int signal = 0;
  OK(conveyor_client_new(conveyor_view("{\"url\": \"http://127.0.0.1:1\"}"), false, &client, NULL));
  CHECK(sigemptyset(&terminate) == 0 && sigaddset(&terminate, SIGTERM) == 0);
  CHECK(pthread_sigmask(SIG_BLOCK, &terminate, &before) == 0);
  CHECK(kill(getpid(), SIGTERM) == 0);
  CHECK(sigwait(&terminate, &signal) == 0 && signal == SIGTERM);
  CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
  OK(conveyor_client_free(client));
}

int main(int argc, char **argv)
{
  begin_suite(argc, argv);
  RUN(a_call_answers_or_fails_with_the_code_of_the_api);
  RUN(arguments_and_options_that_are_wrong_name_their_places);
  RUN(calls_can_be_waited_for_and_given_up);
  RUN(an_event_loop_waits_for_a_descriptor_and_takes_what_ended);
  RUN(a_run_has_the_client_of_its_manager);
  RUN(a_signal_that_the_program_waits_for_is_not_taken_by_a_client);
  return finish();
}

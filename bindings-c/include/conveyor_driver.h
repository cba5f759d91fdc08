/*
 * conveyor_driver.h: drivers for Conveyor CI in C, C++ and every language that can call C.
 *
 * Generated from the library's source; the test `contract` writes it.
 *
 * The rules
 *   Handles   Everything the library makes is a number. A stale one, one that is freed twice and one of
 *             another kind get an error, never undefined behaviour. 0 is none. A number is never given
 *             out twice.
 *   Errors    A function returns 0 or the number of an error, and with `error` not null an object that
 *             says more, which the caller frees.
 *   Texts     `conveyor_str`: pointer and length, UTF-8. What is given has to live for the length of the
 *             call; what is lent lives as long as the function says.
 *   Threads   Every function may be called from any thread, and several at once.
 *   Blocking  A function blocks only where it says so.
 *   Signals   No write of the library raises SIGPIPE. The library's threads take no signals, except for
 *             those that call the program's functions.
 *   fork      What was made before a fork belongs to the parent: in the child every call with it fails
 *             with CONVEYOR_E_FORKED. Make it anew there.
 *   dlclose   The library stays in the process; dlopen finds it as it was.
 */
#ifndef CONVEYOR_DRIVER_H
#define CONVEYOR_DRIVER_H


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#define CONVEYOR_VERSION_MAJOR 0
#define CONVEYOR_VERSION_MINOR 1
#define CONVEYOR_VERSION_PATCH 0
#define CONVEYOR_VERSION "0.1.0"

/**
 * An option is missing, unknown, of the wrong type or out of range. Correct every field that the
 * context names; nothing was started.
 */
#define CONVEYOR_E_OPTIONS_INVALID 1

/**
 * The server or one of its streams cannot be reached. Check the address and that the server runs;
 * the same call may succeed later.
 */
#define CONVEYOR_E_UNAVAILABLE 2

/**
 * The server refused the credentials, or wants some and got none. Correct the token, user, nkey or
 * credentials file.
 */
#define CONVEYOR_E_UNAUTHENTICATED 3

/**
 * The credentials are good but do not allow this. Have the permission named in the context granted.
 */
#define CONVEYOR_E_PERMISSION_DENIED 4

/**
 * A TLS connection could not be made: a certificate is missing, expired, for another host or signed
 * by another authority. Correct the `tls` options or the server's certificate.
 */
#define CONVEYOR_E_TLS_FAILED 5

/**
 * The server lacks something the runtime needs, such as JetStream or version 2.10. Upgrade or
 * reconfigure the server.
 */
#define CONVEYOR_E_UNSUPPORTED 6

/**
 * What was named does not exist. Check the name, or create it first.
 */
#define CONVEYOR_E_NOT_FOUND 7

/**
 * What was named exists already, or in another form, and changing it could lose something. Read the
 * context, then rename, delete what is there, or set `adopt`.
 */
#define CONVEYOR_E_CONFLICT 8

/**
 * A document does not have the form its kind requires. Correct the sender; the context names the
 * field.
 */
#define CONVEYOR_E_MESSAGE_INVALID 9

/**
 * A document is larger than the server accepts. Send less.
 */
#define CONVEYOR_E_TOO_LARGE 10

/**
 * No answer came in time. The operation may or may not have happened; repeat it if it is safe to
 * repeat.
 */
#define CONVEYOR_E_TIMED_OUT 11

/**
 * The operation was cancelled before it ended. Nothing to do, unless the cancellation surprises
 * you.
 */
#define CONVEYOR_E_CANCELLED 12

/**
 * The object was already stopped or completed. Make a new one.
 */
#define CONVEYOR_E_CLOSED 13

/**
 * A command could not be started or its output not read. Check that the program exists, is
 * executable and that the working directory exists.
 */
#define CONVEYOR_E_EXEC_FAILED 14

/**
 * The runtime broke one of its own rules. Please report it, with the log.
 */
#define CONVEYOR_E_INTERNAL 15

/**
 * The object was started in another process, of which this one is a fork: its threads and
 * connections are not here. Start a new one after the fork, or start the child anew (spawn).
 */
#define CONVEYOR_E_FORKED 16

/**
 * As many log lines wait for room in the buffer as may. None of this call were taken: repeat it
 * once some of the others are accepted.
 */
#define CONVEYOR_E_LOG_FULL 17

/**
 * A call was given what it cannot take: nothing where something is needed, text that is not UTF-8,
 * a handle of another kind, a structure of an unknown size. Correct the caller; the context names
 * the argument.
 */
#define CONVEYOR_E_ARGUMENT_INVALID 18

/**
 * The call would wait for the function that it is made from. Make it from another thread, or ask
 * for the same without waiting.
 */
#define CONVEYOR_E_WOULD_DEADLOCK 19

/**
 * The API server refused the request: a resource does not fit its schema, a name is missing, or the
 * server sends the client elsewhere. Correct what the message says; nothing was changed.
 */
#define CONVEYOR_E_API_REFUSED 20

/**
 * The API server failed to do what it was asked, and may have done part of it. Read what is there,
 * then repeat it if it is safe to repeat.
 */
#define CONVEYOR_E_API_FAILED 21

/**
 * The answer has another form than the API's: no JSON, another kind of document. Check that the
 * address is that of a Conveyor API and what stands between. What was asked for may have happened.
 */
#define CONVEYOR_E_RESPONSE_INVALID 22

/**
 * The answer is larger than `max_response_bytes`. Ask for less, or allow more. What was asked for
 * has happened.
 */
#define CONVEYOR_E_RESPONSE_TOO_LARGE 23


/**
 * Text that somebody else owns: UTF-8, and no more than `len` bytes of it.
 *
 * What is given to the library has to live for the length of the call. A `len` of `SIZE_MAX` means that a
 * zero byte ends the text; `conveyor_view` makes one of a C string. A null `ptr` is no text.
 *
 * Unless told otherwise a zero byte does not end what the library gives: print it with
 * `printf("%.*s", (int)view.len, view.ptr)`.
 */
typedef struct conveyor_str {
  /**
   * The first byte.
   */
  const char *ptr;
  /**
   * How many bytes.
   */
  size_t len;
} conveyor_str;

/**
 * 0 (`CONVEYOR_OK`) or the number of an error, `CONVEYOR_E_…`. The numbers are the same in every language and
 * never change their meaning. Decide on them, never on texts.
 */
typedef int32_t conveyor_code;

/**
 * What is to be known about an error. Functions that fail make one where their argument `error` points
 * to; the caller owns it and frees it with `conveyor_error_free`. They write 0 when all is well. The
 * argument may be null.
 */
typedef uint64_t conveyor_error;

/**
 * Text that the library made and the caller owns, to be freed with `conveyor_text_free`. 0 is none.
 */
typedef uint64_t conveyor_text;

/**
 * Runs drivers: any number, on one connection, once; see `conveyor_manager_new`.
 */
typedef uint64_t conveyor_manager;

/**
 * A driver run that was not completed. Texts of it live until it is. The functions about a run may be
 * called from any thread and by several at once, until it is completed: then the handle is void, and each
 * of them says so.
 */
typedef uint64_t conveyor_run;

/**
 * A blocking reconcile; see `conveyor_driver`.
 */
typedef int (*conveyor_reconcile_fn)(void *user_data, conveyor_run run);

/**
 * A reconcile that begins the work and ends it later; see `conveyor_driver`.
 */
typedef void (*conveyor_reconcile_async_fn)(void *user_data, conveyor_run run);

/**
 * Where runs wait until the program takes them, for drivers that are added with it; see `conveyor_queue_new`.
 */
typedef uint64_t conveyor_queue;

/**
 * Hears that a run should end early; see `conveyor_driver`.
 */
typedef void (*conveyor_cancelled_fn)(void *user_data, conveyor_run run);

/**
 * Frees what belongs to a user's function.
 */
typedef void (*conveyor_free_fn)(void *user_data);

/**
 * A driver: its options, and who does its runs. Set all of it to zero, then `struct_size` and what is wanted:
 * `options` and exactly one of `reconcile`, `reconcile_async` and `queue`.
 *
 * The functions must return: no `longjmp`, no exception and no end of the thread may leave them. They are
 * called on threads of the library, whose signal mask is that of the thread which started the manager, and which have as
 * much stack as the main thread (`RLIMIT_STACK`; 8 MiB where that is unlimited, 2 MiB at least). Once the manager's end was
 * told by `conveyor_manager_run`, `_wait_ended`, `_stop` or `_free`, no function is called any more, and none is at work
 * but those whose runs were abandoned.
 */
typedef struct conveyor_driver {
  /**
   * `sizeof(conveyor_driver)`.
   */
  size_t struct_size;
  /**
   * The driver's options as JSON, such as `{"name": "greeter", "resources": ["greeting"]}`;
   * `options.schema.json` describes them (`DriverOptions`).
   */
  struct conveyor_str options;
  /**
   * Does a run, and blocks as long as that takes. `concurrency` runs are done at once, each on a thread. It
   * may complete the run with `conveyor_run_succeed` and its like; what it returns completes a run that
   * is not: 0 with a good result without a message, anything else with a failed result that names
   * the number. The handle is void when it returns. A function that completes its run and goes on keeps its
   * thread: the run that would come next waits until it returns.
   */
  conveyor_reconcile_fn reconcile;
  /**
   * Begins a run and returns at once; one thread calls it for all runs. Whoever has the handle owns the run, and
   * completes it once, later or at once, from any thread.
   */
  conveyor_reconcile_async_fn reconcile_async;
  /**
   * Where the runs wait until the program takes them. Drivers may share a queue.
   */
  conveyor_queue queue;
  /**
   * Called once for a run that should end early while it is being done; may be null, and is with a
   * queue. It returns at once. The handle may have become void meanwhile.
   */
  conveyor_cancelled_fn cancelled;
  /**
   * The first argument of the functions. Several threads may use it at once.
   */
  void *user_data;
  /**
   * Called with `user_data` when no function will be called any more and none is at work; may be null.
   */
  conveyor_free_fn free_user_data;
} conveyor_driver;

/**
 * An event stream in this process, for tests and first programs; see `conveyor_stream_new`.
 */
typedef uint64_t conveyor_stream;

/**
 * How far a manager is: `CONVEYOR_STATE_NEW` to `CONVEYOR_STATE_ENDED`. It only ever moves on, and may pass over states.
 */
typedef int32_t conveyor_state;

/**
 * The members of a resource. What the sender left out is empty.
 */
typedef struct conveyor_resource {
  /**
   * `sizeof(conveyor_resource)`, which the caller sets.
   */
  size_t struct_size;
  /**
   * The id made when the resource was created.
   */
  struct conveyor_str id;
  /**
   * The name, unique for its type.
   */
  struct conveyor_str name;
  /**
   * The pipeline that the resource starts.
   */
  struct conveyor_str pipeline;
  /**
   * The type: the name of the resource definition.
   */
  struct conveyor_str resource;
  /**
   * Facts beside the desired state, a JSON object; `{}` when there are none. `driverresults.<driver>` holds the
   * result of an earlier step, as JSON text.
   */
  struct conveyor_str metadata;
  /**
   * The desired state itself, as JSON; `null` when none was given.
   */
  struct conveyor_str spec;
} conveyor_resource;

/**
 * How much a line matters: `CONVEYOR_DEBUG`, `CONVEYOR_INFO`, `CONVEYOR_WARNING` or `CONVEYOR_ERROR`.
 */
typedef int32_t conveyor_level;

/**
 * How a run ends: `CONVEYOR_SUCCEED` to `CONVEYOR_GIVE_BACK`.
 */
typedef int32_t conveyor_ending;

/**
 * What completes a run; see `conveyor_runs_complete`. Set all of it to zero, then what is wanted.
 */
typedef struct conveyor_answer {
  /**
   * The run.
   */
  conveyor_run run;
  /**
   * How it ends.
   */
  conveyor_ending ending;
  /**
   * What came of it, which the library writes: 0, or why this run could not be completed.
   */
  conveyor_code code;
  /**
   * See `conveyor_run_succeed`, `_raise` and `_retry`.
   */
  struct conveyor_str message;
  /**
   * See `conveyor_run_succeed`.
   */
  struct conveyor_str data;
  /**
   * See `conveyor_run_raise`.
   */
  struct conveyor_str error_type;
  /**
   * See `conveyor_run_raise`.
   */
  struct conveyor_str traceback;
  /**
   * See `conveyor_run_retry`.
   */
  int64_t after_ms;
} conveyor_answer;

/**
 * Ends a command before its run does; see `conveyor_stop_new`. 0 is none.
 */
typedef uint64_t conveyor_stop;

/**
 * How a command ended.
 */
typedef struct conveyor_exit {
  /**
   * `sizeof(conveyor_exit)`, which the caller sets.
   */
  size_t struct_size;
  /**
   * The exit code when the command exited by itself; else -1.
   */
  int32_t code;
  /**
   * The number of the signal that ended it; else 0.
   */
  int32_t signal;
  /**
   * From its start to its end, in milliseconds.
   */
  int64_t duration_ms;
  /**
   * Whether it was told to end because its run was cancelled or its stop was set.
   */
  bool cancelled;
  /**
   * Whether it did its work: it exited with 0 and was not cancelled.
   */
  bool success;
} conveyor_exit;

/**
 * What a run is about, all at once. The texts live until it is completed.
 */
typedef struct conveyor_run_info {
  /**
   * The run, as `conveyor_queue_take` gives it.
   */
  conveyor_run run;
  /**
   * See `conveyor_run_id`.
   */
  struct conveyor_str id;
  /**
   * See `conveyor_run_event`.
   */
  struct conveyor_str event;
  /**
   * See `conveyor_run_driver`.
   */
  struct conveyor_str driver;
  /**
   * See `conveyor_run_payload`.
   */
  struct conveyor_str payload;
  /**
   * See `conveyor_run_attempt`.
   */
  uint32_t attempt;
} conveyor_run_info;

/**
 * Asks the Conveyor API; see `conveyor_client_new`.
 */
typedef uint64_t conveyor_client;

/**
 * A call that was started; see `conveyor_client_start`.
 */
typedef uint64_t conveyor_call;

/**
 * A call that has ended; see `conveyor_client_take`.
 */
typedef struct conveyor_ended_call {
  /**
   * The call.
   */
  conveyor_call call;
  /**
   * 0, or why it came to nothing.
   */
  conveyor_code code;
  /**
   * The answer as JSON, which the caller frees with `conveyor_text_free`; 0 when it came to nothing.
   */
  conveyor_text answer;
  /**
   * More about the code, which the caller frees with `conveyor_error_free`; 0 when all is well.
   */
  conveyor_error error;
} conveyor_ended_call;

/**
 * A record of what the library itself says. All of it lives for the length of the call.
 */
typedef struct conveyor_log_record {
  /**
   * The size of the structure in the library that is loaded. Later ones may have more behind what is here.
   */
  size_t struct_size;
  /**
   * When, in nanoseconds since 1970.
   */
  uint64_t unix_nanos;
  /**
   * How much it matters.
   */
  conveyor_level level;
  /**
   * The part of the library that says it.
   */
  struct conveyor_str target;
  /**
   * The text.
   */
  struct conveyor_str message;
  /**
   * Names and values beside it, a JSON object.
   */
  struct conveyor_str fields;
} conveyor_log_record;

/**
 * Hears what the library itself says; see `conveyor_log_listen`.
 */
typedef void (*conveyor_log_fn)(void *user_data, const struct conveyor_log_record *record);

/**
 * All is well.
 */
#define CONVEYOR_OK 0

/**
 * For finding faults.
 */
#define CONVEYOR_DEBUG 1

/**
 * What happened.
 */
#define CONVEYOR_INFO 2

/**
 * What may need a look.
 */
#define CONVEYOR_WARNING 3

/**
 * What went wrong.
 */
#define CONVEYOR_ERROR 4

/**
 * As by `conveyor_run_succeed`, with `message` and `data`.
 */
#define CONVEYOR_SUCCEED 1

/**
 * As by `conveyor_run_fail`, with `message` and `data`.
 */
#define CONVEYOR_FAIL 2

/**
 * As by `conveyor_run_raise`, with `error_type`, `message`, `traceback` and `data`.
 */
#define CONVEYOR_RAISE 3

/**
 * As by `conveyor_run_retry`, with `message` and `after_ms`.
 */
#define CONVEYOR_RETRY 4

/**
 * As by `conveyor_run_give_back`.
 */
#define CONVEYOR_GIVE_BACK 5

/**
 * Nothing is new.
 */
#define CONVEYOR_STATE_UNCHANGED 0

/**
 * Not started.
 */
#define CONVEYOR_STATE_NEW 1

/**
 * It connects, and waits for its streams and consumers.
 */
#define CONVEYOR_STATE_STARTING 2

/**
 * Its drivers receive events.
 */
#define CONVEYOR_STATE_RUNNING 3

/**
 * It was asked to stop, and takes no more events.
 */
#define CONVEYOR_STATE_DRAINING 4

/**
 * All is over: it has its report, or the error that it ended with.
 */
#define CONVEYOR_STATE_ENDED 5

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that is loaded, such as `0.1.0`. It lives for ever, and a zero byte ends it. Programs built against
 * `CONVEYOR_VERSION_MAJOR` and `CONVEYOR_VERSION_MINOR` run with each library of these numbers; before 1.0 a new
 * minor version may change the interface, and with it the number in the library's file name.
 *
 * From any thread; never blocks.
 */
struct conveyor_str conveyor_version(void);

/**
 * The error's code; 0 for what is no error.
 *
 * From any thread; never blocks.
 */
conveyor_code conveyor_error_code(conveyor_error error);

/**
 * The error in one line: its code's name, what happened, the named facts and the causes. No secrets are in
 * it. It lives until `conveyor_error_free`, and a zero byte ends it.
 *
 * From any thread; never blocks.
 */
struct conveyor_str conveyor_error_message(conveyor_error error);

/**
 * The error as a JSON document: `code`, `name`, `retryable`, `message`, `context` and `causes`; `host.schema.json`
 * describes it. It lives until `conveyor_error_free`, and a zero byte ends it.
 *
 * From any thread; never blocks.
 */
struct conveyor_str conveyor_error_document(conveyor_error error);

/**
 * A named fact of the error, counted from 0. Of `CONVEYOR_E_OPTIONS_INVALID` each is the path of a faulty option
 * and what is wrong with it. False when there is none. The texts live until `conveyor_error_free`, and a
 * zero byte ends them; each may be left out with null.
 *
 * From any thread; never blocks.
 */
bool conveyor_error_context(conveyor_error error,
                            size_t index,
                            struct conveyor_str *name,
                            struct conveyor_str *value);

/**
 * Frees an error; its texts are void. 0 is allowed; `CONVEYOR_E_CLOSED` for what was freed before.
 *
 * From any thread; never blocks.
 */
conveyor_code conveyor_error_free(conveyor_error error);

/**
 * The name of a code, such as `OptionsInvalid`; empty for a number that is none. It lives for ever, and a zero
 * byte ends it.
 *
 * From any thread; never blocks.
 */
struct conveyor_str conveyor_code_name(conveyor_code code);

/**
 * Whether the same call may succeed later without any change by the caller.
 *
 * From any thread; never blocks.
 */
bool conveyor_code_retryable(conveyor_code code);

/**
 * The text. It lives until `conveyor_text_free`, and a zero byte ends it. Empty for what is no text any
 * more.
 *
 * From any thread; never blocks.
 */
struct conveyor_str conveyor_text_view(conveyor_text text);

/**
 * Frees text; its views are void. 0 is allowed; `CONVEYOR_E_CLOSED` for what was freed before.
 *
 * From any thread; never blocks.
 */
conveyor_code conveyor_text_free(conveyor_text text);

/**
 * Finds a value in a JSON text by its [pointer](https://www.rfc-editor.org/rfc/rfc6901), such as `/spec/command/0`;
 * an empty one is the whole.
 *
 * `*value` becomes the value: text as it is, without quotes, anything else as JSON. The caller frees it with
 * `conveyor_text_free`.
 *
 * `CONVEYOR_E_NOT_FOUND` when there is no such value, and 0 stands in `*value`; `CONVEYOR_E_ARGUMENT_INVALID`
 * when the text is not JSON. From any thread; never blocks.
 */
conveyor_code conveyor_json_get(struct conveyor_str json,
                                struct conveyor_str pointer,
                                conveyor_text *value,
                                conveyor_error *error);

/**
 * The same, with text in quotes: what can be put into another JSON text.
 */
conveyor_code conveyor_json_get_raw(struct conveyor_str json,
                                    struct conveyor_str pointer,
                                    conveyor_text *value,
                                    conveyor_error *error);

/**
 * Text as JSON has it: in quotes, and with whatever has to be escaped. The caller frees `*json` with
 * `conveyor_text_free`.
 *
 * From any thread; never blocks.
 */
conveyor_code conveyor_json_quote(struct conveyor_str text,
                                  conveyor_text *json,
                                  conveyor_error *error);

/**
 * Adds a driver to a manager that was not started. The options are read, and checked at the start.
 *
 * From then on the manager owns `user_data`; when this fails, the caller still does.
 *
 * `CONVEYOR_E_OPTIONS_INVALID` names the path of each option that is unknown or of the wrong type. From any
 * thread; never blocks.
 */
conveyor_code conveyor_manager_add_driver(conveyor_manager manager,
                                          const struct conveyor_driver *driver,
                                          conveyor_error *error);

/**
 * Makes a manager. `options` is JSON, such as `{"connection": {"url": "nats://127.0.0.1:4222"}}`, or null;
 * `options.schema.json` describes them (`ManagerOptions`). What they do not give is filled from the environment at
 * the start. The caller frees it with `conveyor_manager_free`.
 *
 * Unless `signals` is false, SIGINT and SIGTERM drain a running manager, and a second one ends it now; a handler that the
 * program set before is called as well. Once no such manager runs any more, both do what they did before it was
 * started: by default they end the process.
 *
 * `CONVEYOR_E_OPTIONS_INVALID` names the path of each option that is unknown or of the wrong type. From any thread, as
 * are all functions about managers; never blocks.
 */
conveyor_code conveyor_manager_new(struct conveyor_str options,
                                   conveyor_manager *manager,
                                   conveyor_error *error);

/**
 * Has a manager use an embedded event stream, and not connect to a server. Before its start. Never blocks.
 */
conveyor_code conveyor_manager_use_stream(conveyor_manager manager,
                                          conveyor_stream stream,
                                          conveyor_error *error);

/**
 * Starts a manager, and does not wait for that: `conveyor_manager_wait_started` does. A manager starts once.
 *
 * `CONVEYOR_E_OPTIONS_INVALID` names every fault of every option: `shutdown_grace_ms`, `drivers[0].name`. Nothing was
 * started then. `CONVEYOR_E_CLOSED` when it was started before. `CONVEYOR_E_FORKED` when a queue is the parent
 * process's. Never blocks.
 */
conveyor_code conveyor_manager_start(conveyor_manager manager,
                                     conveyor_error *error);

/**
 * Starts a manager and blocks until it has ended: by a signal, or because another thread asked it to stop. What it
 * did is told as by `conveyor_manager_wait_ended`.
 */
conveyor_code conveyor_manager_run(conveyor_manager manager,
                                   conveyor_text *report,
                                   conveyor_text *line,
                                   conveyor_error *error);

/**
 * How far a manager is; 0 when the handle is void. Never blocks.
 */
conveyor_code conveyor_manager_state(conveyor_manager manager,
                                     conveyor_state *state,
                                     conveyor_error *error);

/**
 * Blocks until every driver is ready to receive events, for `timeout_ms` milliseconds at most (negative: for
 * ever). `*started` (may be null) is true also when the manager has ended since, and false when it is not
 * ready yet.
 *
 * Fails with what the start failed with; `CONVEYOR_E_CLOSED` when it was stopped before it was ready;
 * `CONVEYOR_E_ARGUMENT_INVALID` for a manager that was not started; `CONVEYOR_E_WOULD_DEADLOCK` in a function that this
 * manager calls.
 */
conveyor_code conveyor_manager_wait_started(conveyor_manager manager,
                                            int64_t timeout_ms,
                                            bool *started,
                                            conveyor_error *error);

/**
 * Blocks until a manager has ended, for `timeout_ms` milliseconds at most (negative: for ever). `*ended` says
 * whether it has; it is false also while a function is at work that has completed its run and goes on. If it has, `*report` is
 * what became of the events as JSON (`host.schema.json`, `DrainReport`), and `*line` the same in one line for people; the
 * caller frees each with `conveyor_text_free`, and any may be null.
 *
 * Fails with what the start failed with, and with the drivers' error when all of them had to stop by themselves;
 * `CONVEYOR_E_ARGUMENT_INVALID` for a manager that was not started; `CONVEYOR_E_WOULD_DEADLOCK` in a function that this
 * manager calls.
 */
conveyor_code conveyor_manager_wait_ended(conveyor_manager manager,
                                          int64_t timeout_ms,
                                          bool *ended,
                                          conveyor_text *report,
                                          conveyor_text *line,
                                          conveyor_error *error);

/**
 * Asks a manager to drain: take no more events, give back those that have not started, let runs finish within
 * `shutdown_grace_ms`, then cancel them. Never blocks; allowed in every function.
 */
conveyor_code conveyor_manager_drain(conveyor_manager manager,
                                     conveyor_error *error);

/**
 * Ends every run now and gives its event back, so that another instance can take it. Never blocks; allowed in every
 * function.
 */
conveyor_code conveyor_manager_end_now(conveyor_manager manager,
                                       conveyor_error *error);

/**
 * Cancels a run by its run id, for a reason that its result will name. It is asked to end, and after `cancel_grace_ms`
 * abandoned. `*events` (may be null) says how many of its events were in flight here: none when it is over, or with
 * another instance. `CONVEYOR_E_ARGUMENT_INVALID` for a manager that was not started. Never blocks; allowed in every
 * function.
 */
conveyor_code conveyor_manager_cancel(conveyor_manager manager,
                                      struct conveyor_str run_id,
                                      struct conveyor_str reason,
                                      size_t *events,
                                      conveyor_error *error);

/**
 * Drains a manager for `grace_ms` milliseconds at most (negative: as long as it takes), then ends every run now, and
 * blocks until it has ended, which takes up to 12 s more when the server does not answer. One that was not
 * started never will be. It waits, too, for functions that have completed their runs and go on, however long they do; for
 * those whose runs were abandoned it does not. What it did is told as by `conveyor_manager_wait_ended`, and it fails as
 * that; `CONVEYOR_E_TIMED_OUT` when it does not end even so.
 */
conveyor_code conveyor_manager_stop(conveyor_manager manager,
                                    int64_t grace_ms,
                                    conveyor_text *report,
                                    conveyor_text *line,
                                    conveyor_error *error);

/**
 * Frees a manager. One that runs ends every run now and gives its event back, and this blocks until it has
 * ended, up to 12 s when the server does not answer, and then for the functions that `conveyor_manager_stop` waits for. Stop
 * it before to let runs finish. 0 is allowed.
 *
 * `CONVEYOR_E_CLOSED` for what was freed before; `CONVEYOR_E_WOULD_DEADLOCK` in a function that this manager calls,
 * and it lives on.
 */
conveyor_code conveyor_manager_free(conveyor_manager manager);

/**
 * The run id, as the control plane sent it: the same for all steps of a pipeline. Empty when the handle is
 * void.
 *
 * The text lives until the run is completed. Never blocks.
 */
struct conveyor_str conveyor_run_id(conveyor_run run);

/**
 * What happened: `create` for a new resource or a pipeline's first step, `process` for later steps, or any
 * other name the sender chose. Empty when the handle is void.
 *
 * The text lives until the run is completed. Never blocks.
 */
struct conveyor_str conveyor_run_event(conveyor_run run);

/**
 * The resource as JSON text, exactly as it was sent; `conveyor_json_get` finds a value in it. Empty when the
 * handle is void.
 *
 * The text lives until the run is completed. Never blocks.
 */
struct conveyor_str conveyor_run_payload(conveyor_run run);

/**
 * The name of the driver that runs. Empty when the handle is void.
 *
 * The text lives until the run is completed. Never blocks.
 */
struct conveyor_str conveyor_run_driver(conveyor_run run);

/**
 * Which try this is, counted from 1 over all instances and restarts. 0 when the handle is void. Never blocks.
 */
uint32_t conveyor_run_attempt(conveyor_run run);

/**
 * A value of the resource by its JSON pointer, such as `/name` or `/spec/repository`: text as it is, anything
 * else as JSON. The caller frees `*value` with `conveyor_text_free`.
 *
 * `CONVEYOR_E_NOT_FOUND` when there is no such value, and 0 stands in `*value`. Never blocks.
 */
conveyor_code conveyor_run_get(conveyor_run run,
                               struct conveyor_str pointer,
                               conveyor_text *value,
                               conveyor_error *error);

/**
 * Whether the run should end early: somebody asked for it, a time limit has passed, the process shuts down or
 * the lease was lost. After `cancel_grace_ms` it is abandoned, and whatever it still says is ignored. True
 * also when the handle is void.
 *
 * Costs next to nothing; never blocks.
 */
bool conveyor_run_is_cancelled(conveyor_run run);

/**
 * Why the run should end early, as JSON: `{"kind": "requested", "reason": "…"}`, `{"kind": "timed_out"}`,
 * `no_progress`, `shutdown` or `lease_lost`. `*reason` is 0 when it should not; else the caller frees it with
 * `conveyor_text_free`. Never blocks.
 */
conveyor_code conveyor_run_cancel_reason(conveyor_run run,
                                         conveyor_text *reason,
                                         conveyor_error *error);

/**
 * A descriptor that becomes readable when the run should end early, for `poll` and its like. The library
 * owns it: the caller never reads, writes or closes it, and stops waiting for it before the run is completed,
 * which closes it.
 *
 * `CONVEYOR_E_INTERNAL` when the system gives none. Never blocks.
 */
conveyor_code conveyor_run_cancel_fd(conveyor_run run,
                                     int32_t *fd,
                                     conveyor_error *error);

/**
 * How many milliseconds the run may still last before `run_timeout_ms` has it cancelled; -1 when it has no such
 * limit, 0 when the handle is void. Never blocks.
 */
int64_t conveyor_run_time_left_ms(conveyor_run run);

/**
 * Reports progress, for `progress_timeout_ms`. A log line does so, too. Never blocks.
 */
conveyor_code conveyor_run_progress(conveyor_run run, conveyor_error *error);

/**
 * Reads the resource: its texts, and the rest as JSON. Who wants a single value has it from `conveyor_run_get`.
 *
 * The caller sets `struct_size`. The texts live until the run is completed. Where nothing in them is escaped they
 * stand within the run's payload.
 *
 * `CONVEYOR_E_MESSAGE_INVALID` when it is nested deeper than 128. Never blocks.
 */
conveyor_code conveyor_run_read_resource(conveyor_run run,
                                         struct conveyor_resource *resource,
                                         conveyor_error *error);

/**
 * The resource as JSON in its full form, whatever the sender left out: `id`, `name`, `resource`, `metadata`,
 * `spec`, and `pipeline` unless it is empty. The caller frees `*resource` with `conveyor_text_free`.
 *
 * `CONVEYOR_E_MESSAGE_INVALID` when it is nested deeper than 128. Never blocks.
 */
conveyor_code conveyor_run_resource(conveyor_run run,
                                    conveyor_text *resource,
                                    conveyor_error *error);

/**
 * Writes a line to a run's log. `labels` is a JSON object of what stands beside it, or null.
 *
 * Lines keep their order and are stored before the run's result. Returns once the line has its place; blocks
 * only while the log's buffer is full of lines that the server has not stored yet.
 *
 * `CONVEYOR_E_ARGUMENT_INVALID` for an argument; nothing was written. From any thread.
 */
conveyor_code conveyor_run_log(conveyor_run run,
                               conveyor_level level,
                               struct conveyor_str message,
                               struct conveyor_str labels,
                               conveyor_error *error);

/**
 * The same without ever blocking, for runs of a queue. Where the buffer has no room for the line yet, it takes
 * its place all the same, and `*ticket` is a number that `conveyor_queue_take_accepted` gives back once there is
 * room: hold the run up until then. Else `*ticket` is 0.
 *
 * `CONVEYOR_E_LOG_FULL` when too many lines wait for room; write this one again after some were accepted.
 */
conveyor_code conveyor_run_log_later(conveyor_run run,
                                     conveyor_level level,
                                     struct conveyor_str message,
                                     struct conveyor_str labels,
                                     uint64_t *ticket,
                                     conveyor_error *error);

/**
 * Completes a run with a good result: the pipeline goes on. `message` is one line for people. `data` is JSON that
 * later steps may need, or null; keep it small.
 *
 * `CONVEYOR_E_ARGUMENT_INVALID` for an argument, and the run is as it was. `CONVEYOR_E_CLOSED` when the run was
 * completed before. From any thread; never blocks.
 */
conveyor_code conveyor_run_succeed(conveyor_run run,
                                   struct conveyor_str message,
                                   struct conveyor_str data,
                                   conveyor_error *error);

/**
 * Completes a run with a failed result: the pipeline stops here. Otherwise as `conveyor_run_succeed`.
 */
conveyor_code conveyor_run_fail(conveyor_run run,
                                struct conveyor_str message,
                                struct conveyor_str data,
                                conveyor_error *error);

/**
 * Completes a run with an error that the program caught: a failed result whose message is the first line of
 * `message`, and whose data has the whole under `error`, with `type` and `traceback`. `type` is the error's type
 * in the program's language, `Failed` where it is null; `traceback` and `data` may be null, too. What is not UTF-8 of
 * the three texts becomes U+FFFD, so that no error is lost for its letters. Otherwise as `conveyor_run_succeed`.
 */
conveyor_code conveyor_run_raise(conveyor_run run,
                                 struct conveyor_str type_,
                                 struct conveyor_str message,
                                 struct conveyor_str traceback,
                                 struct conveyor_str data,
                                 conveyor_error *error);

/**
 * Completes a run that should be tried again: its event comes back after `after_ms` milliseconds, or when
 * that is negative, after the delay of the options, which grows with each attempt. After `max_attempts` it is
 * answered with a failed result of this message, of which what is not UTF-8 becomes U+FFFD. Otherwise as
 * `conveyor_run_succeed`.
 */
conveyor_code conveyor_run_retry(conveyor_run run,
                                 struct conveyor_str message,
                                 int64_t after_ms,
                                 conveyor_error *error);

/**
 * Gives a run's event back: nobody here will say what came of it, and it is tried again as after a retry.
 * Otherwise as `conveyor_run_succeed`.
 */
conveyor_code conveyor_run_give_back(conveyor_run run,
                                     conveyor_error *error);

/**
 * Completes many runs at once, which costs less than one by one. `answer_size` is `sizeof(conveyor_answer)`.
 *
 * Each answer's `code` says what came of it; one that fails holds up no other. The call fails with the first code
 * that is not 0. From any thread; never blocks.
 */
conveyor_code conveyor_runs_complete(struct conveyor_answer *answers,
                                     size_t answer_size,
                                     size_t count,
                                     conveyor_error *error);

/**
 * Runs a command as part of a run, and blocks until it has ended. `command` is its description as JSON, such as
 * `{"program": "git", "args": ["clone", "…"]}`; `options.schema.json` describes it (`Command`). No shell is involved.
 *
 * Each line of its output goes to the run's log as it comes, with the label `stream`. When the run is cancelled, or
 * `stop` is set (0 for none), the command and all that it started get SIGTERM and, after its grace, SIGKILL. No signal is
 * blocked in it, whatever this thread blocks, and SIGPIPE ends it.
 *
 * The program has to leave its children to those who started them: it does not ignore SIGCHLD, nor wait for any child at
 * all (`wait`, `waitpid` of -1). Else how the command ended is not to be known.
 *
 * A command that fails is no error: `*exit` says how it ended, `*line` the same in one line for people, which the
 * caller frees with `conveyor_text_free`. Each may be null.
 *
 * `CONVEYOR_E_EXEC_FAILED` when it cannot be started or its end not be observed; `CONVEYOR_E_CANCELLED` when the run was cancelled before, or
 * abandoned meanwhile; `CONVEYOR_E_OPTIONS_INVALID` names what is wrong with the description. From any thread.
 */
conveyor_code conveyor_run_exec(conveyor_run run,
                                struct conveyor_str command,
                                conveyor_stop stop,
                                struct conveyor_exit *exit,
                                conveyor_text *line,
                                conveyor_error *error);

/**
 * Makes what ends a command before its run does. The caller frees it with `conveyor_stop_free`.
 *
 * From any thread; never blocks.
 */
conveyor_code conveyor_stop_new(conveyor_stop *stop, conveyor_error *error);

/**
 * Ends the commands that run with this stop, and those that are started with it later. From any thread; never
 * blocks.
 */
conveyor_code conveyor_stop_set(conveyor_stop stop,
                                conveyor_error *error);

/**
 * Frees a stop; commands that run with it go on. 0 is allowed. From any thread; never blocks.
 */
conveyor_code conveyor_stop_free(conveyor_stop stop);

/**
 * Makes a queue, for programs with threads or an event loop of their own. The caller frees it with
 * `conveyor_queue_free`.
 *
 * The program is woken in one of two ways: a thread waits in `conveyor_queue_wait`, or with `with_descriptor` an event
 * loop waits until `conveyor_queue_wake_fd` is readable. Then it takes all there is:
 *
 *     conveyor_queue_take            runs, until it gives fewer than there is room for
 *     conveyor_queue_take_cancelled  runs in its hands that should end early
 *     conveyor_queue_take_accepted   tickets of conveyor_run_log_later, if it uses that
 *     conveyor_queue_take_state      how far the manager is; ended, there will be no more runs. That the queue was
 *                                    closed, too
 *
 * and has each run done in its own way, and completed. Where several threads take runs, each of them waits in
 * `conveyor_queue_next` and one more in `conveyor_queue_wait_for_notice` for all the rest.
 *
 * From any thread, as are all functions about queues; never blocks.
 */
conveyor_code conveyor_queue_new(bool with_descriptor,
                                 conveyor_queue *queue,
                                 conveyor_error *error);

/**
 * The descriptor that is readable exactly while there is something to take. The library owns it: the caller
 * only waits for it, and never reads, writes or closes it. It is closed once the queue and the managers of its
 * drivers are freed, and the runs taken from it completed. Never blocks.
 */
conveyor_code conveyor_queue_wake_fd(conveyor_queue queue,
                                     int32_t *fd,
                                     conveyor_error *error);

/**
 * Blocks until there is something to take, for `timeout_ms` milliseconds at most; negative: for ever. `*something`
 * (may be null) says whether there is.
 */
conveyor_code conveyor_queue_wait(conveyor_queue queue,
                                  int64_t timeout_ms,
                                  bool *something,
                                  conveyor_error *error);

/**
 * The same where other threads take the runs: blocks until there is anything but a run to take.
 */
conveyor_code conveyor_queue_wait_for_notice(conveyor_queue queue,
                                             int64_t timeout_ms,
                                             bool *something,
                                             conveyor_error *error);

/**
 * Blocks until there is a run, for `timeout_ms` milliseconds at most (negative: for ever), and takes it. `*run` is 0
 * when none came, and when the queue is closed.
 */
conveyor_code conveyor_queue_next(conveyor_queue queue,
                                  int64_t timeout_ms,
                                  conveyor_run *run,
                                  conveyor_error *error);

/**
 * Says that nobody will take runs any more. Those that wait are given back, and the drivers of the queue stop. Threads
 * in `conveyor_queue_next` return. Notices can still be taken, and this is one: it wakes once, and
 * `conveyor_queue_take_state` takes it. Never blocks.
 */
conveyor_code conveyor_queue_close(conveyor_queue queue,
                                   conveyor_error *error);

/**
 * Closes a queue and frees it. Runs that were taken from it can still be completed. 0 is allowed;
 * `CONVEYOR_E_CLOSED` for what was freed before. No thread may wait for its descriptor any more. Never blocks.
 */
conveyor_code conveyor_queue_free(conveyor_queue queue);

/**
 * Takes up to `room` runs, the oldest first, and says in `*count` how many. When it gives fewer, none is left, and the
 * next one wakes. The program owns each until it completes it. Never blocks.
 */
conveyor_code conveyor_queue_take(conveyor_queue queue,
                                  conveyor_run *runs,
                                  size_t room,
                                  size_t *count,
                                  conveyor_error *error);

/**
 * The same, with what each run is about: one call where there would be six. `info_size` is
 * `sizeof(conveyor_run_info)`.
 */
conveyor_code conveyor_queue_take_info(conveyor_queue queue,
                                       struct conveyor_run_info *infos,
                                       size_t info_size,
                                       size_t room,
                                       size_t *count,
                                       conveyor_error *error);

/**
 * Takes up to `room` runs that the program has and that should end early, each once, and says in `*count` how many.
 * When it gives fewer, none is left. Those that were completed meanwhile are not among them. Never blocks.
 */
conveyor_code conveyor_queue_take_cancelled(conveyor_queue queue,
                                            conveyor_run *runs,
                                            size_t room,
                                            size_t *count,
                                            conveyor_error *error);

/**
 * Takes up to `room` tickets whose lines have room now, in the order of their calls for each run, and says in `*count`
 * how many. When it gives fewer, none is left. Never blocks.
 */
conveyor_code conveyor_queue_take_accepted(conveyor_queue queue,
                                           uint64_t *tickets,
                                           size_t room,
                                           size_t *count,
                                           conveyor_error *error);

/**
 * How far the manager of the queue's drivers is, when that has changed since it was last asked here; else
 * `CONVEYOR_STATE_UNCHANGED`. Takes the notice that the queue was closed, too. Never blocks.
 */
conveyor_code conveyor_queue_take_state(conveyor_queue queue,
                                        conveyor_state *state,
                                        conveyor_error *error);

/**
 * Makes a client of the Conveyor API. `options` is JSON, such as `{"url": "http://ci:8080"}`, or null; `options.schema.json`
 * describes them (`ClientOptions`). What they do not give is filled from the environment. It does not connect yet. The
 * caller frees it with `conveyor_client_free`.
 *
 * With `with_descriptor` an event loop can wait until `conveyor_client_wake_fd` is readable, and takes the calls that have
 * ended with `conveyor_client_take`.
 *
 * `CONVEYOR_E_OPTIONS_INVALID` names the path of each fault, also when nothing gives an address;
 * `CONVEYOR_E_TLS_FAILED` when a certificate or key cannot be used. From any thread, as are all functions about
 * clients; never blocks.
 */
conveyor_code conveyor_client_new(struct conveyor_str options,
                                  bool with_descriptor,
                                  conveyor_client *client,
                                  conveyor_error *error);

/**
 * A client with the options that the run's manager has for it (`client` in `ManagerOptions`), and with the same
 * connections for all of its runs. It may outlive the run. Otherwise as `conveyor_client_new`.
 */
conveyor_code conveyor_run_client(conveyor_run run,
                                  bool with_descriptor,
                                  conveyor_client *client,
                                  conveyor_error *error);

/**
 * Asks the API and blocks until it has answered, at most for `request_timeout_ms`. `arguments` is a JSON object, and
 * `*answer` becomes the answer as JSON, which the caller frees with `conveyor_text_free`.
 *
 *     resources.create, .update             {"resource": …}              what was created; the resource
 *     resources.get, .delete                {"type", "name"}             the resource; null
 *     resources.get_version                 {"type", "name", "version"}  the resource
 *     definitions.create, .apply, .update   {"definition": …}            the definition
 *     definitions.get, .delete              {"name"}                     the definition; null
 *     pipelines.create                      {"pipeline": …}              the pipeline
 *     logs.query                            {"run_id", "driver", "pipeline"}, each if wanted
 *                                                                        a list of lines
 *     logs.post                             {"entry": …}                 null
 *     logs.stream                           {"run_id"}, and "driver" if wanted
 *                                                                        {"stream": number}
 *     logs.next                             {"stream"}                   an event, or null at the end
 *     logs.close                            {"stream"}                   null
 *     broadcasts.send                       {"event", "payload"}, and "run_id" if wanted
 *                                                                        null
 *
 * `messages.schema.json` describes the documents. `logs.next` blocks until there is an event.
 *
 * `CONVEYOR_E_ARGUMENT_INVALID` names each fault of the arguments, and nothing was asked. `CONVEYOR_E_NOT_FOUND`,
 * `_CONFLICT`, `_API_REFUSED`, `_API_FAILED`, `_UNAUTHENTICATED`, `_PERMISSION_DENIED` are what the API says;
 * `CONVEYOR_E_UNAVAILABLE` and `_TIMED_OUT`, that it does not.
 */
conveyor_code conveyor_client_call(conveyor_client client,
                                   struct conveyor_str operation,
                                   struct conveyor_str arguments,
                                   conveyor_text *answer,
                                   conveyor_error *error);

/**
 * Starts a call and does not wait for it. `*call` names it: for `conveyor_client_wait`, or among those that
 * `conveyor_client_take` gives. Otherwise as `conveyor_client_call`; never blocks.
 */
conveyor_code conveyor_client_start(conveyor_client client,
                                    struct conveyor_str operation,
                                    struct conveyor_str arguments,
                                    conveyor_call *call,
                                    conveyor_error *error);

/**
 * Blocks until a call has ended, for `timeout_ms` milliseconds at most (negative: for ever). `*ended` (may be null)
 * says whether it has. If so, its answer is taken: it stands in `*answer` or is the failure of this call.
 *
 * `CONVEYOR_E_CLOSED` when there is no such call any more: its answer was taken, or it was given up meanwhile.
 */
conveyor_code conveyor_client_wait(conveyor_client client,
                                   conveyor_call call,
                                   int64_t timeout_ms,
                                   bool *ended,
                                   conveyor_text *answer,
                                   conveyor_error *error);

/**
 * Takes up to `room` calls that have ended, and says in `*count` how many. When it gives fewer, none is left.
 * `call_size` is `sizeof(conveyor_ended_call)`. Never blocks.
 */
conveyor_code conveyor_client_take(conveyor_client client,
                                   struct conveyor_ended_call *calls,
                                   size_t call_size,
                                   size_t room,
                                   size_t *count,
                                   conveyor_error *error);

/**
 * The descriptor that is readable exactly while there are ended calls to take. The library owns it: the caller only
 * waits for it, and never reads, writes or closes it; `conveyor_client_free` does. Never blocks.
 */
conveyor_code conveyor_client_wake_fd(conveyor_client client,
                                      int32_t *fd,
                                      conveyor_error *error);

/**
 * Gives a call up: nobody will have its answer, and who waits for it gets `CONVEYOR_E_CLOSED`. What was sent may be
 * done all the same. Never blocks.
 */
conveyor_code conveyor_client_cancel(conveyor_client client,
                                     conveyor_call call,
                                     conveyor_error *error);

/**
 * Frees a client, and gives up the calls that nobody waits for. 0 is allowed; `CONVEYOR_E_CLOSED` for what was freed
 * before. No thread may wait for its descriptor any more. Never blocks.
 */
conveyor_code conveyor_client_free(conveyor_client client);

/**
 * Makes an event stream in this process that keeps a real server's promises, empty. Managers that are told to use it
 * with `conveyor_manager_use_stream` need no server. The caller frees it with `conveyor_stream_free`; what it holds
 * is gone when no manager uses it either.
 *
 * From any thread, as are all functions about streams; never blocks.
 */
conveyor_code conveyor_stream_new(conveyor_stream *stream,
                                  conveyor_error *error);

/**
 * Posts an event about a resource, given as JSON: to the driver of this name, or with null to all drivers of the
 * resource's type. `event` is what happened, `create` where it is null; `run_id` is the run's id.
 *
 * `CONVEYOR_E_MESSAGE_INVALID` when it is no resource. Never blocks.
 */
conveyor_code conveyor_stream_post(conveyor_stream stream,
                                   struct conveyor_str resource,
                                   struct conveyor_str event,
                                   struct conveyor_str run_id,
                                   struct conveyor_str driver,
                                   conveyor_error *error);

/**
 * Blocks until a run has `count` results, for `timeout_ms` milliseconds at most (negative: for ever). `*results` is a
 * JSON array of `{"driver", "success", "message", "data"}`, which the caller frees with `conveyor_text_free`; 0 when they
 * did not come in time.
 */
conveyor_code conveyor_stream_wait_results(conveyor_stream stream,
                                           struct conveyor_str run_id,
                                           size_t count,
                                           int64_t timeout_ms,
                                           conveyor_text *results,
                                           conveyor_error *error);

/**
 * The stored log lines of a run, or with null of all, in their order: a JSON array of log entries, which the caller
 * frees with `conveyor_text_free`. Never blocks.
 */
conveyor_code conveyor_stream_log(conveyor_stream stream,
                                  struct conveyor_str run_id,
                                  conveyor_text *lines,
                                  conveyor_error *error);

/**
 * How many messages no driver could read. Never blocks.
 */
conveyor_code conveyor_stream_dead_letters(conveyor_stream stream,
                                           size_t *count,
                                           conveyor_error *error);

/**
 * Frees a stream. 0 is allowed; `CONVEYOR_E_CLOSED` for what was freed before. Never blocks.
 */
conveyor_code conveyor_stream_free(conveyor_stream stream);

/**
 * Has a function hear what the library itself says, on a thread of the library's: that it waits for a stream, that a
 * lease was lost. Records are kept from the first call of this or `conveyor_log_wait` in the process on, of that
 * call's level and above; of the libraries beneath it, warnings and errors alone. When nobody listens, they are
 * not printed anywhere.
 *
 * The function may block: 4,096 records wait for it, and further ones are counted and dropped. It may call
 * everything but `conveyor_log_stop`. Its thread has the signal mask of the one that calls this, and as much stack as those of
 * a driver's functions. `free_user_data` (may be null) is called with `user_data` when it will not be called
 * any more; when this fails, the caller still owns `user_data`.
 *
 * A fork keeps records of its own, and has no function that listens.
 *
 * `CONVEYOR_E_CONFLICT` when a function listens already. From any thread; never blocks.
 */
conveyor_code conveyor_log_listen(conveyor_level level,
                                  conveyor_log_fn function,
                                  void *user_data,
                                  conveyor_free_fn free_user_data,
                                  conveyor_error *error);

/**
 * Has the function hear what was said so far, and no more of it. Blocks until it has returned for the last time. Nothing
 * happens when none listens.
 *
 * `CONVEYOR_E_WOULD_DEADLOCK` in the function itself.
 */
conveyor_code conveyor_log_stop(conveyor_error *error);

/**
 * The same by asking: blocks until the library has said something, for `timeout_ms` milliseconds at most (negative: for
 * ever). `*records` is a JSON array of up to 256 records (`host.schema.json`, `LibraryLog`), which the caller frees with
 * `conveyor_text_free`; 0 when there are none. With null it takes none: what was said stays for the next call. `level`
 * counts for the first call in the process. Where a function listens too, each record reaches one of the two.
 */
conveyor_code conveyor_log_wait(conveyor_level level,
                                int64_t timeout_ms,
                                conveyor_text *records,
                                conveyor_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/**
 * The text of a C string, for the library to read; null is no text.
 */
static inline conveyor_str conveyor_view(const char *text)
{
  conveyor_str view;
  view.ptr = text;
  view.len = text ? strlen(text) : 0;
  return view;
}

#endif

package conveyor

/*
#cgo pkg-config: conveyor-driver
#include <conveyor_driver.h>

// Texts go as pointer and length, so that nothing is copied on the way.
static conveyor_str text(const char *ptr, size_t len) {
	conveyor_str view;
	view.ptr = ptr ? ptr : "";
	view.len = len;
	return view;
}

static conveyor_str some(const char *ptr, size_t len) {
	conveyor_str view;
	view.ptr = len ? ptr : NULL;
	view.len = len;
	return view;
}

// An answer whose texts stand behind those of the one before.
typedef struct go_answer {
	conveyor_run run;
	conveyor_ending ending;
	size_t message, data, kind, trace;
	int64_t after_ms;
} go_answer;

// What cannot be taken is what went wrong then.
static void go_refused(const conveyor_answer *answer) {
	conveyor_answer again = *answer;
	conveyor_error error = 0;
	conveyor_runs_complete(&again, sizeof again, 1, &error);
	conveyor_run_raise(answer->run, conveyor_code_name(answer->code), conveyor_error_message(error), some(NULL, 0),
		some(NULL, 0), NULL);
	conveyor_error_free(error);
}

static void go_complete(const go_answer *answers, size_t count, const char *texts) {
	enum { AT_ONCE = 64 };
	while (count > 0) {
		conveyor_answer batch[AT_ONCE];
		size_t size = count < AT_ONCE ? count : AT_ONCE;
		for (size_t i = 0; i < size; i++) {
			const go_answer *from = &answers[i];
			conveyor_answer *to = &batch[i];
			to->run = from->run;
			to->ending = from->ending;
			to->message = text(texts, from->message);
			texts += from->message;
			to->data = some(texts, from->data);
			texts += from->data;
			to->error_type = some(texts, from->kind);
			texts += from->kind;
			to->traceback = some(texts, from->trace);
			texts += from->trace;
			to->after_ms = from->after_ms;
		}
		if (conveyor_runs_complete(batch, sizeof batch[0], size, NULL) != CONVEYOR_OK) {
			for (size_t i = 0; i < size; i++) {
				// Nobody hears any more of one that was abandoned.
				if (batch[i].code != CONVEYOR_OK && batch[i].code != CONVEYOR_E_CLOSED) go_refused(&batch[i]);
			}
		}
		answers += size;
		count -= size;
	}
}

static conveyor_code go_log(conveyor_run run, conveyor_level level, const char *message, size_t message_len,
		const char *labels, size_t labels_len, conveyor_error *error) {
	return conveyor_run_log(run, level, text(message, message_len), some(labels, labels_len), error);
}

static conveyor_code go_exec(conveyor_run run, const char *command, size_t command_len, conveyor_stop stop,
		conveyor_exit *ended, conveyor_text *line, conveyor_error *error) {
	ended->struct_size = sizeof *ended;
	return conveyor_run_exec(run, text(command, command_len), stop, ended, line, error);
}

static conveyor_code go_manager_new(const char *options, size_t options_len, conveyor_manager *manager,
		conveyor_error *error) {
	return conveyor_manager_new(text(options, options_len), manager, error);
}

static conveyor_code go_add_driver(conveyor_manager manager, const char *options, size_t options_len,
		conveyor_queue queue, conveyor_error *error) {
	conveyor_driver driver = {0};
	driver.struct_size = sizeof driver;
	driver.options = text(options, options_len);
	driver.queue = queue;
	return conveyor_manager_add_driver(manager, &driver, error);
}

static conveyor_code go_cancel(conveyor_manager manager, const char *run_id, size_t run_id_len, const char *reason,
		size_t reason_len, size_t *events, conveyor_error *error) {
	return conveyor_manager_cancel(manager, text(run_id, run_id_len), text(reason, reason_len), events, error);
}

// Waits for what there is, and takes it.
typedef struct go_news {
	conveyor_run_info runs[256];
	size_t run_count;
	conveyor_run cancelled[64];
	size_t cancelled_count;
	conveyor_state state;
} go_news;

static conveyor_code go_next(conveyor_queue queue, go_news *news, conveyor_error *error) {
	conveyor_code code = conveyor_queue_wait(queue, -1, NULL, error);
	if (code == CONVEYOR_OK) code = conveyor_queue_take_info(queue, news->runs, sizeof news->runs[0], 256, &news->run_count, error);
	if (code == CONVEYOR_OK)
		code = conveyor_queue_take_cancelled(queue, news->cancelled, 64, &news->cancelled_count, error);
	if (code == CONVEYOR_OK) code = conveyor_queue_take_state(queue, &news->state, error);
	return code;
}

static conveyor_code go_client_new(const char *options, size_t options_len, conveyor_client *client,
		conveyor_error *error) {
	return conveyor_client_new(text(options, options_len), false, client, error);
}

static conveyor_code go_client_start(conveyor_client client, const char *operation, size_t operation_len,
		const char *arguments, size_t arguments_len, conveyor_call *call, conveyor_error *error) {
	return conveyor_client_start(client, text(operation, operation_len), text(arguments, arguments_len), call, error);
}

static conveyor_code go_post(conveyor_stream stream, const char *resource, size_t resource_len, const char *event,
		size_t event_len, const char *run_id, size_t run_id_len, const char *driver, size_t driver_len,
		conveyor_error *error) {
	return conveyor_stream_post(stream, text(resource, resource_len), text(event, event_len),
		text(run_id, run_id_len), some(driver, driver_len), error);
}

static conveyor_code go_wait_results(conveyor_stream stream, const char *run_id, size_t run_id_len, size_t count,
		int64_t timeout_ms, conveyor_text *results, conveyor_error *error) {
	return conveyor_stream_wait_results(stream, text(run_id, run_id_len), count, timeout_ms, results, error);
}

static conveyor_code go_stream_log(conveyor_stream stream, const char *run_id, size_t run_id_len,
		conveyor_text *lines, conveyor_error *error) {
	return conveyor_stream_log(stream, some(run_id, run_id_len), lines, error);
}

#cgo noescape go_complete
#cgo nocallback go_complete
#cgo noescape go_log
#cgo nocallback go_log
#cgo noescape conveyor_run_read_resource
#cgo nocallback conveyor_run_read_resource
*/
import "C"

import (
	"encoding/json"
	"time"
	"unsafe"
)

type (
	runID   = C.conveyor_run
	news    = C.go_news
	failure = C.conveyor_error
	head    = C.go_answer
)

// pointer and length of a text, for the length of a call.
func pointer(text string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text))
}

// lent is a view's text as it lies there.
func lent(view C.conveyor_str) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(view.ptr)), view.len)
}

// copied is a view's text as Go's own.
func copied(view C.conveyor_str) string {
	return string(lent(view))
}

// taken is a text of the caller's as Go's own; it is freed.
func taken(text C.conveyor_text) string {
	copy := copied(C.conveyor_text_view(text))
	C.conveyor_text_free(text)
	return copy
}

// milliseconds of a time, rounded up; negative for ever.
func milliseconds(wait time.Duration) C.int64_t {
	if wait < 0 {
		return -1
	}
	whole := wait / time.Millisecond
	if wait%time.Millisecond > 0 {
		whole++
	}
	return C.int64_t(whole)
}

func completeRuns(all *answers) {
	C.go_complete(unsafe.SliceData(all.heads), C.size_t(len(all.heads)), (*C.char)(unsafe.Pointer(unsafe.SliceData(all.texts))))
}

func readResource(run runID) (Resource, error) {
	var detail failure
	parts := C.conveyor_resource{struct_size: C.sizeof_conveyor_resource}
	if err := check(C.conveyor_run_read_resource(run, &parts, &detail), detail); err != nil {
		return Resource{}, err
	}
	resource := Resource{
		ID:       copied(parts.id),
		Name:     copied(parts.name),
		Pipeline: copied(parts.pipeline),
		Resource: copied(parts.resource),
		Spec:     append(json.RawMessage(nil), lent(parts.spec)...),
	}
	metadata := lent(parts.metadata)
	if string(metadata) == "{}" {
		resource.Metadata = map[string]any{}
		return resource, nil
	}
	return resource, json.Unmarshal(metadata, &resource.Metadata)
}

func logRun(run runID, level C.conveyor_level, message, labels string) error {
	var detail failure
	m, ml := pointer(message)
	l, ll := pointer(labels)
	return check(C.go_log(run, level, m, ml, l, ll, &detail), detail)
}

func execRun(run runID, command string, stop C.conveyor_stop) (C.conveyor_exit, string, error) {
	var detail failure
	var line C.conveyor_text
	var ended C.conveyor_exit
	c, cl := pointer(command)
	if err := check(C.go_exec(run, c, cl, stop, &ended, &line, &detail), detail); err != nil {
		return ended, "", err
	}
	return ended, taken(line), nil
}

func newManager(options string, manager *C.conveyor_manager) error {
	var detail failure
	o, ol := pointer(options)
	return check(C.go_manager_new(o, ol, manager, &detail), detail)
}

func newQueue(queue *C.conveyor_queue) error {
	var detail failure
	return check(C.conveyor_queue_new(false, queue, &detail), detail)
}

func addDriver(manager C.conveyor_manager, options string, queue C.conveyor_queue) error {
	var detail failure
	o, ol := pointer(options)
	return check(C.go_add_driver(manager, o, ol, queue, &detail), detail)
}

func next(queue C.conveyor_queue, news *news) error {
	var detail failure
	return check(C.go_next(queue, news, &detail), detail)
}

func cancelRun(manager C.conveyor_manager, id, reason string) int {
	var events C.size_t
	i, il := pointer(id)
	r, rl := pointer(reason)
	C.go_cancel(manager, i, il, r, rl, &events, nil)
	return int(events)
}

func postEvent(stream C.conveyor_stream, resource, event, id, driver string) error {
	var detail failure
	r, rl := pointer(resource)
	e, el := pointer(event)
	i, il := pointer(id)
	d, dl := pointer(driver)
	return check(C.go_post(stream, r, rl, e, el, i, il, d, dl, &detail), detail)
}

// waitResults is empty when they do not come in time.
func waitResults(stream C.conveyor_stream, id string, count int, wait time.Duration) (string, error) {
	var detail failure
	var results C.conveyor_text
	i, il := pointer(id)
	code := C.go_wait_results(stream, i, il, C.size_t(count), milliseconds(wait), &results, &detail)
	if err := check(code, detail); err != nil || results == 0 {
		return "", err
	}
	return taken(results), nil
}

func streamLog(stream C.conveyor_stream, id string) (string, error) {
	var detail failure
	var lines C.conveyor_text
	i, il := pointer(id)
	if err := check(C.go_stream_log(stream, i, il, &lines, &detail), detail); err != nil {
		return "", err
	}
	return taken(lines), nil
}

func newClient(options string) (client C.conveyor_client, err error) {
	var detail failure
	o, ol := pointer(options)
	return client, check(C.go_client_new(o, ol, &client, &detail), detail)
}

func clientOf(run runID) (client C.conveyor_client, err error) {
	var detail failure
	return client, check(C.conveyor_run_client(run, false, &client, &detail), detail)
}

func startCall(client C.conveyor_client, operation, arguments string) (call C.conveyor_call, err error) {
	var detail failure
	o, ol := pointer(operation)
	a, al := pointer(arguments)
	return call, check(C.go_client_start(client, o, ol, a, al, &call, &detail), detail)
}

// waitForCall has the answer of a call, however long it takes.
func waitForCall(client C.conveyor_client, call C.conveyor_call) (string, error) {
	var detail failure
	var answer C.conveyor_text
	if err := check(C.conveyor_client_wait(client, call, -1, nil, &answer, &detail), detail); err != nil {
		return "", err
	}
	return taken(answer), nil
}

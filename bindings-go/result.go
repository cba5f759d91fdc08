package conveyor

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// A Result is what a driver run came to. The zero value is a good one without a message.
type Result struct {
	// Failed says that the pipeline stops here.
	Failed bool
	// Message is one line for people.
	Message string
	// Data is what later steps may need, as encoding/json has it. Keep it small.
	Data any
}

// Success is a good result: the pipeline goes on.
func Success(message string) Result {
	return Result{Message: message}
}

// Failure is a failed result: the pipeline stops here.
func Failure(message string) Result {
	return Result{Failed: true, Message: message}
}

// With is the result with these data.
func (result Result) With(data any) Result {
	result.Data = data
	return result
}

// A RetryError asks for another attempt; see [Retry].
type RetryError struct {
	Message string
	// After is the delay; negative for that of the options.
	After time.Duration
	cause error
}

// Retry makes an error that asks for another attempt, after the delay of the options, which grows with each
// attempt. After max_attempts the event is answered with a failed result. Its arguments are those of
// [fmt.Errorf].
func Retry(format string, args ...any) *RetryError {
	err := fmt.Errorf(format, args...)
	return &RetryError{Message: err.Error(), After: -1, cause: errors.Unwrap(err)}
}

// In is the same with a delay of its own.
func (e *RetryError) In(delay time.Duration) *RetryError {
	e.After = max(delay, 0)
	return e
}

func (e *RetryError) Error() string {
	return e.Message
}

func (e *RetryError) Unwrap() error {
	return e.cause
}

// A FailedError is a failed result as an error: of this message, and of these data beside its member error.
type FailedError struct {
	Message string
	Data    any
}

// Failed makes an error that answers the event with a failed result. Its arguments are those of [fmt.Sprintf].
func Failed(format string, args ...any) *FailedError {
	return &FailedError{Message: fmt.Sprintf(format, args...)}
}

func (e *FailedError) Error() string {
	return e.Message
}

// finish completes a run with what its function returned. Data that are not JSON are what went wrong then.
func finish(run *Run, result Result, err error) {
	if err == nil {
		data, unfit := encoded(result.Data)
		if unfit == nil {
			// Refused when the run was abandoned and answered: nobody hears it any more.
			_ = endRun(run.handle, !result.Failed, result.Message, data)
			return
		}
		err = fmt.Errorf("data: %w", unfit)
	}
	fail(run, err)
}

func fail(run *Run, err error) {
	var retry *RetryError
	var failed *FailedError
	switch {
	case errors.As(err, &retry):
		_ = retryRun(run.handle, err.Error(), retry.After)
	case errors.As(err, &failed):
		data, unfit := encoded(failed.Data)
		if unfit != nil {
			fail(run, fmt.Errorf("data: %w", unfit))
			return
		}
		_ = raiseRun(run.handle, "Failed", err.Error(), "", data)
	default:
		_ = raiseRun(run.handle, kindOf(err), err.Error(), causes(err), "")
	}
}

// panicked completes a run whose function panicked.
func panicked(run *Run, value any) {
	const most = 16 * 1024
	trace := string(debug.Stack())
	if len(trace) > most {
		trace = trace[:most]
	}
	_ = raiseRun(run.handle, "panic", fmt.Sprint(value), strings.ToValidUTF8(trace, "\uFFFD"), "")
}

func encoded(data any) (string, error) {
	if data == nil {
		return "", nil
	}
	text, err := json.Marshal(data)
	return string(text), err
}

// kindOf names the type of the first error that was not made by wrapping another.
func kindOf(err error) string {
	for {
		inner := errors.Unwrap(err)
		kind := fmt.Sprintf("%T", err)
		if inner == nil || kind != "*fmt.wrapError" {
			return strings.TrimPrefix(strings.TrimPrefix(kind, "*"), "main.")
		}
		err = inner
	}
}

func causes(err error) string {
	var out []string
	for err = errors.Unwrap(err); err != nil; err = errors.Unwrap(err) {
		out = append(out, "caused by: "+err.Error())
	}
	return strings.Join(out, "\n")
}

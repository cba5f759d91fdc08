package conveyor

import (
	"fmt"
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
// [fmt.Errorf]: [errors.Is] and [errors.As] find what it wraps.
func Retry(format string, args ...any) *RetryError {
	err := fmt.Errorf(format, args...)
	return &RetryError{Message: err.Error(), After: -1, cause: err}
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

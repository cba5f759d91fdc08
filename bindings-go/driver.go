// Package conveyor runs drivers of Conveyor CI: one function each, and no event, result or log line is lost.
//
// A driver receives events from NATS JetStream, its function is called for each, and what it returns is the event's
// answer. What happens when a function fails, a process is killed or a server restarts is the runtime's business,
// which is the same in every language: this package is a thin face of its C library.
package conveyor

import "context"

// A Func does a driver run. Its context ends when the run should end early, with a [CancelReason] as its cause, and
// when the function returns; its deadline is that of [Driver.RunTimeout]. Its error is [context.Canceled] whatever ended
// it: [context.Cause] says what did.
//
// What it returns answers the event. An error becomes a failed result that carries the error's type, message and
// causes; a [RetryError] asks for another attempt, a [FailedError] is a failed result as it was meant. A panic
// becomes a failed result, too.
type Func func(ctx context.Context, run *Run) (Result, error)

// A Driver is a function with its options, ready to be given to a [Manager].
type Driver struct {
	function Func
	options  map[string]any
}

// NewDriver makes a driver of this name for these types of resources.
func NewDriver(name string, resources []string, function Func) *Driver {
	return &Driver{function: function, options: map[string]any{"name": name, "resources": resources}}
}

// Set sets an option by its name, such as concurrency or run_timeout_ms, for those that come from a file. Options are read
// when the driver's manager starts: what is unknown or of the wrong type is an error then.
func (driver *Driver) Set(option string, value any) *Driver {
	driver.options[option] = value
	return driver
}

package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"
)

// A Resource is desired state, as the control plane keeps it.
type Resource struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Pipeline string `json:"pipeline,omitempty"`
	// Resource is its type.
	Resource string `json:"resource"`
	// Metadata has facts beside the desired state. driverresults.<driver> holds the result of an earlier step, as JSON
	// text.
	Metadata map[string]any `json:"metadata"`
	// Spec is the desired state itself.
	Spec json.RawMessage `json:"spec"`
}

// A Run is one driver run. It may be used by several goroutines until its function returns.
type Run struct {
	handle   runID
	id       string
	event    string
	driver   string
	payload  string
	attempt  int
	function Func
	ctx      runContext

	// While it is held the library keeps the run's texts.
	mutex     sync.Mutex
	completed bool
}

func (s *session) newRun(info *C.conveyor_run_info) *Run {
	driver := s.drivers[string(lent(info.driver))]
	run := &Run{
		handle:   info.run,
		id:       copied(info.id),
		event:    copied(info.event),
		driver:   driver.name,
		payload:  copied(info.payload),
		attempt:  int(info.attempt),
		function: driver.function,
	}
	run.ctx.run = run
	return run
}

// cancelled tells its context of its cancellation.
func (run *Run) cancelled() {
	if reason := run.CancelReason(); reason != nil {
		run.ctx.end(reason)
	}
}

// over says that its function has returned.
func (run *Run) over() {
	run.mutex.Lock()
	run.completed = true
	run.mutex.Unlock()
	run.ctx.end(nil)
}

// ID is the run id, as the control plane sent it: the same for all steps of a pipeline.
func (run *Run) ID() string { return run.id }

// Event is what happened: create for a new resource or a pipeline's first step, process for later steps, or any
// other name the sender chose.
func (run *Run) Event() string { return run.event }

// Driver is the name of the driver that runs.
func (run *Run) Driver() string { return run.driver }

// Payload is the resource as JSON text, exactly as it was sent.
func (run *Run) Payload() string { return run.payload }

// Attempt is which try this is, counted from 1 over all instances and restarts.
func (run *Run) Attempt() int { return run.attempt }

// Resource reads the resource. What the sender left out is empty; Spec is null then.
func (run *Run) Resource() (Resource, error) {
	run.mutex.Lock()
	defer run.mutex.Unlock()
	if run.completed {
		return Resource{}, newError(CodeClosed, "the run is over")
	}
	return readResource(run.handle)
}

// Spec reads the resource's desired state.
func (run *Run) Spec(into any) error {
	resource, err := run.Resource()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(resource.Spec, into); err != nil {
		return Failed("spec: %v", err)
	}
	return nil
}

// Log writes a line to the run's log, of level info; args are labels, as those of [slog.Logger.Info]. It waits only
// while the log's buffer is full.
func (run *Run) Log(message string, args ...any) {
	run.Logger().Info(message, args...)
}

// Logger is the run's log. What is said once the run is over becomes a warning of the runtime's own; see [SetLogger].
func (run *Run) Logger() *slog.Logger {
	return slog.New(&runHandler{run: run})
}

// Progress reports progress, for progress_timeout_ms. A log line does so, too.
func (run *Run) Progress() {
	C.conveyor_run_progress(run.handle, nil)
}

// TimeLeft is how long the run may still last before run_timeout_ms has it cancelled; false when it has no such
// limit.
func (run *Run) TimeLeft() (time.Duration, bool) {
	left := C.conveyor_run_time_left_ms(run.handle)
	return time.Duration(left) * time.Millisecond, left >= 0
}

// deadline is when that will be; zero when never, or when the run is over.
func (run *Run) deadline() time.Time {
	run.mutex.Lock()
	defer run.mutex.Unlock()
	if !run.completed {
		if left, limited := run.TimeLeft(); limited {
			return time.Now().Add(left)
		}
	}
	return time.Time{}
}

// CancelReason is why the run should end early; nil when it should not. It is the cause of its context, too.
func (run *Run) CancelReason() *CancelReason {
	var text C.conveyor_text
	if C.conveyor_run_cancel_reason(run.handle, &text, nil) != C.CONVEYOR_OK || text == 0 {
		return nil
	}
	var reason CancelReason
	if json.Unmarshal([]byte(taken(text)), &reason) != nil {
		return nil
	}
	return &reason
}

// A CancelReason says why a run should end early.
type CancelReason struct {
	// Kind is requested, timed_out, no_progress, shutdown or lease_lost.
	Kind string `json:"kind"`
	// Reason is what whoever asked for it said.
	Reason string `json:"reason,omitempty"`
}

// Is makes errors.Is(reason, context.DeadlineExceeded) tell a run whose time is up, and errors.Is(reason,
// context.Canceled) every other.
func (reason *CancelReason) Is(target error) bool {
	if reason.Kind == "timed_out" {
		return target == context.DeadlineExceeded
	}
	return target == context.Canceled
}

func (reason *CancelReason) Error() string {
	if reason.Reason == "" {
		return "the run was cancelled: " + reason.Kind
	}
	return "the run was cancelled: " + reason.Kind + ": " + reason.Reason
}

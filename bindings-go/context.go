package conveyor

import (
	"context"
	"sync"
	"time"
)

// runContext is a run as a context. What it takes to wait for its end is made when that is first asked for, which most
// functions never do.
type runContext struct {
	run   *Run
	mutex sync.Mutex
	// Both once somebody asked.
	made   context.Context
	cancel context.CancelCauseFunc
	over   bool
	cause  error
	// Once it was asked for, and zero where there is none.
	deadlineKnown bool
	deadline      time.Time
}

type runKey struct{}

// RunFrom is the run that a context belongs to; nil for any other context.
func RunFrom(ctx context.Context) *Run {
	run, _ := ctx.Value(runKey{}).(*Run)
	return run
}

func (c *runContext) whole() context.Context {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.made == nil {
		c.made, c.cancel = context.WithCancelCause(context.Background())
		if c.over {
			c.cancel(c.cause)
		}
	}
	return c.made
}

// end ends it for a reason, nil for none but that it is over. Only the first counts.
func (c *runContext) end(cause error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.over {
		return
	}
	c.over, c.cause = true, cause
	if c.cancel != nil {
		c.cancel(cause)
	}
}

// Deadline is when run_timeout_ms has the run cancelled. No timer stands behind it: the library ends the run.
func (c *runContext) Deadline() (time.Time, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.deadlineKnown {
		c.deadlineKnown, c.deadline = true, c.run.deadline()
	}
	return c.deadline, !c.deadline.IsZero()
}

func (c *runContext) Done() <-chan struct{} {
	return c.whole().Done()
}

func (c *runContext) Err() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.over {
		return context.Canceled
	}
	return nil
}

func (c *runContext) Value(key any) any {
	if key == (runKey{}) {
		return c.run
	}
	// The package context looks here for its own.
	return c.whole().Value(key)
}

func (c *runContext) String() string {
	return "conveyor.Run(" + c.run.id + ")"
}

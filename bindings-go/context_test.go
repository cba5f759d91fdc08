package conveyor

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestARunsContextHasTheDeadlineOfItsTimeout(t *testing.T) {
	told := make(chan error, 1)
	contexts := make(chan context.Context, 1)
	before := time.Now()
	w := start(t, greeter(func(ctx context.Context, _ *Run) (Result, error) {
		deadline, limited := ctx.Deadline()
		again, _ := ctx.Deadline()
		later, cancel := context.WithTimeout(ctx, 2*time.Hour)
		defer cancel()
		inherited, _ := later.Deadline()
		if !limited || deadline.Before(before) || deadline.After(time.Now().Add(time.Hour)) ||
			!again.Equal(deadline) || !inherited.Equal(deadline) || ctx.Err() != nil {
			told <- fmt.Errorf("%v %v %v %v", deadline, limited, again, inherited)
		}
		contexts <- ctx
		close(told)
		return Result{}, nil
	}).RunTimeout(time.Hour))
	w.post("a")
	if err := <-told; err != nil {
		t.Error(err)
	}
	w.end()
	if _, limited := (<-contexts).Deadline(); !limited {
		t.Error("its deadline is forgotten once it is over")
	}
}

func TestARunWithoutATimeoutHasNoDeadline(t *testing.T) {
	told := make(chan bool, 1)
	w := start(t, greeter(func(ctx context.Context, _ *Run) (Result, error) {
		_, limited := ctx.Deadline()
		told <- limited
		return Result{}, nil
	}))
	w.post("a")
	if <-told {
		t.Error("it has one")
	}
	w.end()
}

func TestARunWhoseTimeIsUpEndsWithTheRuntimesReason(t *testing.T) {
	causes := make(chan error, 2)
	w := start(t, greeter(func(ctx context.Context, _ *Run) (Result, error) {
		later, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		<-later.Done()
		causes <- context.Cause(ctx)
		causes <- context.Cause(later)
		return Result{}, ctx.Err()
	}).RunTimeout(10*time.Millisecond))
	w.post("a")
	for range 2 {
		var reason *CancelReason
		err := <-causes
		if !errors.As(err, &reason) || reason.Kind != "timed_out" {
			t.Error(err)
		}
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if report := w.end(); report.Drivers[0].TimedOut != 1 {
		t.Error(report)
	}
	if reason := (&CancelReason{Kind: "shutdown"}); !errors.Is(reason, context.Canceled) {
		t.Error(reason)
	}
}

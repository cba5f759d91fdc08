package conveyor

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// What a process of this test's program is to do.
const programVariable = "CONVEYOR_TEST_PROGRAM"

var programs = map[string]struct {
	main func(*Driver, *EmbeddedStream) error
	said []string
}{
	"run": {func(driver *Driver, stream *EmbeddedStream) error {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := NewManager(driver).Use(stream).Run(ctx)
		return err
	}, []string{"stopped: "}},
	"wait": {func(driver *Driver, stream *EmbeddedStream) error {
		manager := NewManager(driver).Use(stream)
		if err := manager.Start(context.Background()); err != nil {
			return err
		}
		manager.Stop()
		_, err := manager.Wait()
		return err
	}, []string{"draining", "stopped: "}},
	"start": {func(driver *Driver, stream *EmbeddedStream) error {
		if err := NewManager(driver).Use(stream).Start(context.Background()); err != nil {
			return err
		}
		other := NewDriver("greeter", []string{"parting"}, driver.function)
		if err := NewManager(other).Use(stream).Start(context.Background()); CodeOf(err) != CodeConflict {
			return fmt.Errorf("two drivers of one name: %w", err)
		}
		return nil
	}, []string{"stopped: "}},
}

// runProgram is main of a program that returns as soon as its manager has.
func runProgram(name string) {
	stream, err := NewEmbeddedStream()
	if err != nil {
		panic(err)
	}
	defer stream.Close()
	driver := greeter(func(context.Context, *Run) (Result, error) { return Result{}, nil })
	if err := programs[name].main(driver, stream); err != nil {
		panic(err)
	}
}

func TestAProgramThatEndsWithItsManagerHasToldAllThatWasSaid(t *testing.T) {
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				command := exec.Command(os.Args[0])
				// The race detector has a program wait a second at its end.
				command.Env = append(os.Environ(), programVariable+"="+name, "GORACE=atexit_sleep_ms=0")
				told, err := command.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, told)
				}
				for _, line := range program.said {
					if count := bytes.Count(told, []byte(line)); count != 1 {
						t.Fatalf("%q is told %d times:\n%s", line, count, told)
					}
				}
			}
		})
	}
}

func TestWhatTheRuntimeSaysReachesTheLoggerBeforeItHasEnded(t *testing.T) {
	said := &safeBuffer{}
	SetLogger(slog.New(slog.NewTextHandler(said, nil)))
	defer SetLogger(nil)
	start(t, greeter(func(context.Context, *Run) (Result, error) { return Result{}, nil })).end()
	if !strings.Contains(said.String(), "target=conveyor_driver") {
		t.Error(said.String())
	}
}

type safeBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(text []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(text)
}

func (b *safeBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

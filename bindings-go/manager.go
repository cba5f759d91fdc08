package conveyor

import (
	"context"
	"fmt"
	"sync"
)

// A Manager runs drivers: any number, on one connection, once.
type Manager struct {
	drivers []*Driver
	options map[string]any
	stream  *EmbeddedStream

	mutex   sync.Mutex
	session *session
	// It was asked to stop before it was started.
	stopped bool
}

// NewManager makes a manager for these drivers.
func NewManager(drivers ...*Driver) *Manager {
	return &Manager{drivers: drivers, options: map[string]any{}}
}

// Set sets an option by its name, such as shutdown_grace_ms or connection, for those that come from a file. Options are
// read at the start: what is unknown or of the wrong type is an error then. What is not given is filled from the
// environment (CONVEYOR_NATS_URL and others).
func (manager *Manager) Set(option string, value any) *Manager {
	manager.options[option] = value
	return manager
}

// Use has the manager use an embedded stream and not connect to a server.
func (manager *Manager) Use(stream *EmbeddedStream) *Manager {
	manager.stream = stream
	return manager
}

// Run runs until it is stopped, and returns what became of the events. When ctx ends it drains. On SIGINT and SIGTERM it
// drains, too, and a second one ends every run now; with [Manager.Signals] false it leaves them to the program.
func (manager *Manager) Run(ctx context.Context) (Report, error) {
	session, err := manager.begin(manager.options["signals"] != false)
	if err != nil {
		return Report{}, err
	}
	defer context.AfterFunc(ctx, session.drain)()
	return session.wait()
}

// Start starts, and returns once every driver is ready to receive events: what is posted from then on reaches its
// driver.
//
// ctx is for the start alone. When it ends before that is done, so does the manager, and the error is of CodeClosed and
// the context's, as [errors.Is] tells. Whatever Start fails with, nothing is left running.
//
// Signals are the program's business: only with [Manager.Signals] true does the manager heed them as [Manager.Run] does,
// until it has ended.
func (manager *Manager) Start(ctx context.Context) error {
	session, err := manager.begin(manager.options["signals"] == true)
	if err != nil {
		return err
	}
	goesOn := context.AfterFunc(ctx, session.endNow)
	err = session.waitStarted()
	if goesOn() || err != nil && CodeOf(err) != CodeClosed {
		return err
	}
	<-session.ended
	return fmt.Errorf("%w: %w", newError(CodeClosed, "stopped before it was ready"), ctx.Err())
}

// Wait returns when the manager has ended, with what became of the events; any number may wait. It does not wait for a
// start: before that it fails with CodeArgumentInvalid.
func (manager *Manager) Wait() (Report, error) {
	session := manager.current()
	if session == nil {
		return Report{}, newError(CodeArgumentInvalid, "the manager was not started", Fact{"manager", "was not started"})
	}
	return session.wait()
}

// Stop asks it to drain: take no more events, give back those that have not started, let runs finish within
// shutdown_grace_ms, then cancel them. It returns at once. A manager that is stopped before its start takes no event.
func (manager *Manager) Stop() {
	manager.stop((*session).drain)
}

// EndNow ends every run now and gives its event back, so that another instance can take it. It returns at once. A
// manager that is ended before its start takes no event.
func (manager *Manager) EndNow() {
	manager.stop((*session).endNow)
}

// Cancel cancels a run, for a reason that its result will name, and says how many of its events were in flight here:
// none when it is over, with another instance, or when the manager was not started.
func (manager *Manager) Cancel(id, reason string) int {
	session := manager.current()
	if session == nil {
		return 0
	}
	return cancelRun(session.manager, id, reason)
}

// current is the session, once it was started.
func (manager *Manager) current() *session {
	manager.mutex.Lock()
	defer manager.mutex.Unlock()
	return manager.session
}

// stop stops the session, now or as soon as there is one.
func (manager *Manager) stop(how func(*session)) {
	manager.mutex.Lock()
	defer manager.mutex.Unlock()
	manager.stopped = true
	if manager.session != nil {
		how(manager.session)
	}
}

func (manager *Manager) begin(signals bool) (*session, error) {
	manager.mutex.Lock()
	defer manager.mutex.Unlock()
	if manager.session != nil {
		return nil, newError(CodeClosed, "the manager was started before; make a new one")
	}
	listen()
	session, err := newSession(manager, signals)
	if err != nil {
		return nil, err
	}
	manager.session = session
	return session, nil
}

// A Report says what a manager did from its start to its end.
type Report struct {
	// Drivers has one report for each driver, in the order they were added.
	Drivers []DriverReport `json:"drivers"`

	line string
}

// A DriverReport says what one driver did. Each event that was taken is counted under exactly one number, for each
// time that it was taken; only Runs, Abandoned, LateResults and LogLinesUnsent are counted beside that.
type DriverReport struct {
	Driver         string `json:"driver"`
	Succeeded      uint64 `json:"succeeded"`
	Failed         uint64 `json:"failed"`
	Cancelled      uint64 `json:"cancelled"`
	TimedOut       uint64 `json:"timed_out"`
	Retried        uint64 `json:"retried"`
	Ignored        uint64 `json:"ignored"`
	AnsweredBefore uint64 `json:"answered_before"`
	DeadLettered   uint64 `json:"dead_lettered"`
	Poisoned       uint64 `json:"poisoned"`
	GivenBack      uint64 `json:"given_back"`
	LeaseLost      uint64 `json:"lease_lost"`
	Runs           uint64 `json:"runs"`
	Abandoned      uint64 `json:"abandoned"`
	LateResults    uint64 `json:"late_results"`
	LogLinesUnsent uint64 `json:"log_lines_unsent"`
	// Error is why the driver stopped by itself.
	Error *Error `json:"error"`
}

// String is all of it in one line for people.
func (report Report) String() string {
	return report.line
}

package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"encoding/json"
	"fmt"
)

// A known driver.
type known struct {
	name     string
	function Func
}

// A session is one start of a manager.
type session struct {
	manager C.conveyor_manager
	queue   C.conveyor_queue

	// By name.
	drivers map[string]known
	work

	// Leaves signals to the program again.
	leaveSignals func()
	// Closed once every driver is ready.
	started chan struct{}
	// Closed once all is over; what came of it is known then.
	ended    chan struct{}
	startErr error
	report   Report
	err      error
}

func newSession(manager *Manager, signals bool) (_ *session, err error) {
	s := &session{
		work: newWork(), drivers: map[string]known{}, started: make(chan struct{}), ended: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			s.free()
		}
	}()
	documents, err := manager.documents()
	if err != nil {
		return nil, err
	}
	if err := newManager(documents.manager, &s.manager); err != nil {
		return nil, err
	}
	if err := newQueue(&s.queue); err != nil {
		return nil, err
	}
	for i, driver := range manager.drivers {
		if err := addDriver(s.manager, documents.drivers[i], s.queue); err != nil {
			return nil, fmt.Errorf("drivers[%d]: %w", i, err)
		}
		name := fmt.Sprint(driver.options["name"])
		s.drivers[name] = known{name, driver.function}
	}
	var detail failure
	if manager.stream != nil {
		if err := check(C.conveyor_manager_use_stream(s.manager, manager.stream.handle, &detail), detail); err != nil {
			return nil, err
		}
	}
	if manager.stopped {
		s.drain()
	}
	if err := check(C.conveyor_manager_start(s.manager, &detail), detail); err != nil {
		return nil, err
	}
	s.leaveSignals = func() {}
	if signals {
		s.leaveSignals = s.heedSignals()
	}
	go s.serve()
	return s, nil
}

// serve takes runs until the manager has ended.
func (s *session) serve() {
	var news news
	var runs []*Run
	ready := false
	for news.state != C.CONVEYOR_STATE_ENDED {
		if err := next(s.queue, &news); err != nil {
			s.err = err
			break
		}
		if !ready && news.state >= C.CONVEYOR_STATE_RUNNING {
			if ready, _ = s.hasStarted(); ready {
				close(s.started)
			}
		}
		for i := range news.runs[:news.run_count] {
			runs = append(runs, s.newRun(&news.runs[i]))
		}
		if len(runs) > 0 {
			s.bring(runs)
			clear(runs)
			runs = runs[:0]
		}
		for _, handle := range news.cancelled[:news.cancelled_count] {
			if run := s.inHand(handle); run != nil {
				run.cancelled()
			}
		}
	}
	// Nobody waits for these any more.
	for _, run := range s.close() {
		run.cancelled()
	}
	s.finish()
	s.leaveSignals()
	// The program may end with the manager.
	tellAll()
	close(s.ended)
}

func (s *session) finish() {
	var report, line C.conveyor_text
	var detail failure
	err := check(C.conveyor_manager_wait_ended(s.manager, -1, nil, &report, &line, &detail), detail)
	_, s.startErr = s.hasStarted()
	if err != nil {
		s.err = err
	} else {
		if err := json.Unmarshal([]byte(taken(report)), &s.report); err != nil {
			s.err = err
		}
		s.report.line = taken(line)
	}
	s.free()
}

func (s *session) free() {
	C.conveyor_manager_free(s.manager)
	C.conveyor_queue_free(s.queue)
}

// hasStarted says whether every driver is ready, or was. Once all is over it fails where that never came.
func (s *session) hasStarted() (bool, error) {
	var started C.bool
	var detail failure
	err := check(C.conveyor_manager_wait_started(s.manager, 0, &started, &detail), detail)
	return bool(started), err
}

// waitStarted returns once every driver is ready, or with the reason once all is over without.
func (s *session) waitStarted() error {
	select {
	case <-s.started:
		return nil
	case <-s.ended:
		return s.startErr
	}
}

func (s *session) wait() (Report, error) {
	<-s.ended
	return s.report, s.err
}

func (s *session) drain() {
	C.conveyor_manager_drain(s.manager, nil)
}

func (s *session) endNow() {
	C.conveyor_manager_end_now(s.manager, nil)
}

package conveyor

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// work is what the runs of a session go through. Goroutines do one after the other, so that a burst of short runs costs
// one goroutine and one call into the library, and not as many as there are runs. None waits for another: while a
// function is called, a spare goroutine is ready for what else there is.
type work struct {
	mutex sync.Mutex
	// In hand.
	runs map[runID]*Run
	// Those of them that no goroutine has taken, the oldest first.
	waiting line
	// What the library was not told yet, and since when.
	untold answers
	since  time.Time
	// Room for more of it, while some is told.
	unused answers
	// A goroutine was made that has not begun.
	spare bool
}

const (
	// So many answers are told at once.
	mostUntold = 64
	// An answer waits no longer than this and one function.
	longestUntold = 200 * time.Microsecond
)

func newWork() work {
	return work{runs: map[runID]*Run{}}
}

// bring has runs done.
func (w *work) bring(runs []*Run) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, run := range runs {
		w.runs[run.handle] = run
		w.waiting.push(run)
	}
	w.ensureSpare()
}

// close gives back what no goroutine has taken, and returns the others.
func (w *work) close() []*Run {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for w.waiting.len() > 0 {
		w.end(w.waiting.pop(), givenBack)
	}
	w.ensureSpare()
	return slices.Collect(maps.Values(w.runs))
}

// inHand finds a run that was not completed.
func (w *work) inHand(handle runID) *Run {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.runs[handle]
}

// ensureSpare has a goroutine see to what there is.
func (w *work) ensureSpare() {
	if !w.spare && (w.waiting.len() > 0 || w.untold.len() > 0) {
		w.spare = true
		go w.do()
	}
}

// do does runs until none waits.
func (w *work) do() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.spare = false
	for {
		if w.waiting.len() == 0 || w.untold.len() >= mostUntold || time.Since(w.since) > longestUntold {
			w.tell()
		}
		if w.waiting.len() == 0 {
			return
		}
		run := w.waiting.pop()
		w.ensureSpare()
		w.mutex.Unlock()
		w.call(run)
	}
}

// call calls the function of a run, and comes back with the lock. A function that ends its goroutine gives its event
// back.
func (w *work) call(run *Run) {
	end, returned := givenBack, false
	defer func() {
		if !returned {
			if value := recover(); value != nil {
				end, returned = panicked(value), true
			}
		}
		run.over()
		w.mutex.Lock()
		w.end(run, end)
		if !returned {
			w.ensureSpare()
		}
	}()
	result, err := run.function(&run.ctx, run)
	end = answerOf(result, err)
	returned = true
}

// end keeps what came of a run until it is told.
func (w *work) end(run *Run, end answer) {
	delete(w.runs, run.handle)
	if w.untold.len() == 0 {
		w.since = time.Now()
	}
	w.untold.add(run.handle, end)
}

// tell tells the library what came of runs, and lets go of the lock meanwhile.
func (w *work) tell() {
	if w.untold.len() == 0 {
		return
	}
	told := w.untold
	w.untold, w.unused = w.unused, answers{}
	w.mutex.Unlock()
	completeRuns(&told)
	told.empty()
	w.mutex.Lock()
	w.unused = told
}

// A line of runs, first come, first served.
type line struct {
	runs []*Run
	head int
}

func (l *line) len() int {
	return len(l.runs) - l.head
}

func (l *line) push(run *Run) {
	if l.head > 0 && len(l.runs) == cap(l.runs) {
		left := copy(l.runs, l.runs[l.head:])
		clear(l.runs[left:])
		l.runs, l.head = l.runs[:left], 0
	}
	l.runs = append(l.runs, run)
}

func (l *line) pop() *Run {
	run := l.runs[l.head]
	l.runs[l.head] = nil
	l.head++
	if l.head == len(l.runs) {
		l.runs, l.head = l.runs[:0], 0
	}
	return run
}

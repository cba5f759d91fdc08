package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// An answer says how a run ends.
type answer struct {
	ending  C.conveyor_ending
	message string
	// data are JSON.
	data  string
	kind  string
	trace string
	after time.Duration
}

var givenBack = answer{ending: C.CONVEYOR_GIVE_BACK}

// answerOf is what a function returned. Data that are not JSON are what went wrong then.
func answerOf(result Result, err error) answer {
	if err != nil {
		return failed(err)
	}
	data, unfit := encoded(result.Data)
	if unfit != nil {
		return failed(fmt.Errorf("data: %w", unfit))
	}
	if result.Failed {
		return answer{ending: C.CONVEYOR_FAIL, message: result.Message, data: data}
	}
	return answer{ending: C.CONVEYOR_SUCCEED, message: result.Message, data: data}
}

func failed(err error) answer {
	var retry *RetryError
	var known *FailedError
	switch {
	case errors.As(err, &retry):
		return answer{ending: C.CONVEYOR_RETRY, message: err.Error(), after: retry.After}
	case errors.As(err, &known):
		data, unfit := encoded(known.Data)
		if unfit != nil {
			return failed(fmt.Errorf("data: %w", unfit))
		}
		return answer{ending: C.CONVEYOR_RAISE, kind: "Failed", message: err.Error(), data: data}
	default:
		return answer{ending: C.CONVEYOR_RAISE, kind: kindOf(err), message: err.Error(), trace: causes(err)}
	}
}

// panicked is the answer of a run whose function panics right now.
func panicked(value any) answer {
	const most = 16 * 1024
	trace := debug.Stack()
	return answer{
		ending: C.CONVEYOR_RAISE, kind: "panic", message: fmt.Sprint(value), trace: string(trace[:min(most, len(trace))]),
	}
}

func encoded(data any) (string, error) {
	if data == nil {
		return "", nil
	}
	text, err := json.Marshal(data)
	return string(text), err
}

// kindOf names the type of the first error that was not made by wrapping others.
func kindOf(err error) string {
	for {
		kind := fmt.Sprintf("%T", err)
		within := wrapped(err)
		if len(within) == 0 || kind != "*fmt.wrapError" && kind != "*fmt.wrapErrors" && kind != "*errors.joinError" {
			return strings.TrimPrefix(strings.TrimPrefix(kind, "*"), "main.")
		}
		err = within[0]
	}
}

// causes says what each error behind this one says, a line each, what lies within one after it.
func causes(err error) string {
	var out []string
	for _, cause := range wrapped(err) {
		out = append(out, "caused by: "+cause.Error())
		if behind := causes(cause); behind != "" {
			out = append(out, behind)
		}
	}
	return strings.Join(out, "\n")
}

// wrapped are the errors directly within this one.
func wrapped(err error) []error {
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		if within := err.Unwrap(); within != nil {
			return []error{within}
		}
	case interface{ Unwrap() []error }:
		return slices.DeleteFunc(slices.Clone(err.Unwrap()), func(within error) bool { return within == nil })
	}
	return nil
}

// answers are those that the library was not told yet, in a form that it can read: no pointer of Go's is in it.
type answers struct {
	heads []head
	texts []byte
}

func (all *answers) add(run runID, one answer) {
	all.heads = append(all.heads, head{
		run:      run,
		ending:   one.ending,
		message:  all.text(one.message),
		data:     all.text(one.data),
		kind:     all.text(one.kind),
		trace:    all.text(one.trace),
		after_ms: milliseconds(one.after),
	})
}

// text adds a text and says how long it is.
func (all *answers) text(text string) C.size_t {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	all.texts = append(all.texts, text...)
	return C.size_t(len(text))
}

func (all *answers) len() int {
	return len(all.heads)
}

func (all *answers) empty() {
	all.heads, all.texts = all.heads[:0], all.texts[:0]
}

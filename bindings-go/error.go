package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"encoding/json"
	"errors"
	"strings"
)

// A Code is the number of a situation that an [Error] reports, the same in every language.
type Code int32

// String is the code's name, such as OptionsInvalid.
func (code Code) String() string {
	return codeNames[code]
}

// Retryable says whether the same call may succeed later without any change by the caller.
func (code Code) Retryable() bool {
	return retryableCodes[code]
}

// A Fact is a named fact about an [Error].
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// An Error is what the runtime reports. Decide on its code, never on its text.
type Error struct {
	Code Code `json:"code"`
	// Message says what happened, without code, context and causes.
	Message string `json:"message"`
	// Context has the named facts. For CodeOptionsInvalid, the path of each faulty option and what is wrong with it.
	Context []Fact `json:"context"`
	// Causes says what each error behind it says, the nearest first.
	Causes []string `json:"causes"`

	line string
}

// Error is all of it in one line, without secrets.
func (e *Error) Error() string {
	return e.line
}

// Is makes errors.Is(err, &Error{Code: c}) tell codes.
func (e *Error) Is(other error) bool {
	wanted, ok := other.(*Error)
	return ok && wanted.Code == e.Code && wanted.Message == ""
}

// UnmarshalJSON reads the document that a report holds.
func (e *Error) UnmarshalJSON(text []byte) error {
	type plain Error
	if err := json.Unmarshal(text, (*plain)(e)); err != nil {
		return err
	}
	e.line = e.oneLine()
	return nil
}

// newError is an error that Go finds before the library is asked.
func newError(code Code, message string, facts ...Fact) *Error {
	e := &Error{Code: code, Message: message, Context: facts}
	e.line = e.oneLine()
	return e
}

// unfit is the error of an argument that JSON cannot hold.
func unfit(argument string, err error) *Error {
	return newError(CodeArgumentInvalid, argument+" is not what JSON can hold", Fact{argument, err.Error()})
}

// oneLine has the form of the library's own.
func (e *Error) oneLine() string {
	line := e.Code.String() + ": " + e.Message
	if len(e.Context) > 0 {
		var facts []string
		for _, fact := range e.Context {
			facts = append(facts, fact.Name+": "+fact.Value)
		}
		line += " (" + strings.Join(facts, ", ") + ")"
	}
	return strings.Join(append([]string{line}, e.Causes...), ": ")
}

// CodeOf is the code of an error of the runtime's; 0 for any other.
func CodeOf(err error) Code {
	var known *Error
	if errors.As(err, &known) {
		return known.Code
	}
	return 0
}

// check makes an error of a code and its detail, which is freed.
func check(code C.conveyor_code, detail failure) error {
	if code == C.CONVEYOR_OK {
		return nil
	}
	err := &Error{Code: Code(code)}
	if json.Unmarshal([]byte(copied(C.conveyor_error_document(detail))), err) != nil {
		err.Message = "unknown"
	}
	err.line = copied(C.conveyor_error_message(detail))
	C.conveyor_error_free(detail)
	return err
}

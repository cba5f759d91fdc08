package conveyor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
)

func TestARetryKeepsAllThatItWraps(t *testing.T) {
	for _, err := range []error{
		Retry("%w and %w", io.EOF, os.ErrNotExist),
		Retry("%w", fmt.Errorf("%w and %w", io.EOF, os.ErrNotExist)).In(0),
	} {
		if err.Error() != "EOF and file does not exist" || !errors.Is(err, io.EOF) || !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}

func TestAnErrorIsToldWithAllOfItsCauses(t *testing.T) {
	odd := fmt.Errorf("third: %w", oddError{})
	for _, told := range []struct {
		err         error
		kind, trace string
	}{
		{io.EOF, "errors.errorString", ""},
		{&os.PathError{Op: "open", Path: "a", Err: os.ErrNotExist}, "fs.PathError", "caused by: file does not exist"},
		{odd, "conveyor.oddError", "caused by: odd\nin two lines"},
		{fmt.Errorf("%w, %w", odd, io.EOF), "conveyor.oddError",
			"caused by: third: odd\nin two lines\ncaused by: odd\nin two lines\ncaused by: EOF"},
		{errors.Join(oddError{}, io.EOF), "conveyor.oddError", "caused by: odd\nin two lines\ncaused by: EOF"},
	} {
		answer := failed(told.err)
		if answer.kind != told.kind || answer.trace != told.trace || answer.message != told.err.Error() {
			t.Errorf("%q %q %q", answer.kind, answer.trace, answer.message)
		}
	}
}

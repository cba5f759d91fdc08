package conveyor

import "log/slog"

// A Secret is text that is not shown where values are printed.
type Secret string

const hidden = "[hidden]"

func (Secret) String() string { return hidden }

// GoString hides it from %#v.
func (Secret) GoString() string { return hidden }

// LogValue hides it from a [slog.Logger].
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides it from encoding/json and its like.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// NewHandler makes a [slog.Handler] for a program's logger: what is said with a context of a run goes to that run's
// log. Everything else goes to next, also what is said once that run is over.
func NewHandler(next slog.Handler) slog.Handler {
	return &contextHandler{next: next}
}

type contextHandler struct {
	next slog.Handler
	with scope
}

func (h *contextHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return RunFrom(ctx) != nil || h.next.Enabled(ctx, level)
}

func (h *contextHandler) Handle(ctx context.Context, record slog.Record) error {
	run := RunFrom(ctx)
	if run == nil {
		return h.next.Handle(ctx, record)
	}
	err := run.write(h.with, record)
	if CodeOf(err) == CodeClosed && h.next.Enabled(ctx, record.Level) {
		return h.next.Handle(ctx, record)
	}
	return err
}

func (h *contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &contextHandler{next: h.next.WithAttrs(attrs), with: h.with.attrs(attrs)}
}

func (h *contextHandler) WithGroup(name string) slog.Handler {
	return &contextHandler{next: h.next.WithGroup(name), with: h.with.group(name)}
}

// runHandler writes to the log of one run.
type runHandler struct {
	run  *Run
	with scope
}

func (h *runHandler) Enabled(context.Context, slog.Level) bool {
	return true
}

func (h *runHandler) Handle(ctx context.Context, record slog.Record) error {
	err := h.run.write(h.with, record)
	if err != nil && ctx.Value(lostKey{}) == nil {
		// A slog.Logger tells nobody; and the library's may lead back here.
		ctx := context.WithValue(context.Background(), lostKey{}, true)
		logger().WarnContext(ctx, "a line did not come into its run's log",
			"run_id", h.run.id, "driver", h.run.driver, "error", err, "line", record.Message)
	}
	return err
}

type lostKey struct{}

func (h *runHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &runHandler{run: h.run, with: h.with.attrs(attrs)}
}

func (h *runHandler) WithGroup(name string) slog.Handler {
	return &runHandler{run: h.run, with: h.with.group(name)}
}

// write writes a line to the run's log; CodeClosed once the run is over.
func (run *Run) write(with scope, record slog.Record) error {
	labels := ""
	if record.NumAttrs() > 0 || len(with.labels) > 0 {
		all := make(map[string]any, record.NumAttrs()+len(with.labels))
		for name, value := range with.labels {
			all[name] = value
		}
		record.Attrs(func(attr slog.Attr) bool {
			add(all, with.prefix, attr)
			return true
		})
		text, err := json.Marshal(all)
		if err != nil {
			return err
		}
		labels = string(text)
	}
	return logRun(run.handle, levelOf(record.Level), strings.ToValidUTF8(record.Message, "\uFFFD"), labels)
}

// scope is what a logger was given before its lines: labels, and the groups that names stand in.
type scope struct {
	labels map[string]any
	prefix string
}

func (s scope) attrs(attrs []slog.Attr) scope {
	all := make(map[string]any, len(s.labels)+len(attrs))
	for name, value := range s.labels {
		all[name] = value
	}
	for _, attr := range attrs {
		add(all, s.prefix, attr)
	}
	return scope{labels: all, prefix: s.prefix}
}

func (s scope) group(name string) scope {
	if name == "" {
		return s
	}
	return scope{labels: s.labels, prefix: s.prefix + name + "."}
}

// add makes a label of an attribute, and of a group one for each of its members.
func add(labels map[string]any, prefix string, attr slog.Attr) {
	value := attr.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if attr.Key != "" {
			prefix += attr.Key + "."
		}
		for _, member := range value.Group() {
			add(labels, prefix, member)
		}
		return
	}
	if attr.Key == "" {
		return
	}
	labels[prefix+attr.Key] = plain(value)
}

// plain is a value as JSON can hold it.
func plain(value slog.Value) any {
	switch value.Kind() {
	case slog.KindDuration:
		return value.Duration().String()
	case slog.KindTime:
		return value.Time().Format(time.RFC3339Nano)
	case slog.KindAny:
		if err, ok := value.Any().(error); ok {
			return err.Error()
		}
		if _, err := json.Marshal(value.Any()); err != nil {
			return fmt.Sprint(value.Any())
		}
	case slog.KindFloat64:
		if _, err := json.Marshal(value.Float64()); err != nil {
			return fmt.Sprint(value.Float64())
		}
	}
	return value.Any()
}

func levelOf(level slog.Level) C.conveyor_level {
	switch {
	case level < slog.LevelInfo:
		return C.CONVEYOR_DEBUG
	case level < slog.LevelWarn:
		return C.CONVEYOR_INFO
	case level < slog.LevelError:
		return C.CONVEYOR_WARNING
	default:
		return C.CONVEYOR_ERROR
	}
}

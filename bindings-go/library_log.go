package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

var (
	listening   sync.Once
	libraryLogs atomic.Pointer[slog.Logger]
	// Held from taking records until they are told.
	telling sync.Mutex
)

// SetLogger has the runtime itself say what it does to this logger, such as that it waits for a stream or that a
// lease was lost, and what the libraries beneath it warn of. Without it that is [slog.Default]; with nil it goes nowhere.
//
// What was said of a manager has reached the logger before [Manager.Run] and [Manager.Wait] return: they wait for it.
func SetLogger(logger *slog.Logger) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	libraryLogs.Store(logger)
}

// listen begins to hear what the library says, in the whole process, of info and above, and of debug if anybody
// wants that now.
func listen() {
	listening.Do(func() {
		level := C.conveyor_level(C.CONVEYOR_INFO)
		if logger().Enabled(context.Background(), slog.LevelDebug) {
			level = C.CONVEYOR_DEBUG
		}
		// What is said from here on is kept. It fails where another part of this process has it.
		if C.conveyor_log_wait(level, 0, nil, nil) != C.CONVEYOR_OK {
			return
		}
		go func() {
			for C.conveyor_log_wait(level, -1, nil, nil) == C.CONVEYOR_OK {
				tellAll()
			}
		}()
	})
}

// tellAll returns when the logger has heard all that was said so far, whoever took it.
func tellAll() {
	telling.Lock()
	defer telling.Unlock()
	for {
		var records C.conveyor_text
		if C.conveyor_log_wait(C.CONVEYOR_INFO, 0, &records, nil) != C.CONVEYOR_OK || records == 0 {
			return
		}
		tell(taken(records))
	}
}

func logger() *slog.Logger {
	if logger := libraryLogs.Load(); logger != nil {
		return logger
	}
	return slog.Default()
}

func tell(records string) {
	var told []struct {
		UnixNanos int64          `json:"unix_nanos"`
		Level     string         `json:"level"`
		Target    string         `json:"target"`
		Message   string         `json:"message"`
		Fields    map[string]any `json:"fields"`
	}
	if json.Unmarshal([]byte(records), &told) != nil {
		return
	}
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn, "error": slog.LevelError,
	}
	handler := logger().Handler()
	for _, said := range told {
		level := levels[said.Level]
		if !handler.Enabled(context.Background(), level) {
			continue
		}
		record := slog.NewRecord(time.Unix(0, said.UnixNanos), level, said.Message, 0)
		record.AddAttrs(slog.String("target", said.Target))
		for name, value := range said.Fields {
			record.AddAttrs(slog.Any(name, value))
		}
		// A logger that cannot write has nobody to tell.
		_ = handler.Handle(context.Background(), record)
	}
}

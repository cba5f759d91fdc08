package conveyor

import (
	"context"
	"iter"
)

// A LogFilter says which log lines: those that fit all that is given.
type LogFilter struct {
	RunID    string `json:"run_id,omitempty"`
	Driver   string `json:"driver,omitempty"`
	Pipeline string `json:"pipeline,omitempty"`
}

// Logs are the stored lines that fit the filter, in the order of their times. CodeResponseTooLarge when there are more
// than MaxResponseBytes of them: ask for one driver.
func (client *Client) Logs(ctx context.Context, filter LogFilter) ([]LogEntry, error) {
	var entries []LogEntry
	err := client.call(ctx, "logs.query", filter, &entries)
	return entries, err
}

// PostLog stores a line without NATS. Who listens to the live logs does not see it.
func (client *Client) PostLog(ctx context.Context, entry LogEntry) error {
	return client.call(ctx, "logs.post", asked{"entry": entry}, nil)
}

// A LogEvent is what comes of a log stream: a line, or a gap.
type LogEvent struct {
	// Kind is line or gap.
	Kind string `json:"kind"`
	// Entry is the line.
	Entry LogEntry `json:"entry"`
	// Reason says of a gap why lines may be missing: reconnected or unreadable.
	Reason string `json:"reason,omitempty"`
}

// StreamLogs gives the lines of a run, those that are stored first, then as they come; of one driver when it is named. It
// ends with the context's error when that ends, and otherwise never by itself.
//
// A connection that is lost is made again; a gap says where lines may be missing, and no line is given twice.
func (client *Client) StreamLogs(ctx context.Context, id, driver string) iter.Seq2[LogEvent, error] {
	return func(yield func(LogEvent, error) bool) {
		var stream asked
		if err := client.call(ctx, "logs.stream", LogFilter{RunID: id, Driver: driver}, &stream); err != nil {
			yield(LogEvent{}, err)
			return
		}
		// Nobody hears whether it was open.
		defer func() { _ = client.call(context.Background(), "logs.close", stream, nil) }()
		for {
			var event *LogEvent
			if err := client.call(ctx, "logs.next", stream, &event); err != nil {
				yield(LogEvent{}, err)
				return
			}
			if event == nil || !yield(*event, nil) {
				return
			}
		}
	}
}

// Broadcast has the API publish a message on the NATS subject application. No stream keeps it and no driver listens
// there: create a resource to start a run.
func (client *Client) Broadcast(ctx context.Context, event, payload string) error {
	return client.call(ctx, "broadcasts.send", asked{"event": event, "payload": payload}, nil)
}

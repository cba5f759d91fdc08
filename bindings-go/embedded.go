package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"encoding/json"
	"time"
)

// An EmbeddedStream is an event stream in this process that keeps a real server's promises, for tests and first
// programs.
type EmbeddedStream struct {
	handle C.conveyor_stream
}

// NewEmbeddedStream makes one, empty.
func NewEmbeddedStream() (*EmbeddedStream, error) {
	stream := &EmbeddedStream{}
	var detail failure
	if err := check(C.conveyor_stream_new(&stream.handle, &detail), detail); err != nil {
		return nil, err
	}
	return stream, nil
}

// Close frees it.
func (stream *EmbeddedStream) Close() {
	C.conveyor_stream_free(stream.handle)
}

// A Post is an event about a resource.
type Post struct {
	Resource Resource
	// RunID is the run's id.
	RunID string
	// Event is what happened; create where it is empty.
	Event string
	// Driver has it reach one driver alone.
	Driver string
}

// Post posts an event.
func (stream *EmbeddedStream) Post(post Post) error {
	if post.Resource.Metadata == nil {
		post.Resource.Metadata = map[string]any{}
	}
	resource, err := json.Marshal(post.Resource)
	if err != nil {
		return unfit("resource", err)
	}
	if post.Event == "" {
		post.Event = "create"
	}
	return postEvent(stream.handle, string(resource), post.Event, post.RunID, post.Driver)
}

// A StoredResult is a result as it was published.
type StoredResult struct {
	Driver  string          `json:"driver"`
	Success bool            `json:"success"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// Results waits until a run has so many results, and returns them; none when they do not come in time. A negative wait is
// for ever.
func (stream *EmbeddedStream) Results(id string, count int, wait time.Duration) ([]StoredResult, error) {
	text, err := waitResults(stream.handle, id, count, wait)
	if err != nil || text == "" {
		return nil, err
	}
	var results []StoredResult
	err = json.Unmarshal([]byte(text), &results)
	return results, err
}

// A LogEntry is a stored log line.
type LogEntry struct {
	RunID     string         `json:"runid"`
	Driver    string         `json:"driver"`
	Pipeline  string         `json:"pipeline,omitempty"`
	Timestamp string         `json:"timestamp"`
	Message   string         `json:"message"`
	Labels    map[string]any `json:"labels,omitempty"`
}

// Log is the stored log of a run, or with an empty id of all.
func (stream *EmbeddedStream) Log(id string) ([]LogEntry, error) {
	text, err := streamLog(stream.handle, id)
	if err != nil {
		return nil, err
	}
	var entries []LogEntry
	err = json.Unmarshal([]byte(text), &entries)
	return entries, err
}

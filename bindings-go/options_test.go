package conveyor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func nothing(context.Context, *Run) (Result, error) { return Result{}, nil }

func TestEveryOptionIsKnownToTheRuntime(t *testing.T) {
	driver := greeter(nothing).
		AckWait(time.Minute).Adopt(true).CancelGrace(0).Concurrency(7).Events("create", "*").LogBufferBytes(1 << 20).
		LogWindow(10).MaxAckPending(100).MaxAttempts(3).MaxDeliveries(9).ProgressTimeout(time.Minute).
		RetryInitial(1500 * time.Microsecond).RetryMax(time.Hour).RunTimeout(time.Hour).Serialize(SerializationNone)
	if driver.options["retry_initial_ms"] != int64(2) || driver.options["cancel_grace_ms"] != int64(0) {
		t.Error(driver.options)
	}
	tls := TLSOptions{
		CA: "-", CAFile: "-", Cert: "-", CertFile: "-", First: true, Key: "-", KeyFile: "-",
	}
	manager := NewManager(driver).ShutdownGrace(0).Signals(false).
		Connection(ConnectionOptions{
			ConnectTimeout: time.Second, Creds: "-", CredsFile: "-", Name: "-", Nkey: "-", Password: "-",
			RequestTimeout: time.Second, TLS: tls, Token: "-", URL: "nats://localhost", User: "-",
		}).
		Client(ClientOptions{
			ConnectTimeout: time.Second, MaxAttempts: 2, MaxResponseBytes: 1 << 20, ReconnectTimeout: time.Minute,
			RequestTimeout: time.Minute, StreamIdleTimeout: time.Minute, TLS: tls, URL: "http://localhost",
		})
	for _, option := range []string{"connection", "client"} {
		document := manager.options[option].(map[string]any)
		for name, value := range document {
			if reflect.ValueOf(value).IsZero() {
				t.Errorf("%s.%s is not given", option, name)
			}
		}
	}
	// Names and types are looked at here, and what contradicts each other at the start.
	session := &session{}
	defer session.free()
	if err := newManager(marshalled(t, manager.options), &session.manager); err != nil {
		t.Fatal(err)
	}
	if err := newQueue(&session.queue); err != nil {
		t.Fatal(err)
	}
	if err := addDriver(session.manager, marshalled(t, driver.options), session.queue); err != nil {
		t.Error(err)
	}
}

func marshalled(t *testing.T, options map[string]any) string {
	t.Helper()
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestATimeHasItsMillisecondsRoundedUp(t *testing.T) {
	for wait, wanted := range map[time.Duration]int64{
		-time.Hour: -1, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, math.MaxInt64: math.MaxInt64/1_000_000 + 1,
	} {
		if got := int64(milliseconds(wait)); got != wanted {
			t.Errorf("%d: %d, not %d", wait, got, wanted)
		}
	}
}

func TestAnOptionThatIsNotGivenIsTheRuntimes(t *testing.T) {
	for _, document := range []map[string]any{
		ConnectionOptions{}.document(), ClientOptions{}.document(), TLSOptions{}.document(),
	} {
		if len(document) > 0 {
			t.Error(document)
		}
	}
}

func TestASecretIsShownNowhere(t *testing.T) {
	options := ConnectionOptions{Password: "hunter2", TLS: TLSOptions{Key: "hunter2"}}
	said := &safeBuffer{}
	slog.New(slog.NewTextHandler(said, nil)).Info("", "a", options, "b", options.Password)
	slog.New(slog.NewJSONHandler(said, nil)).Info("", "a", options, "b", options.Password)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		_, _ = fmt.Fprintf(said, verb, options)
	}
	if text := said.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, hidden) {
		t.Error(text)
	}
}

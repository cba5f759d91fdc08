// Package contract is what the benchmark tells a candidate.
package contract

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What the candidate is to do.
var (
	URL         = os.Getenv("NATS_URL")
	Driver      = os.Getenv("DRIVER_NAME")
	Resource    = os.Getenv("RESOURCE")
	Concurrency = number("CONCURRENCY")
	Mode        = os.Getenv("MODE")
	LogLines    = number("LOG_LINES")
	LogBytes    = number("LOG_BYTES")
	Sleep       = time.Duration(number("SLEEP_MS")) * time.Millisecond
)

func number(name string) int {
	value, _ := strconv.Atoi(os.Getenv(name))
	return value
}

// MonotonicUs is CLOCK_MONOTONIC in whole microseconds.
func MonotonicUs() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano() / 1000
}

var filling = strings.Repeat("x", 4096)

// Line is the text of a log line.
func Line(i int) string {
	digits := strconv.Itoa(i)
	line := "line " + "0000000"[:max(7-len(digits), 0)] + digits + " "
	return line + filling[:max(LogBytes-len(line), 0)]
}

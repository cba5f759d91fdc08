package conveyor

import (
	"os"
	"os/signal"
	"syscall"
)

// heedSignals drains on the first SIGINT or SIGTERM and ends now on the second, until the function it returns is
// called.
func (s *session) heedSignals() func() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for _, act := range []func(){s.drain, s.endNow} {
			select {
			case <-signals:
				act()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// Package clock tells when this machine's clock is set: a device without a
// battery learns the time when it has a network, and that may be years later.
package clock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// Jumps has a value whenever the clock was set since somebody last looked, until
// ctx ends. Where the kernel cannot tell, that is an error.
func Jumps(ctx context.Context) (<-chan struct{}, error) {
	descriptor, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch the clock: %w", err)
	}
	timer := os.NewFile(uintptr(descriptor), "timerfd")
	if err := arm(descriptor); err != nil {
		return nil, fmt.Errorf("watch the clock: %w", errors.Join(err, timer.Close()))
	}
	jumps := make(chan struct{}, 1)
	context.AfterFunc(ctx, func() { timer.Close() })
	go func() {
		for wasSet(timer) {
			select {
			case jumps <- struct{}{}:
			default: // nobody looked since the last one
			}
			if arm(descriptor) != nil {
				return
			}
		}
	}()
	return jumps, nil
}

// arm has the timer end when time does, or as soon as the clock is set.
func arm(descriptor int) error {
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt}}
	return unix.TimerfdSettime(descriptor, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
}

// wasSet waits until the clock is set; false when the timer is closed or has ended.
func wasSet(timer *os.File) bool {
	_, err := timer.Read(make([]byte, 8)) // timerfd_create(2): the number of times that it ended
	return errors.Is(err, unix.ECANCELED)
}

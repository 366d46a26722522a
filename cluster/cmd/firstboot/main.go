// Command firstboot makes a device what node.yaml on its card says, at each
// start. `firstboot joined` notes that it has become a node of its cluster, and
// `firstboot pending` shows people that it asks to be approved.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kedge/internal/firstboot"
)

func main() {
	device := firstboot.ThisDevice(func(name string) error { return unix.Sethostname([]byte(name)) }, setClock)
	var err error
	switch {
	case len(os.Args) == 1:
		err = start(device)
	case len(os.Args) == 2 && os.Args[1] == "joined":
		err = join(device)
	case len(os.Args) == 2 && os.Args[1] == "pending":
		err = wait(device)
	default:
		err = errors.New("usage: firstboot [joined|pending]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "firstboot:", err)
		os.Exit(1)
	}
}

func setClock(to time.Time) error {
	spec, err := unix.TimeToTimespec(to)
	if err != nil {
		return err
	}
	return unix.ClockSettime(unix.CLOCK_REALTIME, &spec)
}

// start applies what the card says, and fails where the device cannot become
// what it should be.
func start(device firstboot.Device) error {
	card, unmount := device.MountCard()
	defer told(unmount)
	taken, failure := device.Take(card)
	if failure != nil {
		taken.Fail(failure)
	}
	var applied firstboot.Findings
	if taken.Config != nil && len(taken.Problems) == 0 {
		applied = device.Apply(context.Background(), *taken.Config)
	}
	status := device.Tell(card, firstboot.StatusOf(taken, applied, device.Joined()))
	fmt.Print(status)
	if len(status.Problems)+len(status.Failures) > 0 {
		return errors.New("not all that was told could be done")
	}
	return nil
}

func join(device firstboot.Device) error {
	card, unmount := device.MountCard()
	defer told(unmount)
	return device.Join(card)
}

// wait touches the card only where there is something to tell.
func wait(device firstboot.Device) error {
	asks, err := device.Asks()
	if !asks || err != nil {
		return err
	}
	card, unmount := device.MountCard()
	defer told(unmount)
	return device.Wait(card)
}

// told does what stops no device where it fails.
func told(last func() error) {
	if err := last(); err != nil {
		fmt.Fprintln(os.Stderr, "firstboot: unmount the card:", err)
	}
}

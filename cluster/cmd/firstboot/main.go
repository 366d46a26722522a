// Command firstboot makes a device what node.yaml on its card says, at each
// start. `firstboot joined` notes that it has become a node of its cluster.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"kedge/internal/firstboot"
)

func main() {
	device := firstboot.ThisDevice(func(name string) error { return unix.Sethostname([]byte(name)) })
	var err error
	switch {
	case len(os.Args) == 1:
		err = start(device)
	case len(os.Args) == 2 && os.Args[1] == "joined":
		err = join(device)
	default:
		err = errors.New("usage: firstboot [joined]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "firstboot:", err)
		os.Exit(1)
	}
}

// start applies what the card says, and fails where the device cannot become
// what it should be.
func start(device firstboot.Device) error {
	card, unmount, err := device.MountCard()
	if err != nil {
		// What is kept is applied all the same.
		fmt.Fprintln(os.Stderr, "firstboot: the boot partition cannot be read:", err)
	}
	taken, problem := device.Take(card)
	if problem != nil {
		taken.Problems = append(taken.Problems, problem.Error())
	}
	var applied firstboot.Applied
	if taken.Config != nil && len(taken.Problems) == 0 {
		applied = device.Apply(context.Background(), *taken.Config)
	}
	status := firstboot.StatusOf(taken, applied, device.Joined())
	fmt.Print(status)
	err = device.Tell(card, status)
	if unmount != nil {
		err = errors.Join(err, unmount())
	}
	if len(status.Problems) > 0 {
		err = errors.Join(err, errors.New("the device was not configured"))
	}
	return err
}

func join(device firstboot.Device) error {
	card, unmount, err := device.MountCard()
	if err != nil {
		fmt.Fprintln(os.Stderr, "firstboot: the boot partition cannot be read:", err)
	}
	err = device.Join(card)
	if unmount != nil {
		err = errors.Join(err, unmount())
	}
	return err
}

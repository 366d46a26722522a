package worker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"kedge/internal/enrolment"
	"kedge/internal/wholefile"
)

// serials are where the maker's number is: of boards with a device tree, of
// computers with DMI.
func serials() []string {
	return []string{"/proc/device-tree/serial-number", "/sys/class/dmi/id/product_serial", "/sys/class/dmi/id/board_serial"}
}

// unset are numbers that makers forgot to write.
var unset = []string{"", "0", "none", "default string", "not specified", "system serial number", "to be filled by o.e.m."}

// thisDevice is what tells this machine from others.
func thisDevice() enrolment.Device {
	var device enrolment.Device
	device.MachineID, _ = machineID() // the controller says what it misses
	for _, file := range serials() {
		content, err := os.ReadFile(file)
		number := strings.TrimSpace(strings.TrimRight(string(content), "\x00"))
		if err == nil && !slices.Contains(unset, strings.ToLower(number)) {
			device.Serial = number
			break
		}
	}
	return device
}

// deviceKey is the machine's own key, which is made once and never leaves it.
// The cluster knows the machine by it, for as long as the data partition lasts.
func deviceKey(file string) (*ecdsa.PrivateKey, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeDeviceKey(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read this machine's key: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s is damaged: without this machine's key the cluster takes it for another one; remove the file, and give the worker a new credential", file)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): remove the file, and give the worker a new credential", file, err)
	}
	return key, nil
}

func makeDeviceKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make this machine's key: %w", err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return key, wholefile.Write(file, encoded, 0o600)
}

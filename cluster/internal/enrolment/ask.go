package enrolment

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// Where a controller listens for devices that come without a credential.
const (
	Port    = 9443
	AskPath = "/v1/enrolment"
)

// Bounds of what is said, either way.
const (
	MaxAsk    = 8 << 10
	maxAnswer = 32 << 10
	// askTimeout is for one question; a certificate is waited for meanwhile.
	askTimeout = 20 * time.Second
)

// States of a device that asks.
const (
	Pending  = "pending"
	Approved = "approved"
	Refused  = "refused"
)

// Ask is all that a device with a fleet's card says. What it proves is that it
// has the key of its request; the rest are claims.
type Ask struct {
	// Request is a certificate request in PEM. Without a subject it asks how things
	// stand; with a node's it asks for the certificate.
	Request   string `json:"request"`
	MachineID string `json:"machineID"`
	Serial    string `json:"serialNumber,omitempty"`
}

// Device is the machine that asks, as it says.
func (a Ask) Device() Device { return Device{MachineID: a.MachineID, Serial: a.Serial} }

// Answer is what the device is told.
type Answer struct {
	State string `json:"state"`
	// Reason is why it is refused.
	Reason string `json:"reason,omitempty"`
	// AgainSeconds is when it shall ask again.
	AgainSeconds int `json:"againSeconds,omitempty"`
	// Node is what it is approved as, with these labels.
	Node   string            `json:"node,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// Certificate is the node's, in PEM.
	Certificate string `json:"certificate,omitempty"`
}

// BusyError is a controller that takes no more questions now.
type BusyError struct{ Reason string }

func (e *BusyError) Error() string { return "the controller takes no more questions now: " + e.Reason }

// Address is where devices ask the controller at host.
func Address(host string) string { return net.JoinHostPort(host, strconv.Itoa(Port)) }

// Post asks the controller at address (HOST:PORT), which must prove by authority that it is one.
func Post(ctx context.Context, address string, authority *x509.CertPool, ask Ask) (Answer, error) {
	content, err := json.Marshal(ask)
	if err != nil {
		return Answer{}, fmt.Errorf("encode a question: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+AskPath, bytes.NewReader(content))
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: askTimeout, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS13},
	}}
	response, err := client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	return readAnswer(response)
}

func readAnswer(response *http.Response) (Answer, error) {
	var answer Answer
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(content, &answer)
	}
	switch {
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable:
		return answer, &BusyError{answer.Reason}
	case err != nil:
		return answer, fmt.Errorf("read the controller's answer (%s): %w", response.Status, err)
	case response.StatusCode != http.StatusOK:
		return answer, fmt.Errorf("the controller does not understand this machine: %s", answer.Reason)
	}
	return answer, nil
}

// longest is more than any machine says of itself.
const longest = 128

// Check refuses what could not be shown to people.
func (d Device) Check() error {
	if d.MachineID == "" {
		return errors.New("the machine has no machine-id (/etc/machine-id)")
	}
	for _, text := range []string{d.MachineID, d.Serial} {
		if len(text) > longest || !isLine(text) {
			return errors.New("the machine's machine-id or serial number is no line of ASCII")
		}
	}
	return nil
}

func isLine(text string) bool {
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}

// minDigits of a fingerprint tell a device from any that somebody could make
// on purpose: 64 bits.
const minDigits = 16

var (
	wholeFingerprint = regexp.MustCompile(`^SHA256:[0-9a-f]{64}$`)
	partFingerprint  = regexp.MustCompile(`^SHA256:[0-9a-f]+$`)
)

// CheckFingerprint says whether text is a fingerprint, and whether it is a whole
// one; its beginning must have enough digits.
func CheckFingerprint(text string) (isWhole bool, err error) {
	switch {
	case wholeFingerprint.MatchString(text):
		return true, nil
	case partFingerprint.MatchString(text) && len(text) >= len("SHA256:")+minDigits && len(text) < len("SHA256:")+64:
		return false, nil
	}
	return false, fmt.Errorf("%q is no fingerprint: it is SHA256: and 64 hexadecimal digits, of which the first %d are enough", text, minDigits)
}

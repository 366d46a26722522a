package firstboot

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path"
	"path/filepath"
	"time"

	"kedge/internal/nodeconfig"
)

// backdated is how much earlier than it is made a certificate of builder's begins.
const backdated = time.Hour

// setClock lets the time be no earlier than what is certainly over: a device
// without a battery begins when its image was made, and no certificate of its
// cluster is good then. It says what it did.
func (d Device) setClock(config nodeconfig.Config) (string, error) {
	floor, now := d.floor(config), d.Now()
	if !now.Before(floor) {
		return "", nil
	}
	if err := d.SetClock(floor); err != nil {
		return "", fmt.Errorf("time: the clock says %s, and cannot be set: %w", now.UTC().Format(time.DateOnly), err)
	}
	return fmt.Sprintf("time: the clock said %s, which is long over; it goes on from %s until a time server is heard",
		now.UTC().Format(time.DateOnly), floor.UTC().Format(time.DateOnly)), nil
}

// floor is when the latest was made of what others have signed for this device:
// what it signs itself would keep a clock ahead that was ahead once.
func (d Device) floor(config nodeconfig.Config) time.Time {
	var floor time.Time
	raise := func(content []byte, after time.Duration, counts func(*x509.Certificate) bool) {
		for _, one := range certificatesIn(content) {
			if begins := one.NotBefore.Add(after); counts(one) && begins.After(floor) {
				floor = begins
			}
		}
	}
	anyone := func(*x509.Certificate) bool { return true }
	isAuthority := func(one *x509.Certificate) bool { return one.IsCA }
	raise([]byte(authorityOf(config)), backdated, anyone)
	about, err := d.distribution()
	if err != nil {
		return floor // told by who needs it more
	}
	if controls(config) {
		for _, content := range d.contents(path.Join(about.DataDir, keysDir, "*.crt")) {
			raise(content, backdated, isAuthority)
		}
	} else if config.Credential != "" {
		for _, content := range d.contents(keptFiles + "/" + config.Credential) {
			raise(content, backdated, anyone)
		}
	}
	for _, pattern := range about.Roles[config.Role].Signed {
		for _, content := range d.contents(pattern) {
			raise(content, 0, anyone)
		}
	}
	return floor
}

// contents are those of the files that can be read.
func (d Device) contents(pattern string) [][]byte {
	names, err := filepath.Glob(d.path(pattern))
	if err != nil {
		return nil
	}
	var found [][]byte
	for _, name := range names {
		if content, err := readIfThere(name); err == nil {
			found = append(found, content)
		}
	}
	return found
}

func certificatesIn(content []byte) []*x509.Certificate {
	var found []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if one, err := x509.ParseCertificate(block.Bytes); err == nil {
			found = append(found, one)
		}
	}
	return found
}

// Package token makes and reads what a machine needs to join a cluster: where
// the API server is, whom to trust, and a bootstrap token that proves the right.
package token

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"kedge/internal/kubeconfig"
)

// User is whom a worker's join token names, as k0s' do.
const User = "kubelet-bootstrap"

const (
	letters      = "abcdefghijklmnopqrstuvwxyz0123456789"
	idLength     = 6
	secretLength = 16
	// maxBytes is far more than a chain of authorities needs.
	maxBytes = 1 << 20
)

// Bootstrap is the token that the API server knows. The ID is no secret.
type Bootstrap struct {
	ID     string
	Secret string
}

// String is the token as it is sent.
func (b Bootstrap) String() string { return b.ID + "." + b.Secret }

// New makes a token out of a source of randomness.
func New(random io.Reader) (Bootstrap, error) {
	text := make([]byte, 0, idLength+secretLength)
	// A byte is as likely to be any letter only if those past the last whole
	// round of letters are thrown away.
	const fair = 256 / len(letters) * len(letters)
	var next [1]byte
	for len(text) < cap(text) {
		if _, err := io.ReadFull(random, next[:]); err != nil {
			return Bootstrap{}, fmt.Errorf("make a token: %w", err)
		}
		if int(next[0]) < fair {
			text = append(text, letters[int(next[0])%len(letters)])
		}
	}
	return Bootstrap{ID: string(text[:idLength]), Secret: string(text[idLength:])}, nil
}

// ParseBootstrap reads a token as it is sent. Errors do not repeat it.
func ParseBootstrap(text string) (Bootstrap, error) {
	if !regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`).MatchString(text) {
		return Bootstrap{}, errors.New("a bootstrap token has six and sixteen lower-case letters and digits, with a dot between")
	}
	return Bootstrap{ID: text[:idLength], Secret: text[idLength+1:]}, nil
}

// IsID tells whether a text can be the public part of a token.
func IsID(text string) bool { return regexp.MustCompile(`^[a-z0-9]{6}$`).MatchString(text) }

// Join is all that a worker is given.
type Join struct {
	Server    string // https://host:port
	CA        []byte // PEM, of the API server
	Bootstrap Bootstrap
}

// Encode packs it into one word: a kubeconfig, compressed, in base64.
func (j Join) Encode() (string, error) {
	if err := j.check(); err != nil {
		return "", err
	}
	content, err := kubeconfig.Config{Server: j.Server, CA: j.CA, User: User, Token: j.Bootstrap.String()}.Encode()
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err = writer.Write(content); err == nil {
		err = writer.Close()
	}
	if err != nil {
		return "", fmt.Errorf("pack a join token: %w", err)
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

const hint = "; take the token again from 'kedge token create', whole"

// Decode reads a join token. White space around it and line breaks within are
// what copying leaves. Errors do not repeat the token.
func Decode(text string) (Join, error) {
	if len(text) > maxBytes {
		return Join{}, errors.New("the join token is too long" + hint)
	}
	packed, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return Join{}, errors.New("the join token is not base64" + hint)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Join{}, errors.New("the join token is not compressed by gzip" + hint)
	}
	content, err := io.ReadAll(io.LimitReader(reader, maxBytes+1))
	if err != nil || len(content) > maxBytes {
		return Join{}, errors.New("the join token is damaged" + hint)
	}
	config, err := kubeconfig.Parse(content)
	if err != nil {
		return Join{}, fmt.Errorf("the join token holds no kubeconfig (%w)%s", err, hint)
	}
	if config.User != User {
		return Join{}, fmt.Errorf("the join token is for %q, not for a worker (%q)", config.User, User)
	}
	bootstrap, err := ParseBootstrap(config.Token)
	if err != nil {
		return Join{}, fmt.Errorf("the join token: %w", err)
	}
	join := Join{Server: config.Server, CA: config.CA, Bootstrap: bootstrap}
	return join, join.check()
}

func (j Join) check() error {
	server, err := url.Parse(j.Server)
	if err != nil || server.Scheme != "https" || server.Hostname() == "" || server.User != nil || strings.Trim(server.Path, "/") != "" {
		return fmt.Errorf("the API server of a join token is %q; it must be https://HOST:PORT", j.Server)
	}
	if block, _ := pem.Decode(j.CA); block == nil || block.Type != "CERTIFICATE" {
		return errors.New("a join token needs the certificate of the API server's authority, in PEM format")
	}
	return nil
}

// Package upgrade judges executables of kedge that come from outside: who signed
// them, what they are made for, and whether this machine may run them.
package upgrade

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"aead.dev/minisign"

	"kedge/internal/signature"
)

// mostSignatureBytes is far above what minisign writes.
const mostSignatureBytes = 8 << 10

// Source is a file or a URL with an executable; its signature is beside it.
type Source struct{ Where string }

// open begins to read it, or with a suffix what is beside it.
func (s Source) open(ctx context.Context, suffix string) (io.ReadCloser, error) {
	if remote, ok := s.url(suffix); ok {
		return fetch(ctx, remote)
	}
	file, err := os.Open(s.Where + suffix)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", file.Name())
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// url is where to fetch from; the signature is beside the file, not behind a query.
func (s Source) url(suffix string) (string, bool) {
	if !strings.HasPrefix(s.Where, "http://") && !strings.HasPrefix(s.Where, "https://") {
		return "", false
	}
	parsed, err := url.Parse(s.Where)
	if err != nil {
		return s.Where + suffix, true // which fetching refuses
	}
	parsed.Path += suffix
	return parsed.String(), true
}

// Receive copies the executable to where, and refuses it when none of keys signed
// it. Without keys, anything is taken.
func (s Source) Receive(ctx context.Context, where io.Writer, keys []minisign.PublicKey) error {
	var signed minisign.Signature
	if len(keys) > 0 {
		var err error
		if signed, err = s.signature(ctx); err != nil {
			return err
		}
	}
	content, err := s.open(ctx, "")
	if err != nil {
		return err
	}
	defer content.Close()
	receive := func() (*minisign.Reader, error) {
		reader := minisign.NewReader(content)
		if _, err := io.Copy(where, reader); err != nil {
			return nil, fmt.Errorf("receive %s: %w", s.Where, err)
		}
		return reader, nil
	}
	if len(keys) == 0 {
		_, err := receive()
		return err
	}
	problem, err := signature.Problem(signed, keys, receive)
	if err == nil && problem != "" {
		err = fmt.Errorf("the signature of %s is refused: %s", s.Where, problem)
	}
	return err
}

func (s Source) signature(ctx context.Context) (minisign.Signature, error) {
	var signed minisign.Signature
	content, err := s.open(ctx, signature.Suffix)
	if err != nil {
		return signed, fmt.Errorf("the signature cannot be read: %w", err)
	}
	defer content.Close()
	text, err := io.ReadAll(io.LimitReader(content, mostSignatureBytes))
	if err != nil {
		return signed, fmt.Errorf("read the signature: %w", err)
	}
	if err := signed.UnmarshalText(text); err != nil {
		return signed, fmt.Errorf("%s%s is no signature of minisign: %w", s.Where, signature.Suffix, err)
	}
	return signed, nil
}

// Package upgrade judges executables of kedge that come from outside: who signed
// them, what they are made for, and whether this machine may run them.
package upgrade

import (
	"context"
	"fmt"
	"io"

	"aead.dev/minisign"

	"kedge/internal/fetch"
	"kedge/internal/signature"
)

// mostSignatureBytes is far above what minisign writes.
const mostSignatureBytes = 8 << 10

// Receive copies what source has to where, and refuses it when none of keys signed
// it. Without keys, anything is taken.
func Receive(ctx context.Context, source fetch.Source, where io.Writer, keys []minisign.PublicKey) error {
	var signed minisign.Signature
	if len(keys) > 0 {
		var err error
		if signed, err = readSignature(ctx, source); err != nil {
			return err
		}
	}
	content, err := source.Open(ctx, "")
	if err != nil {
		return err
	}
	defer content.Close()
	receive := func() (*minisign.Reader, error) {
		reader := minisign.NewReader(content)
		if _, err := io.Copy(where, reader); err != nil {
			return nil, fmt.Errorf("receive %s: %w", source.Where, err)
		}
		return reader, nil
	}
	if len(keys) == 0 {
		_, err := receive()
		return err
	}
	problem, err := signature.Problem(signed, keys, receive)
	if err == nil && problem != "" {
		err = fmt.Errorf("the signature of %s is refused: %s", source.Where, problem)
	}
	return err
}

func readSignature(ctx context.Context, source fetch.Source) (minisign.Signature, error) {
	var signed minisign.Signature
	content, err := source.Open(ctx, signature.Suffix)
	if err != nil {
		return signed, fmt.Errorf("the signature cannot be read: %w", err)
	}
	defer content.Close()
	text, err := io.ReadAll(io.LimitReader(content, mostSignatureBytes))
	if err != nil {
		return signed, fmt.Errorf("read the signature: %w", err)
	}
	if err := signed.UnmarshalText(text); err != nil {
		return signed, fmt.Errorf("%s%s is no signature of minisign: %w", source.Where, signature.Suffix, err)
	}
	return signed, nil
}

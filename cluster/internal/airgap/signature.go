package airgap

import (
	"context"
	"fmt"
	"io"

	"aead.dev/minisign"

	"kedge/internal/signature"
)

// RequireSigned refuses bundles without the signature of the key in keyFile, a
// public key of minisign's. All that is wrong is one error, of type Problems.
func RequireSigned(ctx context.Context, bundles []*Bundle, keyFile string) error {
	key, err := signature.ReadKey(keyFile)
	if err != nil {
		return err
	}
	var problems Problems
	for _, bundle := range bundles {
		what, err := bundle.unsigned(ctx, key)
		if err != nil {
			return fmt.Errorf("read %s: %w", bundle.Name, err)
		}
		if what != "" {
			problems = append(problems, Problem{Bundle: bundle.Name, Subject: "the signature", What: what})
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// unsigned says why a bundle does not count as signed with key.
func (b *Bundle) unsigned(ctx context.Context, key minisign.PublicKey) (string, error) {
	found, err := minisign.SignatureFromFile(b.Name + signature.Suffix)
	if err != nil {
		return err.Error(), nil
	}
	return signature.Problem(found, []minisign.PublicKey{key}, func() (*minisign.Reader, error) {
		content := minisign.NewReader(&stoppable{ctx, b.Reader()})
		_, err := io.CopyBuffer(io.Discard, content, make([]byte, readBytes))
		return content, err
	})
}

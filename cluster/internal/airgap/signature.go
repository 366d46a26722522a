package airgap

import (
	"context"
	"fmt"
	"io"

	"aead.dev/minisign"
)

// signatureSuffix is that of the file beside a bundle, as minisign names it. The
// parts of a bundle have one signature.
const signatureSuffix = ".minisig"

// RequireSigned refuses bundles without the signature of the key in keyFile, a
// public key of minisign's. All that is wrong is one error, of type Problems.
func RequireSigned(ctx context.Context, bundles []*Bundle, keyFile string) error {
	key, err := minisign.PublicKeyFromFile(keyFile)
	if err != nil {
		return fmt.Errorf("%s holds no public key of minisign: %w", keyFile, err)
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
	signature, err := minisign.SignatureFromFile(b.Name + signatureSuffix)
	if err != nil {
		return err.Error(), nil
	}
	if signature.KeyID != key.ID() {
		return fmt.Sprintf("it is of the key %016X, not of %016X", signature.KeyID, key.ID()), nil
	}
	if signature.Algorithm != minisign.HashEdDSA {
		return "it is of an old kind, over the whole content at once; sign with minisign 0.6 or later (-H)", nil
	}
	hashed := minisign.NewReader(&stoppable{ctx, b.Reader()})
	if _, err := io.CopyBuffer(io.Discard, hashed, make([]byte, readBytes)); err != nil {
		return "", err
	}
	if !hashed.Verify(key, []byte(signature.String())) {
		return "the bundle, or the comment in the signature, is not what was signed", nil
	}
	return "", nil
}

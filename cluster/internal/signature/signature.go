// Package signature judges minisign's signatures of files that are too large for
// memory.
package signature

import (
	"errors"
	"fmt"
	"path/filepath"

	"aead.dev/minisign"
)

// Suffix ends the name of the file beside what is signed, as minisign names it.
const Suffix = ".minisig"

// ReadKey reads a public key of minisign's.
func ReadKey(file string) (minisign.PublicKey, error) {
	key, err := minisign.PublicKeyFromFile(file)
	if err != nil {
		return key, fmt.Errorf("%s holds no public key of minisign: %w", file, err)
	}
	return key, nil
}

// ReadKeys reads the public keys in a directory, NAME.pub; there may be none.
func ReadKeys(directory string) ([]minisign.PublicKey, error) {
	files, err := filepath.Glob(filepath.Join(directory, "*.pub"))
	if err != nil {
		return nil, fmt.Errorf("look for keys: %w", err)
	}
	var keys []minisign.PublicKey
	var problems []error
	for _, file := range files {
		key, err := ReadKey(file)
		keys, problems = append(keys, key), append(problems, err)
	}
	return keys, errors.Join(problems...)
}

// Problem says why what was read through content does not count as signed with one
// of keys; empty: it does. content must have been read to its end, unless the
// signature alone is enough to refuse it.
func Problem(signature minisign.Signature, keys []minisign.PublicKey, read func() (*minisign.Reader, error)) (string, error) {
	var known []string
	for _, key := range keys {
		if key.ID() != signature.KeyID {
			known = append(known, fmt.Sprintf("%016X", key.ID()))
			continue
		}
		if signature.Algorithm != minisign.HashEdDSA {
			return "it is of an old kind, over the whole content at once; sign with minisign 0.6 or later (-H)", nil
		}
		content, err := read()
		if err != nil {
			return "", err
		}
		if !content.Verify(key, []byte(signature.String())) {
			return "the content, or the comment in the signature, is not what was signed", nil
		}
		return "", nil
	}
	return fmt.Sprintf("it is of the key %016X, not of %s", signature.KeyID, words(known)), nil
}

func words(known []string) string {
	if len(known) == 0 {
		return "any that is known here"
	}
	text := known[0]
	for _, each := range known[1:] {
		text += " or " + each
	}
	return text
}

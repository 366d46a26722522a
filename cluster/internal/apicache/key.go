package apicache

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"kedge/internal/wholefile"
)

// form is that of the whole directory. It is raised when what older versions
// wrote cannot be read any more; that is then lost, and told.
const form = "v1"

const (
	keySize = 32
	// keyFile has the key of everything else, sealed.
	keyFile = "key.json"
	// keyUse tells this use of the node's key from others.
	keyUse = "kedge: what the node has seen of its cluster"
)

// sealedKey is what the file has.
type sealedKey struct {
	Form   string `json:"form"`
	Sealed []byte `json:"sealed"`
}

// ErrUnreadable says that what there is was written with a key of another node,
// or by another version of kedge.
var ErrUnreadable = errors.New("what this node has seen before cannot be read")

// OpenKey reads the directory's key with one of the node's private keys: a node
// gets a new one now and then, and the power may go just then. The first is the
// one that it is sealed with from now on. Without a key that can be read, a new
// one is made, all that stood there is removed, and the error is ErrUnreadable.
func OpenKey(dir string, nodeKeys ...[]byte) ([]byte, error) {
	if len(nodeKeys) == 0 {
		return nil, errors.New("keep what this node sees: it has no key yet")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep what this node sees: %w", err)
	}
	content, err := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err, os.ErrNotExist) {
		return newKey(dir, nodeKeys[0], nil)
	}
	if err != nil {
		return nil, fmt.Errorf("keep what this node sees: %w", err)
	}
	for at, nodeKey := range nodeKeys {
		key, err := unsealKey(content, nodeKey)
		if err != nil {
			continue
		}
		if at == 0 {
			return key, nil
		}
		return key, SealKey(dir, key, nodeKeys[0])
	}
	return newKey(dir, nodeKeys[0], ErrUnreadable)
}

// newKey begins anew, and says why.
func newKey(dir string, nodeKey []byte, why error) ([]byte, error) {
	stale, err := filepath.Glob(filepath.Join(dir, "*"+suffix+"*"))
	if err != nil {
		return nil, err
	}
	for _, file := range stale {
		if err := os.Remove(file); err != nil {
			return nil, fmt.Errorf("keep what this node sees: %w", err)
		}
	}
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	if err := SealKey(dir, key, nodeKey); err != nil {
		return nil, err
	}
	return key, why
}

// SealKey writes the key so that only who has the node's can read it.
func SealKey(dir string, key, nodeKey []byte) error {
	sealer, err := keySealer(nodeKey)
	if err != nil {
		return fmt.Errorf("keep what this node sees: %w", err)
	}
	nonce := make([]byte, sealer.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	content, err := json.Marshal(sealedKey{Form: form, Sealed: sealer.Seal(nonce, nonce, key, []byte(form))})
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(dir, keyFile), content, 0o600); err != nil {
		return fmt.Errorf("keep what this node sees: %w", err)
	}
	return nil
}

func unsealKey(content, nodeKey []byte) ([]byte, error) {
	var has sealedKey
	if err := json.Unmarshal(content, &has); err != nil || has.Form != form {
		return nil, ErrUnreadable
	}
	sealer, err := keySealer(nodeKey)
	if err != nil || len(has.Sealed) < sealer.NonceSize() {
		return nil, ErrUnreadable
	}
	return sealer.Open(nil, has.Sealed[:sealer.NonceSize()], has.Sealed[sealer.NonceSize():], []byte(form))
}

// keySealer is made from a private key in PEM.
func keySealer(nodeKey []byte) (sealer, error) {
	for block, rest := pem.Decode(nodeKey); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			continue
		}
		derived, err := hkdf.Key(sha256.New, block.Bytes, nil, keyUse, keySize)
		if err != nil {
			return sealer{}, err
		}
		return newSealer(derived)
	}
	return sealer{}, errors.New("the node's file has no private key")
}

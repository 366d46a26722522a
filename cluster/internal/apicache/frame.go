package apicache

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// A file is a sequence of frames: mark, length, and as many bytes of a record,
// sealed. A damaged frame is lost alone: the next is found by its mark.
var frameMark = []byte("\x93kc\x01")

const (
	frameHead = 4 + 4 // mark and length
	// maxRecord bounds what is read at once; etcd takes no object of more than 1.5 MB.
	maxRecord = 16 << 20
)

var errDamaged = errors.New("damaged")

// What a record says.
const (
	sayKey      = "key"      // what the file is about
	sayPut      = "put"      // an object
	sayDelete   = "delete"   // that it is gone
	sayComplete = "complete" // that nothing is missing; it has the key, too
)

// record is what a frame has sealed: this in JSON, a zero byte, an object.
type record struct {
	Say             string `json:"say"`
	Key             *Key   `json:"key,omitempty"`
	APIVersion      string `json:"apiVersion,omitempty"`
	Kind            string `json:"kind,omitempty"`
	Namespace       string `json:"namespace,omitempty"`
	Name            string `json:"name,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`

	raw []byte
}

func (r record) encode() ([]byte, error) {
	head, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return append(append(head, 0), r.raw...), nil
}

func decodeRecord(plain []byte) (record, error) {
	head, raw, found := bytes.Cut(plain, []byte{0})
	if !found {
		return record{}, errDamaged
	}
	var r record
	if err := json.Unmarshal(head, &r); err != nil {
		return record{}, errDamaged
	}
	r.raw = raw
	return r, nil
}

// sealer keeps what is written from everybody who has not the key.
type sealer struct{ cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead}, err
}

// seal makes a frame for the file of this name: in another it cannot be read.
func (s sealer) seal(file string, r record) ([]byte, error) {
	plain, err := r.encode()
	if err != nil {
		return nil, err
	}
	size := s.NonceSize() + len(plain) + s.Overhead()
	if size > maxRecord {
		return nil, fmt.Errorf("%s/%s takes %d bytes: too much", r.Namespace, r.Name, size)
	}
	frame := make([]byte, 0, frameHead+size)
	frame = append(frame, frameMark...)
	frame = binary.BigEndian.AppendUint32(frame, uint32(size))
	nonce := frame[frameHead : frameHead+s.NonceSize()]
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return s.Seal(frame[:frameHead+s.NonceSize()], nonce, plain, []byte(file)), nil
}

// open reads a frame. Its memory is reused.
func (s sealer) open(file string, frame []byte) (record, error) {
	if len(frame) < frameHead+s.NonceSize() {
		return record{}, errDamaged
	}
	sealed := frame[frameHead:]
	nonce, sealed := sealed[:s.NonceSize()], sealed[s.NonceSize():]
	plain, err := s.Open(sealed[:0], nonce, sealed, []byte(file))
	if err != nil {
		return record{}, errDamaged
	}
	return decodeRecord(plain)
}

// frames calls visit with where each frame of a file begins and the frame, and
// returns how many pieces were none.
func frames(content []byte, visit func(at int, frame []byte) error) int {
	lost := 0
	for at := 0; at < len(content); {
		frame := frameAt(content[at:])
		if frame != nil && visit(at, frame) == nil {
			at += len(frame)
			continue
		}
		lost++
		next := bytes.Index(content[at+1:], frameMark)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return lost
}

// frameAt is the frame that a file goes on with; nil: there is none, or not all of it.
func frameAt(content []byte) []byte {
	if len(content) < frameHead || !bytes.HasPrefix(content, frameMark) {
		return nil
	}
	size := int(binary.BigEndian.Uint32(content[len(frameMark):]))
	if size > maxRecord || size > len(content)-frameHead {
		return nil
	}
	return content[:frameHead+size]
}

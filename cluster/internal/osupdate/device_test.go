package osupdate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/adler32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"kedge/internal/fetch"
	"kedge/internal/slots"
)

const (
	block    = 4096
	slotSize = 64 * block
)

var ofThisDevice = slots.About{Name: "edge", Version: "0.1.0", Architecture: "amd64", Board: "generic-amd64"}

// bench is a device in one directory, and whoever publishes its updates.
type bench struct {
	t         *testing.T
	device    Device
	condition Condition
	key       minisign.PrivateKey
	keys      []minisign.PublicKey
	published string
	// after is how many writes to the partition are done, and what follows fails; -1: all.
	after int
	// writes is how many there were.
	writes int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, key: private, keys: []minisign.PublicKey{public}, published: t.TempDir(), after: -1}
	root := t.TempDir()
	b.put(root, "proc/cmdline", []byte("quiet device.slot=A device.disk=1234abcd\n"))
	b.put(root, "usr/lib/device/slot.json", encoded(t, ofThisDevice))
	b.put(root, "data/etc-A/upper/motd", nil)
	b.put(root, "dev/disk/by-partuuid/1234abcd-02", system(1, 40))
	b.put(root, "dev/disk/by-partuuid/1234abcd-03", make([]byte, slotSize))
	found, err := slots.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	b.condition = Condition{Settled: true}
	b.device = Device{Device: found, Look: func(context.Context) Condition { return b.condition }, Open: b.open}
	b.put(root, "run/device/update/grub/grubenv", make([]byte, 1024))
	b.put(root, "run/device/update/grub/grubenv2", make([]byte, 1024))
	b.tellGrub(slots.Environment{"ORDER": "A B", "A_OK": "1", "A_TRY": "0", "B_OK": "1", "B_TRY": "0", "ROUND": "0"})
	return b
}

func (b *bench) put(root, name string, content []byte) {
	b.t.Helper()
	path := filepath.Join(root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) tellGrub(state slots.Environment) {
	b.t.Helper()
	if err := slots.WriteEnvironment(b.device.path("run/device/update"), state); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) grub() slots.Environment {
	b.t.Helper()
	state, err := b.device.Environment()
	if err != nil {
		b.t.Fatal(err)
	}
	return state
}

// start is what GRUB does, and the gate of the system that it starts.
func (b *bench) start() (string, error) {
	b.t.Helper()
	state := b.grub()
	slot := state.First()
	state[slot+"_TRY"] = "1"
	b.tellGrub(state)
	b.device.Running = slot
	return slot, b.device.Gate(b.t.Context(), quiet())
}

// good is what device-slot-good does: it knows nothing of trials.
func (b *bench) good() {
	b.t.Helper()
	state := b.grub()
	state[b.device.Running+"_OK"], state[b.device.Running+"_TRY"] = "1", "0"
	delete(state, "TRIAL")
	b.tellGrub(state)
}

func (b *bench) partition(slot string) []byte {
	b.t.Helper()
	content, err := os.ReadFile(b.device.Partition(slot))
	if err != nil {
		b.t.Fatal(err)
	}
	return content
}

// cutting is a partition whose power goes in the middle of a write.
type cutting struct {
	Partition
	bench *bench
}

var errCut = errors.New("the power is gone")

func (c cutting) WriteAt(data []byte, at int64) (int, error) {
	if c.bench.writes == c.bench.after {
		n, _ := c.Partition.WriteAt(data[:len(data)/2], at)
		return n, errCut
	}
	c.bench.writes++
	return c.Partition.WriteAt(data, at)
}

func (b *bench) open(path string) (Partition, error) {
	opened, err := openDevice(path)
	return cutting{opened, b}, err
}

// system is a file system of that many blocks, whose bytes seed decides.
func system(seed byte, blocks int) []byte {
	content := make([]byte, 0, blocks*block)
	sum := sha256.Sum256([]byte{seed})
	for len(content) < cap(content) {
		content = append(content, sum[:]...)
		sum = sha256.Sum256(sum[:])
	}
	copy(content, "hsqs")
	binary.LittleEndian.PutUint64(content[40:], uint64(len(content)))
	return content
}

func encoded(t *testing.T, value any) []byte {
	t.Helper()
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func describe(content []byte, about slots.About) Manifest {
	whole := sha256.Sum256(content)
	made := Manifest{Format: 1, About: about, File: "system.squashfs", Size: int64(len(content)), Digest: hex.EncodeToString(whole[:]), BlockSize: block}
	for at := 0; at < len(content); at += block {
		part := content[at:min(at+block, len(content))]
		digest := sha256.Sum256(part)
		made.Digests = append(made.Digests, digest[:]...)
		made.Sums = binary.BigEndian.AppendUint32(made.Sums, adler32.Checksum(part))
	}
	return made
}

// publish lays an update down, signed, and tells where.
func (b *bench) publish(content []byte, about slots.About) fetch.Source {
	b.t.Helper()
	b.put(b.published, "system.squashfs", content)
	b.sign(encoded(b.t, describe(content, about)), b.key)
	return fetch.Source{Where: filepath.Join(b.published, "system.update")}
}

func (b *bench) sign(manifest []byte, key minisign.PrivateKey) {
	b.t.Helper()
	reader := minisign.NewReader(bytes.NewReader(manifest))
	_, _ = io.Copy(io.Discard, reader)
	b.put(b.published, "system.update", manifest)
	b.put(b.published, "system.update.minisig", reader.Sign(key))
}

func (b *bench) install(source fetch.Source) (Figures, error) {
	b.t.Helper()
	_, figures, err := b.device.Install(b.t.Context(), Request{Source: source, Keys: b.keys, Within: time.Minute})
	return figures, err
}

func version(text string) slots.About {
	about := ofThisDevice
	about.Version = text
	return about
}

func TestAnUpdateIsInstalledTriedAndGood(t *testing.T) {
	b := newBench(t)
	next := system(2, 50)
	figures, err := b.install(b.publish(next, version("0.2.0")))
	if err != nil || !bytes.HasPrefix(b.partition(slots.B), next) {
		t.Fatalf("installed: %v", err)
	}
	if figures.Fetched != int64(len(next)) || figures.Copied != 0 {
		t.Errorf("of a system that is new altogether: %+v", figures)
	}
	if from, _ := os.ReadFile(b.device.path("data/etc-B.from")); string(from) != "A\n" {
		t.Errorf("the new system takes along the /etc of %q", from)
	}
	if report, err := b.device.Report(); err != nil || report.Next != slots.B || report.Trial == nil || report.Trial.Version != "0.2.0" {
		t.Errorf("before the restart: %+v, %v", report, err)
	}
	slot, err := b.tryOnce()
	if slot != slots.B || err != nil {
		t.Fatalf("started %s: %v", slot, err)
	}
	b.good()
	b.put(b.device.Root, "usr/lib/device/slot.json", encoded(t, version("0.2.0")))
	report, err := b.device.Report()
	if err != nil || report.Running != slots.B || report.Next != slots.B || report.Trial != nil || report.Failed != nil {
		t.Errorf("when it is good: %+v, %v", report, err)
	}
	if report.Slots[0] != (Slot{Name: slots.A, Version: "0.1.0", OK: true}) {
		t.Errorf("the system before: %+v", report.Slots[0])
	}
	if next, err := b.device.Rollback(); next != slots.A || err != nil || b.grub().First() != slots.A {
		t.Errorf("the way back leads to %s: %v", next, err)
	}
}

// tryOnce starts the device with a gate that is patient for no time.
func (b *bench) tryOnce() (string, error) {
	b.t.Helper()
	state, err := b.device.store().Read()
	if err != nil {
		b.t.Fatal(err)
	}
	state.Trial.Within = 1
	if err := b.device.store().Write(state); err != nil {
		b.t.Fatal(err)
	}
	return b.start()
}

func TestWhatDoesNotWorkIsLeftAndSaysWhy(t *testing.T) {
	for name, test := range map[string]struct {
		judge func(*bench) // what the new system does before it is over
		want  string
	}{
		"nothing is heard of it": {func(b *bench) {
			state := b.grub()
			state["B_TRY"] = "1"
			b.tellGrub(state)
		}, "its system did not come so far"},
		"a unit fails": {func(b *bench) {
			b.condition.Failed = []string{"a.service"}
			if _, err := b.tryOnce(); !errors.Is(err, ErrNotAsBefore) {
				b.t.Errorf("the gate is open: %v", err)
			}
		}, "not as before within 1ns: a.service failed"},
		"it was never tried": {func(b *bench) {
			state := b.grub()
			state.Forbid(slots.B)
			b.tellGrub(state)
		}, "the next start was not told to try it"},
		"it ended while it was judged": {func(b *bench) {
			b.device.Look = func(context.Context) Condition { panic(errCut) }
			defer func() {
				if recover() != errCut {
					b.t.Error("nobody looked")
				}
				b.device.Look = func(context.Context) Condition { return b.condition }
			}()
			_, _ = b.tryOnce()
		}, "its system started, and ended before it was known"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if _, err := b.install(b.publish(system(2, 50), version("0.2.0"))); err != nil {
				t.Fatal(err)
			}
			test.judge(b)
			b.condition = Condition{Settled: true}
			slot, err := b.start()
			if slot != slots.A || err != nil {
				t.Fatalf("started %s: %v", slot, err)
			}
			report, err := b.device.Report()
			if err != nil || report.Failed == nil || !strings.HasPrefix(report.Failed.Why, test.want) || report.Trial != nil {
				t.Errorf("%+v, %v", report, err)
			}
			if grub := b.grub(); grub.IsOK(slots.B) || grub.First() != slots.A || grub["TRIAL"] != "" {
				t.Errorf("GRUB would start it again: %v", grub)
			}
			// A second look, and a second start, find the same.
			b.good()
			if slot, err := b.start(); slot != slots.A || err != nil {
				t.Errorf("started %s: %v", slot, err)
			}
			if _, err := b.device.Rollback(); err == nil {
				t.Error("the way back leads to what does not work")
			}
		})
	}
}

func TestADeviceWithoutUpdatesIsLeftAlone(t *testing.T) {
	b := newBench(t)
	b.condition = Condition{Failed: []string{"everything.service"}}
	if slot, err := b.start(); slot != slots.A || err != nil {
		t.Errorf("started %s: %v", slot, err)
	}
}

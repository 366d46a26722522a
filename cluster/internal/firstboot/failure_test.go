package firstboot

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const page = 4096

// onSmallDisk puts dir on a disk of its own with so many pages. The test's
// thread alone sees it, and ends with the test.
func onSmallDisk(t *testing.T, dir string, pages int) {
	t.Helper()
	runtime.LockOSThread()
	err := unix.Unshare(unix.CLONE_NEWNS)
	if err == nil {
		err = errors.Join(os.MkdirAll(dir, publicDir), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("test", dir, "tmpfs", 0, "size="+strconv.Itoa(pages*page)))
	}
	if errors.Is(err, unix.EPERM) {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// zeroed is content without the first sector in which mark stands, as a card
// has it whose writes were cut off.
func zeroed(content []byte, mark string) []byte {
	damaged := bytes.Clone(content)
	at := bytes.Index(damaged, []byte(strings.Repeat(mark+"\nkeys ", 40)))
	clear(damaged[at : at+sectorBytes])
	return damaged
}

// TestAFullDisk fills the data partition but for a few pages: whichever step
// fails, the card keeps what it has, and nothing is left by half.
func TestAFullDisk(t *testing.T) {
	archive := archiveOf(t, "keys")
	cards := map[string]map[string][]byte{
		"worker":     {"node.yaml": sample(t, "worker"), "credential.pem": credentialOf(t, "field-1")},
		"controller": {"node.yaml": sample(t, "controller"), "controller.tar": archive, "kedge.yaml": []byte("kind: ClusterConfig\n")},
	}
	ran, failed := 0, 0
	for role, files := range cards {
		for free := range 24 {
			t.Run(role+" "+strconv.Itoa(free), func(t *testing.T) {
				m := newMachine(t)
				onSmallDisk(t, m.device.path("var"), 64)
				ran++
				for name, content := range files {
					m.onCard(name, content)
				}
				filler := m.device.path("var/filler")
				if err := os.WriteFile(filler, make([]byte, (64-free)*page), private); err != nil {
					t.Fatal(err)
				}
				before := m.cardFiles()
				status := m.start()
				if len(status.Failures) > 0 {
					failed++
					m.wantRoles()
					told := m.cardText(StatusFile)
					if !strings.HasPrefix(told, "stage:   failed") || !strings.Contains(told, "no space left on device: remove what fills it") || !strings.Contains(told, "\nto do:   mend") {
						t.Errorf("told: %s", told)
					}
					if got := m.cardFiles(); !slices.Equal(got, append(before, StatusFile)) && m.read(keptNode) == "" {
						t.Errorf("the card has %q; it had %q", got, before)
					}
				}
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				m.start()
				m.wantRoles(role)
				if got := m.cardFiles(); !slices.Equal(got, []string{"node.yaml", StatusFile}) {
					t.Errorf("the card has %q", got)
				}
				kept := "credential.pem"
				if role == "controller" {
					kept = "kedge.yaml"
				}
				entries, err := os.ReadDir(m.device.path(keptFiles))
				if err != nil || len(entries) != 1 || m.read(keptFiles+"/"+kept) != string(files[kept]) {
					t.Errorf("kept: %v, %v", entries, err)
				}
			})
		}
	}
	if ran > 0 && failed == 0 {
		t.Error("no disk was full")
	}
}

// TestAFullCard: how it went cannot be told there, and nothing else follows from that.
func TestAFullCard(t *testing.T) {
	m := newMachine(t)
	onSmallDisk(t, m.card.Dir, 4)
	m.onCard("node.yaml", []byte("format: 1\nname: barn\nrole: single\n"))
	m.onCard("filler", make([]byte, 3*page))
	status := m.start()
	m.wantRoles("single")
	if told := m.read(issueFile); len(status.Notes) != 1 || !strings.Contains(told, "note:    status.txt on the card cannot be written: ") {
		t.Errorf("told: %s", told)
	}
	if got := m.cardFiles(); !slices.Equal(got, []string{"filler", "node.yaml"}) {
		t.Errorf("the card has %q", got)
	}
}

// TestACardThatCannotBeRead: a device goes by what it keeps, and one that keeps nothing says why.
func TestACardThatCannotBeRead(t *testing.T) {
	m := newMachine(t)
	card := m.card
	m.card = &Card{Unreadable: unix.EIO}
	m.start()
	m.wantRoles()
	if told := m.read(issueFile); !strings.Contains(told, "failed:  read the card: input/output error") {
		t.Errorf("told: %s", told)
	}
	m.card = card
	m.onCard("node.yaml", []byte(single))
	m.start()
	m.card = &Card{Unreadable: unix.EIO}
	m.start()
	m.wantRoles("single")
	if told := m.read(issueFile); !strings.Contains(told, "note:    the card cannot be read, and the device goes by what it keeps: input/output error") {
		t.Errorf("told: %s", told)
	}
}

// TestNothingOnACardStopsWhatHasJoined, be it too large to be read.
func TestNothingOnACardStopsWhatHasJoined(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", sample(t, "worker"))
	m.onCard("credential.pem", credentialOf(t, "field-1"))
	m.start()
	if err := m.device.Join(m.card); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"credential.pem", "node.yaml", StatusFile} {
		m.onCard(name, make([]byte, maxFile+1))
		m.start()
		m.wantRoles("worker")
	}
}

// TestWhatHasJoinedStartsOnAFullDisk: kedge itself removes what fills it.
func TestWhatHasJoinedStartsOnAFullDisk(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", []byte("format: 1\nrole: single\nfiles: [{path: /etc/a, content: x}]\n"))
	m.start()
	if err := m.device.Join(m.card); err != nil {
		t.Fatal(err)
	}
	onSmallDisk(t, m.device.path("etc"), 1)
	m.put("etc/filler", make([]byte, page))
	status := m.start()
	m.wantRoles("single")
	if len(status.Failures) != 1 || !strings.Contains(m.cardText(StatusFile), "failed:  files: files[0].path: ") {
		t.Errorf("told: %v", status)
	}
}

// TestWhatEarlierCardsBroughtIsForgotten: nothing needs a credential that no node.yaml names.
func TestWhatEarlierCardsBroughtIsForgotten(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", sample(t, "worker"))
	m.onCard("credential.pem", credentialOf(t, "field-1"))
	m.start()
	m.onCard("node.yaml", []byte(single))
	m.start()
	m.wantRoles("single")
	if entries, err := os.ReadDir(m.device.path(keptFiles)); err != nil || len(entries) > 0 {
		t.Errorf("kept: %v, %v", entries, err)
	}
}

// TestALockedCard is one that cannot be mounted to be written: it stays readable.
func TestALockedCard(t *testing.T) {
	var did []string
	mount := func(flags uintptr) error {
		if flags&unix.MS_RDONLY == 0 {
			did = append(did, "mount to write")
			return unix.EACCES
		}
		did = append(did, "mount to read")
		return nil
	}
	unmount := func() error { did = append(did, "unmount"); return nil }
	err := remounted(mount, unmount, func() error { did = append(did, "change"); return nil })
	if want := []string{"unmount", "mount to write", "mount to read"}; !errors.Is(err, unix.EACCES) || !slices.Equal(did, want) {
		t.Errorf("did %q, %v", did, err)
	}
}

package firstboot

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kedge/internal/golden"
)

const single = "format: 1\nname: barn\nrole: single\nsite: orchard\nlabels: {kind: x}\n"

func TestACardThatSaysNothing(t *testing.T) {
	m := newMachine(t)
	status := m.start()
	m.wantRoles()
	if m.host != "" || !strings.HasPrefix(status.Stage, "waiting") || !strings.Contains(m.read(issueFile), "waiting") {
		t.Errorf("host = %q, status = %v", m.host, status)
	}
}

func TestASingleNode(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", []byte(single))
	m.start()
	m.wantRoles("single")
	const want = "ARGUMENTS=\"--node-name=barn --profile=default --labels=kind=x --labels=topology.kubernetes.io/zone=orchard\"\n"
	if got := m.read("run/device/node/environment"); got != want || m.host != "barn" {
		t.Errorf("environment = %q, host = %q", got, m.host)
	}
	if got := m.cardText(StatusFile); !strings.Contains(got, "starting") || !strings.Contains(got, "barn, single") {
		t.Errorf("status = %s", got)
	}
	// What says the same is not written again.
	writes := m.writes
	m.start()
	m.wantRoles("single")
	if m.writes != writes {
		t.Errorf("the card was written to %d times more", m.writes-writes)
	}
}

func TestAWorkerTakesItsCredential(t *testing.T) {
	m := newMachine(t)
	credential := credentialOf(t, "field-1")
	m.onCard("node.yaml", sample(t, "worker"))
	m.onCard("credential.pem", credential)
	m.start()
	m.wantRoles("worker")
	if got := m.cardFiles(); !slices.Equal(got, []string{"node.yaml", "status.txt"}) {
		t.Errorf("the card has %q", got)
	}
	const kept = "var/lib/device/first-boot/files/credential.pem"
	if m.read(kept) != string(credential) {
		t.Error("the credential is not kept")
	}
	for name, mode := range map[string]os.FileMode{kept: 0o600, "var/lib/device/first-boot": 0o700 | os.ModeDir, "run/device/node/environment": 0o600} {
		if info, err := os.Stat(m.device.path(name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: mode = %v, %v", name, info.Mode(), err)
		}
	}
	const want = "ARGUMENTS=\"--node-name=field-1 --profile=default --server=mill.example.com:6443" +
		" --authority-file=/run/device/node/authority.crt --credential-file=/var/lib/device/first-boot/files/credential.pem\"\n"
	if got := m.read("run/device/node/environment"); got != want {
		t.Errorf("environment = %s", got)
	}
	if !strings.HasPrefix(m.read("run/device/node/authority.crt"), "-----BEGIN CERTIFICATE-----\n") {
		t.Error("the authority is not there")
	}
	m.start()
	m.wantRoles("worker")
}

func TestAControllerTakesItsKeys(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", sample(t, "controller"))
	m.onCard("controller.tar", archiveOf(t, "first"))
	m.onCard("kedge.yaml", []byte("kind: ClusterConfig\n"))
	for range 2 {
		m.start()
		m.wantRoles("controller")
		if got := m.cardFiles(); !slices.Equal(got, []string{"node.yaml", "status.txt"}) {
			t.Errorf("the card has %q", got)
		}
		if got := m.read("run/device/node/environment"); got != "ARGUMENTS=\"--config=/var/lib/device/first-boot/files/kedge.yaml\"\n" {
			t.Errorf("environment = %s", got)
		}
		if got := m.read("var/lib/kedge/pki/ca.crt"); got != "first certificate\n" {
			t.Errorf("pki/ca.crt = %q", got)
		}
		if info, err := os.Stat(m.device.path("var/lib/kedge/pki/etcd/ca-issuer.key")); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode = %v, %v", info.Mode(), err)
		}
		if m.device.has("var/lib/device/first-boot/files/controller.tar") {
			t.Error("the keys are there a second time")
		}
	}
	// Until it has joined, its operator may give it others; what was there goes.
	m.put("var/lib/kedge/pki/server.crt", []byte("made of the first ones"))
	m.onCard("controller.tar", archiveOf(t, "second"))
	m.start()
	m.wantRoles("controller")
	if got := m.read("var/lib/kedge/pki/ca.crt") + m.read("var/lib/kedge/pki/server.crt"); got != "second certificate\n" {
		t.Errorf("pki = %q", got)
	}
	if entries, err := os.ReadDir(m.device.path("var/lib/kedge")); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestTheKeysOfAnotherClusterAreNone(t *testing.T) {
	m := newMachine(t)
	own := sample(t, "controller")
	m.onCard("node.yaml", own)
	m.onCard("controller.tar", archiveOf(t, "own"))
	m.onCard("kedge.yaml", []byte("kind: ClusterConfig\n"))
	m.start()
	m.wantRoles("controller")
	section := bytes.Index(own, []byte("cluster:\n"))
	foreign := fmt.Sprintf("%scluster:\n  name: mill\n  authority: %q\n", own[:section], newAuthority(t))
	m.onCard("node.yaml", []byte(foreign))
	m.onCard("kedge.yaml", []byte("kind: ClusterConfig\n"))
	m.start()
	m.wantRoles()
	if text := m.cardText(StatusFile); !strings.Contains(text, "controller.tar: node.yaml names this file") {
		t.Errorf("it tells %s", text)
	}
	m.onCard("controller.tar", archiveOf(t, "foreign"))
	m.start()
	m.wantRoles("controller")
}

func TestWhatIsWrongIsToldAndCanBeCorrected(t *testing.T) {
	good := credentialOf(t, "field-1")
	archive := archiveOf(t, "keys")
	worker, controller := sample(t, "worker"), sample(t, "controller")
	for name, wrong := range map[string]struct {
		node, credential, archive []byte
		told                      string
	}{
		"node.yaml":               {node: []byte("format: 1\nrole: wroker\n"), told: "node.yaml:2: role: must be one of"},
		"an empty node.yaml":      {node: []byte{}, told: "node.yaml: the file is empty"},
		"no credential":           {node: worker, told: "credential.pem: node.yaml names this file"},
		"a huge node.yaml":        {node: make([]byte, maxFile+1), told: "node.yaml: it has more than"},
		"an empty credential":     {node: worker, credential: []byte{}, told: "credential.pem: it is empty"},
		"a cut credential":        {node: worker, credential: good[:len(good)/2], told: "credential.pem: it is no certificate with its key"},
		"another's credential":    {node: worker, credential: credentialOf(t, "field-2"), told: "credential.pem: it is not for the node field-1"},
		"a cut archive":           {node: controller, archive: archive[:len(archive)-600], told: "controller.tar: it is no archive"},
		"an archive of nothing":   {node: controller, archive: make([]byte, 1024), told: "controller.tar: it is empty"},
		"an archive that is text": {node: controller, archive: bytes.Repeat([]byte("x"), 2048), told: "controller.tar: it is no archive"},
		"a damaged archive":       {node: controller, archive: zeroed(archive, "key"), told: "controller.tar: its pki/etcd/ca-issuer.key is damaged"},
		"a huge archive":          {node: controller, archive: bytes.Repeat([]byte("x"), maxFile+1), told: "controller.tar: it has more than"},
		"a fleet's card":          {node: sample(t, "fleet"), told: "a worker of this image does not join without: endpoint"},
		"a name alone":            {node: append(bytes.Replace(sample(t, "fleet"), []byte("discovery: true"), []byte("endpoints: [a:1]"), 1), "name: a\n"...), told: "a worker of this image does not join without: credential"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.onCard("node.yaml", wrong.node)
			m.onCard("kedge.yaml", []byte("kind: ClusterConfig\n"))
			if wrong.credential != nil {
				m.onCard("credential.pem", wrong.credential)
			}
			if wrong.archive != nil {
				m.onCard("controller.tar", wrong.archive)
			}
			before := m.cardFiles()
			m.start()
			m.wantRoles()
			for _, text := range []string{m.cardText(StatusFile), m.read(issueFile)} {
				if !strings.Contains(text, "stopped") || !strings.Contains(text, "\nwrong:   ") || !strings.Contains(text, wrong.told) || !strings.Contains(text, "\nto do:   correct") {
					t.Errorf("told: %s", text)
				}
			}
			if got := m.cardFiles(); !slices.Equal(got, append(before, "status.txt")) {
				t.Errorf("the card has %q; it had %q", got, before)
			}
			m.onCard("node.yaml", worker)
			m.onCard("credential.pem", good)
			m.start()
			m.wantRoles("worker")
			if got := m.cardText(StatusFile); strings.Contains(got, "wrong") {
				t.Errorf("told: %s", got)
			}
		})
	}
}

// TestWhatHasJoinedIsNotChanged by whoever has the card in a laptop.
func TestWhatHasJoinedIsNotChanged(t *testing.T) {
	m := newMachine(t)
	credential := credentialOf(t, "field-1")
	m.onCard("node.yaml", sample(t, "worker"))
	m.onCard("credential.pem", credential)
	m.start()
	if err := m.device.Join(m.card); err != nil {
		t.Fatal(err)
	}
	if got := m.cardText(StatusFile); !strings.Contains(got, "joined") {
		t.Errorf("told: %s", got)
	}
	m.onCard("node.yaml", []byte(single))
	m.onCard("credential.pem", credentialOf(t, "field-1"))
	m.start()
	m.wantRoles("worker")
	told := m.cardText(StatusFile)
	if !strings.Contains(told, "note:    node.yaml was changed") || !strings.Contains(told, "note:    credential.pem on the card is another one") {
		t.Errorf("told: %s", told)
	}
	if m.read("var/lib/device/first-boot/files/credential.pem") != string(credential) || m.cardText("credential.pem") == "" {
		t.Error("the credential was replaced, or wiped")
	}
	m.card = nil
	m.start()
	m.wantRoles("worker")
}

// TestMemoryKeepsNothing: where the data partition is lost, the card stays as it is.
func TestMemoryKeepsNothing(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", sample(t, "worker"))
	m.onCard("credential.pem", credentialOf(t, "field-1"))
	m.put("run/device/data-in-memory", nil)
	m.startAgain()
	m.wantRoles()
	if m.cardText("credential.pem") == "" || m.device.has(keptDir) || !strings.Contains(m.cardText(StatusFile), "data partition") {
		t.Error(m.cardText(StatusFile))
	}
}

func TestAnUnwritableCard(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", sample(t, "worker"))
	m.onCard("credential.pem", credentialOf(t, "field-1"))
	m.card.Writable = func(func() error) error { return os.ErrPermission }
	taken, err := m.device.Take(m.card)
	if err != nil || taken.Config == nil || len(taken.Notes) != 1 || !strings.Contains(taken.Notes[0], "wipe what is secret from the card") {
		t.Errorf("taken = %+v, %v", taken, err)
	}
	m.device.Tell(m.card, StatusOf(taken, Findings{}, false))
	if told := m.read(issueFile); !strings.Contains(told, "wipe what is secret") || !strings.Contains(told, "status.txt on the card cannot be written") {
		t.Errorf("issue = %s", told)
	}
}

// TestEverythingIsApplied compares all files that a rich node.yaml makes.
func TestEverythingIsApplied(t *testing.T) {
	m := newMachine(t)
	m.put(wirelessProgram, nil)
	m.onCard("node.yaml", sample(t, "everything"))
	m.onCard("credential.pem", credentialOf(t, "field-1"))
	m.start()
	m.wantRoles("worker")
	var out strings.Builder
	for _, top := range []string{"etc", "run"} {
		err := filepath.WalkDir(m.device.path(top), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			out.WriteString("== " + strings.TrimPrefix(path, m.device.Root+"/") + " " + info.Mode().String() + "\n" + string(content))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	golden.Compare(t, "testdata/everything.golden", out.String())
	if want := []string{"systemctl start --no-block wpa_supplicant@wlan0.service", "systemctl start --no-block wpa_supplicant@wlan1.service"}; !slices.Equal(m.ran, want) {
		t.Errorf("ran %q", m.ran)
	}
}

// TestWhatIsSoAlreadyIsNotWritten: each start would cost the card writes.
func TestWhatIsSoAlreadyIsNotWritten(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", []byte("format: 1\nrole: single\nfiles: [{path: /etc/a, content: x}]\n"))
	m.start()
	before := make(map[string]os.FileInfo)
	for _, name := range []string{"etc/a", keptNode} {
		info, err := os.Stat(m.device.path(name))
		if err != nil {
			t.Fatal(err)
		}
		before[name] = info
	}
	m.start()
	for name, info := range before {
		if after, err := os.Stat(m.device.path(name)); err != nil || !os.SameFile(info, after) {
			t.Errorf("%s is another file now, %v", name, err)
		}
	}
	// What somebody changed on the device is as the card has it again.
	m.put("etc/a", []byte("y"))
	m.start()
	if m.read("etc/a") != "x" {
		t.Error("the change stayed")
	}
}

func TestWirelessWithoutItsProgram(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", []byte("format: 1\nrole: single\nnetwork: {interfaces: {wlan0: {wifi: {ssid: a, country: DE}}}}\n"))
	m.start()
	m.wantRoles("single")
	if got := m.cardText(StatusFile); !strings.Contains(got, "note:    network.interfaces.wlan0.wifi: this image has no wpasupplicant") {
		t.Errorf("told: %s", got)
	}
}

func TestAFileThatCannotBeWritten(t *testing.T) {
	m := newMachine(t)
	m.put("etc/motd", nil)
	m.onCard("node.yaml", []byte("format: 1\nrole: single\nfiles: [{path: /etc/a, content: x}, {path: /etc/motd/b, content: x}]\n"))
	m.start()
	m.wantRoles()
	if got := m.cardText(StatusFile); !strings.Contains(got, "wrong:   files: files[1].path: ") || m.read("etc/a") != "x" {
		t.Errorf("told: %s", got)
	}
}

package firstboot

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPowerCuts starts a device from what each step leaves when the power goes
// before the next one.
func TestPowerCuts(t *testing.T) {
	archive, config := archiveOf(t, "keys"), []byte("kind: ClusterConfig\n")
	halves := func(content []byte, isGone func(sector int) bool) []byte {
		half := bytes.Clone(content)
		for at := 0; at < len(half); at += sectorBytes {
			if isGone(at / sectorBytes) {
				clear(half[at:min(at+sectorBytes, len(half))])
			}
		}
		return half
	}
	type state struct {
		kept, unpacked, marked, node bool // what the device has
		archive, config              []byte
	}
	states := map[string]state{
		"nothing was kept":           {archive: archive, config: config},
		"the files were kept":        {kept: true, archive: archive, config: config},
		"the keys were unpacked":     {kept: true, unpacked: true, archive: archive, config: config},
		"the unpacking was noted":    {kept: true, unpacked: true, marked: true, archive: archive, config: config},
		"node.yaml was kept":         {kept: true, unpacked: true, marked: true, node: true, archive: archive, config: config},
		"the start was wiped":        {kept: true, unpacked: true, marked: true, node: true, archive: halves(archive, func(sector int) bool { return sector < 2 }), config: config},
		"the end was wiped":          {kept: true, unpacked: true, marked: true, node: true, archive: halves(archive, func(sector int) bool { return sector > 2 }), config: config},
		"the middle was wiped":       {kept: true, unpacked: true, marked: true, node: true, archive: halves(archive, func(sector int) bool { return sector == 3 }), config: config},
		"all was overwritten":        {kept: true, unpacked: true, marked: true, node: true, archive: make([]byte, len(archive)), config: config},
		"the archive was removed":    {kept: true, unpacked: true, marked: true, node: true, config: config},
		"the first one is a stub":    {kept: true, unpacked: true, marked: true, node: true, archive: []byte{}, config: make([]byte, len(config))},
		"all were removed":           {kept: true, unpacked: true, marked: true, node: true},
		"the status was not written": {unpacked: true, marked: true, node: true},
	}
	for name, from := range states {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			node := sample(t, "controller")
			m.onCard("node.yaml", node)
			for file, content := range map[string][]byte{"controller.tar": from.archive, "kedge.yaml": from.config} {
				if content != nil {
					m.onCard(file, content)
				}
			}
			if from.kept {
				m.put(keptFiles+"/controller.tar", archive)
			}
			if from.kept || from.node {
				m.put(keptFiles+"/kedge.yaml", config)
			}
			if from.unpacked {
				m.put("var/lib/kedge/pki/ca.crt", []byte("keys certificate\n"))
				m.put("var/lib/kedge/pki/etcd/ca-issuer.key", []byte(strings.Repeat("keys key\n", 300)))
			} else {
				m.put("var/lib/kedge/.pki.new/half", nil)
			}
			if from.marked {
				m.put(keptUnpacked, []byte(digestOf(archive)))
			}
			if from.node {
				m.put(keptNode, node)
			}
			m.start()
			m.wantRoles("controller")
			if got := m.cardFiles(); !slices.Equal(got, []string{"node.yaml", "status.txt"}) {
				t.Errorf("the card has %q", got)
			}
			if m.read("var/lib/kedge/pki/ca.crt") != "keys certificate\n" || m.read("var/lib/kedge/pki/etcd/ca-issuer.key") != strings.Repeat("keys key\n", 300) {
				t.Error("the keys are not whole")
			}
			if m.read(keptFiles+"/kedge.yaml") != string(config) || m.device.has("var/lib/kedge/.pki.new") || m.device.has(keptFiles+"/controller.tar") {
				t.Error("what is kept is not as it should be")
			}
		})
	}
}

// TestWipingLeavesNothing: the content goes before the name does.
func TestWipingLeavesNothing(t *testing.T) {
	m := newMachine(t)
	m.onCard("Secret.PEM", bytes.Repeat([]byte("secret"), 1000))
	other := m.card.Dir + "/../link"
	if err := os.Link(m.card.Dir+"/Secret.PEM", other); err != nil {
		t.Fatal(err)
	}
	if err := m.card.wipe("secret.pem"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(other)
	if err != nil || len(content) != 6000 || len(bytes.Trim(content, "\x00")) > 0 || len(m.cardFiles()) != 0 {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

// TestForeignArchives: what would be written elsewhere is refused.
func TestForeignArchives(t *testing.T) {
	for _, name := range []string{"../pki/a", "pki/../../a", "/etc/passwd"} {
		if _, err := entriesOf(tarOf(t, name)); err == nil || archiveProblem(tarOf(t, name)) == "" {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
	if archiveProblem(tarOf(t, "kedge.yaml")) == "" {
		t.Error("no keys: nothing is wrong")
	}
	if problem := archiveProblem(tarOf(t, "pki/a")); problem != "" {
		t.Error(problem)
	}
}

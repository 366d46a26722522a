package airgap

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// headerBytes is the size of the header of an ELF-64 file, the larger one.
	headerBytes = 64
	// eabiMask and eabi5 are of e_flags (ELF for the Arm Architecture, 5.2).
	eabiMask = 0xff000000
	eabi5    = 0x05000000
)

// machine is what executables and images must be made for.
type machine struct {
	name     string
	platform ocispec.Platform
	elf      elf.Machine
	class    elf.Class
}

// machines are those that kedge is released for.
func machines() []machine {
	return []machine{
		{"armv7", ocispec.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, elf.EM_ARM, elf.ELFCLASS32},
		{"arm64", ocispec.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, elf.EM_AARCH64, elf.ELFCLASS64},
		{"amd64", ocispec.Platform{OS: "linux", Architecture: "amd64"}, elf.EM_X86_64, elf.ELFCLASS64},
	}
}

func machineOf(arch string) (machine, error) {
	for _, one := range machines() {
		if one.name == arch {
			return one, nil
		}
	}
	return machine{}, fmt.Errorf("unknown architecture %q", arch)
}

// runs is whether images for a platform are for this machine. An architecture
// without a variant means its usual one.
func (m machine) runs(platform ocispec.Platform) bool {
	if platform.Variant == "" {
		platform.Variant = m.platform.Variant
	}
	return platform.OS == m.platform.OS && platform.Architecture == m.platform.Architecture && platform.Variant == m.platform.Variant
}

// describe is a platform as people write it.
func describe(platform ocispec.Platform) string {
	if platform.OS == "" && platform.Architecture == "" {
		return "no platform"
	}
	text := platform.OS + "/" + platform.Architecture
	if platform.Variant != "" {
		text += "/" + platform.Variant
	}
	return text
}

// judge says what is wrong with a file that begins with head, when it is an
// executable for another machine.
func (m machine) judge(head []byte) string {
	if !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return ""
	}
	var header elf.Header32 // of which both forms share what is before the entry point
	if binary.Read(bytes.NewReader(head), binary.LittleEndian, &header) != nil {
		return "is a damaged executable"
	}
	if kind := elf.Type(header.Type); kind != elf.ET_EXEC && kind != elf.ET_DYN {
		return ""
	}
	found := elf.Machine(header.Machine)
	class := elf.Class(header.Ident[elf.EI_CLASS])
	if found != m.elf || class != m.class {
		return fmt.Sprintf("is made for %s, not for %s", nameOf(found, class), m.name)
	}
	if m.elf == elf.EM_ARM && header.Flags&eabiMask != eabi5 {
		return fmt.Sprintf("is not of ARM's EABI version 5 (e_flags %#08x)", header.Flags)
	}
	return ""
}

func nameOf(found elf.Machine, class elf.Class) string {
	for _, one := range machines() {
		if one.elf == found && one.class == class {
			return one.name
		}
	}
	return fmt.Sprintf("ELF machine %d (%s)", found, class)
}

package airgap

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// head is the beginning of an executable.
func head(t *testing.T, class elf.Class, kind elf.Type, machine elf.Machine, flags uint32) []byte {
	t.Helper()
	header := elf.Header32{Type: uint16(kind), Machine: uint16(machine), Flags: flags}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS] = byte(class)
	var out bytes.Buffer
	if err := binary.Write(&out, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestJudge(t *testing.T) {
	armv7, err := machineOf("armv7")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		head []byte
		want string
	}{
		"right":        {head(t, elf.ELFCLASS32, elf.ET_EXEC, elf.EM_ARM, eabi5), ""},
		"shared":       {head(t, elf.ELFCLASS32, elf.ET_DYN, elf.EM_ARM, eabi5), ""},
		"script":       {[]byte("#!/bin/sh\n"), ""},
		"empty":        {nil, ""},
		"object":       {head(t, elf.ELFCLASS64, elf.ET_REL, elf.EM_X86_64, 0), ""},
		"amd64":        {head(t, elf.ELFCLASS64, elf.ET_EXEC, elf.EM_X86_64, 0), "is made for amd64, not for armv7"},
		"unknown":      {head(t, elf.ELFCLASS64, elf.ET_DYN, elf.EM_RISCV, 0), "is made for ELF machine 243 (ELFCLASS64), not for armv7"},
		"old EABI":     {head(t, elf.ELFCLASS32, elf.ET_EXEC, elf.EM_ARM, 0x04000000), "is not of ARM's EABI version 5 (e_flags 0x04000000)"},
		"cut":          {[]byte(elf.ELFMAG + "\x01\x01"), "is a damaged executable"},
		"64-bit class": {head(t, elf.ELFCLASS64, elf.ET_EXEC, elf.EM_ARM, eabi5), "is made for ELF machine 40 (ELFCLASS64), not for armv7"},
	} {
		if got := armv7.judge(test.head); got != test.want {
			t.Errorf("%s: %q, not %q", name, got, test.want)
		}
	}
}

func TestAMissingVariantIsTheUsualOne(t *testing.T) {
	for _, one := range machines() {
		bare := one.platform
		bare.Variant = ""
		if !one.runs(bare) || !one.runs(one.platform) {
			t.Errorf("%s does not run its own platform", one.name)
		}
		for _, other := range machines() {
			if other.name != one.name && one.runs(other.platform) {
				t.Errorf("%s runs images for %s", one.name, other.name)
			}
		}
	}
	if armv7 := machines()[0]; armv7.runs(ocispec.Platform{OS: "linux", Architecture: "arm", Variant: "v6"}) {
		t.Error("armv7 takes arm/v6 for its own")
	}
}

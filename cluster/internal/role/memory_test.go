package role

import (
	"bufio"
	"strings"
	"testing"
)

func TestParseMemory(t *testing.T) {
	got, err := parseMemory(bufio.NewScanner(strings.NewReader("MemTotal:         495616 kB\nMemFree: 1 kB\n")))
	if err != nil || got != 484*Mebibyte {
		t.Errorf("memory = %d, %v", got, err)
	}
	if _, err := parseMemory(bufio.NewScanner(strings.NewReader("MemFree: 1 kB\n"))); err == nil {
		t.Error("nothing was found, and that is no error")
	}
}

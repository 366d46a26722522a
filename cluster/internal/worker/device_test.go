package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAMachineKeepsItsKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "device.pem")
	made, err := deviceKey(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := deviceKey(file)
	if err != nil {
		t.Fatal(err)
	}
	if !made.Equal(again) {
		t.Error("the key is another one the second time")
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v", info.Mode())
	}
}

func TestADamagedKeyIsNotReplaced(t *testing.T) {
	for name, content := range map[string]string{"rubbish": "eve", "rubbish in PEM": "-----BEGIN EC PRIVATE KEY-----\nZXZl\n-----END EC PRIVATE KEY-----\n", "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "device.pem")
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := deviceKey(file); err == nil || !strings.Contains(err.Error(), "new credential") {
				t.Errorf("error = %v", err)
			}
			if is, _ := os.ReadFile(file); string(is) != content {
				t.Errorf("the file is %q now", is)
			}
		})
	}
}

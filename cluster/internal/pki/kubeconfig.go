package pki

import (
	"bytes"
	"fmt"
	"os"

	"kedge/internal/kubeconfig"
)

// writeKubeconfigs writes a file for everybody on this machine who speaks to
// the API server. That of the administrator has its certificates inside, so
// that it can be taken elsewhere; the others name files, which the components
// read again when they change.
func (o Options) writeKubeconfigs() error {
	for name, owner := range map[string]string{"controller-manager": userAPIServer, "metrics-server": userMetrics, "scheduler": userScheduler} {
		pair := o.Layout.Pair(name)
		err := o.writeKubeconfig(name, owner, kubeconfig.Config{
			Server: o.Server, User: name, CAFile: o.Layout.Certificate(authorityAPI), CertificateFile: pair.Certificate, KeyFile: pair.Key,
		})
		if err != nil {
			return err
		}
	}
	const name = "admin"
	pair := o.Layout.Pair(name)
	admin := kubeconfig.Config{Server: o.Server, User: name}
	for file, target := range map[string]*[]byte{
		o.Layout.Certificate(authorityAPI): &admin.CA, pair.Certificate: &admin.Certificate, pair.Key: &admin.Key,
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		*target = content
	}
	return o.writeKubeconfig(name, root, admin)
}

func (o Options) writeKubeconfig(name, owner string, config kubeconfig.Config) error {
	content, err := config.Encode()
	if err != nil {
		return err
	}
	return o.writeChanged(o.Layout.Kubeconfig(name), content, owner)
}

// writeChanged writes a file that is not there already: this is called again
// and again, and cards wear out.
func (o Options) writeChanged(file string, content []byte, owner string) error {
	if is, err := os.ReadFile(file); err == nil && bytes.Equal(is, content) {
		return o.Own(file, owner)
	}
	return o.writeFile(file, content, modeKey, owner)
}

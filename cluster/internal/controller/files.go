package controller

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"kedge/internal/apiconfig"
	"kedge/internal/argv"
	"kedge/internal/database"
	"kedge/internal/datadir"
	"kedge/internal/pki"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// encryptionKeyBytes is what secretbox takes.
const encryptionKeyBytes = 32

// certificates makes what is missing and signs anew what expires soon.
func (p *plane) certificates() error {
	names, addresses := p.options.names(p.cluster)
	return pki.Ensure(pki.Options{
		Layout: p.options.Layout, Names: names, Addresses: addresses, Server: p.server(), Now: time.Now(),
		Log: p.options.Log, Own: p.Accounts.Own,
	})
}

// adminTLS is how kedge itself speaks to the API server.
func (p *plane) adminTLS() func() (*tls.Config, error) {
	return role.ClientTLS(p.options.Layout.Certificate("ca"), p.options.Layout.Pair("admin"))
}

// writeAPIConfig writes what the API server reads at its start.
func (p *plane) writeAPIConfig() error {
	l := p.options.Layout
	if err := p.ensureEncryption(l.Encryption()); err != nil {
		return err
	}
	for file, make := range map[string]func() ([]byte, error){
		l.Authentication(): apiconfig.Authentication,
		l.EgressSelector(): func() ([]byte, error) { return apiconfig.EgressSelector(l.TunnelSocket()) },
		l.Admission():      func() ([]byte, error) { return apiconfig.Admission([]string{"kube-system"}) },
		l.AuditPolicy():    apiconfig.Audit,
	} {
		content, err := make()
		if err != nil {
			return err
		}
		if err := wholefile.Write(file, content, 0o644); err != nil {
			return fmt.Errorf("write the API server's configuration: %w", err)
		}
	}
	return nil
}

// checkDatabase refuses SQLite's file when it is damaged: kine would only say so
// again and again.
func (p *plane) checkDatabase() error {
	path := p.options.Layout.DatabaseFile()
	if err := database.Check(context.Background(), path); err != nil {
		return damaged(path, err.Error())
	}
	return nil
}

// damaged is a file without which the cluster cannot be read.
func damaged(path, problem string) error {
	return &datadir.Error{
		Path: filepath.Dir(path), Problem: fmt.Sprintf("its file %s is damaged: %s", filepath.Base(path), problem),
		Hint: "keep a copy of the data directory, empty it, and bring a backup back with 'kedge restore'",
	}
}

// ensureEncryption makes the key of the cluster's secrets once.
func (p *plane) ensureEncryption(file string) error {
	own := func(path string) error { return p.Accounts.Own(path, argv.KubeAPIServer) }
	content, err := os.ReadFile(file)
	if err == nil && !json.Valid(content) {
		return damaged(file, "it is no JSON, and has the key of the cluster's secrets")
	}
	if errors.Is(err, os.ErrNotExist) {
		key := make([]byte, encryptionKeyBytes)
		if _, err := rand.Read(key); err != nil {
			return fmt.Errorf("make the key that encrypts secrets: %w", err)
		}
		content, err := apiconfig.Encryption(key)
		if err != nil {
			return err
		}
		if err := wholefile.WriteOwned(file, content, 0o600, own); err != nil {
			return fmt.Errorf("write the key that encrypts secrets: %w", err)
		}
		return nil
	}
	return own(file)
}

package controller

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/brutella/dnssd"

	"kedge/internal/role"
)

const (
	announcement = "announcement"
	serviceType  = "_kedge._tcp"
	// nameDigits of the hash are the name: enough to tell clusters apart.
	nameDigits = 16
	// announceAgain lies between two attempts.
	announceAgain = time.Minute
)

// announcing tells the local network where the API is. Whoever looks for a
// cluster knows the hash of its authority; to others it says nothing.
func (p *plane) announcing() (*role.Task, error) {
	hash, err := authorityHash(p.options.Layout.Certificate("ca"))
	if err != nil {
		return nil, err
	}
	service, err := dnssd.NewService(dnssd.Config{
		Name: hash[:nameDigits], Host: hash[:nameDigits], Type: serviceType, Port: p.cluster.Port,
		IPs: []net.IP{p.cluster.Address.AsSlice()}, Text: map[string]string{"ca": "sha256:" + hash},
	})
	if err != nil {
		return nil, fmt.Errorf("make the announcement: %w", err)
	}
	return role.NewTask(announcement, func(ctx context.Context) error {
		for ctx.Err() == nil {
			if err := announce(ctx, service); err != nil && ctx.Err() == nil {
				// The network may come later, and a cluster is one without this.
				role.LogOf(p.Log, announcement).Warn("the API cannot be announced", "error", err, "again", announceAgain.String())
				pause(ctx, announceAgain)
			}
		}
		return nil
	}), nil
}

func announce(ctx context.Context, service dnssd.Service) error {
	responder, err := dnssd.NewResponder()
	if err != nil {
		return err
	}
	if _, err := responder.Add(service); err != nil {
		return err
	}
	return responder.Respond(ctx)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// authorityHash is over the public key, as kubeadm has it.
func authorityHash(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the authority: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return "", errors.New("read the authority: " + file + " has no certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("read the authority: %w", err)
	}
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:]), nil
}

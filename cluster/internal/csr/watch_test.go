package csr

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	certificates "k8s.io/api/certificates/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func request(name, signer string) *certificates.CertificateSigningRequest {
	return &certificates.CertificateSigningRequest{
		ObjectMeta: meta.ObjectMeta{Name: name}, Spec: certificates.CertificateSigningRequestSpec{SignerName: signer},
	}
}

func TestRequestsToOneSignerAreShownUntilDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset(request("there-already", "kedge.io/a"), request("another's", "kedge.io/b"))
		ctx, end := context.WithCancel(t.Context())
		var shown []string
		watcher := Watcher{
			Client: client, Log: slog.New(slog.DiscardHandler), Signer: "kedge.io/a",
			Decide: func(_ context.Context, request *certificates.CertificateSigningRequest) error {
				shown = append(shown, request.Name)
				if request.Name == "later" && len(shown) < 4 {
					return errors.New("not yet")
				}
				return nil
			},
		}
		done := make(chan error, 1)
		go func() { done <- watcher.Run(ctx) }()
		time.Sleep(time.Second)
		if _, err := client.CertificatesV1().CertificateSigningRequests().Create(ctx, request("later", "kedge.io/a"), meta.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		end()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if want := []string{"there-already", "later", "later", "later"}; !slices.Equal(shown, want) {
			t.Errorf("shown = %v; want %v", shown, want)
		}
	})
}

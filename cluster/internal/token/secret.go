package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// Namespace is where the API server looks for tokens.
const Namespace = metav1.NamespaceSystem

// WorkerGroup is the group of machines that come with a worker's token.
const WorkerGroup = "system:bootstrappers:worker"

const (
	namePrefix    = "bootstrap-token-"
	keyID         = "token-id"
	keySecret     = "token-secret"
	keyExpiration = "expiration"
	keyGroups     = "auth-extra-groups"
)

// Secret is what the API server knows a token by. The zero time is never.
func Secret(b Bootstrap, expires time.Time) *corev1.Secret {
	data := map[string]string{
		keyID:                            b.ID,
		keySecret:                        b.Secret,
		"usage-bootstrap-authentication": "true",
		keyGroups:                        WorkerGroup,
		"description":                    "Join token of a worker",
	}
	if !expires.IsZero() {
		data[keyExpiration] = expires.UTC().Format(time.RFC3339)
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: namePrefix + b.ID, Namespace: Namespace},
		Type:       corev1.SecretTypeBootstrapToken,
		StringData: data,
	}
}

// Listed is what may be told about a token.
type Listed struct {
	ID     string `json:"id"`
	Role   string `json:"role"`
	Expiry string `json:"expiry,omitempty"` // empty: never
}

// Tokens are the tokens of a cluster.
type Tokens struct {
	Secrets typedcorev1.SecretInterface
}

// Create makes the API server know a token.
func (t Tokens) Create(ctx context.Context, b Bootstrap, expires time.Time) error {
	if _, err := t.Secrets.Create(ctx, Secret(b, expires), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create the token: %w", err)
	}
	return nil
}

// List tells of all tokens, by ID.
func (t Tokens) List(ctx context.Context) ([]Listed, error) {
	found, err := t.Secrets.List(ctx, metav1.ListOptions{FieldSelector: "type=" + string(corev1.SecretTypeBootstrapToken)})
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	list := make([]Listed, 0, len(found.Items))
	for _, secret := range found.Items {
		role := "other"
		if slices.Contains(strings.Split(string(secret.Data[keyGroups]), ","), WorkerGroup) {
			role = "worker"
		}
		list = append(list, Listed{ID: string(secret.Data[keyID]), Role: role, Expiry: string(secret.Data[keyExpiration])})
	}
	slices.SortFunc(list, func(a, b Listed) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// Invalidate makes the API server forget tokens, and tells which it did not know.
func (t Tokens) Invalidate(ctx context.Context, ids []string) error {
	var problems []error
	for _, id := range ids {
		err := t.Secrets.Delete(ctx, namePrefix+id, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			err = errors.New("there is no such token; 'kedge token list' shows all")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("invalidate the token %s: %w", id, err))
		}
	}
	return errors.Join(problems...)
}

// ID is the public part of a token, of a bootstrap token or of a join token.
func ID(text string) (string, error) {
	if IsID(text) {
		return text, nil
	}
	if bootstrap, err := ParseBootstrap(text); err == nil {
		return bootstrap.ID, nil
	}
	join, err := Decode(text)
	return join.Bootstrap.ID, err
}

package csr

import (
	"context"
	"fmt"
	"strings"

	authorization "k8s.io/api/authorization/v1"
	certificates "k8s.io/api/certificates/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Authorize asks whether the requestor may have certificates of a kind at all,
// which is a right to create this subresource, as Kubernetes itself has it for
// kubelets' clients. A no leaves the request open: the rule may be on its way.
func Authorize(ctx context.Context, client kubernetes.Interface, request *certificates.CertificateSigningRequest, subresource string) error {
	spec := request.Spec
	extra := make(map[string]authorization.ExtraValue, len(spec.Extra))
	for key, value := range spec.Extra {
		extra[key] = authorization.ExtraValue(value)
	}
	answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorization.SubjectAccessReview{
		Spec: authorization.SubjectAccessReviewSpec{
			User: spec.Username, UID: spec.UID, Groups: spec.Groups, Extra: extra,
			ResourceAttributes: &authorization.ResourceAttributes{
				Group: certificates.GroupName, Resource: "certificatesigningrequests", Verb: "create", Version: "*", Subresource: subresource,
			},
		},
	}, meta.CreateOptions{})
	if err != nil {
		return fmt.Errorf("ask whether %s may have such a certificate: %w", spec.Username, err)
	}
	if !answer.Status.Allowed {
		return fmt.Errorf("%s may not create certificatesigningrequests/%s; %s", spec.Username, subresource,
			"a ClusterRoleBinding that allows it, or 'kubectl certificate deny', ends the waiting")
	}
	return nil
}

// Verdict is what was decided about a request, in one line.
type Verdict struct {
	Type            certificates.RequestConditionType
	Reason, Message string
}

// Approval writes that a request is approved or denied, and returns it as it is then.
func (v Verdict) Approval(ctx context.Context, client kubernetes.Interface, request *certificates.CertificateSigningRequest) (*certificates.CertificateSigningRequest, error) {
	written, err := client.CertificatesV1().CertificateSigningRequests().UpdateApproval(ctx, request.Name, v.on(request), meta.UpdateOptions{})
	if err != nil {
		return nil, fmt.Errorf("write the decision: %w", err)
	}
	return written, nil
}

// Failure writes that a request, though it was approved, is not signed.
func (v Verdict) Failure(ctx context.Context, client kubernetes.Interface, request *certificates.CertificateSigningRequest) error {
	if _, err := client.CertificatesV1().CertificateSigningRequests().UpdateStatus(ctx, v.on(request), meta.UpdateOptions{}); err != nil {
		return fmt.Errorf("write the decision: %w", err)
	}
	return nil
}

func (v Verdict) on(request *certificates.CertificateSigningRequest) *certificates.CertificateSigningRequest {
	decided := request.DeepCopy()
	decided.Status.Conditions = append(decided.Status.Conditions, certificates.CertificateSigningRequestCondition{
		Type: v.Type, Status: core.ConditionTrue, Reason: v.Reason, Message: strings.ReplaceAll(v.Message, "\n", "; "),
	})
	return decided
}

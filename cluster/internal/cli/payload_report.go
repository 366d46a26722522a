package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"kedge/internal/payload"
)

// payloadReport is the JSON that "kedge payload list -o json" prints. State is
// present or absent; a development build has no payload.
type payloadReport struct {
	File     string            `json:"file"`
	State    string            `json:"state"`
	Digest   string            `json:"digest,omitempty"`
	ID       string            `json:"id,omitempty"`
	Arch     string            `json:"arch,omitempty"`
	Versions map[string]string `json:"versions"`
	Files    []payloadFile     `json:"files"`
	Bundle   *payloadBundle    `json:"bundle,omitempty"`
}

// payloadBundle is the bundle of images behind the helpers.
type payloadBundle struct {
	Size int64 `json:"sizeBytes"`
}

type payloadFile struct {
	Path       string `json:"path"`
	Link       string `json:"link,omitempty"`
	Mode       string `json:"mode,omitempty"`
	Size       int64  `json:"sizeBytes"`
	Compressed int64  `json:"compressedBytes"`
	SHA256     string `json:"sha256,omitempty"`
}

func newPayloadReport(p *payload.Payload) payloadReport {
	index := p.Index()
	report := payloadReport{
		File: p.Path(), State: "present", Digest: p.Digest(), ID: p.ID(), Arch: index.Arch, Versions: index.Versions,
	}
	if bundle, ok := p.Bundle(); ok {
		report.Bundle = &payloadBundle{Size: bundle.Size()}
	}
	for _, file := range index.Files {
		listed := payloadFile{Path: file.Path, Link: file.Link, Size: file.Size, Compressed: file.Length, SHA256: file.SHA256}
		if !file.IsLink() {
			listed.Mode = fmt.Sprintf("%#o", uint32(file.Mode))
		}
		report.Files = append(report.Files, listed)
	}
	return report
}

func (r payloadReport) writeText(out io.Writer) error {
	if r.State == "absent" {
		_, err := fmt.Fprintf(out, "%s carries no helpers; it is a plain development build\n", r.File)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "payload %s for %s\n\nPATH\tSIZE\tCOMPRESSED\tSHA-256\n", r.ID, r.Arch)
	var size, compressed int64
	for _, file := range r.Files {
		if file.Link != "" {
			fmt.Fprintf(table, "%s\t-> %s\n", file.Path, file.Link)
			continue
		}
		size, compressed = size+file.Size, compressed+file.Compressed
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", file.Path, file.Size, file.Compressed, file.SHA256)
	}
	fmt.Fprintf(table, "all\t%d\t%d\n", size, compressed)
	if r.Bundle != nil {
		fmt.Fprintf(table, "bundle of images\t%d\n", r.Bundle.Size)
	}
	fmt.Fprint(table, "\nNAME\tVERSION\n")
	for _, name := range sortedKeys(r.Versions) {
		fmt.Fprintf(table, "%s\t%s\n", name, r.Versions[name])
	}
	return table.Flush()
}

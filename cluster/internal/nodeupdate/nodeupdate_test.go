package nodeupdate

import (
	"net/url"
	"testing"

	"kedge/internal/plan"
	"kedge/internal/versions"
)

func TestDecide(t *testing.T) {
	order := plan.Order{ID: "now", Version: "v2"}
	trying := plan.Progress{Order: "now", Phase: plan.Trying}
	failed := &versions.Failed{Version: "v2", Why: "it crashed"}
	const why = "version v2 did not work, and the one before it runs again: it crashed"
	told := func(phase plan.Phase, message string) Next {
		return Next{Tell, plan.Progress{Order: "now", Phase: phase, Message: message}}
	}
	for name, test := range map[string]struct {
		said    plan.Progress
		running string
		state   versions.State
		want    Next
	}{
		"new":                              {plan.Progress{}, "v1", versions.State{}, Next{Do: Install}},
		"it runs already":                  {plan.Progress{}, "v2", versions.State{}, told(plan.Done, "")},
		"a download that was cut off":      {plan.Progress{Order: "now", Phase: plan.Downloading}, "v1", versions.State{}, Next{Do: Install}},
		"a power cut before the trial":     {trying, "v1", versions.State{}, Next{Do: Install}},
		"on trial":                         {trying, "v2", versions.State{Current: "v2", Trial: &versions.Trial{}}, Next{Do: Wait}},
		"somebody else's trial":            {plan.Progress{}, "v1", versions.State{Current: "v3", Trial: &versions.Trial{}}, Next{Do: Wait}},
		"it worked":                        {trying, "v2", versions.State{Current: "v2"}, told(plan.Done, "")},
		"it did not work":                  {trying, "v1", versions.State{Failed: failed}, told(plan.Failed, why)},
		"it did not work for another plan": {plan.Progress{Order: "before", Phase: plan.Failed}, "v1", versions.State{Failed: failed}, Next{Do: Install}},
		"it failed before, and was cut":    {plan.Progress{Order: "now", Phase: plan.Downloading}, "v1", versions.State{Failed: failed}, Next{Do: Install}},
		"told":                             {plan.Progress{Order: "now", Phase: plan.Failed}, "v1", versions.State{}, Next{Do: Nothing}},
		"done, and taken back by hand":     {plan.Progress{Order: "now", Phase: plan.Done}, "v1", versions.State{}, Next{Do: Nothing}},
		"in use, and does not run": {
			trying, "v1",
			versions.State{Current: "v2"},
			told(plan.Failed, "version v2 is in use, and v1 runs all the same; 'kedge status' on the node says more"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Decide(order, test.said, test.running, test.state); got != test.want {
				t.Errorf("%+v; want %+v", got, test.want)
			}
		})
	}
}

func TestWhereArtifactsAre(t *testing.T) {
	for server, want := range map[string]string{
		"https://mill.example.com:6443": "https://mill.example.com:9444/kedge-arm",
		"https://[fd00::1]:6443":        "https://[fd00::1]:9444/kedge-arm",
	} {
		parsed, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		u := New(Options{Server: parsed})
		if got := u.source(plan.Order{Artifact: plan.Artifact{URL: "kedge-arm"}, Bandwidth: 5}); got.Where != want || got.BytesPerSecond != 5 {
			t.Errorf("%+v; want %s", got, want)
		}
		const elsewhere = "https://updates.example.com/kedge"
		if got := u.source(plan.Order{Artifact: plan.Artifact{URL: elsewhere}}); got.Where != elsewhere || got.Client != nil {
			t.Errorf("%+v; want %s, asked as nobody", got, elsewhere)
		}
	}
}

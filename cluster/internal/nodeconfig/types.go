// Package nodeconfig reads node.yaml: what one device is told on the first
// partition of its card. builder reads the same files; tests/contracts/node
// has samples that both must judge alike.
package nodeconfig

// The roles of a device.
const (
	Controller = "controller"
	Worker     = "worker"
	Single     = "single"
)

// FileName is what the file is called on a card.
const FileName = "node.yaml"

// Config is what a device is, where its cluster is, and how it reaches it.
type Config struct {
	Format     int               `json:"format"`
	Name       string            `json:"name"`
	Role       string            `json:"role"`
	Cluster    *Cluster          `json:"cluster"`
	Endpoints  []string          `json:"endpoints"`
	Discovery  bool              `json:"discovery"`
	Credential string            `json:"credential"`
	Config     string            `json:"config"`
	Board      string            `json:"board"` // the builder's concern
	Site       string            `json:"site"`
	Labels     map[string]string `json:"labels"`
	Taints     []Taint           `json:"taints"`
	Profile    string            `json:"profile"`
	Network    Network           `json:"network"`
	Time       Clock             `json:"time"`
	SSH        SSH               `json:"ssh"`
	Files      []ExtraFile       `json:"files"`
}

// Cluster is whom the device trusts.
type Cluster struct {
	Name      string `json:"name"`
	Authority string `json:"authority"`
	// Upgrades are public keys of minisign.
	Upgrades []string `json:"upgrades"`
}

// Taint keeps pods away that do not tolerate it.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Effect string `json:"effect"`
}

// Network has the interfaces by name, and a proxy.
type Network struct {
	Interfaces map[string]Interface `json:"interfaces"`
	Proxy      *Proxy               `json:"proxy"`
}

// Interface is how an interface gets its addresses.
type Interface struct {
	DHCP        *bool    `json:"dhcp"`
	Addresses   []string `json:"addresses"`
	Gateway     string   `json:"gateway"`
	Nameservers []string `json:"nameservers"`
	VLAN        *VLAN    `json:"vlan"`
	WiFi        *WiFi    `json:"wifi"`
}

// AsksForAddress says whether it does DHCP.
func (i Interface) AsksForAddress() bool { return i.DHCP == nil || *i.DHCP }

// VLAN is a tagged network on another interface.
type VLAN struct {
	Number int    `json:"number"`
	Parent string `json:"parent"`
}

// WiFi is a wireless network; without a passphrase it is open.
type WiFi struct {
	SSID       string `json:"ssid"`
	Passphrase string `json:"passphrase"`
	Country    string `json:"country"`
}

// Proxy is how the device reaches what is not in its own network.
type Proxy struct {
	HTTP    string   `json:"http"`
	HTTPS   string   `json:"https"`
	Exclude []string `json:"exclude"`
}

// Clock is where the time comes from.
type Clock struct {
	Servers []string `json:"servers"`
}

// SSH is who may log in.
type SSH struct {
	Keys []string `json:"keys"`
}

// ExtraFile is a file that is written to the device.
type ExtraFile struct {
	Path    string `json:"path"`
	Content string `json:"content"`
	Mode    string `json:"mode"`
}

// AsksToBeApproved says whether it is a fleet's: the same for all devices, with
// neither a name nor a credential.
func (c Config) AsksToBeApproved() bool {
	return c.Role == Worker && c.Name == "" && c.Credential == ""
}

func (c Config) controls() bool { return c.Role != Worker }

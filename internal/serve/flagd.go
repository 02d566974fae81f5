package serve

import (
	"context"
	"net"
	"net/http"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/fault"
)

// checkFlagd tells what is wrong with the settings of flagd's ports. Keys would cross the network in plain text, and flags be seen
// without a key, only where somebody says that they may.
func (c *Config) checkFlagd() error {
	for name, addr := range map[string]string{"flagd.addr": c.FlagdAddr, "flagd.sync_addr": c.FlagdSyncAddr} {
		if addr == "" {
			continue
		}
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return fault.New(fault.Invalid, "bad_addr", "%q is not an address to listen at", addr).At(name).
				Fix("write it like :8013 for this machine only, or like 0.0.0.0:8013")
		}
		if !loopback(host) && c.TLSCert == "" && !c.FlagdInsecure {
			return fault.New(fault.Invalid, "plain_flagd", "SDK keys and flags would cross the network in plain text at %s", addr).At(name).
				Fix("give tls_cert and tls_key; or listen at :PORT, this machine only; or set flagd.insecure if whoever reaches the port may see the flags")
		}
	}
	if (c.FlagdAddr != "" || c.FlagdSyncAddr != "") && c.FlagdEnvironment == "" {
		return fault.New(fault.Invalid, "no_environment", "flagd.environment is empty").At("flagd.environment").
			Fix("name the environment that callers without an SDK key see, such as production")
	}
	return nil
}

// listenFlagd opens the ports for stock flagd providers and daemons, which can be told no more than host and port.
func (a *App) listenFlagd(ctx context.Context) (all []listening, err error) {
	for _, port := range []struct {
		name, addr string
		serves     dataplane.FlagdPort
	}{
		{"flagd.addr", a.cfg.FlagdAddr, dataplane.FlagdPort{Evaluation: true}},
		{"flagd.sync_addr", a.cfg.FlagdSyncAddr, dataplane.FlagdPort{Sync: true}},
	} {
		if port.addr == "" {
			continue
		}
		host, _, _ := net.SplitHostPort(port.addr)
		around := a.own
		if loopback(host) {
			around = func(next http.Handler) http.Handler { return a.own(thisMachine(next)) }
		}
		if loopback(host) || a.cfg.FlagdInsecure {
			port.serves.Keyless = a.cfg.FlagdEnvironment
		}
		mux := http.NewServeMux()
		a.plane.Flagd(mux, port.serves, around)
		secure := a.cfg.TLSCert != "" && port.serves.Keyless == ""
		listeners, err := a.listenAt(ctx, port.name, port.addr, secure, mux)
		if err != nil {
			return all, err
		}
		all = append(all, listeners...)
	}
	return all, nil
}

// thisMachine refuses hosts that are not this machine's names: a web page elsewhere that leads its name here is none of those whom
// a port without keys is for.
func thisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "" && !api.Local(r.Host) {
			http.Error(w, "this port answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

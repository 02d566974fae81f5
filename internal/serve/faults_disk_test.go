package serve_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/soukhq/souk/internal/store"
)

// diskEnv names the directory on which the test, run again in namespaces of its own, mounts a small disk.
const diskEnv = "SOUK_TEST_DISK"

// A full disk: what is read goes on, what is written is refused with words, and room alone makes it go on.
func TestAFullDiskStopsWritesOnlyAndOnlyWhileItIsFull(t *testing.T) {
	if dir := os.Getenv(diskEnv); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
			t.Skipf("no disk can be mounted: %v", err)
		}
		t.Setenv("TMPDIR", dir)
		fullDisk(t, dir)
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), diskEnv+"="+t.TempDir())
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := again.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Skipf("this machine gives no namespaces: %v", err)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skipf("%s", out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func fullDisk(t *testing.T, dir string) {
	t.Helper()
	s := openSite(t, store.SQLite)
	s.hurry()
	s.published("eat")
	key := s.sdkKey("sandbox")
	alice, olu, root := s.as("alice"), s.as("olu"), s.as("root")
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	fill := func() {
		for block := make([]byte, 64<<10); ; {
			if n, err := ballast.Write(block); err != nil || n < len(block) {
				if len(block) == 1 {
					return
				}
				block = block[:len(block)/2]
			}
		}
	}
	fill()
	refused := false
	for i := range 2000 { // what SQLite holds already may take a few more
		got := root.with(`If-None-Match: *`).do("PUT", "/api/v1/groups/full-"+strings.Repeat("x", i%40)+string(rune('a'+i%26)), object{})
		if got.Code == http.StatusServiceUnavailable {
			refused = true
			break
		}
		fill()
	}
	if !refused {
		t.Fatal("the disk is never full")
	}
	for range 3 {
		for _, c := range []*caller{alice, olu} {
			c.post("/api/v1/flags/eat.enabled/environments/sandbox/kill", nil).refused(t, http.StatusServiceUnavailable, "disk_full")
		}
		got := alice.post("/api/v1/requests", lunch("lost")).refused(t, http.StatusServiceUnavailable, "disk_full")
		if !strings.Contains(got.text("detail"), "disk") || got.Header().Get("Retry-After") == "" {
			t.Errorf("%s", got)
		}
		if got := s.evaluate(key, "eat.enabled", object{"targetingKey": "bob" + at}); got.at("value") != true {
			t.Errorf("%s on a full disk", got)
		}
		for _, path := range []string{"flags", "apps", "requests", "audit/events", "inbox", "session"} {
			root.get("/api/v1/"+path).want(t, http.StatusOK)
		}
		s.as("").get("/readyz").want(t, http.StatusOK)
	}
	if err := errors.Join(ballast.Truncate(0), ballast.Close()); err != nil {
		t.Fatal(err)
	}
	s.eventually("what is written goes on", func() bool {
		return alice.post("/api/v1/requests", lunch("found")).Code == http.StatusCreated
	})
	if got := alice.get("/api/v1/requests?app=lost"); len(got.items()) != 0 {
		t.Errorf("%s was refused and yet is there", got)
	}
	olu.post("/api/v1/flags/eat.enabled/environments/sandbox/kill", nil).want(t, http.StatusOK, http.StatusAccepted)
	s.eventually("the audit log is sequenced again", func() bool {
		return root.get("/api/v1/audit/events?limit=1").at("items", 0, "leaf") != nil
	})
}

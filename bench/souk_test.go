package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// environment is the one that is measured: in the sandbox an import acts at once.
const environment = "sandbox"

// souk is the real program, in a process of its own.
type souk struct {
	binary, data, address string
	process               *os.Process
	local                 *http.Client // through the socket of its data directory
}

var servesAt = regexp.MustCompile(`https?://([^\s/]+)`)

// startSouk starts bin/souk (or SOUK_BINARY) on an empty directory and imports the flags. The arguments are souk serve's.
func startSouk(b *testing.B, flags []byte, args ...string) *souk {
	b.Helper()
	s := &souk{binary: os.Getenv("SOUK_BINARY"), data: b.TempDir()}
	if s.binary == "" {
		s.binary = filepath.Join("..", "bin", "souk")
	}
	s.serve(b, args...)
	file := filepath.Join(b.TempDir(), "flags.json")
	if err := os.WriteFile(file, flags, 0o600); err != nil {
		b.Fatal(err)
	}
	s.run(b, "import", "flagd", file, "--environment", environment)
	return s
}

// serve starts the program on its data directory.
func (s *souk) serve(b *testing.B, args ...string) {
	b.Helper()
	command := exec.Command(s.binary, append([]string{"serve", "--data", s.data, "--addr", "127.0.0.1:0"}, args...)...)
	var noise bytes.Buffer
	command.Stderr = &noise
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatalf("%v; make build first", err)
	}
	s.process = command.Process
	b.Cleanup(func() {
		_ = s.process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	lines := bufio.NewScanner(out)
	for s.address == "" && lines.Scan() {
		if m := servesAt.FindStringSubmatch(lines.Text()); m != nil {
			s.address = strings.Replace(m[1], "localhost", "127.0.0.1", 1)
		}
	}
	if s.address == "" {
		b.Fatalf("souk did not start: %s", noise.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	s.local = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.data, "souk.sock"))
	}}}
}

// run runs a command of the program on its data directory and gives what it printed.
func (s *souk) run(b *testing.B, args ...string) string {
	b.Helper()
	command := exec.Command(s.binary, append(args, "--data", s.data)...)
	var noise bytes.Buffer
	command.Stderr = &noise
	out, err := command.Output()
	if err != nil {
		b.Fatalf("souk %s: %v\n%s", strings.Join(args, " "), err, noise.String())
	}
	return strings.TrimSpace(string(out))
}

// key gives a new SDK key.
func (s *souk) key(b *testing.B) string {
	b.Helper()
	return s.run(b, "sdk-key", "create", "--environment", environment)
}

// post calls the API as the local user.
func (s *souk) post(b *testing.B, path string) {
	b.Helper()
	if err := s.try(path); err != nil {
		b.Fatal(err)
	}
}

// try is post where it may fail.
func (s *souk) try(path string) error {
	response, err := s.local.Post("http://localhost/api/v1"+path, "application/json", strings.NewReader(`{"reason":"measured"}`))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); response.StatusCode >= 300 {
		return fmt.Errorf("%s: %d %s", path, response.StatusCode, answer)
	}
	return nil
}

// memory is the resident memory of the process, in MB.
func (s *souk) memory(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
	if err != nil {
		return 0 // another system than Linux
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kB, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			if err != nil {
				b.Fatal(err)
			}
			return kB / 1024
		}
	}
	return 0
}

// startFloor starts the floor and gives its address.
func startFloor(b *testing.B) string {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), floorVariable+"=1")
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// settled waits until the program is idle again after a burst, so that memory is that of streams and not of their opening.
func (s *souk) settled(b *testing.B) {
	b.Helper()
	before := -1.0
	for range 50 {
		now := s.memory(b)
		if now == before {
			return
		}
		before = now
		time.Sleep(200 * time.Millisecond)
	}
}

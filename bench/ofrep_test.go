package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// connections is how many clients ask at the same time.
const connections = 32

const (
	body       = `{"context":{"targetingKey":"ann@hyfin.example","email":"ann@hyfin.example","country":"CH","plan":"pro","unit":"u4"}}`
	singlePath = "/ofrep/v1/evaluate/flags/rules"
	bulkPath   = "/ofrep/v1/evaluate/flags"
)

// floorVariable makes this program the floor instead of a test.
const floorVariable = "SOUK_BENCH_FLOOR"

func TestMain(m *testing.M) {
	if os.Getenv(floorVariable) != "" {
		serveFloor()
	}
	os.Exit(m.Run())
}

// serveFloor serves what no server can do with less: it reads the same request and writes five bytes.
func serveFloor() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	server := http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("hello"))
	})}
	panic(server.Serve(l))
}

// BenchmarkOFREP asks Souk and the floor, each in a process of its own, from one thread. The order is that of the table: each
// answer of Souk beside a floor that was measured just before.
func BenchmarkOFREP(b *testing.B) {
	souk := startSouk(b, document(125, ""))
	floor := startFloor(b)
	key := souk.key(b)
	post := func(path string, headers ...string) []byte {
		return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-API-Key: %s\r\nContent-Length: %d\r\n%s\r\n%s",
			path, key, len(body), strings.Join(headers, ""), body)
	}
	tag := ask(b, souk.address, post(bulkPath)).Get("Etag")
	if tag == "" {
		b.Fatal("no ETag")
	}
	for _, row := range []struct {
		name, address string
		request       []byte
		status        string
	}{
		{"floor", floor, post(singlePath), "200"},
		{"single", souk.address, post(singlePath), "200"},
		{"bulk", souk.address, post(bulkPath), "200"},
		{"unchanged", souk.address, post(bulkPath, "If-None-Match: "+tag+"\r\n"), "304"},
	} {
		b.Run(row.name, func(b *testing.B) { load(b, row.address, row.request, row.status) })
	}
}

// load sends the request b.N times, over all connections, and waits for every answer.
func load(b *testing.B, address string, request []byte, status string) {
	b.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var left atomic.Int64
	left.Store(int64(b.N))
	var clients sync.WaitGroup
	failed := make(chan error, connections)
	conns := make([]net.Conn, connections)
	for i := range conns {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	b.ResetTimer()
	for _, conn := range conns {
		clients.Go(func() {
			r := bufio.NewReaderSize(conn, 64<<10)
			for left.Add(-1) >= 0 {
				if _, err := conn.Write(request); err != nil {
					failed <- err
					return
				}
				if _, err := answer(r, status); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	clients.Wait()
	b.StopTimer()
	select {
	case err := <-failed:
		b.Fatal(err)
	default:
	}
}

// answer reads one answer and forgets its body.
func answer(r *bufio.Reader, status string) (headers []byte, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 12 || string(line[9:12]) != status {
		return nil, fmt.Errorf("answered %q", line)
	}
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		headers = append(headers, line...)
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, err
			}
		}
		if bytes.HasPrefix(line, []byte("Transfer-Encoding:")) {
			return nil, errors.New("the answer has no length")
		}
	}
	_, err = r.Discard(length)
	return headers, err
}

func ask(b *testing.B, address string, request []byte) textproto.MIMEHeader {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		b.Fatal(err)
	}
	headers, err := answer(bufio.NewReader(conn), "200")
	if err != nil {
		b.Fatal(err)
	}
	all, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(headers, "\r\n"...)))).ReadMIMEHeader()
	if err != nil {
		b.Fatal(err)
	}
	return all
}

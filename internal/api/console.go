package api

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/soukhq/souk/web"
)

// console serves the built single-page application: its files by name, and its index for every other path, since the
// console's own addresses are paths.
type console struct {
	files  fs.FS
	index  string
	packed sync.Map // name → *packed, made when first asked for
}

type packed struct {
	once  sync.Once
	plain []byte
	gzip  []byte
	err   error
}

func newConsole(files fs.FS) *console {
	c := &console{files: files}
	if files != nil {
		if raw, err := fs.ReadFile(files, "index.html"); err == nil {
			c.index = string(raw)
		}
	}
	if c.index == "" {
		c.index = "<!doctype html><html lang=\"en\"><title>Souk</title><p>This binary was built without its console. Run make build."
	}
	return c
}

// ServeHTTP serves a file or the index.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the console is only read", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if c.files != nil && name != "" && name != "index.html" && fs.ValidPath(name) {
		if info, err := fs.Stat(c.files, name); err == nil && !info.IsDir() {
			c.file(w, r, name)
			return
		}
	}
	if strings.HasPrefix(name, "assets/") {
		http.NotFound(w, r) // an asset of another build: the index would be taken for a script
		return
	}
	nonce := rand.Text()
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-"+nonce+"'; "+
		"img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; frame-src 'none'; worker-src 'none'; "+
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	header.Set("Content-Type", "text/html; charset=utf-8")
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write([]byte(strings.ReplaceAll(c.index, web.NoncePlaceholder, nonce)))
}

// file serves one file, compressed where the browser takes it. Names below assets carry a digest and never change.
func (c *console) file(w http.ResponseWriter, r *http.Request, name string) {
	entry, _ := c.packed.LoadOrStore(name, &packed{})
	p, _ := entry.(*packed)
	p.once.Do(func() { p.plain, p.gzip, p.err = c.pack(name) })
	if p.err != nil {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	header.Set("Content-Type", kind)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := p.plain
	if p.gzip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		body = p.gzip
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body)
}

func (c *console) pack(name string) (plain, zipped []byte, err error) {
	plain, err = fs.ReadFile(c.files, name)
	if err != nil || len(plain) < 1024 {
		return plain, nil, err
	}
	switch path.Ext(name) {
	case ".js", ".css", ".svg", ".json", ".map", ".txt":
	default:
		return plain, nil, nil
	}
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	if _, err := zip.Write(plain); err != nil {
		return plain, nil, err
	}
	if err := zip.Close(); err != nil {
		return plain, nil, err
	}
	return plain, b.Bytes(), nil
}

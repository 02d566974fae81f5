package dataplane

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"strings"
	"sync"
)

// gzipFrom is the size from which a bulk answer is compressed, in bytes. Fourteen kilobytes reach a client in the first round trip
// (ten segments, RFC 6928), so that below them compression costs time and saves none.
const gzipFrom = 14_000

var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // only for a level that there is not
	}
	return z
}}

// zip appends the content, compressed. It does not write to the client itself, who may read slowly: a compressor takes a megabyte.
func zip(to, content []byte) []byte {
	z := zippers.Get().(*gzip.Writer) //nolint:forcetypeassert // nothing else is stored
	defer zippers.Put(z)
	b := bytes.NewBuffer(to)
	z.Reset(b)
	_, _ = z.Write(content) // memory takes all
	_ = z.Close()
	return b.Bytes()
}

// takesGzip tells whether Accept-Encoding allows gzip (RFC 9110, 12.5.3).
func takesGzip(headers []string) bool {
	others := false
	for _, header := range headers {
		for coding := range strings.SplitSeq(header, ",") {
			name, parameters, weighed := strings.Cut(coding, ";")
			allowed := true
			if weighed {
				weight, isWeight := strings.CutPrefix(strings.TrimSpace(parameters), "q=")
				q, err := strconv.ParseFloat(weight, 64)
				allowed = isWeight && err == nil && q > 0
			}
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "gzip"):
				return allowed
			case name == "*":
				others = allowed
			}
		}
	}
	return others
}
